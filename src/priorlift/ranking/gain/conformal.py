"""Intervals of predicted lifts from residuals on held-out targets.

Residuals of one target rise and fall together, so what can be exchanged is a target, not a pair.
Each of T held-out targets gets the weight 1 / (T + 1), spread evenly over its pairs; the last share
belongs to the target to come, whose residuals may have any size. The half-width is the `level`
quantile of that weighted distribution (Lee, Barber, Willett: Distribution-free inference with
hierarchical data, 2023; there with residuals of a model fitted elsewhere, here with cross-validated
ones, which makes the guarantee approximate).

With T < level / (1 - level), 9 targets at 90 %, no finite quantile exists. Our choice there: the
largest residual seen, or the Student bound t_T * rms * sqrt(1 + 1/T), whichever is wider.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
FEW_FOR_SPREAD = 12


def half_width(residuals: Floats, targets: Names, level: float) -> float:
    """Return the half-width that covers a random pair of a new target at `level`.

    Parameters
    ----------
    residuals : ndarray of shape (N,)
        Of held-out predictions; signs do not matter.
    targets : ndarray of str, shape (N,)
        Target of each.
    level : float
        In (0, 1).

    Examples
    --------
    >>> names = np.array([str(i) for i in range(19)])
    >>> half_width(np.arange(1.0, 20.0), names, 0.9)  # rank ceil(0.9 * 20) of 19
    18.0
    """
    sizes = np.abs(residuals)
    _, codes, counts = np.unique(targets, return_inverse=True, return_counts=True)
    n_targets = len(counts)
    order = np.argsort(sizes, kind="stable")
    reached = np.cumsum(1.0 / ((n_targets + 1.0) * counts[codes][order]))
    place = int(np.searchsorted(reached, level - 1e-9))
    if place < len(sizes):
        return float(sizes[order[place]])
    rms = float(np.sqrt((np.bincount(codes, sizes**2) / counts).mean()))
    student = float(stats.t.ppf((1.0 + level) / 2.0, n_targets)) * rms
    return float(max(sizes.max(), student * np.sqrt(1.0 + 1.0 / n_targets)))


@dataclass(frozen=True, eq=False)
class Spread:
    """How the size of residuals changes with the prediction and the target's features.

    Attributes
    ----------
    center, scale, slopes : ndarray
        log size = slopes * (columns - center) / scale, up to a constant; the slopes are all 0 where
        a local spread was not worth it.
    """

    center: Floats
    scale: Floats
    slopes: Floats

    def at(self, columns: Floats) -> Floats:
        """Return the relative spread, shape (N,), within a factor 5 of the middle."""
        filled = np.where(np.isnan(columns), self.center, columns)
        found = ((filled - self.center) / self.scale) @ self.slopes
        return np.asarray(np.exp(np.clip(found, -1.6, 1.6)))


@dataclass(frozen=True, eq=False)
class ConformalBand:
    """Half-widths of intervals: `width` times the local spread."""

    width: float
    spread: Spread

    def at(self, columns: Floats) -> Floats:
        """Return the half-widths of pairs, shape (N,)."""
        return np.asarray(self.width * self.spread.at(columns))


def fit_band(
    residuals: Floats,
    columns: Floats,
    targets: Names,
    level: float,
    parts: list[NDArray[np.bool_]],
) -> ConformalBand:
    """Choose between a constant and a local spread on held-out targets, and set the width.

    Parameters
    ----------
    residuals : ndarray of shape (N,)
        Of held-out predictions.
    columns : ndarray of shape (N, c)
        What the spread may depend on; NaN counts as the mean.
    targets : ndarray of str, shape (N,)
        Target of each pair.
    level : float
        Of the intervals.
    parts : list of bool ndarray
        Folds of whole targets. The local spread is taken where the intervals it gives on held-out
        targets have the smaller mean interval score (width + 2/alpha * distance of misses; Gneiting
        and Raftery 2007) by at least two standard errors over targets, and 12 targets or more.
    """
    constant = _constant(columns)
    chosen = constant
    n_targets = len(np.unique(targets))
    if n_targets >= FEW_FOR_SPREAD:
        gain = np.zeros(len(residuals))
        for part in parts:
            rest = ~part
            local = _fit_spread(residuals[rest], columns[rest])
            for spread, sign in ((constant, 1.0), (local, -1.0)):
                unit = half_width(residuals[rest] / spread.at(columns[rest]), targets[rest], level)
                half = unit * spread.at(columns[part])
                missed = np.maximum(np.abs(residuals[part]) - half, 0.0)
                gain[part] += sign * (2.0 * half + 2.0 / (1.0 - level) * missed)
        codes = np.unique(targets, return_inverse=True)[1]
        by_target = np.bincount(codes, gain) / np.bincount(codes)
        if by_target.mean() > 2.0 * by_target.std(ddof=1) / np.sqrt(n_targets):
            chosen = _fit_spread(residuals, columns)
    return ConformalBand(half_width(residuals / chosen.at(columns), targets, level), chosen)


def _constant(columns: Floats) -> Spread:
    width = columns.shape[1]
    return Spread(np.zeros(width), np.ones(width), np.zeros(width))


def _fit_spread(residuals: Floats, columns: Floats) -> Spread:
    """Regress log |residual| on the columns, with a ridge worth a tenth of the rows."""
    known = ~np.isnan(columns)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, columns, 0.0).sum(axis=0) / count
    filled = np.where(known, columns, center) - center
    scale = filled.std(axis=0)
    scale = np.where(scale > 1e-12 * (1.0 + np.abs(center)), scale, np.inf)
    x = filled / scale
    sizes = np.abs(residuals)
    floor = 0.05 * float(np.median(sizes)) or 1.0
    y = np.log(np.maximum(sizes, floor))
    slopes = np.linalg.solve(x.T @ x + 0.1 * len(y) * np.eye(x.shape[1]), x.T @ (y - y.mean()))
    return Spread(center, scale, slopes)
