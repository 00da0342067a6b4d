"""How much each task should learn from each other one: a weight vector on the simplex.

A row of the relation matrix solves

    min over alpha >= 0, sum(alpha) = 1 of   u . alpha + c ||alpha||_2

where u_k says what learning from task k costs. The linear term alone would choose one task; the
norm spreads the weight. As published and in the authors' code (SMTL, AMTNN) a general solver does
this; the optimality conditions give it in closed form up to one scalar (our derivation).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlift.core.errors import InputError

_ROWS_FOR_HALF = 50.0
_LEAST_LEARNED = 0.05
"""Of the ignorance: what counts as learned at least, so that a cost is a finite number."""


def simplex_weights(costs: ArrayLike, concentration: float) -> NDArray[np.float64]:
    """Weigh tasks by their costs, on the simplex.

    Parameters
    ----------
    costs : array-like of shape (n_tasks,)
        Finite; lower is better.
    concentration : float
        The factor c of the norm, positive. Weights are nearly uniform where the costs spread much
        less than c / sqrt(n_tasks), and one task gets all where the next one costs c more.

    Returns
    -------
    ndarray of shape (n_tasks,)
        Non-negative, of sum 1: alpha_k proportional to max(0, mu - u_k), where mu is the root of
        ||(mu - u)_+||_2 = c. With the tasks in use known it solves a quadratic equation; which they
        are follows from the sorted costs, in O(n_tasks log n_tasks).

    Raises
    ------
    InputError
        There is no cost, one is not finite, or `concentration` is not positive.

    Examples
    --------
    >>> simplex_weights([0.0, 0.0, 10.0], 1.0)
    array([0.5, 0.5, 0. ])
    """
    u = np.asarray(costs, dtype=float)
    if u.ndim != 1 or not u.size or not np.isfinite(u).all():
        raise InputError("costs of tasks must be one finite number for each task")
    if not concentration > 0.0 or not np.isfinite(concentration):
        raise InputError(f"concentration is {concentration!r}", remedy="a positive number")
    # Costs count from the cheapest and in units of c, so that neither's size costs digits.
    u = (u - u.min()) / concentration
    weights = _projected(u)
    return np.asarray(weights / weights.sum())


def _projected(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (mu - u)_+ of length 1; the cheapest task costs 0, so mu lies in (0, 1]."""
    cheapest = np.sort(u[u < 1.0])
    n = np.arange(1, len(cheapest) + 1)
    total, squares = np.cumsum(cheapest), np.cumsum(cheapest**2)
    # With the n cheapest tasks in use, mu solves n mu^2 - 2 mu total + squares = 1.
    roots = np.maximum(total**2 - n * (squares - 1.0), 0.0)
    mu = (total + np.sqrt(roots)) / n
    return np.asarray(np.maximum(mu[np.flatnonzero(mu > cheapest)[-1]] - u, 0.0))


def task_relation(
    losses: ArrayLike,
    distances: ArrayLike,
    ignorance: ArrayLike,
    *,
    norm_factor: float,
    distance_factor: float,
    errors: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Turn losses of each head on each task into the relation matrix.

    Parameters
    ----------
    losses : array-like of shape (n_tasks, n_tasks)
        Loss r_tk of the head of task t on rows of task k.
    distances : array-like of shape (n_tasks, n_tasks)
        Distance of the tasks' class centroids, 0 on the diagonal.
    ignorance : array-like of shape (n_tasks,)
        Loss H_k on task k of somebody who knows its label law alone.
    norm_factor : float
        C2 of the published objective.
    distance_factor : float
        C3 of the published objective.
    errors : array-like of shape (n_tasks, n_tasks), default=0.0
        Standard errors of the gaps, 0 on the diagonal.

    Returns
    -------
    ndarray of shape (n_tasks, n_tasks)
        Each row on the simplex. Task k costs task t the share of what can be learned about k that
        the head of t lacks, (r_tk - r_kk + error) / (H_k - r_kk), plus C3 times the distance. In
        this unit neither the number of classes nor the stage of training changes what C2 means, and
        tasks about which nothing is known yet are not taken for alike (our choice; the released
        code has r_tk, so that what is hard for everybody is avoided by everybody).
    """
    r, known = np.asarray(losses, dtype=float), np.asarray(ignorance, dtype=float)
    lacking = r - np.diag(r)[None, :] + np.asarray(errors, dtype=float)
    learnable = np.maximum(known - np.diag(r), _LEAST_LEARNED * np.maximum(known, 1e-6))
    # A head that seems better on k than k's own, which chance can do, is taken for as good.
    lacking = np.maximum(lacking, 0.0)
    costs = lacking / learnable[None, :] + distance_factor * np.asarray(distances, dtype=float)
    return np.stack([simplex_weights(row, norm_factor) for row in costs])


def shrunk(
    relation: NDArray[np.float64], start: NDArray[np.float64], n_rows: ArrayLike
) -> NDArray[np.float64]:
    """Move a relation that few rows speak for towards the one that training started from.

    Parameters
    ----------
    relation, start : ndarray of shape (n_tasks, n_tasks)
        What was found, and what was assumed.
    n_rows : array-like of shape (n_tasks,)
        For each task, the held-out rows that the smallest of the others has: its models are judged
        on them.

    Returns
    -------
    ndarray of shape (n_tasks, n_tasks)
        With 50 rows half of each (our choice).

    Examples
    --------
    >>> shrunk(np.full((2, 2), 0.5), np.eye(2), [50, 50])
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    n = np.asarray(n_rows, dtype=float)[:, None]
    trust = n / (n + _ROWS_FOR_HALF)
    return np.asarray(trust * relation + (1.0 - trust) * start)


def pairwise_gap(losses: ArrayLike) -> NDArray[np.float64]:
    """Return the performance gap of each pair of tasks.

    Parameters
    ----------
    losses : array-like of shape (n_tasks, n_tasks)
        Loss r_tk of the head of task t on rows of task k.

    Returns
    -------
    ndarray of shape (n_tasks, n_tasks)
        (r_tk - r_kk) + (r_kt - r_tt): symmetric, 0 on the diagonal. It may be negative.

    Examples
    --------
    >>> pairwise_gap([[0.1, 0.9], [0.6, 0.2]])
    array([[0. , 1.2],
           [1.2, 0. ]])
    """
    r = np.asarray(losses, dtype=float)
    one_way = r - np.diag(r)[None, :]
    return np.asarray(one_way + one_way.T)


def fixed_relation(n_tasks: int, own: float = 0.9) -> NDArray[np.float64]:
    """Return the relation that training starts from: `own` on the diagonal, the rest evenly.

    Examples
    --------
    >>> fixed_relation(3)
    array([[0.9 , 0.05, 0.05],
           [0.05, 0.9 , 0.05],
           [0.05, 0.05, 0.9 ]])
    """
    if n_tasks == 1:
        return np.ones((1, 1))
    relation = np.full((n_tasks, n_tasks), (1.0 - own) / (n_tasks - 1))
    np.fill_diagonal(relation, own)
    return relation
