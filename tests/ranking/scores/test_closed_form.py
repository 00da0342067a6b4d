"""Transfer tried in closed form: signs that are known, brute force, and what must not matter."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from priorlift.core.errors import InputError
from priorlift.ranking import view as views
from priorlift.ranking.linear_source import LinearSource, PrincipalSpace, standardised
from priorlift.ranking.ridge import PENALTIES
from priorlift.ranking.scores.closed_form import (
    agreement,
    feature_gain,
    pooling_gain,
    proximity,
    shared_columns,
    shared_scatter,
)
from priorlift.ranking.view import SourceView, TargetView

SCORES = (agreement, pooling_gain, feature_gain)


def seen(X, y, source_X, source_y, task="classification", source_task=None):
    """Return the target X, y as a source sees it through a linear head."""
    source = LinearSource.of(source_X, source_y, source_task or task)
    target = TargetView(y, task, X, 0)
    return SourceView("s", target, source, source.space.map(X), None, (source_X, source_y))


def drawn(seed, n=40, m=300, d=6, noise=0.5):
    """Return target and source rows, and the same rule for both with some noise."""
    draws = np.random.default_rng(seed)
    X, source_X = draws.normal(size=(n, d)), draws.normal(size=(m, d))
    rule = np.eye(d)[0] + 0.5 * np.eye(d)[1]
    return (
        X,
        X @ rule + noise * draws.normal(size=n),
        source_X,
        source_X @ rule + noise * draws.normal(size=m),
    )


def left_out(rows, columns, others, other_columns):
    """Return the least squared error over penalties of refits without each of the rows."""
    every, labels = np.vstack([rows, others]), np.vstack([columns, other_columns])
    # In the unit that the closed form takes: the root mean square of all the features.
    extended = np.hstack([every / np.sqrt((every**2).mean()), np.full((len(every), 1), 1e3)])
    errors = []
    for penalty in PENALTIES:
        total = 0.0
        for i in range(len(rows)):
            Z, Y = np.delete(extended, i, axis=0), np.delete(labels, i, axis=0)
            w = np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T @ Y)
            total += ((labels[i] - extended[i] @ w) ** 2).sum()
        errors.append(total)
    return min(errors)


@pytest.mark.parametrize("seed", range(5))
def test_a_regression_helps_where_its_rows_lie_elsewhere_and_hurts_in_other_units(seed):
    X, rule, source_X, source_rule = drawn(seed, n=24, m=600, d=16)
    step = np.eye(16)[0]
    elsewhere = seen(X, rule, source_X + 2.0 * step, source_rule + 2.0, "regression")
    other_units = seen(X, rule, source_X, 20.0 * source_rule + 9.0, "regression")
    assert pooling_gain(elsewhere) > 0.0 > pooling_gain(other_units)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_task_helps_and_swapped_classes_hurt(seed):
    X, rule, source_X, source_rule = drawn(seed, n=24, m=600, d=16)
    y, source_y = rule > 0, source_rule > 0
    same = seen(X, y, source_X, source_y)
    swapped = seen(X, y, source_X, ~source_y)
    assert pooling_gain(same) > 0.0 > pooling_gain(swapped)
    assert agreement(same) > 0.5
    assert agreement(swapped) == pytest.approx(-agreement(same), abs=1e-6)
    regression = seen(X, rule, source_X, source_rule, "regression")
    turned = seen(X, rule, source_X, -source_rule, "regression")
    assert pooling_gain(regression) > 0.0 > pooling_gain(turned)
    assert agreement(turned) == pytest.approx(-agreement(regression), abs=1e-6)
    assert agreement(regression) > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_what_the_labels_mean_is_nothing_to_features(seed):
    X, rule, source_X, source_rule = drawn(seed)
    y, source_y = rule > 0, source_rule > 0
    expected = feature_gain(seen(X, y, source_X, source_y))
    for labels in (~source_y, np.where(source_y, "x", "y"), np.where(source_y, 7, 3)):
        assert feature_gain(seen(X, y, source_X, labels)) == pytest.approx(expected, abs=1e-7)
    turned = feature_gain(seen(X, rule, source_X, -3.0 * source_rule + 9.0, "regression"))
    plain = feature_gain(seen(X, rule, source_X, source_rule, "regression"))
    assert turned == pytest.approx(plain, abs=1e-7)


def test_features_help_where_few_rows_cannot_find_them():
    gains = {"same": [], "other": []}
    for seed in range(8):
        X, rule, source_X, source_rule = drawn(seed, n=25, d=20)
        gains["same"].append(feature_gain(seen(X, rule > 0, source_X, source_rule > 0)))
        gains["other"].append(feature_gain(seen(X, rule > 0, source_X, source_X[:, 9] > 0)))
    assert np.mean(gains["same"]) > 0.1
    assert np.mean(gains["same"]) > np.mean(gains["other"]) + 0.1


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_gains_are_differences_of_refits_that_leave_rows_out(task):
    X, rule, source_X, source_rule = drawn(1, n=15, m=20, d=4)
    view = seen(X, rule, source_X, source_rule, "regression")
    ours = standardised(rule[:, None])
    theirs = (source_rule[:, None] - rule.mean()) / rule.std()
    if task == "classification":
        y, source_y = rule > 0, source_rule > 0
        view = seen(X, y, source_X, source_y)
        ours = np.column_stack([~y, y]).astype(float)
        theirs = np.column_stack([~source_y, source_y]).astype(float)
    rows, others = view.in_space, view.closed_form.rows
    nothing = (np.empty((0, rows.shape[1])), np.empty((0, ours.shape[1])))
    total = ((ours - ours.mean(axis=0)) ** 2).sum()
    alone = left_out(rows, ours, *nothing)
    pooled = left_out(rows, ours, others, theirs)
    assert pooling_gain(view) == pytest.approx((alone - pooled) / total, abs=1e-6)

    features = view.features - view.features.mean(axis=0)
    own = np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean())
    features *= own / np.sqrt((features**2).mean())
    wide = np.hstack([rows, features])
    nothing = (np.empty((0, wide.shape[1])), nothing[1])
    featured = left_out(wide, ours, *nothing)
    assert feature_gain(view) == pytest.approx((alone - featured) / total, abs=1e-6)


@given(seed=st.integers(0, 1000), k=st.integers(2, 4))
def test_agreement_is_the_mean_correlation_of_margins_and_indicators(seed, k):
    X, rule, source_X, source_rule = drawn(seed)
    y = np.digitize(rule, np.quantile(rule, np.arange(1, k) / k))
    source_y = np.digitize(source_rule, [0.0, 1.0])
    view = seen(X, y, source_X, source_y)
    margins = view.closed_form.margins(view.in_space)
    shared = [label for label in range(k) if label < 3]
    expected = np.mean([np.corrcoef(margins[:, c], y == c)[0, 1] for c in shared])
    assert agreement(view) == pytest.approx(expected, abs=1e-9)
    assert -1.0 <= agreement(view) <= 1.0


def test_agreement_of_a_regression_is_a_correlation():
    X, rule, source_X, source_rule = drawn(0)
    view = seen(X, rule, source_X, source_rule * 8.0 + 100.0, "regression")
    margins = view.closed_form.margins(view.in_space)[:, 0]
    assert agreement(view) == pytest.approx(np.corrcoef(margins, rule)[0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["0", "1"], [0, 1]),
        ([0, 1], [2, 3]),
        (["a", "b"], ["A", "B"]),
        ([0, 1], ["0.0", "1.0"]),
    ],
)
def test_labels_that_differ_are_not_pooled(ours, theirs):
    X, rule, source_X, source_rule = drawn(0)
    view = seen(
        X, np.array(ours)[(rule > 0) * 1], source_X, np.array(theirs)[(source_rule > 0) * 1]
    )
    for score in (pooling_gain, agreement):
        with pytest.raises(InputError, match="shares no label"):
            score(view)
    assert np.isfinite(feature_gain(view))
    assert proximity(view) <= 0.0


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([0, 1], [0.0, 1.0]),
        ([0, 1], [False, True]),
        (np.array([0, 1], np.int8), np.array([0, 1], np.float32)),
        (np.array(["a", "b"]), np.array(["a", "b"], dtype=object)),
        (np.array(["a", "b"]), np.array(["a", "b"], dtype="U9")),
    ],
)
def test_equal_labels_of_other_types_meet(ours, theirs):
    X, rule, source_X, source_rule = drawn(0)
    y, source_y = (rule > 0) * 1, (source_rule > 0) * 1
    view = seen(X, np.array(ours)[y], source_X, np.array(theirs)[source_y])
    plain = seen(X, y, source_X, source_y)
    assert shared_columns(view) == ([0, 1], [0, 1])
    for score in SCORES:
        assert score(view) == pytest.approx(score(plain))


def test_of_partly_shared_labels_only_the_shared_count():
    X, rule, source_X, source_rule = drawn(0)
    y = np.digitize(rule, [-0.5, 0.5])  # 0, 1, 2
    source_y = np.digitize(source_rule, [-0.5, 0.5]) + 1  # 1, 2, 3
    view = seen(X, y, source_X, source_y)
    assert shared_columns(view) == ([1, 2], [0, 1])
    kept = source_y < 3
    rows = view.closed_form.rows[kept]
    indicator = np.column_stack([np.zeros(kept.sum()), source_y[kept] == 1, source_y[kept] == 2])
    scatter = shared_scatter(view)
    extended = np.column_stack([rows, np.ones(len(rows))])
    assert scatter.gram == pytest.approx(extended.T @ extended, abs=1e-8)
    assert scatter.products == pytest.approx(extended.T @ indicator, abs=1e-8)
    # A class that only the target has takes nothing from the source's rows.
    wider = seen(X, y, source_X[kept], source_y[kept])
    assert shared_scatter(wider).products[:, 0] == pytest.approx(0.0)
    assert shared_scatter(wider).gram[-1, -1] == kept.sum()


def test_a_task_of_another_kind_is_not_pooled():
    X, rule, source_X, source_rule = drawn(0)
    for view in (
        seen(X, rule > 0, source_X, source_rule, "classification", "regression"),
        seen(X, rule, source_X, source_rule > 0, "regression", "classification"),
    ):
        for score in (pooling_gain, agreement):
            with pytest.raises(InputError, match="another kind"):
                score(view)
        assert feature_gain(view) > -0.5


def test_several_label_columns_do_not_stand_for_one():
    X, rule, source_X, source_rule = drawn(0)
    view = seen(X, np.column_stack([rule, X[:, 3]]), source_X, source_rule, "regression")
    for score in (pooling_gain, agreement):
        with pytest.raises(InputError, match="several label columns"):
            score(view)
    assert np.isfinite(feature_gain(view))


def test_a_head_that_says_one_thing_has_no_agreement():
    X, rule, source_X, source_rule = drawn(0)
    source = LinearSource.of(source_X, source_rule > 0, "classification")
    rows = np.zeros((len(X), source.rows.shape[1]))
    view = SourceView("s", TargetView(rule > 0, "classification", X, 0), source, rows, None, None)
    with pytest.raises(InputError, match="says the same"):
        agreement(view)


def brute_proximity(source, target):
    n, m, width = len(source), len(target), source.shape[1]
    pooled = (np.cov(source.T) * (n - 1) + np.cov(target.T) * (m - 1)) / (n + m - 2)
    step = source.mean(axis=0) - target.mean(axis=0)
    squared = step @ np.linalg.inv(pooled) @ step * (n + m - width - 3) / (n + m - 2)
    squared -= width * (1 / n + 1 / m)
    error = ndtr(-np.sqrt(max(squared, 0.0)) / 2.0)
    return -(2.0 * (1.0 - 2.0 * error)) / 2.0


@given(seed=st.integers(0, 1000), shift=st.floats(0.0, 4.0))
def test_proximity_follows_its_formula(seed, shift):
    X, rule, source_X, source_rule = drawn(seed)
    view = seen(X + shift, rule > 0, source_X, source_rule > 0)
    expected = brute_proximity(view.closed_form.rows, view.in_space)
    assert proximity(view) == pytest.approx(expected, abs=1e-6)
    assert -1.0 <= proximity(view) <= 0.0


def test_equal_rows_are_near_and_distant_ones_far():
    X, rule, source_X, source_rule = drawn(0)
    assert proximity(seen(source_X, source_rule > 0, source_X, source_rule > 0)) == 0.0
    assert proximity(seen(X + 50.0, rule > 0, source_X, source_rule > 0)) == pytest.approx(-1.0)
    found = [
        proximity(seen(X + step, rule > 0, source_X, source_rule > 0))
        for step in (0.0, 0.5, 1.0, 2.0)
    ]
    assert found[0] > -0.3
    assert all(near > far for near, far in pairwise(found))


def test_proximity_of_a_handful_of_rows_is_a_number():
    draws = np.random.default_rng(0)
    for n, m in ((3, 2), (3, 3), (4, 5), (10, 2)):
        X, source_X = draws.normal(size=(n, 30)), draws.normal(size=(m, 30))
        view = seen(X, np.arange(n) % 2, source_X, np.arange(m) % 2)
        assert -1.0 <= proximity(view) <= 0.0


def test_without_relation_nothing_is_promised():
    """Agreement has mean 0 and pooled rows do not help, over 60 draws of permuted labels.

    The mean of 60 correlations of sd 0.16 passes 0.1 about once in a million draws.
    """
    agreed, gained = [], []
    for seed in range(60):
        X, rule, source_X, source_rule = drawn(seed)
        y = np.random.default_rng(seed).permutation(rule > 0)
        view = seen(X, y, source_X, source_rule > 0)
        agreed.append(agreement(view))
        gained.append(pooling_gain(view))
    assert abs(np.mean(agreed)) < 0.1
    assert np.mean(gained) < 0.0


def test_errors_alone_are_kept_for_each_space_and_not_for_its_address():
    X, rule, *_ = drawn(0)
    shared = TargetView(rule > 0, "classification", X, 0)
    for columns in range(1, 7):
        # Each space is gone before the next is made, which may take its place in memory.
        space = PrincipalSpace(np.zeros(columns), np.eye(columns), 1.0)
        own = TargetView(rule > 0, "classification", X, 0)
        expected = own.error_alone(space, X[:, :columns])
        assert shared.error_alone(space, X[:, :columns]) == expected
        del space
    assert len(shared._errors_alone) == 0


def test_many_rows_are_judged_by_a_sample(monkeypatch):
    X, rule, source_X, source_rule = drawn(0, n=400)
    view = seen(X, rule > 0, source_X, source_rule > 0)
    every = {score: score(view) for score in (pooling_gain, feature_gain)}
    monkeypatch.setattr(views, "JUDGED_ROWS", 200)
    some = seen(X, rule > 0, source_X, source_rule > 0)
    assert len(some.target.judged) == 200
    for score, expected in every.items():
        assert score(some) == pytest.approx(expected, abs=0.05)
        assert score(some) != expected
