"""The card of a saved model: what it is, what it learned from, and how good it is."""

import dataclasses
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from priorlift import __version__
from priorlift.core.errors import InputError, InputTypeError

FORMAT = 1
FORMAT_WITH_TENSORS = 2
MAX_PARAMETER_CHARACTERS = 500


def make_card(estimator: Any, metrics: Mapping[str, float], verdict: Any) -> dict[str, Any]:
    """Describe a fitted estimator.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Fitted; a pipeline or a search may hold the transfer estimator.
    metrics : mapping of str to float
        How good it is.
    verdict : str, dataclass or mapping
        Whether the sources helped.

    Returns
    -------
    dict
        JSON values only; numbers that are not finite are None.

    Raises
    ------
    InputTypeError
        It is no scikit-learn estimator.
    InputError
        It is not fitted.
    """
    if not isinstance(estimator, BaseEstimator):
        raise InputTypeError(
            f"only scikit-learn estimators can be saved, not {type(estimator).__name__}",
            remedy="save(estimator, path)",
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise InputError(
            f"this {type(estimator).__name__} is not fitted", remedy="call fit before save"
        ) from None
    learner = _learner(estimator)
    parameters = estimator.get_params(deep=False)
    return {
        "format": FORMAT,
        "class": type_name(type(estimator)),
        "versions": {
            "priorlift": __version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        "parameters": {
            name: repr(value)[:MAX_PARAMETER_CHARACTERS] for name, value in parameters.items()
        },
        "sources": dict(getattr(learner, "sources_", {})),
        "licences": dict(getattr(learner, "licences_", {})),
        "metrics": _plain(dict(metrics)),
        "verdict": _plain(verdict),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _learner(estimator: Any) -> Any:
    """Return the part of a pipeline or a search that has learned from sources."""
    inside = [step for _, step in getattr(estimator, "steps", [])]
    inside.append(getattr(estimator, "best_estimator_", None))
    if hasattr(estimator, "sources_"):
        return estimator
    found = [_learner(part) for part in inside if isinstance(part, BaseEstimator)]
    return next((part for part in found if hasattr(part, "sources_")), estimator)


def _plain(value: Any) -> Any:
    """Turn a value into what JSON can hold; numbers that are not finite become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def type_name(kind: str | type) -> str:
    """Return module and class of a type, joined by a dot; text is returned as it is."""
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
