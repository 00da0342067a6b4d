"""Logistic regression along a path: each C starts from the coefficients of the next smaller one.

Opt-in (`warm_start_paths=True`), because an iterative solver that begins elsewhere ends elsewhere
within its tolerance: scores agree with plain fits only so far. The solver is the estimator's own,
with a tolerance ten times tighter than asked for (our choice), because a start close to the optimum
would otherwise end at the first gradient that is small enough, short of where a plain fit ends.
Nothing expensive is common to the C's, so the gain is that of fewer iterations: see
"What a search shares".
"""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from priorlift.search.answers import Answers, Predictions
from priorlift.search.block import Block
from priorlift.search.families.base import Settings
from priorlift.search.families.rows import is_number, rows_reason, weights_reason

_SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky")
_TIGHTER = 0.1


class LogisticFamily:
    """Solves `C` of `LogisticRegression`, from the smallest to the largest.

    Notes
    -----
    As many fits as settings; only their starting points are shared. Declines the stochastic and
    coordinate solvers, whose path depends on the order of rows, and a `warm_start` of the user's.
    """

    name = "logistic path"
    estimators: tuple[type, ...] = (LogisticRegression,)
    axis = frozenset({"C"})
    opt_in = True

    def declines(self, estimator: Any, settings: Settings, block: Block) -> str | None:
        """Return why there is no path here; None if there is."""
        if estimator.solver not in _SOLVERS:
            return f"solver {estimator.solver!r} has no path here"
        if estimator.warm_start is not False:
            return "warm_start is the user's"
        if not all(is_number(s["C"], low=0.0) and s["C"] > 0 for s in settings):
            return "a C is not one number above 0"
        return (
            rows_reason(block.X_train)
            or rows_reason(block.X_test)
            or weights_reason(block.fit_params, len(block.X_train))
        )

    def answers(self, estimator: Any, settings: Settings, block: Block) -> Iterator[Answers]:
        """Give the predictions of all settings; ends without any where a fit does not converge."""
        model = clone(estimator).set_params(warm_start=True, tol=estimator.tol * _TIGHTER)
        sides = [block.X_test, block.X_train] if block.want_train else [block.X_test]
        said: dict[int, list[Predictions]] = {}
        for position in sorted(range(len(settings)), key=lambda i: float(settings[i]["C"])):
            model.set_params(C=settings[position]["C"])
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(block.X_train, block.y_train, **block.fit_params)
            if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
                return
            said[position] = [_said(model, X) for X in sides]
        for position in range(len(settings)):
            found = said[position]
            yield Answers(position, found[0], found[1] if block.want_train else None)


def _said(model: Any, X: Any) -> Predictions:
    decision = model.decision_function(X)
    codes = np.searchsorted(model.classes_, model.predict(X))
    return Predictions(
        model.classes_,
        labels=codes[np.newaxis],
        decision=decision[np.newaxis],
        proba=model.predict_proba(X)[np.newaxis],
    )


FAMILY = LogisticFamily()
