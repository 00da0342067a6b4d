import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.pool import Target
from priorlift.study.design import Split, choose_design, split_rows


def labels(n, n_classes=2):
    return np.arange(n) % n_classes


def target_of(y, groups=None, **kwargs):
    X = np.arange(2.0 * len(y)).reshape(-1, 2)
    return Target("t", X, y, groups=groups, task="classification", **kwargs)


def kind(n, budget, n_splits=20):
    return choose_design(target_of(labels(n)), "classification", [budget], n_splits).kind


@pytest.mark.parametrize("budget", [10, 50, 133])
def test_label_budgets_need_200_test_rows_and_twice_the_budget(budget):
    assert kind(200 + 2 * budget, budget) == "label budgets"
    assert kind(200 + 2 * budget - 1, budget) == "scarce target"


def test_label_budgets_need_20_draws():
    assert kind(400, 50, n_splits=20) == "label budgets"
    assert kind(400, 50, n_splits=19) == "scarce target"


@settings(max_examples=15)
@given(st.integers(10, 900), st.integers(2, 4))
def test_what_is_promised_of_label_budgets_holds(n, n_classes):
    design = choose_design(target_of(labels(n, n_classes)), "classification")
    if design.kind == "label budgets":
        assert design.n_pool >= 2 * design.largest
        assert design.n_labelled - design.n_pool >= 200
        assert design.n_draws >= 20
        assert design.n_folds == 1
    else:
        assert design.n_draws >= 10
        assert 2 <= design.n_folds <= 5
    assert list(design.budgets) == sorted(set(design.budgets))


@st.composite
def targets(draw):
    n = draw(st.integers(12, 420))
    n_classes = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    y = np.concatenate(
        [np.repeat(np.arange(n_classes), 3), rng.integers(0, n_classes, max(0, n - 3 * n_classes))]
    ).astype(float)
    rng.shuffle(y)
    groups = None
    if draw(st.booleans()):
        groups = rng.integers(0, draw(st.integers(4, 30)), len(y))
    unlabelled = np.flatnonzero(rng.random(len(y)) < 0.1)
    y[unlabelled[: len(y) - 10]] = np.nan  # a study needs ten labelled rows
    for label in range(n_classes):  # unlabelling must not make a class too rare
        y[2 * label : 2 * label + 2] = label
    return target_of(y, groups)


@settings(max_examples=40)
@given(targets(), st.integers(0, 99))
def test_every_split_is_clean(target, seed):
    design = choose_design(target, "classification", [0, 8, 12, 40], 20, seed)
    labelled = set(np.flatnonzero(target.labelled).tolist())
    tested = []
    for split in design.splits[: 3 * len(design.budgets) * design.n_folds]:
        train, test = split_rows(target, design, "classification", split)
        tested += test.tolist() if split.budget == 0 else []
        assert set(train) | set(test) <= labelled
        assert len(set(train.tolist())) == len(train)
        assert not set(train) & set(test)
        if target.groups is not None:
            assert not set(target.groups[train]) & set(target.groups[test])
        if design.kind == "label budgets" or split.budget < design.largest:
            assert len(train) == split.budget
        if split.budget and target.groups is None:
            wanted = set(target.y[target.labelled].tolist())
            assert set(target.y[train].tolist()) == wanted
    if design.kind == "scarce target":
        assert sorted(tested) == sorted(3 * sorted(labelled))


def test_a_scarce_target_states_the_size_of_its_training_parts():
    target = target_of(labels(53))
    design = choose_design(target, "classification")
    sizes = [len(split_rows(target, design, "classification", s)[0]) for s in design.splits]
    full = [
        size for size, s in zip(sizes, design.splits, strict=True) if s.budget == design.largest
    ]
    assert abs(np.mean(full) - design.largest) < 1


def test_a_group_that_is_nearly_everything_limits_the_budgets():
    groups = np.array([0] * 90 + [1] * 10)
    target = target_of(labels(100), groups)
    design = choose_design(target, "classification", [8, 30])
    assert design.budgets == (8, 50)
    assert "budgets of 30 cannot be drawn" in design.reason


