"""Holm's adjustment of several p-values, with ties, and the confidence level it leaves each claim.

Holm (1979, Scandinavian Journal of Statistics 6, 65-70): the smallest of m p-values is held against
alpha / m, the next against alpha / (m - 1), and so on until one fails; the rest fail with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from priorlift.core.errors import InputError


@dataclass(frozen=True)
class Adjusted:
    """What the adjustment leaves for one claim.

    Parameters
    ----------
    p_value : float
        Adjusted p-value; the claim is rejected where it is at most 1 - `family_level`.
    level : float
        Confidence level of an interval that agrees with the decision, at least the family's.
    """

    p_value: float
    level: float


def holm(p_values: Sequence[float], level: float = 0.95) -> tuple[Adjusted, ...]:
    """Adjust p-values for being read together.

    Equal p-values get equal answers, and the order of the claims does not matter. A claim that is
    rejected at its step keeps that step's level, 1 - alpha / (number of p-values not below its
    own); the first claim to fail and all after it get the level of the failing step.

    Parameters
    ----------
    p_values : sequence of float
        In [0, 1].
    level : float, default 0.95
        1 - alpha, the chance that no true null hypothesis is rejected.

    Returns
    -------
    tuple of Adjusted
        In the order of `p_values`.

    Raises
    ------
    InputError
        If a p-value lies outside [0, 1].

    Notes
    -----
    Time O(m log m). The intervals agree with the tests claim by claim; together they do not cover
    all lifts at `level`.

    Examples
    --------
    >>> [round(claim.p_value, 3) for claim in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    if p.size == 0:
        return ()
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("a p-value lies outside [0, 1]")
    alpha = 1 - level
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    step = p.size - np.searchsorted(ordered, ordered, side="left")
    adjusted = np.minimum(1.0, np.maximum.accumulate(step * ordered))
    failed = adjusted > alpha
    steps = np.where(failed, step[np.argmax(failed)], step)
    answers: list[Adjusted] = [Adjusted(1.0, level)] * p.size
    for rank, index in enumerate(order):
        answers[index] = Adjusted(float(adjusted[rank]), 1 - alpha / int(steps[rank]))
    return tuple(answers)
