"""Ensembles by their prefixes: the largest is grown once, the smaller ones are its first members.

Boosting without early stopping is the same ensemble up to any round, whatever comes later, and
scikit-learn itself gives the predictions of every round. A forest with an integer seed draws the
seeds of its trees one after another, so a smaller forest is the first trees of a larger one; votes
are summed in the order of the trees, as a single worker does. Ensembles without a seed draw anew at
each fit and are left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.families.common import Sheet, class_codes, plain_fit
from priorlift.search.families.rows import is_count, rows_reason, weights_reason
from priorlift.search.scikit_learn import has_valid_parameters

_BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)
_HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
_FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)
# All answers of a run are held at once, because the members are walked only once (our choice).
_MOST_BYTES = 256 * 2**20


class StagedFamily:
    """Solves the number of members of one kind of ensembles.

    Parameters
    ----------
    name : str
        As `shared_work_` shows it.
    estimators : tuple of type
        Exact types.
    size : str
        The parameter that counts the members.
    """

    def __init__(self, name: str, estimators: tuple[type, ...], size: str) -> None:
        self.name, self.estimators, self._size = name, estimators, size
        self.axis = frozenset({size})

    def declines(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> str | None:
        """Return why these settings are not solved here; None if they are.

        Parameters
        ----------
        estimator : ensemble
            With the settings off the axis.
        settings : sequence of mapping
            Numbers of members.
        block : Block
            Rows of one fold.
        """
        if not has_valid_parameters(estimator):
            return "a parameter is invalid"
        if not all(is_count(setting[self._size]) for setting in settings):
            return f"{self._size} is not a number of members"
        reason = _stops_or_differs(estimator) or _rows_decline(block)
        if reason:
            return reason
        y = np.asarray(block.y_train)
        if _is_classifier(estimator):
            if class_codes(y) is None:
                return "y is no vector of labels"
        elif y.ndim != 1 or y.dtype.kind not in "fiub" or not np.isfinite(y).all():
            return "y is no vector of numbers"
        n_rows = len(block.X_test) + (len(block.X_train) if block.want_train else 0)
        n_columns = len(np.unique(y)) if _is_classifier(estimator) else 1
        if 8 * 3 * n_columns * n_rows * len(settings) > _MOST_BYTES:
            return "the answers of all settings do not fit the memory set aside for them"
        return None

    def answers(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> Iterator[Answers]:
        """Give the predictions of all settings at once.

        Parameters
        ----------
        estimator, settings, block : object
            As accepted by `declines`.

        Notes
        -----
        One fit of the largest ensemble and one prediction of each of its members.
        """
        counts = [int(setting[self._size]) for setting in settings]
        fitted = plain_fit(estimator, {self._size: max(counts)}, block)
        walk = _forest_stages if isinstance(estimator, _FORESTS) else _boosted_stages
        sides = [block.X_test, block.X_train] if block.want_train else [block.X_test]
        found = []
        for X in sides:
            sheet = _empty(fitted, X, len(counts))
            places: dict[int, list[int]] = {}
            for i, count in enumerate(counts):
                places.setdefault(count, []).append(i)
            for number, stage in enumerate(walk(fitted, X), 1):
                for i in places.pop(number, ()):
                    _write(sheet, i, stage)
            if places:
                # It stopped growing by itself, so smaller counts may have done so elsewhere.
                return
            found.append(sheet.predictions())
        yield Answers(0, found[0], found[1] if block.want_train else None)


def _stops_or_differs(estimator: Any) -> str | None:
    if getattr(estimator, "warm_start", False):
        return "warm_start continues an earlier fit"
    if isinstance(estimator, _HISTOGRAMS):
        if estimator.early_stopping is not False:
            return "it may stop early"
    elif isinstance(estimator, _BOOSTING):
        if estimator.n_iter_no_change is not None:
            return "it may stop early"
        if estimator.init is not None or estimator.verbose:
            return "it is given an estimator to begin with, or prints"
    elif estimator.oob_score or estimator.n_jobs not in (None, 1) or estimator.verbose:
        return "its trees are summed in any order, or it judges or prints by itself"
    seed = estimator.random_state
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool):
        return None
    return "without an integer seed every fit draws other numbers"


def _rows_decline(block: Block) -> str | None:
    reason = rows_reason(block.X_train) or rows_reason(block.X_test)
    return reason or weights_reason(block.fit_params, len(block.X_train))


def _is_classifier(estimator: Any) -> bool:
    return hasattr(type(estimator), "predict_proba")


def _empty(fitted: Any, X: Any, n_settings: int) -> Sheet:
    n = len(X)
    if not _is_classifier(fitted):
        return Sheet(X, values=np.empty((n_settings, n)))
    n_classes = len(fitted.classes_)
    sheet = Sheet(X, fitted.classes_, labels=np.empty((n_settings, n), dtype=np.intp))
    sheet.proba = np.empty((n_settings, n, n_classes))
    if hasattr(fitted, "decision_function"):
        sheet.decision = np.empty((n_settings, n) if n_classes == 2 else (n_settings, n, n_classes))
    return sheet


Stage = dict[str, NDArray[Any]]


def _write(sheet: Sheet, setting: int, stage: Stage) -> None:
    for name, values in stage.items():
        room = getattr(sheet, name)
        room[setting] = values.reshape(room.shape[1:])


def _boosted_stages(fitted: Any, X: Any) -> Iterator[Stage]:
    if not _is_classifier(fitted):
        for values in fitted.staged_predict(X):
            yield {"values": values}
        return
    streams = zip(
        fitted.staged_decision_function(X),
        fitted.staged_predict_proba(X),
        fitted.staged_predict(X),
        strict=True,
    )
    for decision, proba, predicted in streams:
        labels = np.searchsorted(fitted.classes_, predicted)
        yield {"decision": decision, "proba": proba, "labels": labels}


def _forest_stages(fitted: Any, X: Any) -> Iterator[Stage]:
    rows = np.asarray(X, dtype=np.float32)
    total: Any = 0.0
    for number, tree in enumerate(fitted.estimators_, 1):
        if not _is_classifier(fitted):
            total = total + tree.predict(rows)
            yield {"values": total / number}
            continue
        total = total + tree.predict_proba(rows)
        proba = total / number
        yield {"proba": proba, "labels": proba.argmax(axis=1)}


BOOSTING = StagedFamily("boosting", _BOOSTING, "n_estimators")
HISTOGRAMS = StagedFamily("histogram boosting", _HISTOGRAMS, "max_iter")
FORESTS = StagedFamily("forest", _FORESTS, "n_estimators")
