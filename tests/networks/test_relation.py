"""The simplex solver against bisection, optimality conditions and a general solver."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from priorlift.core.errors import InputError
from priorlift.networks.relation import (
    fixed_relation,
    pairwise_gap,
    simplex_weights,
    task_relation,
)

COSTS = st.lists(st.floats(-50, 50), min_size=1, max_size=12)
FACTORS = st.floats(0.01, 100)


def objective(weights, costs, c):
    return weights @ costs + c * np.linalg.norm(weights)


def by_bisection(costs, c):
    """The published form: mu is the root of ||(mu - u)_+|| = c."""
    low, high = costs.min(), costs.min() + c
    for _ in range(200):
        middle = (low + high) / 2
        if np.linalg.norm(np.maximum(middle - costs, 0)) < c:
            low = middle
        else:
            high = middle
    weights = np.maximum(high - costs, 0)
    return weights / weights.sum()


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_a_general_solver_finds_the_same_minimum(n):
    draws = np.random.default_rng(n)
    for _ in range(5):
        costs, c = draws.normal(size=n), draws.uniform(0.3, 3)
        found = minimize(
            objective,
            np.full(n, 1 / n),
            args=(costs, c),
            bounds=[(0, 1)] * n,
            constraints={"type": "eq", "fun": lambda a: a.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 1000},
        )
        ours = simplex_weights(costs, c)
        assert objective(ours, costs, c) == pytest.approx(found.fun, abs=1e-8)
        np.testing.assert_allclose(ours, found.x, atol=1e-5)


@given(COSTS, FACTORS)
def test_it_agrees_with_bisection(costs, c):
    costs = np.array(costs)
    np.testing.assert_allclose(simplex_weights(costs, c), by_bisection(costs, c), atol=1e-8)


@given(COSTS, FACTORS)
def test_the_optimality_conditions_hold(costs, c):
    costs = np.array(costs)
    weights = simplex_weights(costs, c)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    slope = costs + c * weights / np.linalg.norm(weights)
    multiplier = slope[weights > 0]
    scale = 1e-9 * (np.abs(costs).max() + c)
    assert np.ptp(multiplier) <= scale, "one slope for all tasks in use"
    assert (slope >= multiplier.min() - scale).all(), "no other task is cheaper"


@given(COSTS, FACTORS, st.floats(-10, 10), st.randoms())
def test_a_shift_changes_nothing_and_order_is_only_order(costs, c, shift, random):
    costs = np.array(costs)
    expected = simplex_weights(costs, c)
    np.testing.assert_allclose(simplex_weights(costs + shift, c), expected, atol=1e-9)
    order = random.sample(range(len(costs)), len(costs))
    np.testing.assert_allclose(simplex_weights(costs[order], c), expected[order], atol=1e-12)


@pytest.mark.parametrize(
    ("costs", "c"), [([], 1), ([np.nan], 1), ([1.0], 0), ([1.0], np.inf), ([[1.0]], 1)]
)
def test_what_has_no_solution_is_refused(costs, c):
    with pytest.raises(InputError):
        simplex_weights(costs, c)


def relation(losses, distances=0.0, ignorance=2.0, **settings):
    losses = np.array(losses)
    n = len(losses)
    given = {"norm_factor": 1.0, "distance_factor": 0.5, **settings}
    return task_relation(losses, np.zeros((n, n)) + distances, np.full(n, ignorance), **given)


def test_a_task_that_is_hard_for_all_is_not_held_against_its_like():
    # Heads of the last two tasks serve each other well, though both tasks are hard.
    found = relation([[0.1, 1.9, 1.9], [1.9, 1.2, 1.3], [1.9, 1.3, 1.2]])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[1, 2] > 0.3
    assert found[1, 0] < found[1, 2] / 2
    assert found[0, 1] < 0.5
    assert np.ptp(found[1]) > 0.1, "not uniform"


def test_costs_are_shares_of_what_can_be_learned():
    found = relation([[0.2, 0.6], [0.6, 0.2]])
    doubled = relation([[0.4, 1.2], [1.2, 0.4]], ignorance=4.0)
    np.testing.assert_allclose(doubled, found)
    np.testing.assert_allclose(found[0], simplex_weights([0, 0.4 / 1.8], 1.0))


def test_nothing_known_is_not_taken_for_alike():
    near_chance = [[1.99, 2.0], [2.0, 1.99]]
    few_rows = relation(near_chance, errors=np.array([[0, 0.2], [0.2, 0]]))
    np.testing.assert_allclose(few_rows, np.eye(2))


def test_a_head_that_seems_better_than_the_tasks_own_is_as_good():
    np.testing.assert_allclose(relation([[0.5, 0.2], [0.6, 0.4]])[0], [0.5, 0.5])


def test_equal_tasks_share_evenly_and_distance_counts():
    even = relation(np.full((3, 3), 0.5))
    np.testing.assert_allclose(even, 1 / 3)
    apart = np.array([[0, 0, 4.0], [0, 0, 4.0], [4.0, 4.0, 0]])
    found = relation(np.full((3, 3), 0.5), apart)
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])


def test_the_gap_is_what_both_heads_lose():
    losses = np.array([[0.1, 0.9, 0.5], [0.6, 0.2, 0.4], [0.3, 0.2, 0.3]])
    gap = pairwise_gap(losses)
    np.testing.assert_allclose(gap, gap.T)
    assert gap[0, 1] == pytest.approx((0.9 - 0.2) + (0.6 - 0.1))
    assert gap[1, 2] == pytest.approx((0.4 - 0.3) + (0.2 - 0.2))


def test_the_relation_at_the_start():
    np.testing.assert_array_equal(fixed_relation(1), [[1.0]])
    np.testing.assert_allclose(fixed_relation(5).sum(axis=1), 1)
