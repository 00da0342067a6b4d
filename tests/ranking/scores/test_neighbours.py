"""kNN against two loops, with ties in votes and distances, and what it must not depend on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.ranking.scores import knn


def task(seed=0, n_rows=40, n_features=4, n_classes=3, spread=2.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


def neighbours_by_loop(F, row, k):
    distances = [np.inf if i == row else np.sum((F[i] - F[row]) ** 2) for i in range(len(F))]
    last = sorted(distances)[k - 1]
    return [i for i, distance in enumerate(distances) if distance <= last]


def hits_by_loop(F, y, k):
    hits = []
    for row in range(len(F)):
        votes = np.bincount(y[neighbours_by_loop(F, row, k)], minlength=y.max() + 1)
        winners = np.flatnonzero(votes == votes.max())
        hits.append((y[row] in winners) / len(winners))
    return np.array(hits)


@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
def test_knn_equals_two_loops(seed, k, on_a_grid):
    F, y = task(seed, n_rows=25)
    if on_a_grid:
        F = np.round(F / 2.0)  # many ties
    hits = hits_by_loop(F, y, k)
    assert knn(F, y, n_neighbors=k) == pytest.approx(hits.mean(), abs=1e-12)
    expected = np.mean([hits[y == c].mean() for c in np.unique(y)])
    assert knn(F, y, n_neighbors=k, balanced=True) == pytest.approx(expected, abs=1e-12)


def test_tight_groups_far_apart_have_the_neighbours_that_double_precision_sees():
    draws = np.random.default_rng(0)
    groups = draws.normal(size=(4, 6))[np.arange(60) % 4]
    F = groups + 1e-5 * draws.normal(size=(60, 6))  # float32 tells no two rows of a group apart
    y = draws.integers(0, 3, 60)
    for k in (1, 3):
        assert knn(F, y, n_neighbors=k) == pytest.approx(hits_by_loop(F, y, k).mean(), abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_knn_of_a_regression_equals_two_loops(seed, k):
    F, _ = task(seed, n_rows=25)
    y = F[:, :2] + np.random.default_rng(seed).normal(size=(25, 2))
    guess = np.array([y[neighbours_by_loop(F, row, k)].mean(axis=0) for row in range(25)])
    expected = 1.0 - np.square(y - guess).sum(axis=0) / np.square(y - y.mean(axis=0)).sum(axis=0)
    found = knn(F, y, task="regression", n_neighbors=k)
    assert found == pytest.approx(expected.mean(), abs=1e-12)
    one = knn(F, 5.0 + 1e3 * y[:, 0], task="regression", n_neighbors=k)
    assert one == pytest.approx(expected[0], abs=1e-9)


@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([25, 18]))
def test_knn_does_not_depend_on_scale_offset_order_or_names(seed, balanced, most):
    F, y = task(seed, n_rows=25)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(25)
    options = {"balanced": balanced, "max_rows": most}
    expected = pytest.approx(knn(F, y, **options), abs=1e-9)
    assert knn(1e3 * F, y, **options) == expected
    assert knn(F[rows], y[rows], **options) == expected
    assert knn(F + 100.0, y, balanced=balanced) == pytest.approx(knn(F, y, balanced=balanced))
    columns = generator.permutation(4)
    assert knn(F[:, columns], y, balanced=balanced) == pytest.approx(knn(F, y, balanced=balanced))
    assert knn(F, 7 + 10 * y, **options) == expected
    assert knn(F, np.array(["z", "a", "k"])[y], balanced=balanced) == pytest.approx(
        knn(F, y, balanced=balanced)
    )


def test_duplicated_columns_rows_and_single_precision_change_little():
    F, y = task()
    expected = knn(F, y)
    assert knn(np.column_stack([F, F, np.ones(40)]), y) == expected
    assert knn(F.astype(np.float32), y) == expected
    # A row far from all others must not blur which of them are equally near.
    far = np.vstack([F + 1e6, np.zeros((1, 4))])
    far[:40] = np.repeat(far[:20], 2, axis=0)
    y = np.append(np.repeat(y[:20], 2), 0)
    assert knn(far, y, n_neighbors=1) == pytest.approx(hits_by_loop(far, y, 1).mean())


def test_blocks_change_nothing(monkeypatch):
    F, y = task()
    whole = knn(F, y)
    monkeypatch.setattr("priorlift.ranking.scores.neighbours.BLOCK_CELLS", 3 * 40)
    assert knn(F, y) == whole


def test_knn_sees_what_no_line_separates_and_no_more():
    generator = np.random.default_rng(0)
    F = generator.normal(size=(400, 2))
    y = (F[:, 0] * F[:, 1] > 0).astype(int)
    assert knn(F, y) > 0.9
    found = [knn(F, generator.permutation(y), balanced=True) for _ in range(20)]
    assert abs(np.mean(found) - 0.5) < 0.03  # 4 standard errors and a half


def test_the_majority_class_is_worth_nothing_when_balanced():
    F, _ = task(n_rows=60, n_classes=1)
    y = (np.arange(60) < 3).astype(int)
    assert knn(F, y) > 0.9
    assert knn(F, y, balanced=True) == pytest.approx(0.5, abs=0.05)


def test_a_class_of_one_row_is_missed():
    F, y = task(n_classes=2, spread=30.0)
    y[0] = 9
    assert knn(F, y, balanced=True) == pytest.approx(2.0 / 3.0, abs=0.02)


@pytest.mark.parametrize(
    ("F", "y", "options", "reason"),
    [
        (np.ones((9, 2)), [0, 1, 2] * 3, {}, "features are constant"),
        (np.eye(9), [1] * 9, {}, "labels are constant"),
        (np.eye(9), [2.0] * 9, {"task": "regression"}, "labels are constant"),
        (np.eye(3), [1.0, np.nan, 2.0], {"task": "regression"}, "a label is NaN"),
        (np.eye(9), [0, 1], {}, "9 rows and 2 labels"),
        (np.eye(2), [0, 1], {}, "2 rows for 5 neighbours"),
        (np.eye(9), [0, 1, 2] * 3, {"n_neighbors": 0}, "0 neighbours"),
        (np.full((9, 2), np.nan), [0, 1, 2] * 3, {}, "NaN"),
    ],
)
def test_what_says_nothing_is_refused(F, y, options, reason):
    with pytest.raises(InputError, match=reason):
        knn(F, y, **options)
