"""Resamples of the target's rows: the same for all sources, so that differences are paired.

A resample is half of the rows (or groups), drawn without replacement. Draws with replacement would
be wrong here: repeated rows predict each other, so a score computed on the very rows it is fitted
to rises with every repetition, the evidence without bound. A statistic that averages over rows
varies between halves as much as between new samples of the full size: (1 - 1/2) / (n/2) = 1/n.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import derive_seed
from priorlift.ranking.plan import ScoringPlan

ATTEMPTS = 20


def half_samples(
    y: NDArray[Any], groups: NDArray[Any] | None, plan: ScoringPlan
) -> list[NDArray[np.intp]]:
    """Draw halves of the rows, or of the groups where there are any.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, k)
        Labels; a half whose labels do not vary is drawn again, up to 20 times, then left out.
    groups : ndarray of shape (n,) or None
        Units of the draw; None draws single rows.
    plan : ScoringPlan
        How many, and the seed.

    Returns
    -------
    list of integer ndarray
        Sorted indices of rows, at most `plan.n_bootstrap` arrays; none with fewer than two units.

    References
    ----------
    Politis, Romano: Large sample confidence regions based on subsamples under minimal assumptions,
    Annals of Statistics, 1994.
    """
    units = _units(groups, len(y))
    if len(units) < 2:
        return []
    half = (len(units) + 1) // 2
    generator = np.random.default_rng(derive_seed(plan.seed, "halves", plan.target_fingerprint))
    found = []
    for _ in range(plan.n_bootstrap):
        for _ in range(ATTEMPTS):
            drawn = generator.choice(len(units), half, replace=False)
            rows = np.sort(np.concatenate([units[unit] for unit in drawn]))
            if (y[rows] != y[rows[0]]).any():
                found.append(rows)
                break
    return found


def _units(groups: NDArray[Any] | None, n_rows: int) -> list[NDArray[np.intp]]:
    if groups is None:
        return [np.array([row]) for row in range(n_rows)]
    _, codes = np.unique(groups.astype(str), return_inverse=True)
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
