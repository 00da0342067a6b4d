"""A source in closed form against a singular value decomposition and refits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from priorlift.core.errors import InputError
from priorlift.ranking.linear_source import WIDTH, LinearSource, PrincipalSpace
from priorlift.ranking.ridge import PENALTIES


def decomposed(rows, width):
    centred = rows - rows.mean(axis=0)
    _, strengths, turned = np.linalg.svd(centred, full_matrices=False)
    rank = int((strengths > strengths[0] * 1e-7).sum())
    kept = min(rank, width)
    return turned[:kept].T, (strengths[:kept] ** 2).sum() / (strengths**2).sum()


@pytest.mark.parametrize("shape", [(60, 5), (12, 80), (90, 50), (40, 40), (2, 3)])
@pytest.mark.parametrize("width", [WIDTH, 3])
def test_the_space_is_that_of_a_singular_value_decomposition(shape, width):
    draws = np.random.default_rng(shape[1])
    rows = draws.normal(size=shape) * np.linspace(1.0, 3.0, shape[1]) + 7.0
    space = PrincipalSpace.of(rows, width)
    basis, share = decomposed(rows, width)
    assert space.mean == pytest.approx(rows.mean(axis=0))
    assert space.basis.shape == basis.shape
    assert space.basis.T @ space.basis == pytest.approx(np.eye(basis.shape[1]), abs=1e-9)
    assert space.basis @ space.basis.T == pytest.approx(basis @ basis.T, abs=1e-7)
    assert space.share == pytest.approx(share, rel=1e-9)
    mapped = space.map(rows)
    assert mapped.mean(axis=0) == pytest.approx(0.0, abs=1e-9)
    variances = mapped.var(axis=0)
    assert (np.diff(variances) <= 1e-9 * variances[0]).all()


@pytest.mark.parametrize("wide", [False, True])
def test_duplicated_and_constant_columns_add_no_dimension(wide):
    rows = np.random.default_rng(0).normal(size=(30, 4))
    filled = np.hstack([rows, rows, np.ones((30, 3)), np.zeros((30, 100 if wide else 2))])
    space = PrincipalSpace.of(filled)
    assert space.basis.shape[1] == 4
    assert space.share == pytest.approx(1.0)
    inner = PrincipalSpace.of(rows).map(rows)
    assert space.map(filled) @ space.map(filled).T == pytest.approx(2.0 * inner @ inner.T)


def test_sparse_and_single_precision_rows_give_the_same_space():
    rows = np.maximum(np.random.default_rng(0).normal(size=(50, 9)), 0.0)
    plain = PrincipalSpace.of(rows, 4)
    for other in (sparse.csr_array(rows), sparse.csr_matrix(rows), rows.astype(np.float32)):
        space = PrincipalSpace.of(other, 4)
        assert abs(space.basis.T @ plain.basis) == pytest.approx(np.eye(4), abs=1e-4)
        assert abs(space.map(other)) == pytest.approx(abs(plain.map(rows)), abs=1e-4)


@pytest.mark.parametrize("rows", [np.full((5, 3), 1e9), np.zeros((4, 2)), np.ones((1, 3))])
def test_equal_rows_have_no_space(rows):
    with pytest.raises(InputError, match="rows are all equal"):
        PrincipalSpace.of(rows)


def task(seed, n=30, d=4, classes=3):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, d))
    y = np.array(["a", "b", "c"])[np.arange(n) % classes]
    X[:, 0] += 1.5 * (y == "a")
    return X, y


def left_out_share(X, columns):
    """Return 1 - E / T of the ridge regression that is best when rows are left out in turn."""
    rows = PrincipalSpace.of(X).map(X)
    extended = np.hstack([rows / np.sqrt((rows**2).mean()), np.full((len(X), 1), 1e3)])
    errors = []
    for penalty in PENALTIES:
        total = 0.0
        for i in range(len(X)):
            Z, Y = np.delete(extended, i, axis=0), np.delete(columns, i, axis=0)
            w = np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T @ Y)
            total += ((columns[i] - extended[i] @ w) ** 2).sum()
        errors.append(total)
    return 1.0 - min(errors) / ((columns - columns.mean(axis=0)) ** 2).sum()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_score_is_that_of_refits_without_each_row(classes):
    X, y = task(0, classes=classes)
    columns = (y[:, None] == np.unique(y)).astype(float)
    found = LinearSource.of(X, y, "classification")
    assert found.score == pytest.approx(left_out_share(X, columns), rel=1e-5)
    values = X[:, 0] * 5.0 + 100.0 + np.random.default_rng(1).normal(size=len(X))
    found = LinearSource.of(X, values, "regression")
    assert found.score == pytest.approx(left_out_share(X, values[:, None]), rel=1e-5)
    assert 0.8 < found.score < 1.0


def test_a_head_that_knows_nothing_scores_about_zero():
    draws = np.random.default_rng(0)
    scores = [
        LinearSource.of(
            draws.normal(size=(60, 5)), draws.permutation(np.arange(60) % 2), "classification"
        ).score
        for _ in range(10)
    ]
    assert max(scores) < 0.15
    assert min(scores) > -0.2


@given(seed=st.integers(0, 1000), classes=st.integers(2, 3))
def test_probabilities_are_probabilities_and_follow_the_margins(seed, classes):
    X, y = task(seed, classes=classes)
    found = LinearSource.of(X, y, "classification")
    proba = found.probabilities(found.space.map(X * 9.0))
    assert proba.shape == (len(X), classes)
    assert proba.sum(axis=1) == pytest.approx(1.0)
    assert (proba > 0.0).all()
    margins = found.margins(found.space.map(X))
    assert margins.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
    assert (found.probabilities(found.rows).argmax(axis=1) == margins.argmax(axis=1)).all()


@pytest.mark.parametrize("shape", [(40, 3), (40, 60), (300, 20)])
@pytest.mark.parametrize("classes", [2, 3])
def test_directions_are_orthonormal_and_hold_the_mean_differences(shape, classes):
    X, y = task(1, *shape, classes=classes)
    found = LinearSource.of(X, y, "classification")
    width = found.directions.shape[1]
    assert 1 <= width <= min(8, found.rows.shape[1])
    assert found.directions.T @ found.directions == pytest.approx(np.eye(width), abs=1e-9)
    steps = np.array([found.rows[y == label].mean(axis=0) for label in np.unique(y)])
    steps = steps - found.rows.mean(axis=0)
    rest = steps - steps @ found.directions @ found.directions.T
    assert np.linalg.norm(rest) < 0.03 * np.linalg.norm(steps)
    # and the whitened ones, at the other end of the path
    slopes = found.head.weights[:-1].T
    rest = slopes - slopes @ found.directions @ found.directions.T
    assert np.linalg.norm(rest) < 0.1 * np.linalg.norm(slopes)


def test_the_deviations_are_those_of_the_rows():
    X, y = task(2)
    found = LinearSource.of(X, y, "classification")
    assert found.deviations == pytest.approx(np.cov(found.rows.T) * (len(X) - 1), abs=1e-8)


def test_a_known_space_is_used():
    X, y = task(3)
    space = PrincipalSpace.of(np.vstack([X, X + 3.0]), 2)
    found = LinearSource.of(X, y, "classification", space)
    assert found.space is space
    assert found.rows == pytest.approx(space.map(X))


def test_constant_labels_and_equal_rows_are_refused():
    X, y = task(4)
    with pytest.raises(InputError, match="labels are constant"):
        LinearSource.of(X, np.ones(len(X)), "regression")
    with pytest.raises(InputError, match="rows are all equal"):
        LinearSource.of(np.ones_like(X), y, "classification")
