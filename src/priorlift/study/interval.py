"""One interval for a lift, which can be read again at any confidence level.

The formulas live next door (`scarce_intervals`, `crossed_intervals`, `metric_intervals`); all give
the `Interval` defined here. It keeps what Holm's adjustment needs to move its ends and to give a
p-value that agrees with them. Differences are "with sources" minus "without", higher is better.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from priorlift.core.errors import InputError

FloatArray: TypeAlias = NDArray[np.float64]
Groups: TypeAlias = Sequence[Hashable] | NDArray[Any]

SAME_PREDICTIONS = "both fits predict the same"
SAME_DIFFERENCE = "every unit shows the same difference, so its spread cannot be estimated"


@dataclass(frozen=True)
class Interval:
    """An interval for a lift that can be read again at any other confidence level.

    Parameters
    ----------
    estimate : float
        Mean paired difference, in units of the metric.
    low, high : float
        Ends of the interval; both NaN where no interval can be given (`reason` says why). The
        interval never has width 0.
    standard_error : float
        Standard error behind the interval, >= 0.
    df : float
        Degrees of freedom of Student's t; infinite for a percentile interval.
    level : float
        Confidence level in (0, 1).
    formula : str
        "row", "row_bonett_price", "nadeau_bengio", "crossed_components", "pigeonhole",
        "delong_components" or "pigeonhole_metric".
    n_units : int
        Observed units: rows, groups or folds (for the crossed formulas test rows or groups).
    reason : str or None
        Why nothing can be shown, whatever the ends say; None for an ordinary interval.
    notes : tuple of str
        What a reader should know, such as folds that were left out or "approximate".
    centre : float
        Middle of a t interval; it differs from `estimate` only under the Bonett-Price adjustment.
    floor : Interval or None
        The interval is never narrower than this one at the same level.
    resamples : ndarray or None
        Sorted bootstrap means of a percentile interval.

    Examples
    --------
    >>> interval = t_interval(0.2, 0.04, 3, formula="row", n_units=4, level=0.95)
    >>> interval.excludes_zero, interval.at(0.999).excludes_zero
    (True, False)
    """

    estimate: float
    low: float
    high: float
    standard_error: float
    df: float
    level: float
    formula: str
    n_units: int
    reason: str | None = None
    notes: tuple[str, ...] = ()
    centre: float = float("nan")
    floor: "Interval | None" = field(default=None, repr=False)
    resamples: FloatArray | None = field(default=None, repr=False, compare=False)

    @property
    def half_width(self) -> float:
        """Half the distance between the ends; NaN where there is no interval."""
        return (self.high - self.low) / 2

    @property
    def excludes_zero(self) -> bool:
        """True if the interval lies wholly on one side of zero and there is no `reason`."""
        return self.reason is None and (self.low > 0 or self.high < 0)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "the lift is zero"; 1.0 where there is a `reason`."""
        return self.p_value_against(0.0)

    def p_value_against(self, lift: float) -> float:
        """Two-sided p-value of "the lift equals `lift`", from the same distribution as the ends.

        Parameters
        ----------
        lift : float
            Hypothetical lift, in units of the metric.

        Returns
        -------
        float
            In (0, 1]; 1.0 where there is a `reason`.
        """
        if self.reason is not None or not np.isfinite(self.low):
            return 1.0
        if self.resamples is not None:
            below = 1 + np.count_nonzero(self.resamples <= lift)
            above = 1 + np.count_nonzero(self.resamples >= lift)
            return float(min(1.0, 2 * min(below, above) / (self.resamples.size + 1)))
        distance = abs(self.centre - lift)
        own = 2 * float(stats.t.sf(distance / self.standard_error, self.df))
        if self.floor is None:
            return own
        return max(own, 2 * float(stats.t.sf(distance / self.floor.standard_error, self.floor.df)))

    def at(self, level: float) -> "Interval":
        """Give the same interval at another confidence level.

        Parameters
        ----------
        level : float
            In (0, 1).

        Returns
        -------
        Interval
            Same estimate, standard error and reason; other ends.
        """
        _check_level(level)
        if not np.isfinite(self.low):
            return replace(self, level=level)
        floor = None if self.floor is None else self.floor.at(level)
        if self.resamples is not None:
            low, high = np.quantile(self.resamples, [(1 - level) / 2, (1 + level) / 2])
            return replace(self, level=level, low=float(low), high=float(high))
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.standard_error
        if floor is not None:
            half = max(half, floor.half_width)
        return replace(
            self, level=level, low=self.centre - half, high=self.centre + half, floor=floor
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a table or a JSON file; the resamples are left out."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "standard_error": self.standard_error,
            "df": self.df,
            "level": self.level,
            "formula": self.formula,
            "n_units": self.n_units,
            "reason": self.reason,
            "notes": list(self.notes),
        }


