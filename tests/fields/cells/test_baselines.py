"""The baselines on sparse matrices are those on dense ones, written out."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from priorlift.fields.cells import baselines


def dense(X, n_genes):
    genes, rest = X[:, :n_genes], X[:, n_genes:]
    depth = genes.sum(axis=1, keepdims=True)
    level = np.median(depth[depth > 0])
    logs = np.log1p(np.where(depth > 0, genes * level / np.where(depth > 0, depth, 1), 0))
    both = np.hstack([logs, rest])
    spread = both.std(axis=0)
    scaled = np.where(
        spread > 1e-9, (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1), 0
    )
    return np.clip(scaled, -5, 5)


@pytest.fixture
def sides():
    random = np.random.default_rng(0)
    profiles = random.lognormal(-1, 1, size=(3, 40))
    y, kinds = random.integers(0, 3, 90), random.integers(0, 3, 60)
    X = random.poisson(profiles[y]).astype(float)
    Q = random.poisson(0.6 * profiles[kinds]).astype(float)
    X[4] = Q[7] = 0  # cells without genes
    X[:, 5] = Q[:, 6] = 0  # genes that do not vary
    add = [random.normal(2, 1, size=(n, 2)) for n in (90, 60)]
    return np.hstack([X, add[0]]), np.array(list("abc"))[y], np.hstack([Q, add[1]])


def test_standardised_values_are_those_of_the_dense_matrix(sides):
    for X in (sides[0], sides[2]):
        Z = baselines.standardised(sp.csr_matrix(X), 40)
        assert np.allclose(Z.S.toarray() + Z.shift, dense(X, 40))
        assert Z.S.nnz <= np.count_nonzero(X)


def test_logistic_regression_and_cca_agree_with_dense_twins(sides):
    X, y, Q = sides
    left, right = (baselines.standardised(sp.csr_matrix(part), 40) for part in (X, Q))
    A, B = dense(X, 40), dense(Q, 40)
    model = LogisticRegression(C=0.01, max_iter=2000).fit(A, y)
    assert (baselines.logistic(left, y, right) == model.predict(B)).mean() > 0.96
    two = y != "c"
    model.fit(A[two], y[two])
    binary = baselines.Standardised(left.S[two], left.shift)
    assert (baselines.logistic(binary, y[two], right) == model.predict(B)).mean() > 0.96

    def rows(Z):
        spread = Z.std(axis=1, keepdims=True)
        return (Z - Z.mean(axis=1, keepdims=True)) / spread

    u, _, vt = np.linalg.svd(rows(A) @ rows(B).T)
    u, v = u[:, :20], vt[:20].T
    u, v = (w / np.linalg.norm(w, axis=1, keepdims=True) for w in (u, v))
    twin = KNeighborsClassifier(30, weights="distance").fit(u, y).predict(v)
    assert (baselines.cca_neighbours(left, y, right, 0) == twin).all()


def test_the_majority_is_the_most_frequent_type():
    assert list(baselines.majority(np.array(list("abbc")), 3)) == ["b"] * 3
