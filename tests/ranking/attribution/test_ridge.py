"""Ridge heads: equal to solving, and null heads that behave as permuted labels do."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.ranking.attribution import RidgeHeads
from priorlift.ranking.statistics import TaskStatistics


def data(n=60, d=9, classes=3, seed=0):
    draws = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return draws.normal(size=(classes, d))[y] + 1.5 * draws.normal(size=(n, d)) + 3.0, y


def solved(X, columns, penalties):
    Z, Y = X - X.mean(axis=0), columns - columns.mean(axis=0)
    gram, d = Z.T @ Z, X.shape[1]
    return np.stack(
        [np.linalg.solve(gram + t * np.eye(d), Z.T @ Y[:, k]) for k, t in enumerate(penalties)], 1
    )


@pytest.mark.parametrize(("n", "d"), [(60, 9), (12, 30)])
def test_equal_to_solving_with_the_penalty_of_the_evidence(n, d):
    X, y = data(n, d)
    first = TaskStatistics.of(X, y)
    other = (y == 1).astype(int)
    value = X[:, 0] + np.random.default_rng(1).normal(size=n)
    ridge = RidgeHeads.of(
        [first, first.with_labels(X, other), first.with_labels(X, value, "regression")]
    )
    columns = [np.eye(3)[y], np.eye(2)[other], value[:, None]]
    for head, penalties, own in zip(ridge.heads, ridge.penalties, columns, strict=True):
        np.testing.assert_allclose(head.weights, solved(X, own, penalties), atol=1e-8)
        np.testing.assert_allclose(head.outputs(X).mean(axis=0), own.mean(axis=0), atol=1e-8)
    assert ridge.heads[2].classes is None
    assert ridge.heads[0].classes.tolist() == [0, 1, 2]


def test_tasks_over_one_matrix_and_alone_get_the_same_heads():
    X, y = data()
    first = TaskStatistics.of(X, y)
    together = RidgeHeads.of([first, first.with_labels(X, y == 0)])
    alone = RidgeHeads.of([TaskStatistics.of(X, y == 0)])
    np.testing.assert_allclose(together.heads[1].weights, alone.heads[0].weights, atol=1e-10)
    assert len(together.spaces) == 1


@pytest.mark.parametrize(("n", "d"), [(60, 5), (8, 20)])
def test_null_heads_have_the_mean_and_covariance_of_permuted_labels(n, d):
    X, y = data(n, d)
    ridge = RidgeHeads.of([TaskStatistics.of(X, y)])
    drawn = np.stack([h.weights.ravel() for (h,) in ridge.permuted(2000, random_state=0)])
    draws = np.random.default_rng(0)
    shuffled = np.stack(
        [
            solved(X, np.eye(3)[draws.permutation(y)], ridge.penalties[0]).ravel()
            for _ in range(2000)
        ]
    )
    # A standard error of the covariances is 2 to 3 % of the largest.
    scale = np.abs(np.cov(shuffled.T)).max()
    assert np.abs(np.cov(drawn.T) - np.cov(shuffled.T)).max() < 0.12 * scale
    assert np.abs(drawn.mean(axis=0)).max() < 0.08 * np.sqrt(scale)


def test_draws_depend_on_content_and_not_on_position():
    X, y = data()
    one, two = TaskStatistics.of(X, y), TaskStatistics.of(X, y == 0)
    forward = list(RidgeHeads.of([one, two]).permuted(2, random_state=3))
    back = list(RidgeHeads.of([two, one]).permuted(2, random_state=3))
    for there, here in zip(forward, back, strict=True):
        np.testing.assert_array_equal(there[0].weights, here[1].weights)
    assert not np.allclose(forward[0][0].weights, forward[1][0].weights)


def test_what_has_no_head_is_refused():
    X, y = data()
    good = TaskStatistics.of(X, y)
    with pytest.raises(InputError, match="task 1: the labels are constant"):
        RidgeHeads.of([good, good.with_labels(X, np.zeros(60, int))])
    with pytest.raises(InputError, match="features are constant"):
        RidgeHeads.of([TaskStatistics.of(np.ones((60, 3)), y)])
    with pytest.raises(InputError, match="several label columns"):
        RidgeHeads.of([good.with_labels(X, X[:, :2], "regression")])
    with pytest.raises(InputError, match="NaN"):
        RidgeHeads.of([TaskStatistics.of(np.where(X[0, 0] == X, np.nan, X), y)])
