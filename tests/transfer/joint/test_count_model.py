import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from priorlift.transfer.joint.count_model import (
    CONTRAST,
    DEPTH,
    LARGEST,
    SMOOTHING,
    class_totals,
    fold_changes,
    log_likelihood,
    profiles,
)

K, G = 3, 5
counts = st.integers(0, 40).map(float)


def folds_by_loops(totals):
    every = totals.sum()
    folds = np.ones_like(totals)
    for g in range(totals.shape[1]):
        mean = sum(totals[:, g]) / every
        for c in range(len(totals)):
            if mean > 0:
                extra = SMOOTHING * totals.shape[1]
                share = (totals[c, g] + extra * mean) / (sum(totals[c]) + extra)
                folds[c, g] = min(max(share / mean, 1 / LARGEST), LARGEST)
    return folds


@given(arrays(float, (K, G), elements=counts).filter(lambda t: t.sum() > 0))
def test_fold_changes_are_those_of_the_loops(totals):
    np.testing.assert_allclose(fold_changes(totals), folds_by_loops(totals))


@given(
    arrays(float, (K, G), elements=counts),
    arrays(float, G, elements=counts),
    arrays(float, (4, G), elements=counts),
)
def test_likelihoods_are_those_of_the_loops(totals, level, X):
    found = log_likelihood(sp.csr_matrix(X), profiles(totals, level))
    folds = fold_changes(totals) ** CONTRAST
    for i, row in enumerate(X):
        expected = []
        for c in range(K):
            shares = [(level[g] + 1) * folds[c, g] for g in range(G)]
            log_p = sum(n * np.log(s / sum(shares)) for n, s in zip(row, shares, strict=True))
            expected.append(log_p / (1 + sum(row) / DEPTH))
        np.testing.assert_allclose(found[i], np.array(expected) - max(expected), atol=1e-9)


def test_sparse_and_dense_rows_say_the_same():
    draws = np.random.default_rng(0)
    X = draws.poisson(0.3, size=(50, G)).astype(float)
    codes = draws.integers(-1, K, size=50)
    weight = draws.uniform(size=50)
    dense, sparse = (class_totals(rows, codes, weight, K) for rows in (X, sp.csr_matrix(X)))
    by_hand = [(X[codes == c] * weight[codes == c, None]).sum(axis=0) for c in range(K)]
    np.testing.assert_allclose(dense, by_hand)
    np.testing.assert_allclose(sparse, by_hand)


def test_a_class_or_gene_without_counts_tells_nothing():
    totals = np.array([[30.0, 5, 0], [2, 50, 0], [0, 0, 0]])
    folds = fold_changes(totals)
    assert folds[2].tolist() == pytest.approx([1, 1, 1])
    assert folds[:, 2].tolist() == [1, 1, 1]
    assert (fold_changes(np.zeros((2, 3))) == 1).all()


def test_a_cell_without_counts_and_a_query_without_counts_are_neutral():
    log_q = profiles(np.array([[30.0, 5], [2, 50]]), np.zeros(2))
    assert np.isfinite(log_q).all()
    assert (log_likelihood(np.zeros((1, 2)), log_q) == 0).all()


def test_deep_cells_are_tempered():
    log_q = profiles(np.array([[30.0, 5], [2, 50]]), np.ones(2))
    shallow, deep = log_likelihood(np.array([[8.0, 2], [8000, 2000]]), log_q)
    assert deep[1] < shallow[1] < 0
    assert abs(deep[1]) < DEPTH * abs(log_q).max()


def test_levels_of_the_query_rather_than_those_of_the_reference_decide():
    """Gene 0 is ten times as frequent in the reference as in the query; that must not matter."""
    totals = np.array([[100.0, 10, 40], [100, 40, 10]])
    cells = np.array([[1.0, 0, 8], [1, 8, 0]])
    for change in (1.0, 10.0):
        scaled = totals * np.array([change, 1, 1])
        said = log_likelihood(cells, profiles(scaled, np.array([10.0, 25, 25])))
        assert said.argmax(axis=1).tolist() == [0, 1]
        assert said[0, 1] == pytest.approx(said[1, 0], rel=1e-6)
