"""What several families share: class codes, pieces that bound memory, and a plain fit.

A family that meets a setting which rounding could turn fits that one setting plainly, so that its
answers are scikit-learn's own there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.multiclass import type_of_target

from priorlift.search.answers import Predictions
from priorlift.search.block import Block

Floats = NDArray[np.float64]

# Bounds what one piece of answers holds (our choice).
_BYTES, _MOST = 64 * 2**20, 256


def pieces(n_settings: int, floats_each: int) -> Iterator[slice]:
    """Cut a run of settings into pieces of at most 256 settings and about 64 MB.

    Parameters
    ----------
    n_settings : int
        How many there are.
    floats_each : int
        How many numbers the answers of one setting hold.

    Examples
    --------
    >>> list(pieces(300, 10))
    [slice(0, 256, None), slice(256, 300, None)]
    """
    size = int(np.clip(_BYTES // (8 * max(floats_each, 1)), 1, _MOST))
    for first in range(0, n_settings, size):
        yield slice(first, min(first + size, n_settings))


def class_codes(y: Any) -> tuple[NDArray[Any], NDArray[np.intp]] | None:
    """Return the sorted classes of y and each row's position among them.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels.

    Returns
    -------
    classes, codes : ndarray
        Or None if y is not a vector of labels of two classes or more.
    """
    array = np.asarray(y)
    if array.ndim != 1 or type_of_target(array) not in ("binary", "multiclass"):
        return None
    classes, codes = np.unique(array, return_inverse=True)
    return (classes, codes) if len(classes) > 1 else None


def least_lead(values: NDArray[Any]) -> Floats:
    """Return how little the largest value leads the second, over the rows of each setting.

    Parameters
    ----------
    values : ndarray of shape (S, n, K)
        One value a class.

    Returns
    -------
    ndarray of shape (S,)
    """
    top = np.partition(values, -2, axis=2)[..., -2:]
    return np.asarray((top[..., 1] - top[..., 0]).min(axis=1))


@dataclass(eq=False)
class Sheet:
    """Room for the predictions of some settings on one side's rows, filled as they become known.

    Parameters
    ----------
    X : array-like of shape (n, p)
        The side's rows.
    classes : ndarray or None
        Of a classifier.
    values, labels, decision, proba : ndarray of shape (S, n) or (S, n, K), optional
        As in `Predictions`.
    """

    X: Any
    classes: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    decision: NDArray[Any] | None = None
    proba: NDArray[Any] | None = None

    def put_plain(self, setting: int, fitted: Any) -> None:
        """Write what a fitted estimator says of the rows into one setting's place."""
        if self.values is not None:
            self.values[setting] = fitted.predict(self.X)
        if self.labels is not None:
            assert self.classes is not None
            self.labels[setting] = np.searchsorted(self.classes, fitted.predict(self.X))
        if self.decision is not None:
            self.decision[setting] = fitted.decision_function(self.X)
        if self.proba is not None:
            self.proba[setting] = fitted.predict_proba(self.X)

    def predictions(self) -> Predictions:
        """Return the filled sheet."""
        return Predictions(self.classes, self.values, self.labels, self.decision, self.proba)


def plain_fit(estimator: Any, setting: Mapping[str, Any], block: Block) -> Any:
    """Fit one setting as scikit-learn does.

    Parameters
    ----------
    estimator : estimator
        With all other settings.
    setting : mapping
        Along the axis.
    block : Block
        Its training rows.
    """
    fitted = clone(estimator).set_params(**setting)
    return fitted.fit(block.X_train, block.y_train, **block.fit_params)
