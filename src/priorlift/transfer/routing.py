"""Pass sources and groups to `fit` through pipelines and searches, with routing on or off."""

from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline

from priorlift.core.errors import InputError
from priorlift.pool import SourcePool
from priorlift.transfer.base import TransferEstimator


def fit_params(
    estimator: Any, *, sources: SourcePool | None = None, groups: Any = None
) -> dict[str, Any]:
    """Return the keyword arguments that bring sources and groups to a transfer estimator's `fit`.

    With scikit-learn's metadata routing on they are named plainly. With routing off, the name of
    each pipeline step on the way is put before them. What this serves: a bare transfer estimator,
    one inside a `Pipeline` (at any depth), and either of them inside `GridSearchCV`,
    `RandomizedSearchCV` and other searches with an `estimator`, `cross_validate` and
    `cross_val_score` (`params=`). What scikit-learn cannot do: meta-estimators that fit several
    models, such as `StackingClassifier` and `VotingClassifier`. With routing off a search gives
    plain `groups` to its splitter only, so for a bare estimator in a search turn routing on where
    inner validation must respect groups.

    Parameters
    ----------
    estimator : estimator
        What `fit` will be called on.
    sources : SourcePool, optional
        Left out of the result where None.
    groups : array-like, optional
        Left out of the result where None.

    Returns
    -------
    dict
        For `estimator.fit(X, y, **params)` or `cross_validate(..., params=params)`.

    Raises
    ------
    InputError
        No transfer estimator can be reached inside `estimator`.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from priorlift.transfer import PooledClassifier
    >>> model = make_pipeline(StandardScaler(), PooledClassifier())
    >>> list(fit_params(model, sources=SourcePool()))
    ['pooledclassifier__sources']
    """
    path = _path_to_transfer(estimator)
    if path is None:
        raise InputError(
            f"no transfer estimator can be reached inside {type(estimator).__name__}",
            cause="a meta-estimator that fits several models, as in stacking, passes no sources on",
            remedy="use the transfer estimator bare, in a Pipeline, or in a search over one",
        )
    prefix = "" if get_config()["enable_metadata_routing"] else path
    given = {"sources": sources, "groups": groups}
    return {prefix + name: value for name, value in given.items() if value is not None}


def _path_to_transfer(estimator: Any) -> str | None:
    if isinstance(estimator, TransferEstimator):
        return ""
    if isinstance(estimator, Pipeline):
        for name, step in estimator.steps:
            inner = _path_to_transfer(step)
            if inner is not None:
                return f"{name}__{inner}"
        return None
    inside = getattr(estimator, "estimator", None)
    passes_on = hasattr(estimator, "cv") and hasattr(estimator, "refit")
    return _path_to_transfer(inside) if passes_on else None
