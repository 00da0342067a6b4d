"""The second-moment engine: every fold, chain and penalty from one reading of the rows.

Its pieces are `rows` (moments of all folds), `operators` (a transformer as algebra on moments) and
`families.ridge_path` (all penalties from one spectrum). States are kept by chain while a fold is
worked on, so `StandardScaler -> PCA(16)` and `StandardScaler -> PCA(32)` share a decomposition.
"""

import threading
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.utils.multiclass import type_of_target

from priorlift.core.memory import available_memory
from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.families.ridge_path import (
    Floats,
    Form,
    RidgePath,
    answers,
    fitted_values,
    head_reason,
)
from priorlift.search.moments.operators import Operator, operator_of
from priorlift.search.moments.rows import Rows
from priorlift.search.moments.state import State, UnsureError

HEADS: tuple[type, ...] = (Ridge, RidgeClassifier)
# p x p matrices that are held at once, for the common grids.
MATRICES = 12


def solves(kind: Hashable) -> bool:
    """Tell whether the engine may solve a last step of this exact type."""
    return kind in HEADS


class MomentEngine:
    """Solves ridge heads behind linear transformers from second moments.

    Parameters
    ----------
    X : ndarray of float64, shape (n, p)
        All rows, finite.
    y : array-like of shape (n,) or (n, k)
        Their targets.
    splits : sequence of (train, test)
        Row numbers; in each split every row stands on one side.
    fit_params : mapping
        Metadata for `fit`; any is declined.

    Notes
    -----
    O(n p^2) once; for each fold O(n_test p^2), then O(p^3) for each distinct scaling or selection,
    then O(n_test p) for each penalty and target. After the method of updating and downdating
    regression sums (Chan, Golub and LeVeque, 1983, The American Statistician 37, for the sums);
    that transformers compose as operators on moments is our choice.

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 4)), np.arange(60) % 3
    >>> test = np.arange(20)
    >>> engine = MomentEngine(X, y, [(np.arange(20, 60), test)], {})
    >>> engine.declines([StandardScaler()], RidgeClassifier()) is None
    True
    >>> (found,) = engine.answers(0, [StandardScaler()], RidgeClassifier(), [{"alpha": 1.0}])
    >>> found.test.decision.shape
    (1, 20, 3)
    """

    def __init__(
        self,
        X: NDArray[Any],
        y: Any,
        splits: Sequence[tuple[Any, Any]],
        fit_params: Mapping[str, Any],
    ) -> None:
        self._X, self._y, self._splits = X, np.asarray(y), splits
        self._reason = _data_reason(X, self._y, splits, fit_params)
        self._rows: dict[bool, Rows] = {}
        self._target_reasons: dict[bool, str | None] = {}
        self._classes: NDArray[Any] | None = None
        # Threads may work on different folds side by side.
        self._local = threading.local()

    def declines(self, chain: Sequence[Any], head: Any) -> str | None:
        """Return why a chain with a head is not solved from moments; None if it is.

        Parameters
        ----------
        chain : sequence of transformers
            Unfitted; None and "passthrough" pass everything through.
        head : estimator
            Unfitted.
        """
        if type(head) not in HEADS:
            return f"{type(head).__name__} has no moment form"
        reason = self._reason or head_reason(head, [])
        if reason:
            return reason
        if not head.fit_intercept:
            return "the head fits no intercept"
        if head.solver == "svd":
            return "the head decomposes its rows, not their moments"
        if getattr(head, "class_weight", None):
            return "classes are weighted"
        reason = self._targets_reason(type(head) is RidgeClassifier)
        if reason:
            return reason
        found = self._operators(chain, head)
        return found if isinstance(found, str) else None

    def answers(
        self, fold: int, chain: Sequence[Any], head: Any, settings: Sequence[Mapping[str, Any]]
    ) -> Iterator[Answers]:
        """Give the predictions for a fold's test rows.

        Parameters
        ----------
        fold : int
            Position of the split.
        chain, head
            As for `declines`, which has accepted them.
        settings : sequence of mappings
            Values of `alpha`.

        Notes
        -----
        Ends early where rounding could decide what a transformer learns; plain fits must follow.
        """
        operators = self._operators(chain, head)
        penalties = [setting["alpha"] for setting in settings]
        if isinstance(operators, str) or head_reason(head, penalties):
            return
        try:
            here = self._at(fold, type(head) is RidgeClassifier)
            solved = self._solved(here, operators)
        except UnsureError:
            return
        if solved is None:
            return
        plain = _Plain(self._X, self._y, self._splits[fold], chain, head, settings)
        alphas = np.array(penalties, dtype=float)
        yield from answers(solved.path, solved.form, alphas, solved.Z, None, plain)

    # --- what is known ----------------------------------------------------------------------

    def _targets_reason(self, classes: bool) -> str | None:
        if classes not in self._target_reasons:
            self._target_reasons[classes] = self._found_reason(classes)
        return self._target_reasons[classes]

    def _found_reason(self, classes: bool) -> str | None:
        y = self._y
        if not classes:
            usual = y.dtype.kind in "fiub" and y.ndim in (1, 2) and np.isfinite(y).all()
            return None if usual else "the targets are not finite numbers"
        if y.ndim != 1 or y.dtype.kind in "fc":
            return "the labels are not one class a row"
        kind = type_of_target(y)
        return None if kind in ("binary", "multiclass") else f"the labels are {kind}"

    def _operators(self, chain: Sequence[Any], head: Any) -> tuple[Operator, ...] | str:
        found: list[Operator] = []
        for step in chain:
            if step is None or (isinstance(step, str) and step == "passthrough"):
                continue
            operator = operator_of(step, type(head) is RidgeClassifier)
            if isinstance(operator, str):
                return operator
            found.append(operator)
        return tuple(found)

    def _rows_for(self, classes: bool) -> Rows:
        if classes not in self._rows:
            if classes:
                self._classes, codes = np.unique(self._y, return_inverse=True)
                targets = np.zeros((len(codes), len(self._classes)))
                targets[np.arange(len(codes)), codes] = 1.0
            else:
                targets = self._y.reshape(len(self._y), -1).astype(float)
            self._rows[classes] = Rows(self._X, targets, classes, self._splits)
        return self._rows[classes]

    def _at(self, fold: int, classes: bool) -> "_Fold":
        """Return what is known of a fold; only the last one of a thread is kept."""
        here: _Fold | None = getattr(self._local, "fold", None)
        if here is None or (here.fold, here.classes) != (fold, classes):
            state, means = self._rows_for(classes).training_state(fold)
            here = self._local.fold = _Fold(fold, classes, means, {(): state})
        return here

    def _solved(self, here: "_Fold", operators: tuple[Operator, ...]) -> "_Solved | None":
        """Return the ridge path behind some operators; None where the fold has one class alone."""
        state = here.behind(operators)
        turned = state.rotated
        if not here.classes:
            flat = self._y.ndim == 1 or self._y.shape[1] == 1
            residuals = self._y.reshape(len(self._y), -1) - here.means
            path = _path(state, turned.cross, here.means, float(np.abs(residuals).max()))
            return _Solved(path, Form(flat=flat), turned.test)
        # Classes that the training rows lack are unknown to the estimator.
        present = np.flatnonzero(state.class_counts > 0)
        assert self._classes is not None
        all_here = len(present) == len(self._classes)
        names = self._classes if all_here else self._classes[present]
        if len(names) < 2:
            return None
        columns = present[1:] if len(names) == 2 else present
        offset = 2.0 * here.means[columns] - 1.0
        path = _path(state, 2.0 * turned.cross[:, columns], offset, 2.0)
        return _Solved(path, Form(names, flat=len(names) == 2), turned.test)


