"""Permuted domains keep what they must keep."""

import numpy as np
import pytest

from priorlift.pool import Source, Target
from priorlift.ranking.gap.null import p_value, permuted_domains
from priorlift.ranking.gap.rows import pair_rows


def pair_of(task="classification", groups=None, classes=3):
    draws = np.random.default_rng(0)
    X = draws.normal(size=(90, 2))
    y = np.arange(90) % classes if task == "classification" else X[:, 0]
    sides = [None, None] if groups is None else [groups[:30], groups[30:]]
    target = Target("target", X[:30], y[:30], task=task, groups=sides[0])
    source = Source("s", X[30:], y[30:], task=task, groups=sides[1])
    return pair_rows(target, source, np.arange(30), None)


def test_each_class_keeps_its_numbers():
    pair = pair_of()
    drawn = permuted_domains(pair, np.random.default_rng(1))
    assert (drawn != pair.of_target).any()
    for code in range(3):
        assert drawn[pair.y == code].sum() == pair.of_target[pair.y == code].sum()


def test_a_regression_permutes_all_rows():
    pair = pair_of("regression")
    drawn = permuted_domains(pair, np.random.default_rng(1))
    assert drawn.sum() == 30
    assert (drawn != pair.of_target).any()


@pytest.mark.parametrize("classes", [1, 3])
def test_groups_change_sides_whole(classes):
    groups = np.repeat(np.arange(15), 6)
    pair = pair_of(groups=groups, classes=3)
    if classes == 1:  # each group is of one class: then classes keep their numbers of groups
        pair.y[:] = pair.groups % 3
    drawn = permuted_domains(pair, np.random.default_rng(1))
    for group in range(15):
        assert len(set(drawn[pair.groups == group])) == 1
    assert drawn.sum() == 30
    if classes == 1:
        for code in range(3):
            assert drawn[pair.y == code].sum() == pair.of_target[pair.y == code].sum()


def test_the_p_value_counts_the_observation_too():
    null = np.array([0.1, 0.2, 0.3])
    assert p_value(0.25, null) == 0.5
    assert p_value(0.9, null) == 0.25
    assert p_value(0.1, null) == 1.0
    assert p_value(0.1 + 1e-15, null) == 1.0
    assert p_value(0.1, np.array([])) is None
