"""The best regulariser for each number of labels: a log grid that grows, then narrows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.theory.quadrature import Array
from priorlift.theory.solution import Loss, Solution

FIRST = (-4.0, 1.0)
PER_DECADE = 2
EXTENSION = 2.0
INSIDE = 2
FLAT = 1e-8
MAX_ROUNDS = 12


def best_lambda(
    solve: Callable[[Array, Array, Loss], Solution],
    alpha: ArrayLike,
    loss: Loss,
    *,
    candidates: Array | None = None,
    scale: float = 1.0,
    bounds: tuple[float, float] = (1e-8, 1e8),
) -> Solution:
    """Return the solution at the lambda of the lowest error.

    Parameters
    ----------
    solve : callable
        `CovariateModel.solve`.
    alpha : array-like
        Labels for each feature.
    loss : str
        As for `solve`.
    candidates : ndarray of shape (k,), optional
        Choose among these alone.
    scale : float
        Mean eigenvalue; lambda is searched in units of it.
    bounds : tuple of float
        Limits of the search, in the same units.

    Raises
    ------
    InputError
        There are no candidates, or the bounds are not positive and ascending.
    """
    if candidates is not None and (candidates.ndim != 1 or not candidates.size):
        raise InputError("lambdas is empty or not one-dimensional", remedy="pass a list of numbers")
    if not 0 < bounds[0] < bounds[1] < np.inf:
        raise InputError(f"bounds are {bounds}", remedy="pass (low, high) with 0 < low < high")
    alpha = np.asarray(alpha, dtype=float)
    flat = alpha.reshape(-1, 1)
    if candidates is not None:
        errors = solve(flat, candidates[None, :], loss).error
        return solve(alpha, candidates[errors.argmin(axis=1)].reshape(alpha.shape), loss)
    low, high = (float(np.log10(bound)) for bound in bounds)

    def errors_at(exponents: Array) -> Array:
        return solve(flat, scale * 10.0**exponents, loss).error

    grid, errors = _grown(errors_at, low, high)
    exponent = _narrowed(errors_at, grid, errors)
    return solve(alpha, scale * 10.0 ** exponent.reshape(alpha.shape), loss)


def _grown(errors_at: Callable[[Array], Array], low: float, high: float) -> tuple[Array, Array]:
    """Extend the first grid while any row's optimum sits on an edge that may move."""
    left, right = max(FIRST[0], low), min(FIRST[1], high)
    left, right = min(left, right), max(left, right)
    steps = max(2, round((right - left) * PER_DECADE))
    grid = np.linspace(left, right, steps + 1)
    errors = errors_at(grid[None, :])
    while True:
        best = errors.argmin(axis=1)
        more = []
        if (best == 0).any() and grid[0] > low:
            more.append(_decades(max(low, grid[0] - EXTENSION), grid[0])[:-1])
        if (best == len(grid) - 1).any() and grid[-1] < high:
            more.append(_decades(grid[-1], min(high, grid[-1] + EXTENSION))[1:])
        if not more:
            return grid, errors
        added = np.concatenate(more)
        grid = np.concatenate([grid, added])
        errors = np.concatenate([errors, errors_at(added[None, :])], axis=1)
        order = np.argsort(grid)
        grid, errors = grid[order], errors[:, order]


def _decades(start: float, stop: float) -> Array:
    return np.linspace(start, stop, max(1, round((stop - start) * PER_DECADE)) + 1)


def _narrowed(errors_at: Callable[[Array], Array], grid: Array, errors: Array) -> Array:
    """Zoom in between the neighbours of each row's best point until the error is flat there."""
    rows = np.arange(len(errors))
    tried, found = np.broadcast_to(grid, errors.shape), errors
    centre = grid[errors.argmin(axis=1)]
    for _ in range(MAX_ROUNDS):
        left = np.where(tried < centre[:, None], tried, -np.inf).max(axis=1)
        right = np.where(tried > centre[:, None], tried, np.inf).min(axis=1)
        left, right = (
            np.where(left > -np.inf, left, centre),
            np.where(right < np.inf, right, centre),
        )
        below = np.linspace(left, centre, INSIDE + 2, axis=1)
        above = np.linspace(centre, right, INSIDE + 2, axis=1)
        tried = np.concatenate([below, above[:, 1:]], axis=1)
        found = errors_at(tried)
        centre = tried[rows, found.argmin(axis=1)]
        if (found.max(axis=1) - found.min(axis=1) <= FLAT * found.min(axis=1)).all():
            break
    return np.asarray(centre)
