"""The loss of each row, by which methods choose inside `fit`: log-loss or squared error.

Row losses can be paired between candidates, and log-loss tells candidates apart that make the same
mistakes, which accuracy on a few dozen rows cannot.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Task

SMALLEST_PROBABILITY = 1e-6


def row_losses(model: Any, X: Any, y: NDArray[Any], task: Task) -> NDArray[np.float64]:
    """Return each row's log-loss (classification) or squared error (regression).

    Parameters
    ----------
    model : fitted estimator
        A classifier without `predict_proba` gets 0-1 loss.
    X : features of n rows
        As the model takes them.
    y : ndarray of shape (n,)
        True labels; one that the model does not know costs the largest loss.
    task : {"classification", "regression"}
        Which loss.

    Returns
    -------
    ndarray of shape (n,)
    """
    if task == "regression":
        return np.asarray((np.asarray(y, dtype=float) - model.predict(X)) ** 2)
    if not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(X) != y, dtype=float)
    probabilities = model.predict_proba(X)
    column = {label: position for position, label in enumerate(model.classes_.tolist())}
    codes = np.array([column.get(label, -1) for label in np.asarray(y).tolist()])
    chosen = np.where(codes >= 0, probabilities[np.arange(len(codes)), codes], 0.0)
    return np.asarray(-np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0)))
