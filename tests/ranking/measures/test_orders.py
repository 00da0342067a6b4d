"""Measures of a ranking: closed forms by hand, brute-force twins and invariances."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.ranking import measures

sizes = st.integers(1, 7)
lifts = st.lists(st.integers(-4, 4).map(lambda v: v / 8.0), min_size=1, max_size=7)


@st.composite
def rankings(draw, smallest=1):
    n = draw(st.integers(smallest, 7))
    column = st.lists(st.integers(-4, 4).map(lambda v: v / 8.0), min_size=n, max_size=n)
    return np.array(draw(column)), np.array(draw(column))


def slow_tau(first, second):
    """Vigna's weighted tau from its definition, mean of weighting by either side's ranks."""

    def one_way(key):
        order = np.lexsort(key)[::-1]  # the last key counts first, larger values rank higher
        rank = np.empty(len(order))
        rank[order] = np.arange(len(order))
        agreed, square_a, square_b = 0.0, 0.0, 0.0
        for i, j in combinations(range(len(first)), 2):
            weight = 1.0 / (rank[i] + 1.0) + 1.0 / (rank[j] + 1.0)
            a, b = np.sign(first[i] - first[j]), np.sign(second[i] - second[j])
            agreed += weight * a * b
            square_a += weight * a * a
            square_b += weight * b * b
        return agreed / np.sqrt(square_a * square_b)

    return (one_way((second, first)) + one_way((first, second))) / 2.0


@given(rankings(smallest=2))
def test_weighted_tau_is_its_definition(case):
    first, second = case
    found = measures.weighted_tau(first, second)
    if np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(slow_tau(first, second))
        assert found == pytest.approx(measures.weighted_tau(second, first))
        assert found == pytest.approx(measures.weighted_tau(np.exp(first), second**3))
        assert found == pytest.approx(measures.weighted_tau(first[::-1], second[::-1]))


def test_an_exchange_at_the_top_costs_more_than_one_at_the_bottom():
    truth = [4.0, 3.0, 2.0, 1.0]
    top = measures.weighted_tau([3.0, 4.0, 2.0, 1.0], truth)
    bottom = measures.weighted_tau([4.0, 3.0, 1.0, 2.0], truth)
    assert top < bottom < 1.0
    assert measures.weighted_tau([1.0, 2.0, 3.0, 4.0], truth) == pytest.approx(-1.0)


def slow_regret(predicted, observed, k, none):
    """The mean regret over every choice of k arms that the predictions allow."""
    if none is not None:
        predicted, observed = np.append(predicted, none), np.append(observed, none)
    k = min(k, len(predicted))
    best_sum = np.sort(predicted)[-k:]
    allowed = [
        rows
        for rows in combinations(range(len(predicted)), k)
        if np.array_equal(np.sort(predicted[list(rows)]), best_sum)
    ]
    return np.mean([observed.max() - observed[list(rows)].max() for rows in allowed])


@given(rankings(), st.integers(1, 8), st.sampled_from([None, 0.0, -0.25]))
def test_regret_is_the_mean_over_allowed_choices(case, k, none):
    first, second = case
    found = measures.regret_at(first, second, k, none=none)
    assert found == pytest.approx(slow_regret(first, second, k, none), abs=1e-12)
    order = np.random.default_rng(0).permutation(len(first))
    assert found == pytest.approx(measures.regret_at(first[order], second[order], k, none=none))
    if none is None:
        assert found == pytest.approx(measures.regret_at(np.exp(3 * first), second, k))


@given(lifts, st.integers(1, 8), st.sampled_from([None, 0.0]))
def test_random_regret_is_the_mean_over_all_subsets(observed, k, none):
    arms = np.array(observed if none is None else [*observed, none])
    k_all = min(k, len(arms))
    slow = np.mean([arms.max() - max(rows) for rows in combinations(arms, k_all)])
    assert measures.random_regret_at(observed, k, none=none) == pytest.approx(slow, abs=1e-12)


def test_no_transfer_is_an_arm_that_is_chosen_where_all_promise_harm():
    observed = [-0.3, -0.1]
    assert measures.regret_at([-0.2, -0.1], observed, 1, none=0.0) == 0.0
    assert measures.regret_at([0.2, -0.1], observed, 1, none=0.0) == pytest.approx(0.3)
    assert measures.regret_at([0.2, -0.1], observed, 1) == pytest.approx(0.2)


def test_regret_by_hand():
    predicted, observed = [0.9, 0.8, 0.1, 0.0], [0.1, 0.3, 0.5, 0.2]
    assert [measures.regret_at(predicted, observed, k) for k in (1, 2, 3)] == pytest.approx(
        [0.4, 0.2, 0.0]
    )
    assert measures.relative_regret_at(predicted, observed, 1) == pytest.approx(0.4 / 0.25)
    assert np.isnan(measures.relative_regret_at([1, 2], [0.1, 0.1], 1))


def test_a_large_pool_stays_finite():
    observed = np.linspace(0.0, 1.0, 3001)
    mean_gap = 1.0 - 1000 / 1001 * 3002 / 3000 + 1 / 3000  # order statistics of 1..n: k(n+1)/(k+1)
    assert measures.random_regret_at(observed, 1000) == pytest.approx(mean_gap, abs=1e-9)


def test_score_lost_by_hand():
    observed = [0.3, 0.1, -0.2, -0.4]
    trained = [False, True, False, True]
    targets = ["a", "a", "b", "b"]
    assert measures.score_lost(trained, observed, targets=targets) == pytest.approx(0.1)
    assert measures.score_lost(trained, observed, targets=targets, none=None) == pytest.approx(0.2)
    assert measures.score_lost([True] * 4, observed, targets=targets) == 0.0
    with pytest.raises(InputError, match="no pair of target 'a'"):
        measures.score_lost([False, False, True, True], observed, targets=targets, none=None)


def test_the_noise_ceiling_of_exact_and_of_empty_experiments():
    rng = np.random.default_rng(0)
    exact = np.tile(rng.normal(size=9), (5, 1))
    assert measures.noise_ceiling(exact) == pytest.approx(1.0)
    assert np.isnan(measures.noise_ceiling(exact[:1]))
    noise = [measures.noise_ceiling(rng.normal(size=(6, 20))) for _ in range(60)]
    assert abs(np.mean(noise)) < 0.1  # standard error about 0.02
    two = rng.normal(size=(2, 8))
    assert measures.noise_ceiling(two) == pytest.approx(measures.weighted_tau(*two))


@given(rankings())
def test_auc_counts_pairs(case):
    scores, observed = case
    up, down = scores[observed > 0], scores[observed <= 0]
    found = measures.auc_of_lift(scores, observed)
    if len(up) == 0 or len(down) == 0:
        assert np.isnan(found)
    else:
        wins = (up[:, None] > down) + 0.5 * (up[:, None] == down)
        assert found == pytest.approx(wins.mean())


def test_calibration_error_by_hand():
    p = [0.1, 0.1, 0.1, 0.1, 0.9, 0.9]
    lift = [-1, -1, -1, 1, 1, -1]
    equal = (4 * abs(0.1 - 0.25) + 2 * abs(0.9 - 0.5)) / 6
    assert measures.expected_calibration_error(p, lift, bins="fixed") == pytest.approx(equal)
    first, second = (3 * 0.15) / 6, abs(0.1 + 0.9 + 0.9 - 0.25 - 1.0) / 6
    counted = measures.expected_calibration_error(p, lift, n_bins=2)
    assert counted == pytest.approx(first + second)
    with pytest.raises(InputError, match="unknown bins"):
        measures.expected_calibration_error(p, lift, bins="wide")


@given(rankings(), st.sampled_from(["equal_count", "fixed"]), st.integers(1, 5))
def test_calibration_error_ignores_the_order_of_pairs(case, bins, n_bins):
    p, observed = (case[0] + 0.5), case[1]
    order = np.random.default_rng(1).permutation(len(p))
    options = {"bins": bins, "n_bins": n_bins}
    found = measures.expected_calibration_error(p, observed, **options)
    assert found == pytest.approx(
        measures.expected_calibration_error(p[order], observed[order], **options), abs=1e-12
    )
    assert 0.0 <= found <= 1.0


def test_true_probabilities_are_calibrated_and_wrong_ones_are_not():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20000)
    lift = np.where(rng.uniform(size=20000) < p, 1.0, -1.0)
    for bins in ("equal_count", "fixed"):
        assert measures.expected_calibration_error(p, lift, bins=bins) < 0.02
        assert measures.expected_calibration_error(p**3, lift, bins=bins) > 0.15
    assert measures.brier_score(p, lift) == pytest.approx(1 / 6, abs=0.01)


def test_intervals_and_harm():
    low, high = [-1.0, 0.0, 0.0], [0.0, 1.0, np.inf]
    assert measures.coverage(low, high, [0.0, 1.5, 9.0]) == pytest.approx(2 / 3)
    assert np.isnan(measures.coverage([np.nan, 0, 0], high, [0.0, 0.5, 1.0]))
    assert measures.mean_width([0.0, 1.0], [0.5, 2.0]) == 0.75
    assert measures.harmful_share([0.95, 0.91, 0.9], [0.0, -0.1, -0.1]) == 0.5
    assert np.isnan(measures.harmful_share([0.5], [-0.1]))


def test_measures_by_target_follow_the_sorted_names():
    targets, predicted, observed = ["b", "a", "b", "a"], [1, 2, 2, 1], [0.2, 0.4, 0.1, 0.7]
    found = measures.per_target(measures.regret_at, targets, predicted, observed, k=1)
    np.testing.assert_allclose(found, [0.3, 0.1])


@pytest.mark.parametrize(
    ("measure", "arguments"),
    [
        (measures.weighted_tau, ([1.0, np.nan], [1.0, 2.0])),
        (measures.weighted_tau, ([1.0], [1.0, 2.0])),
        (measures.brier_score, ([0.5], [np.inf])),
        (measures.regret_at, ([], [], 1)),
        (measures.regret_at, ([1.0], [1.0], 0)),
        (measures.coverage, ([0.0], [1.0], [0.5, 0.6])),
    ],
)
def test_what_cannot_be_measured_is_an_error(measure, arguments):
    with pytest.raises(InputError):
        measure(*arguments)
