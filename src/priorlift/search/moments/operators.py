"""Moment operators: what each transformer does to a `State`, one small class a transformer.

An operator computes what the transformer's own `fit` would learn from the moments alone. Where that
hangs on a comparison that rounding could turn (a column that is constant or nearly so, two scores
at the border of a selection, two equal variances at the border of a projection), it raises
`UnsureError`, and the transformers are fitted as usual.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from priorlift.search.families.pca import FULL_SOLVERS, solver_of
from priorlift.search.families.rows import is_count, is_number
from priorlift.search.moments.state import Floats, State, UnsureError

EPS = float(np.finfo(np.float64).eps)
# How near two values that decide something may come, relative to their size.
MARGIN = 1e-10


def _sure(holds: Any) -> None:
    if not np.all(holds):
        raise UnsureError


@dataclass(frozen=True)
class NonConstant:
    """`VarianceThreshold` with its default threshold: columns whose range is not zero stay."""

    def apply(self, state: State) -> State:
        """Return the state behind the selection."""
        if state.low is None or state.high is None:
            raise UnsureError
        width = state.high - state.low
        kept = width > 0
        # The transformer asks that the variance be positive, too, which can underflow.
        _sure(width[kept] > 1e-100)
        _sure(kept.any())
        return state if kept.all() else state.selected(np.flatnonzero(kept))


@dataclass(frozen=True)
class Standard:
    """`StandardScaler`."""

    with_mean: bool
    with_std: bool

    def apply(self, state: State) -> State:
        """Return the state behind the scaler."""
        center = state.mean if self.with_mean else np.zeros(state.n_columns)
        factor = np.ones(state.n_columns)
        if self.with_std:
            variance = state.squares / state.n
            noise = state.n * EPS * variance + (state.n * state.mean * EPS) ** 2
            varies = variance > noise
            constant = np.zeros(state.n_columns, dtype=bool)
            if state.low is not None and state.high is not None:
                constant = state.low == state.high
            # A column counts as constant below the noise; near it rounding would decide.
            _sure(constant | (variance > 100 * noise))
            varies &= ~constant
            factor[varies] = 1.0 / np.sqrt(variance[varies])
        return state.scaled(center, factor)


@dataclass(frozen=True)
class MinMax:
    """`MinMaxScaler` without clipping."""

    low: float
    high: float

    def apply(self, state: State) -> State:
        """Return the state behind the scaler."""
        if state.low is None or state.high is None:
            raise UnsureError
        factor = (self.high - self.low) / _not_zero(state.high - state.low)
        return state.scaled(state.low - self.low / factor, factor)


@dataclass(frozen=True)
class MaxAbs:
    """`MaxAbsScaler` without clipping."""

    def apply(self, state: State) -> State:
        """Return the state behind the scaler."""
        if state.low is None or state.high is None:
            raise UnsureError
        largest = np.maximum(np.abs(state.low), np.abs(state.high))
        return state.scaled(np.zeros(state.n_columns), 1.0 / _not_zero(largest))


def _not_zero(scale: Floats) -> Floats:
    """Replace what the scalers take for zero by one, by their own rule."""
    return np.where(scale < 10 * EPS, 1.0, scale)


@dataclass(frozen=True)
class Slice:
    """`PCA` by a full decomposition: the first directions of the eigenbasis, whitened or not."""

    n_components: int | float | None
    whiten: bool
    svd_solver: str

    def apply(self, state: State) -> State:
        """Return the state behind the projection; signs do not matter to what follows."""
        step = PCA(self.n_components, svd_solver=self.svd_solver)
        _sure(state.n_columns > 0)
        _sure(solver_of(step, (state.n, state.n_columns)) is not None)
        full = state.rotated
        kept = self._count(full)
        values = full.squares
        # The transformer may sum products of rows that are not centred, which costs it digits.
        noise = EPS * (values[0] + state.n * float(state.mean @ state.mean))
        slack = _turned(full, kept, noise) if kept < len(values) else 0.0
        _sure(slack < MARGIN)
        part = replace(full.selected(slice(0, kept)), slack=state.slack + slack)
        if not self.whiten:
            return part
        _sure(part.squares[-1] > noise / MARGIN)
        scale = np.sqrt(part.squares / (state.n - 1))
        _sure(scale > 1e3 * EPS)
        return part.scaled(np.zeros(kept), 1.0 / scale)

    def _count(self, full: State) -> int:
        n_most = min(full.n, full.n_columns)
        if self.n_components is None:
            return n_most
        if isinstance(self.n_components, float):
            shares = np.cumsum(full.squares / full.squares.sum())
            _sure(np.abs(shares - self.n_components) > MARGIN)
            return int(np.searchsorted(shares, self.n_components, side="right")) + 1
        _sure(self.n_components <= n_most)
        return self.n_components


def _turned(full: State, kept: int, noise: float) -> float:
    """Return by how much rounding may change predictions where a projection is cut.

    Two neighbouring eigenvalues at the border span a plane, in which rounding turns the last kept
    direction by the noise over their distance (Davis and Kahan, 1970). A prediction changes by
    that angle times what the two directions add to it, relative to the targets' scale.
    """
    border = slice(kept - 1, kept + 1)
    last, first_out = full.squares[border]
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = 8 * noise / (last - first_out)
        rows = np.abs(full.test[:, border]).max(initial=0.0)
        adds = rows * (np.abs(full.cross[border]).max(axis=0) / full.target_scales).max() / last
        found = float(angle * adds)
    return found if np.isfinite(found) else np.inf


@dataclass(frozen=True)
class KBest:
    """`SelectKBest` by the F statistic of an analysis of variance or of a regression.

    Notes
    -----
    Both statistics are monotone in the share of a column's sum of squares that the targets explain,
    so the shares alone decide which columns stay.
    """

    k: int
    by_class: bool

    def apply(self, state: State) -> State:
        """Return the state behind the selection."""
        _sure(self.k <= state.n_columns)
        _sure(self.by_class or state.cross.shape[1] == 1)
        if self.k == state.n_columns:
            return state
        _sure(state.squares > 0)
        share = self._explained(state) / state.squares
        order = np.argsort(share, kind="stable")
        out, kept = share[order[-self.k - 1]], share[order[-self.k :]]
        # The transformer's own sums are not centred, so a large mean costs it digits.
        offset = 1.0 + state.n * state.mean**2 / state.squares
        noise = 1e3 * EPS * float(offset.max())
        _sure(kept[0] - out > max(MARGIN * kept[0], noise))
        return state.selected(np.sort(order[-self.k :]))

    def _explained(self, state: State) -> Floats:
        """Return the sum of squares of each column that the targets explain."""
        if not self.by_class:
            return np.asarray(state.cross[:, 0] ** 2 / state.target_squares[0])
        return np.asarray((state.cross**2 / state.class_counts).sum(axis=1))


Operator = NonConstant | Standard | MinMax | MaxAbs | Slice | KBest


def _variance_threshold(step: Any, classes: bool) -> Operator | str:
    usual = is_number(step.threshold) and step.threshold == 0
    return NonConstant() if usual else "a threshold of variances other than 0"


def _standard(step: Any, classes: bool) -> Operator | str:
    return Standard(bool(step.with_mean), bool(step.with_std))


def _min_max(step: Any, classes: bool) -> Operator | str:
    if step.clip:
        return "a scaler clips"
    low, high = step.feature_range
    usual = is_number(low) and is_number(high) and low < high
    return MinMax(float(low), float(high)) if usual else "a feature range without width"


def _max_abs(step: Any, classes: bool) -> Operator | str:
    return "a scaler clips" if getattr(step, "clip", False) else MaxAbs()


def _pca(step: Any, classes: bool) -> Operator | str:
    count = step.n_components
    if step.svd_solver not in (*FULL_SOLVERS, "auto"):
        return f"svd_solver={step.svd_solver!r}"
    if is_count(count):
        return Slice(int(count), bool(step.whiten), step.svd_solver)
    if count is None or (isinstance(count, float) and 0.0 < count < 1.0):
        return Slice(count, bool(step.whiten), step.svd_solver)
    return f"n_components={count!r}"


def _k_best(step: Any, classes: bool) -> Operator | str:
    if step.score_func not in (f_classif, f_regression):
        return "features are selected by another score"
    if (step.score_func is f_classif) != classes:
        return "features are scored for another kind of target"
    return KBest(int(step.k), classes) if is_count(step.k) else f"k={step.k!r}"


MAKERS: dict[type, Callable[[Any, bool], Operator | str]] = {
    VarianceThreshold: _variance_threshold,
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PCA: _pca,
    SelectKBest: _k_best,
}


def operator_of(step: Any, classes: bool) -> Operator | str:
    """Return the operator of a transformer, or the reason why it has none.

    Parameters
    ----------
    step : transformer
        Unfitted; its exact type must be known here.
    classes : bool
        Whether the targets are classes.

    Examples
    --------
    >>> operator_of(MaxAbsScaler(), classes=True)
    MaxAbs()
    """
    maker = MAKERS.get(type(step))
    return (
        f"{type(step).__name__} has no moment operator" if maker is None else maker(step, classes)
    )