def t_interval(
    estimate: float,
    standard_error: float,
    df: float,
    *,
    formula: str,
    n_units: int,
    level: float,
    centre: float | None = None,
    reason: str | None = None,
    notes: tuple[str, ...] = (),
    floor: Interval | None = None,
) -> Interval:
    """Build an interval `centre +- t_df standard_error`; without a spread it has no ends.

    Parameters
    ----------
    estimate, standard_error, df, formula, n_units, level, centre, reason, notes, floor
        The fields of `Interval`; `centre` defaults to the estimate.

    Returns
    -------
    Interval
        With NaN ends and a `reason` if the standard error is zero or not finite.
    """
    _check_level(level)
    usable = bool(np.isfinite(standard_error) and standard_error > 0 and df > 0)
    if not usable and reason is None:
        reason = SAME_DIFFERENCE
    shell = Interval(
        estimate=float(estimate),
        low=0.0 if usable else float("nan"),
        high=0.0 if usable else float("nan"),
        standard_error=float(standard_error),
        df=float(df),
        level=level,
        formula=formula,
        n_units=n_units,
        reason=reason,
        notes=notes,
        centre=float(estimate if centre is None else centre),
        floor=floor,
    )
    return shell.at(level)


def percentile_interval(
    estimate: float, resamples: FloatArray, *, formula: str, n_units: int, level: float
) -> Interval:
    """Build an interval from the quantiles of bootstrap means.

    Parameters
    ----------
    estimate, formula, n_units, level
        The fields of `Interval`.
    resamples : ndarray of shape (n_resamples,)
        Bootstrap means in any order.

    Returns
    -------
    Interval
        It keeps the sorted resamples.
    """
    _check_level(level)
    shell = Interval(
        estimate=estimate,
        low=0.0,
        high=0.0,
        standard_error=float(resamples.std(ddof=1)),
        df=float("inf"),
        level=level,
        formula=formula,
        n_units=n_units,
        centre=estimate,
        resamples=np.sort(resamples),
    )
    return shell.at(level)


def group_means(matrix: FloatArray, groups: Groups | None) -> FloatArray:
    """Average the columns of a matrix within groups.

    Parameters
    ----------
    matrix : ndarray of shape (n, n_rows)
        One column a row of data.
    groups : sequence of length n_rows or None
        Group of each column; None leaves the matrix as it is.

    Returns
    -------
    ndarray of shape (n, n_groups)
        Groups in sorted order.

    Raises
    ------
    InputError
        If there is not one group a column.
    """
    if groups is None:
        return matrix
    labels = np.asarray(groups)
    if labels.shape != (matrix.shape[1],):
        raise InputError(f"{labels.size} groups for {matrix.shape[1]} rows")
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means: FloatArray = np.add.reduceat(matrix[:, order], starts, axis=1) / counts
    return means


def constant_reason(values: FloatArray) -> str | None:
    """Name the reason why equal values give no interval; None if they vary."""
    if varies(values):
        return None
    return SAME_PREDICTIONS if np.abs(values).max(initial=0.0) < 1e-12 else SAME_DIFFERENCE


def varies(values: FloatArray) -> bool:
    """Whether values differ by more than rounding."""
    return bool(np.ptp(values) > 1e-12 * max(1.0, np.abs(values).max()))


def finite_matrix(values: ArrayLike, name: str, *, allow_nan: bool) -> FloatArray:
    """Read a non-empty matrix of finite numbers; NaN passes only where it is allowed."""
    matrix = np.atleast_2d(np.asarray(values, dtype=float))
    if matrix.ndim != 2 or matrix.size == 0:
        raise InputError(f"{name} must be a non-empty matrix, not of shape {matrix.shape}")
    bad = np.isinf(matrix) if allow_nan else ~np.isfinite(matrix)
    if bad.any():
        raise InputError(f"{name} holds {np.count_nonzero(bad)} values that are not finite")
    return matrix


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, not {level}")
