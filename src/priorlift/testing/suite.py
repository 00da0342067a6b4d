"""What all parts of the estimator suite share: how to make, fit and read out an estimator."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Source, SourcePool
from priorlift.testing.problems import Problem, make_problem
from priorlift.transfer.base import TransferEstimator


class Suite:
    """Base of the parts of `TransferEstimatorConformance`; see there for the attributes."""

    make_estimator: Callable[[], TransferEstimator]
    expected_failed_checks: ClassVar[dict[str, str]] = {}
    keeps_rows: ClassVar[str] = ""

    def problem(self, seed: int = 0) -> Problem:
        """Return a small problem for the estimator's task."""
        return make_problem(self.make_estimator()._task, seed)

    def predicted(
        self, X: Any, y: Any, sources: SourcePool | None, X_new: Any, **fit_params: Any
    ) -> NDArray[Any]:
        """Fit a fresh estimator and return what it says about new rows."""
        return outputs(self.make_estimator().fit(X, y, sources=sources, **fit_params), X_new)


def outputs(estimator: Any, X: Any) -> NDArray[Any]:
    """Return probabilities where the estimator gives them, else predictions."""
    wants = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    return np.asarray(getattr(estimator, wants)(X))


def recording(estimator: TransferEstimator) -> tuple[TransferEstimator, list[dict[str, Any]]]:
    """Return the same estimator, but each `fit` of it or of a clone notes what reached it."""
    calls: list[dict[str, Any]] = []

    class Recording(type(estimator)):  # type: ignore[misc]
        def fit(
            self, X: Any, y: Any, sources: Any = None, sample_weight: Any = None, groups: Any = None
        ) -> Any:
            calls.append({"X": X, "sources": sources, "groups": groups})
            return super().fit(X, y, sources=sources, sample_weight=sample_weight, groups=groups)

    return Recording(**estimator.get_params(deep=False)), calls


def injecting(estimator: TransferEstimator) -> TransferEstimator:
    """Return the same estimator, but each `fit` without sources gets one: the rows it is given."""

    class WithSource(type(estimator)):  # type: ignore[misc]
        def fit(
            self, X: Any, y: Any, sources: Any = None, sample_weight: Any = None, groups: Any = None
        ) -> Any:
            pool = copy_of_target(X, y) if sources is None else sources
            return super().fit(X, y, sources=pool, sample_weight=sample_weight, groups=groups)

    WithSource.__name__ = type(estimator).__name__
    return WithSource(**estimator.get_params(deep=False))


def copy_of_target(X: Any, y: Any) -> SourcePool | None:
    """Return a pool of one source with a target's rows; None where they make no source."""
    try:
        return SourcePool([Source("copy", X, np.ravel(y))])
    except (TypeError, ValueError, AttributeError):
        return None  # the estimator itself has to say what is wrong with the target
