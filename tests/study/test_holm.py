"""Holm's adjustment against a plain reading of the procedure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.study.holm import holm

p_values = st.lists(st.sampled_from([0.0, 0.004, 0.01, 0.012, 0.02, 0.04, 0.3, 1.0]), max_size=8)


def rejected_one_by_one(p, alpha):
    """Step down through the sorted p-values until one fails."""
    rejected = set()
    for step, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] > alpha / (len(p) - step):
            break
        rejected.add(index)
    return rejected


def test_published_example():
    answers = [claim.p_value for claim in holm([0.01, 0.02, 0.03, 0.005])]
    assert answers == pytest.approx([0.03, 0.04, 0.04, 0.02])


@given(p=p_values)
@settings(max_examples=80)
def test_decisions_are_those_of_the_step_down_procedure(p):
    answers = holm(p, level=0.95)
    assert {i for i, a in enumerate(answers) if a.p_value <= 0.05} == rejected_one_by_one(p, 0.05)


@given(p=p_values)
@settings(max_examples=80)
def test_the_level_agrees_with_the_decision(p):
    for value, answer in zip(p, holm(p, level=0.95), strict=True):
        assert (value <= 1 - answer.level + 1e-15) == (answer.p_value <= 0.05)
        assert 0.95 <= answer.level <= 1 - 0.05 / len(p) + 1e-12


@given(p=p_values, seed=st.integers(0, 50))
@settings(max_examples=50)
def test_order_does_not_matter_and_ties_get_equal_answers(p, seed):
    order = np.random.default_rng(seed).permutation(len(p))
    answers = holm(p)
    assert [answers[i] for i in order] == list(holm([p[i] for i in order]))
    by_value = dict(zip(p, answers, strict=True))
    assert [by_value[value] for value in p] == list(answers)


def test_a_tie_at_the_edge_rejects_both_or_none():
    assert [a.p_value for a in holm([0.025, 0.025])] == [0.05, 0.05]
    assert [a.p_value for a in holm([0.026, 0.026])] == [0.052, 0.052]


def test_one_claim_is_not_adjusted():
    assert (holm([0.04])[0].p_value, holm([0.04])[0].level) == (0.04, 0.95)


def test_p_value_out_of_range():
    with pytest.raises(InputError, match="outside"):
        holm([0.1, float("nan")])
