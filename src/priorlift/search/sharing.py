"""What may be shared: whether a fitted transformer serves many candidates, and on whose arrays.

Sharing must not be visible. A transformer that draws random numbers without an integer seed would
give each candidate another result, so it is fitted for each. One that may write into its input gets
a copy. Both are judged from parameters alone, and in doubt the careful answer is taken.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import PCA, KernelPCA
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, QuantileTransformer
from sklearn.utils import get_tags

from priorlift.core import arrays

_COPY_NAMES = ("copy", "copy_X", "copy_x")


def is_stochastic(estimator: Any, X: Any) -> bool:
    """Tell whether fitting an estimator twice on X may give two results.

    Parameters
    ----------
    estimator : estimator
        With its parameters set.
    X : array-like
        The rows that it would be fitted on; some solvers are chosen by their shape.

    Notes
    -----
    An estimator draws if it, or one inside it, has a `random_state` that is no integer, except
    where its other parameters show that nothing is drawn (our list), or if its tags say so.

    Examples
    --------
    >>> import numpy as np
    >>> is_stochastic(PCA(2, svd_solver="randomized"), np.ones((9, 3)))
    True
    >>> is_stochastic(PCA(2, svd_solver="full"), np.ones((9, 3)))
    False
    """
    return any(_draws(part, X) for part in _parts(estimator))


def may_write(estimator: Any) -> bool:
    """Tell whether fitting or transforming may change the rows that are passed in.

    scikit-learn's estimators do so only where a parameter `copy` is False; of a function, and of
    estimators from elsewhere, nothing is known.
    """
    for part in _parts(estimator):
        if isinstance(part, FunctionTransformer) or not type(part).__module__.startswith(
            "sklearn."
        ):
            return True
        params = _params(part)
        if any(params.get(name) is False for name in _COPY_NAMES):
            return True
    return False


def own_copy(X: Any) -> Any:
    """Return a copy of X that may be written into; raw collections come back as lists."""
    if isinstance(X, np.ndarray) or sp.issparse(X) or hasattr(X, "copy"):
        return X.copy()
    if arrays.is_frame(X):
        return X.clone() if hasattr(X, "clone") else X
    return list(X) if isinstance(X, list | tuple) else X


def size_of(X: Any) -> int:
    """Return the bytes of an array, sparse matrix or frame; 0 where nothing tells them."""
    if isinstance(X, np.ndarray):
        return int(X.nbytes)
    if sp.issparse(X):
        parts = ("data", "indices", "indptr", "row", "col")
        return sum(int(getattr(X, part).nbytes) for part in parts if hasattr(X, part))
    if hasattr(X, "memory_usage"):
        return int(X.memory_usage(deep=False).sum())
    if hasattr(X, "estimated_size"):
        return int(X.estimated_size())
    return int(getattr(X, "nbytes", 0))


def _parts(estimator: Any) -> list[Any]:
    """Return an estimator and all that stand in its parameters, at any depth."""
    found, waiting = [], [estimator]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif hasattr(part, "get_params") and not isinstance(part, type):
            found.append(part)
            waiting.extend(_params(part).values())
    return found


def _params(estimator: Any) -> dict[str, Any]:
    try:
        return dict(estimator.get_params(deep=False))
    except TypeError:  # the kernels of Gaussian processes
        return dict(estimator.get_params())


def _draws(part: Any, X: Any) -> bool:
    params = _params(part)
    if "random_state" not in params:
        try:
            return bool(get_tags(part).non_deterministic)
        except (AttributeError, TypeError):
            return False
    if isinstance(params["random_state"], int | np.integer):
        return False
    return not _draws_nothing(part, params, X)


def _draws_nothing(part: Any, params: dict[str, Any], X: Any) -> bool:
    if type(part) is PCA:
        return _pca_solver(params, X) in ("full", "covariance_eigh")
    if type(part) is KernelPCA:
        return bool(params["eigen_solver"] == "dense")
    if type(part) in (QuantileTransformer, KBinsDiscretizer):
        return params["subsample"] is None or bool(arrays.n_rows(X) <= params["subsample"])
    return False


def _pca_solver(params: dict[str, Any], X: Any) -> str:
    """Return the solver that `PCA.fit` would choose (its documented rule for "auto")."""
    solver, n_components = params["svd_solver"], params["n_components"]
    columns = arrays.n_columns(X)
    if solver != "auto" or columns is None or sp.issparse(X):
        return str(solver)
    rows = arrays.n_rows(X)
    if columns <= 1_000 and rows >= 10 * columns:
        return "covariance_eigh"
    if max(rows, columns) <= 500 or n_components in (None, "mle"):
        return "full"
    if isinstance(n_components, int | np.integer) and 1 <= n_components < 0.8 * min(rows, columns):
        return "randomized"
    return "full"