def test_a_test_part_leaves_rows_of_a_rare_class_to_the_draws():
    y = np.array([0] * 300 + [1] * 297 + [2] * 3)
    target = target_of(y)
    design = choose_design(target, "classification", [50])
    assert design.kind == "label budgets"
    for split in design.splits:
        train, test = split_rows(target, design, "classification", split)
        assert 2 in y[train]
        assert len(test) == design.n_test


def test_draws_keep_the_shares_of_the_classes():
    y = np.repeat([0, 1], [450, 150])
    target = target_of(y)
    design = choose_design(target, "classification", [100])
    for split in design.splits:
        train, test = split_rows(target, design, "classification", split)
        assert y[train].mean() == pytest.approx(0.25, abs=0.01)
        assert y[test].mean() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("n", [60, 500])
@pytest.mark.parametrize("as_type", [np.int8, float, str, object])
def test_splits_do_not_depend_on_how_labels_are_written(n, as_type):
    y = labels(n, 3)
    plain, other = target_of(y), target_of(y.astype(as_type))
    design = choose_design(plain, "classification", seed=3)
    assert design == choose_design(other, "classification", seed=3)
    for split in design.splits[:6]:
        for one, two in zip(
            split_rows(plain, design, "classification", split),
            split_rows(other, design, "classification", split),
            strict=True,
        ):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("n", [60, 500])
def test_another_seed_gives_other_splits_and_draws_differ(n):
    target = target_of(labels(n))
    first, second = (choose_design(target, "classification", seed=s) for s in (0, 1))
    split = Split(first.largest, 0, 0)

    def rows(design, split):
        return split_rows(target, design, "classification", split)[0].tolist()

    assert rows(first, split) != rows(second, split)
    assert rows(first, split) != rows(first, replace(split, draw=1))
    assert rows(first, split) == rows(replace(first), split)


PROGRAM = """
import numpy as np
from priorlift.pool import Target
from priorlift.study.design import choose_design, split_rows
for n in (60, 500):
    target = Target("t", np.zeros((n, 1)), np.arange(n) % 2)
    design = choose_design(target, "classification", seed=5)
    for split in design.splits[-3:]:
        print(split_rows(target, design, "classification", split)[0].tolist())
"""


def test_another_process_gives_the_same_splits():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    expected = []
    for n in (60, 500):
        target = target_of(labels(n))
        design = choose_design(target, "classification", seed=5)
        expected += [
            str(split_rows(target, design, "classification", split)[0].tolist())
            for split in design.splits[-3:]
        ]
    assert done.stdout.splitlines() == expected


def test_splits_of_a_draw_come_together_so_that_a_cut_run_has_whole_draws():
    design = choose_design(target_of(labels(60)), "classification", [8, 20])
    draws = [split.draw for split in design.splits]
    assert draws == sorted(draws)
    assert len(set(design.splits)) == len(design.splits) == 10 * 5 * 3


def test_budget_zero_trains_on_nothing():
    for n in (60, 500):
        target = target_of(labels(n))
        design = choose_design(target, "classification", [0, 20])
        train, test = split_rows(target, design, "classification", Split(0, 0, 0))
        assert not len(train)
        assert len(test)


def test_regression_splits_need_no_classes():
    y = np.random.default_rng(0).standard_normal(430)
    target = Target("t", y[:, None], y)
    design = choose_design(target, "regression", [10, 100])
    assert design.kind == "label budgets"
    train, test = split_rows(target, design, "regression", Split(100, 7, 0))
    assert (len(train), len(test)) == (100, design.n_test)


@pytest.mark.parametrize(
    ("y", "groups", "budgets", "message"),
    [
        ([0] * 5 + [1] * 4, None, None, "9 labelled rows"),
        ([1] * 20, None, None, "one class only"),
        ([0] * 19 + [1], None, None, "one row only"),
        ([0, 1] * 10, ["a"] * 20, None, "one group"),
        ([0, 1] * 10, None, [], "label budgets are"),
        ([0, 1] * 10, None, [-1, 5], "label budgets are"),
        ([0, 1] * 10, None, [0], "label budgets are"),
        ([0, 1, 2] * 10, None, [2, 9], "each of 3 classes"),
    ],
)
def test_what_cannot_be_split_is_refused(y, groups, budgets, message):
    with pytest.raises(InputError, match=message):
        choose_design(target_of(y, groups), "classification", budgets)
