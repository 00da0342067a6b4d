"""The verdict on a source, and the sentence that says it."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from priorlift.ranking.gap.parts import HELPS, HURTS, NOT_SHOWN, UNITS, Gap
from priorlift.ranking.labels import Floats

Ends = tuple[float, float]


def interval(
    differences: Floats, weight: Floats, units: NDArray[np.intp], level: float, *, zero_one: bool
) -> Ends:
    """Return the interval of a gap for new rows of its domain.

    Parameters
    ----------
    differences : ndarray of shape (n,)
        Of the judged rows, averaged over the repeats.
    weight : ndarray of shape (n,)
        Weights of the rows.
    units : ndarray of shape (n,)
        Groups, or the rows themselves; those of one unit may depend on each other.
    level : float
        Level.
    zero_one : bool
        Whether the differences are those of two indicators.

    Returns
    -------
    low, high : float
        NaN where there are fewer than two units, or none vary.

    Notes
    -----
    The weighted mean of the units' means with Student's t. For 0-1 losses two pseudo-units of
    +1 and -1 (+-1/m with units of m rows) are added, so that it never collapses: after Bonett and
    Price (2012), Journal of Educational and Behavioral Statistics 37, 479-488. It holds the chance
    of the rows that judge, and not that of the rows that train.
    """
    _, codes = np.unique(units, return_inverse=True)
    sums = np.bincount(codes, weights=weight)
    if len(sums) < 2 or not sums.all():
        kept = sums[codes] > 0
        if len(sums) < 2 or (sums > 0).sum() < 2:
            return float("nan"), float("nan")
        rest = (differences[kept], weight[kept], units[kept])
        return interval(*rest, level, zero_one=zero_one)
    means = np.bincount(codes, weights=weight * differences) / sums
    mass = sums / sums.mean()
    if zero_one:
        pseudo = len(sums) / len(differences)
        means, mass = np.append(means, [pseudo, -pseudo]), np.append(mass, [1.0, 1.0])
    n, total = len(means), float(mass.sum())
    centre = float(mass @ means) / total
    error = np.sqrt(n / (n - 1) * float(((mass * (means - centre)) ** 2).sum())) / total
    if error <= 0.0:
        return float("nan"), float("nan")
    reach = float(stats.t.ppf(0.5 + level / 2.0, n - 1)) * error
    return float(centre - reach), float(centre + reach)


def verdict(gap: Gap, level: float) -> str:
    """Return what a gap on the target says of pooling: hurts, helps or not shown."""
    refuted = gap.p_value is None or gap.p_value <= 1.0 - level + 1e-9
    if gap.value > 0 and gap.low > 0 and refuted:
        return HURTS
    return HELPS if gap.value < 0 and gap.high < 0 else NOT_SHOWN


def sentence(gap: Gap, loss: str, level: float) -> str:
    """Say a gap on the target and its verdict in plain words.

    Examples
    --------
    >>> sentence(Gap(0.12, 0.05, 0.19, p_value=0.01), "zero_one", 0.95)
    "the source's model loses 0.12 of accuracy on the target: pooling is likely to hurt (p = 0.01)"
    """
    found = verdict(gap, level)
    word = "loses" if gap.value > 0 else "gains"
    amount = (
        f"the source's model {word} {abs(gap.value):.2f} of {UNITS[loss]} on the target"
        if round(abs(gap.value), 2) > 0
        else f"on the target the source's model has the {UNITS[loss]} of the target's own"
    )
    chance = "no permutations drawn" if gap.p_value is None else f"p = {gap.p_value:.2g}"
    if found == HURTS:
        return f"{amount}: pooling is likely to hurt ({chance})"
    if found == HELPS:
        return f"{amount} over the target's own: pooling is likely to help"
    if gap.p_value is not None and gap.p_value <= 1.0 - level + 1e-9 and gap.value > 0:
        return f"{amount}: pooling may hurt, but too few rows judge it ({chance})"
    return f"{amount}: not shown that pooling would hurt or help ({chance})"
