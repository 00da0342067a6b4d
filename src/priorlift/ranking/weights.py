"""Fit a base learner with sample weights, or refuse: weights are never dropped silently."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from priorlift.core.errors import InputError


def fit_weighted(
    estimator: Any, X: Any, y: NDArray[Any], sample_weight: NDArray[np.float64]
) -> Any:
    """Fit an estimator, passing the weights to it or, in a `Pipeline`, to its last step.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Fitted in place.
    X : array or sparse matrix of shape (n, d)
        Features.
    y : ndarray of shape (n,)
        Labels.
    sample_weight : ndarray of shape (n,)
        Where all are 1, the estimator is fitted without weights.

    Returns
    -------
    estimator

    Raises
    ------
    InputError
        The weights vary and the estimator cannot take them.
    """
    if (sample_weight == 1).all():
        return estimator.fit(X, y)
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        if has_fit_parameter(last, "sample_weight"):
            # Naming the step is what works without routing, whatever the caller's setting.
            with config_context(enable_metadata_routing=False):
                return estimator.fit(X, y, **{f"{name}__sample_weight": sample_weight})
    elif has_fit_parameter(estimator, "sample_weight"):
        return estimator.fit(X, y, sample_weight=sample_weight)
    raise InputError(
        f"{type(estimator).__name__} cannot be fitted with sample weights",
        remedy="choose a base learner whose fit takes sample_weight, or leave all weights at 1",
    )
