import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.ranking.inner_validation import inner_splits


@st.composite
def problems(draw):
    n_rows = draw(st.integers(2, 30))
    labels = st.integers(0, draw(st.integers(0, 5)))
    y = np.array(draw(st.lists(labels, min_size=n_rows, max_size=n_rows)))
    groups = None
    if draw(st.booleans()):
        units = st.integers(0, draw(st.integers(0, 8)))
        groups = np.array(draw(st.lists(units, min_size=n_rows, max_size=n_rows)))
    task = draw(st.sampled_from(["classification", "regression"]))
    return y, groups, task, draw(st.integers(2, 6))


@given(problems(), st.integers(0, 2**32 - 1))
def test_splits_keep_their_promises(problem, seed):
    y, groups, task, n_splits = problem
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits = inner_splits(y, groups, task, seed, n_splits)
    assert len(splits) <= n_splits
    tested = [row for _, test in splits for row in test]
    assert len(tested) == len(set(tested))
    for train, test in splits:
        assert len(test)
        assert sorted([*train, *test]) == list(range(len(y)))
        if task == "classification":
            assert set(y[train]) == set(y)
        if groups is not None:
            assert not set(groups[train]) & set(groups[test])


@given(problems(), st.integers(0, 2**32 - 1))
def test_a_seed_gives_one_set_of_splits(problem, seed):
    y, groups, task, n_splits = problem
    first, second = (inner_splits(y, groups, task, seed, n_splits) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


def test_every_row_is_tested_where_labels_suffice():
    y = np.repeat([0, 1, 2], 6)
    splits = inner_splits(y, None, "classification", 0, 5)
    assert len(splits) == 5
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(18))


def test_the_only_row_of_a_class_always_trains():
    y = np.array([0, 0, 0, 1, 1, 1, 2])
    splits = inner_splits(y, None, "classification", 0, 3)
    assert len(splits) == 3
    assert all(6 in train for train, _ in splits)


def test_the_only_group_of_a_class_always_trains():
    y = np.array([0, 1, 0, 1, 0, 1, 2, 0])
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    splits = inner_splits(y, groups, "classification", 0, 3)
    assert len(splits) == 3
    assert all({6, 7} <= set(train) for train, _ in splits)


@pytest.mark.parametrize(
    ("y", "groups", "task"),
    [
        ([0, 1], None, "classification"),
        ([0, 0, 0, 1], None, "classification"),
        ([0, 1, 0, 1], [0, 0, 0, 0], "classification"),
        ([0.5, 1.5, 2.5], ["a", "a", "a"], "regression"),
        ([0.5], None, "regression"),
    ],
)
def test_without_a_valid_split_there_is_none(y, groups, task):
    groups = None if groups is None else np.array(groups)
    assert inner_splits(np.array(y), groups, task, 0) == []
