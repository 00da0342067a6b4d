"""Minimise many smooth convex functions of one shape at once."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from priorlift.ranking.labels import Floats

MOST_STEPS = 60
MOST_HALVINGS = 20
MEMORY = 8


class Problems(Protocol):
    """B functions of arrays of shape (d, K)."""

    def value_and_slope(self, found: Floats) -> tuple[Floats, Floats]:
        """Return values, shape (B,), and derivatives, shape (B, d, K), at `found`."""
        ...

    def take(self, chosen: NDArray[np.bool_]) -> Self:
        """Return some of the functions."""
        ...


def minimised(
    problems: Problems, found: Floats, inverse: Floats, tolerance: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Minimise B convex functions at once by L-BFGS with a common first guess of the curvature.

    Parameters
    ----------
    problems : Problems
        The functions.
    found : ndarray of shape (B, d, K)
        Where to start; changed in place.
    inverse : ndarray of shape (d K, d K)
        Inverse of the first guess of the second derivatives.
    tolerance : float
        Largest partial derivative of a solution.

    Returns
    -------
    found : ndarray of shape (B, d, K)
        The solutions.
    solved : ndarray of bool, shape (B,)
        Which of them are.
    """
    value, slope = problems.value_and_slope(found)
    steps: list[tuple[Floats, Floats, Floats]] = []
    flat = (len(found), -1)
    for _ in range(MOST_STEPS):
        open_ones = np.abs(slope).max(axis=(1, 2)) > tolerance
        if not open_ones.any():
            break
        direction = -_against_curvature(slope.reshape(flat), steps, inverse).reshape(found.shape)
        direction[~open_ones] = 0.0
        moved, value, new_slope = _descended(problems, found, value, slope, direction)
        step, bend = (moved - found).reshape(flat), (new_slope - slope).reshape(flat)
        product = np.einsum("bp,bp->b", step, bend)
        useful = product > 1e-14
        rate = np.where(useful, 1.0 / np.where(useful, product, 1.0), 0.0)
        steps = [*steps[-MEMORY + 1 :], (step, bend, rate)]
        found, slope = moved, new_slope
    return found, np.abs(slope).max(axis=(1, 2)) <= tolerance


def _against_curvature(
    slope: Floats, steps: list[tuple[Floats, Floats, Floats]], inverse: Floats
) -> Floats:
    """Return slopes times the inverse curvature that the steps so far tell, shape (B, p)."""
    left = slope.copy()
    kept = []
    for step, bend, rate in reversed(steps):
        amount = rate * np.einsum("bp,bp->b", step, left)
        left -= amount[:, None] * bend
        kept.append(amount)
    left = left @ inverse
    for (step, bend, rate), amount in zip(steps, reversed(kept), strict=True):
        back = rate * np.einsum("bp,bp->b", bend, left)
        left += (amount - back)[:, None] * step
    return left


def _descended(
    problems: Problems, found: Floats, value: Floats, slope: Floats, direction: Floats
) -> tuple[Floats, Floats, Floats]:
    """Go along a direction, half as far where the objective does not fall enough."""
    fall = (direction * slope).sum(axis=(1, 2))
    length = np.ones(len(found))
    moved = found + direction
    new_value, new_slope = problems.value_and_slope(moved)
    for _ in range(MOST_HALVINGS):
        high = new_value > value + 1e-4 * length * fall + 1e-13 * np.abs(value)
        if not high.any():
            break
        length[high] *= 0.5
        moved[high] = found[high] + length[high, None, None] * direction[high]
        new_value[high], new_slope[high] = problems.take(high).value_and_slope(moved[high])
    return moved, new_value, new_slope
