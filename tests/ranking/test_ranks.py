"""Ranks, their consensus and Kendall's W: closed forms and symmetries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from priorlift.ranking import ranks

tables = arrays(
    float, st.tuples(st.integers(2, 6), st.integers(2, 4)), elements=st.integers(0, 3).map(float)
)


@given(tables, st.randoms())
def test_ranks_follow_the_sources(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    np.testing.assert_array_equal(
        ranks.score_ranks(values[order]), ranks.score_ranks(values)[order]
    )
    assert ranks.kendall_w(values[order]) == pytest.approx(ranks.kendall_w(values))


@given(tables)
def test_ranks_keep_their_sum_whatever_the_ties(values):
    n = len(values)
    np.testing.assert_allclose(ranks.score_ranks(values).sum(axis=0), n * (n + 1) / 2)


@given(tables)
def test_only_the_order_of_a_score_counts(values):
    np.testing.assert_array_equal(ranks.score_ranks(np.exp(values)), ranks.score_ranks(values))


def test_a_missing_score_gets_the_middle_rank():
    values = np.array([[3.0, np.nan], [2.0, 5.0], [1.0, 4.0]])
    np.testing.assert_allclose(ranks.score_ranks(values), [[1, 2], [2, 1.25], [3, 2.75]])
    np.testing.assert_allclose(ranks.consensus(values), [1.5, 1.625, 2.875])


def test_a_stack_of_resamples_is_ranked_one_by_one():
    values = np.random.default_rng(0).normal(size=(5, 4, 3))
    stacked = ranks.consensus(values)
    np.testing.assert_allclose(stacked, [ranks.consensus(one) for one in values])
    assert ranks.positions(stacked).shape == (5, 4)


def test_kendall_w_at_its_ends():
    line = np.arange(5.0)
    assert ranks.kendall_w(np.column_stack([line, line, 10 * line])) == pytest.approx(1.0)
    assert ranks.kendall_w(np.column_stack([line, -line])) == pytest.approx(0.0)


def test_kendall_w_equals_friedmans_statistic():
    from scipy.stats import friedmanchisquare

    values = np.random.default_rng(0).integers(0, 4, (6, 5)).astype(float)
    chi_square = friedmanchisquare(*values).statistic
    assert ranks.kendall_w(values) == pytest.approx(chi_square / (5 * (6 - 1)))


@pytest.mark.parametrize(
    "values",
    [np.ones((3, 2)), np.ones((1, 2)), np.arange(3.0)[:, None], np.array([[1, np.nan], [2, 3]])],
)
def test_kendall_w_is_none_where_it_means_nothing(values):
    assert ranks.kendall_w(values) is None