@dataclass(eq=False)
class _Fold:
    """The states behind chains of operators in one fold; every beginning is computed once."""

    fold: int
    classes: bool
    means: Floats
    states: dict[tuple[Operator, ...], State]

    def behind(self, operators: tuple[Operator, ...]) -> State:
        if operators not in self.states:
            before = self.behind(operators[:-1])
            self.states[operators] = operators[-1].apply(before)
        return self.states[operators]


@dataclass(frozen=True, eq=False)
class _Solved:
    path: RidgePath
    form: Form
    Z: Floats


def _path(state: State, targets: Floats, offset: Floats, scale: float) -> RidgePath:
    values = state.rotated.squares
    ones = np.ones_like(values)
    # Moments of a fold are differences of sums over more rows than its own.
    norm, slack = state.row_norm(), 2.0 * scale * state.slack
    return RidgePath(values, targets, offset, scale, norm, ones, doubt=2.0, slack=slack)


class _Plain:
    """Fits one penalty by the estimators themselves, the chain once for all of them."""

    def __init__(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        split: tuple[Any, Any],
        chain: Sequence[Any],
        head: Any,
        settings: Sequence[Mapping[str, Any]],
    ) -> None:
        self._X, self._y, self._split = X, y, split
        self._chain, self._head, self._settings = chain, head, settings
        self._block: Block | None = None

    def __call__(self, position: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
        if self._block is None:
            train, test = self._split
            X_train, X_test, y_train = self._X[train], self._X[test], self._y[train]
            for step in self._chain:
                if step is not None and not isinstance(step, str):
                    fitted = clone(step)
                    X_train = fitted.fit_transform(X_train, y_train)
                    X_test = fitted.transform(X_test)
            self._block = Block(X_train, y_train, X_test)
        return fitted_values(self._head, self._settings[position]["alpha"], self._block)


def _data_reason(
    X: NDArray[Any],
    y: NDArray[Any],
    splits: Sequence[tuple[Any, Any]],
    fit_params: Mapping[str, Any],
) -> str | None:
    if fit_params:
        return "fit is given metadata"
    if X.dtype != np.float64:
        return f"the rows are {X.dtype}, and transformers round to that"
    if not np.isfinite(X).all():
        return "the rows hold NaN or infinity"
    n_least = min((len(train) for train, _ in splits), default=0)
    p = X.shape[1]
    if n_least < 2 or p > n_least:
        return "there are more columns than training rows"
    if MATRICES * 8 * p * p > available_memory() // 2:
        return f"moments of {p:,} columns do not fit into memory"
    return None
