"""Intervals of a scarce target: every labelled row is in play, in repeated cross-validation.

Folds overlap and repeats share all rows, so neither folds nor repeats are independent; rows (or
groups of rows) are. A t-test over folds takes them for independent and covers far too seldom;
it does not exist here.
"""

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.study.interval import (
    SAME_PREDICTIONS,
    FloatArray,
    Groups,
    Interval,
    constant_reason,
    finite_matrix,
    group_means,
    t_interval,
    varies,
)


def row_interval(
    differences: ArrayLike,
    *,
    groups: Groups | None = None,
    proportion: bool = False,
    level: float = 0.95,
) -> Interval:
    """Interval of a scarce target for scores that are means over rows.

    Each row's out-of-fold paired difference is averaged over the repeats, d_i; the interval is
    `mean(d) +- t_{N-1} sd(d) / sqrt(N)`. With groups, rows are averaged within their group first
    and groups are the units. `proportion=True` adds the adjustment after Bonett and Price (2012,
    Journal of Educational and Behavioral Statistics 37, 479-488): one pseudo-row of difference +1
    and one of -1, so N + 2 units and N + 1 degrees of freedom. It never collapses to zero width.
    Our choice with groups: each pseudo-row lies in a pseudo-group of average size m, so its unit
    is +-1/m. The `estimate` stays the plain mean; the interval's `centre` is `sum(d) / (N + 2)`.

    Parameters
    ----------
    differences : array-like of shape (n_repeats, n_rows) or (n_rows,)
        Score with sources minus score without; NaN where a row was not judged in a repeat.
    groups : sequence of length n_rows, optional
        Group of each row.
    proportion : bool, default False
        Whether a row's difference is one of two indicators, as for accuracy; within [-1, 1].
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        `reason` is set, and the ends are NaN without `proportion`, if all differences are equal.

    Raises
    ------
    InputError
        If there are fewer than two units, or a proportion lies outside [-1, 1].

    Notes
    -----
    Time O(n_repeats n_rows). The expected lift is that of fits on (1 - 1/k) of the rows.

    Examples
    --------
    >>> row_interval([[1, 0, 0, 1]], proportion=True).n_units
    4
    """
    matrix = finite_matrix(differences, "differences", allow_nan=True)
    matrix, groups, notes = _without_unjudged_rows(matrix, groups)
    units = group_means(np.nanmean(matrix, axis=0)[None, :], groups)[0]
    formula = "row_bonett_price" if proportion else "row"
    if proportion and np.abs(units).max(initial=0.0) > 1 + 1e-9:
        raise InputError(
            "a difference of proportions lies outside [-1, 1]",
            remedy="pass proportion=False for scores that are no indicators",
        )
    if units.size < 2 and not proportion:
        return t_interval(
            units.mean() if units.size else np.nan,
            np.nan,
            np.nan,
            formula=formula,
            n_units=units.size,
            level=level,
            reason="fewer than two units",
            notes=notes,
        )
    reason = constant_reason(units)
    if proportion and reason != SAME_PREDICTIONS:
        reason = None
    pseudo = units.size / matrix.shape[1]
    augmented = np.append(units, [pseudo, -pseudo]) if proportion else units
    error = augmented.std(ddof=1) / np.sqrt(augmented.size) if varies(augmented) else 0.0
    return t_interval(
        units.mean(),
        error,
        augmented.size - 1,
        formula=formula,
        n_units=units.size,
        level=level,
        centre=float(augmented.mean()),
        reason=reason,
        notes=notes,
    )


def nadeau_bengio_interval(
    fold_differences: ArrayLike,
    n_train: float,
    n_test: float,
    *,
    floor: Interval | None = None,
    level: float = 0.95,
) -> Interval:
    """Interval of a scarce target for scores that are no mean over rows (AUC, F1, ...).

    `mean +- t_{J-1} sqrt((1/J + n_test/n_train) s^2)` over all J = n_repeats * k fold differences
    (Nadeau and Bengio 2003, Machine Learning 52, 239-281). Conservative. Folds where the metric
    is undefined (one class only) are NaN; they are left out and counted in `notes`.

    Parameters
    ----------
    fold_differences : array-like of shape (n_repeats, k) or (n_folds,)
        Score with sources minus score without, one value a fold; NaN where undefined.
    n_train, n_test : float
        Rows (or groups) that train and judge in one fold, both positive.
    floor : Interval, optional
        A row interval on accuracy-like differences; the result is never narrower.
    level : float, default 0.95
        Confidence level.

    Returns
    -------
    Interval
        `n_units` is the number of folds used.

    Raises
    ------
    InputError
        If `n_train` or `n_test` is not positive.

    Examples
    --------
    >>> nadeau_bengio_interval([[0.1, 0.2, 0.0, 0.1]], n_train=75, n_test=25).df
    3.0
    """
    if not (n_train > 0 and n_test > 0):
        raise InputError(f"n_train and n_test must be positive, not {n_train} and {n_test}")
    folds = np.asarray(fold_differences, dtype=float).ravel()
    used = folds[np.isfinite(folds)]
    left_out = folds.size - used.size
    notes = (f"{left_out} of {folds.size} folds left out: score undefined",) if left_out else ()
    if used.size < 2:
        return t_interval(
            used.mean() if used.size else np.nan,
            np.nan,
            np.nan,
            formula="nadeau_bengio",
            n_units=used.size,
            level=level,
            reason="fewer than two folds with a defined score",
            notes=notes,
        )
    usable_floor = floor if floor is not None and np.isfinite(floor.low) else None
    reason = constant_reason(used)
    error = np.sqrt((1 / used.size + n_test / n_train) * used.var(ddof=1)) if not reason else 0.0
    return t_interval(
        used.mean(),
        error,
        used.size - 1,
        formula="nadeau_bengio",
        n_units=used.size,
        level=level,
        reason=reason,
        notes=notes,
        floor=usable_floor,
    )


def _without_unjudged_rows(
    matrix: FloatArray, groups: Groups | None
) -> tuple[FloatArray, Groups | None, tuple[str, ...]]:
    judged = np.isfinite(matrix).any(axis=0)
    if not judged.any():
        raise InputError("no row was judged in any repeat")
    if judged.all():
        return matrix, groups, ()
    notes = (f"{np.count_nonzero(~judged)} of {judged.size} rows left out: never judged",)
    kept = None if groups is None else np.asarray(groups)[judged]
    return matrix[:, judged], kept, notes
