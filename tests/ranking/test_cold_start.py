"""The cold start: ranks within targets, fixed weights, damping, and what a missing score does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import UnknownNameError
from priorlift.ranking.cold_start import (
    GROUP_NAMES,
    group_ranks,
    group_weights,
    promise,
    weights_of,
    within_target_ranks,
)
from priorlift.ranking.pairs import PairFeatures

columns = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.just(np.nan)), min_size=1, max_size=6
)


def pairs_of(**values):
    n = len(next(iter(values.values())))
    names = tuple(f"s{i}" for i in range(n))
    return PairFeatures(("t",) * n, names, {k: np.asarray(v, float) for k, v in values.items()})


@given(columns)
def test_a_rank_is_the_share_of_sources_below(values):
    found = within_target_ranks(pairs_of(knn=values), ("knn",))[:, 0]
    known = [v for v in values if not np.isnan(v)]
    for value, rank in zip(values, found, strict=True):
        if np.isnan(value):
            assert np.isnan(rank)
        else:
            below = sum((v < value) + 0.5 * (v == value) for v in known)
            assert rank == pytest.approx(below / len(known))


def test_ranks_stay_within_the_target():
    pairs = PairFeatures(("t", "u", "t", "u"), ("a", "a", "b", "b"), {"knn": np.arange(4.0)})
    np.testing.assert_allclose(within_target_ranks(pairs, ("knn",))[:, 0], [0.25, 0.25, 0.75, 0.75])


def test_a_few_are_ranked_among_all_that_could_have_been_tried():
    everyone = pairs_of(knn=[1, 2, 3, 4])
    few = everyone.take(np.array([2, 3]))
    np.testing.assert_allclose(within_target_ranks(few, ("knn",), everyone)[:, 0], [0.625, 0.875])


def test_the_weights_add_up_and_members_of_a_group_share_them():
    for transfer in ("any", "rows", "features"):
        weights = group_weights(transfer)
        np.testing.assert_allclose(weights.sum(), 1.0)
        given = weights_of(GROUP_NAMES[4:7], transfer)
        np.testing.assert_allclose(given / given.sum(), weights[4:7] / weights[4:7].sum())
    np.testing.assert_allclose(weights_of(["logme"], "rows"), 1.0)
    np.testing.assert_allclose(weights_of(["leep", "nce", "other"]), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(weights_of(["leep"]), 2.0)


def test_the_promise_by_hand():
    pairs = pairs_of(logme=[2, 1], nce=[1, 2], leep=[1, 2], log_n_source=[5, np.nan])
    first = (1 * 0.75 + 2 * 0.25 + 1 * 0.5) / 4
    second = (1 * 0.25 + 2 * 0.75) / 3  # the size is not known and leaves the mean of the rest
    np.testing.assert_allclose(promise(group_ranks(pairs)), [first, second])


def test_distance_damps_and_an_unknown_distance_is_neutral():
    pairs = pairs_of(knn=[1, 1, 1], proximity=[-1.0, -0.5, np.nan])
    np.testing.assert_allclose(promise(group_ranks(pairs)), [0.0, 0.25, 0.125])
    np.testing.assert_allclose(promise(group_ranks(pairs, transfer="rows"), "rows"), 0.5)


def test_nothing_known_is_the_middle():
    pairs = PairFeatures(("t", "t"), ("a", "b"), {})
    np.testing.assert_allclose(promise(group_ranks(pairs)), [0.5, 0.5])


@given(st.permutations(range(5)))
def test_the_order_of_pairs_does_not_matter(order):
    rng = np.random.default_rng(0)
    pairs = pairs_of(knn=rng.normal(size=5), logme=rng.normal(size=5), nce=[1, np.nan, 2, 2, 0])
    found = promise(group_ranks(pairs))
    np.testing.assert_allclose(promise(group_ranks(pairs.take(np.array(order)))), found[order])


def test_an_unknown_kind_of_transfer_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="rows"):
        group_weights("row")
