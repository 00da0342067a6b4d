"""The private parts of scikit-learn that the search stands on, all in this one file.

scikit-learn has no public way to run one candidate on one split exactly as its searches do, nor to
tell its own scorers from a user's function. A test pins every name and argument used from here, so
that a release which moves one of them is seen there and nowhere else.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context as fit_context
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer, _PassthroughScorer
from sklearn.model_selection._validation import (
    _fit_and_score as fit_and_score,
)
from sklearn.model_selection._validation import (
    _score as score_estimator,
)
from sklearn.model_selection._validation import (
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import _safe_split as split_rows
from sklearn.utils.validation import _check_method_params

__all__ = [
    "Interval",
    "StrOptions",
    "as_method_params",
    "fit_and_score",
    "fit_context",
    "has_valid_parameters",
    "is_own_score",
    "is_scorer",
    "named_scorers",
    "parts_of_scorer",
    "rows_of_params",
    "score_estimator",
    "split_rows",
    "tell_fit_failures",
]


def as_method_params(X: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return fit parameters with array-likes of one value a row made indexable."""
    return dict(_check_method_params(X, params=dict(params)))


def rows_of_params(
    X: Any, params: Mapping[str, Any] | None, rows: NDArray[np.intp]
) -> dict[str, Any]:
    """Return parameters with those that hold one value a row cut to the given rows of X."""
    return dict(_check_method_params(X, params=dict(params or {}), indices=rows))


def tell_fit_failures(errors: Mapping[int, str], n_fits: int, error_score: float) -> None:
    """Warn that some fits failed, or raise if all have, in scikit-learn's words."""
    if errors:
        results = [{"fit_error": errors.get(index)} for index in range(n_fits)]
        _warn_or_raise_about_fit_failures(results, error_score)


def named_scorers(scorer: Any) -> dict[str, Any] | None:
    """Return the scorers of a multi-metric scorer by name; None for a single scorer."""
    return dict(scorer._scorers) if isinstance(scorer, _MultimetricScorer) else None


def is_scorer(scorer: Any) -> bool:
    """Tell whether a scorer is scikit-learn's own kind, which only asks for predictions."""
    return isinstance(scorer, _BaseScorer)


def parts_of_scorer(scorer: Any) -> tuple[Any, int, dict[str, Any]] | None:
    """Return a scorer's metric, its sign and the metric's options; None if it has no such parts."""
    if not isinstance(scorer, _BaseScorer):
        return None
    return scorer._score_func, int(scorer._sign), dict(scorer._kwargs)


def is_own_score(scorer: Any) -> bool:
    """Tell whether a scorer hands the question to the estimator's own `score`."""
    return isinstance(scorer, _PassthroughScorer)


def has_valid_parameters(estimator: Any) -> bool:
    """Tell whether scikit-learn would accept the estimator's parameters."""
    try:
        estimator._validate_params()
    except (ValueError, TypeError):
        return False
    return True
