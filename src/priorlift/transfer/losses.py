"""The loss of each row, by which methods choose inside `fit`: log-loss or squared error.

Row losses can be paired between candidates, and log-loss tells candidates apart that make the same
mistakes, which accuracy on a few dozen rows cannot.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Task

SMALLEST_PROBABILITY = 1e-6


def row_losses(
    model: Any, X: Any, y: NDArray[Any], task: Task, *, zero_one: bool = False
) -> NDArray[np.float64]:
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
    zero_one : bool, default=False
        0-1 loss for classification, to compare classifiers some of which give no probabilities.

    Returns
    -------
    ndarray of shape (n,)
    """
    if task == "regression":
        return np.asarray((np.asarray(y, dtype=float) - model.predict(X)) ** 2)
    if zero_one or not hasattr(model, "predict_proba"):
        return np.asarray(model.predict(X) != y, dtype=float)
    probabilities = model.predict_proba(X)
    column = {label: position for position, label in enumerate(model.classes_.tolist())}
    codes = np.array([column.get(label, -1) for label in np.asarray(y).tolist()])
    chosen = np.where(codes >= 0, probabilities[np.arange(len(codes)), codes], 0.0)
    return np.asarray(-np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0)))


def paired_improvement(
    reference: NDArray[np.float64],
    candidate: NDArray[np.float64],
    weight: NDArray[np.float64],
    units: NDArray[Any],
) -> tuple[float, float]:
    """Return by how much a candidate's mean loss is below a reference's, with its standard error.

    Parameters
    ----------
    reference, candidate : ndarray of shape (n,)
        Losses on the same rows.
    weight : ndarray of shape (n,)
        Weights of the rows, not all 0.
    units : ndarray of shape (n,)
        Rows of one unit (a group, or the row itself) may depend on each other.

    Returns
    -------
    improvement, standard_error : float
        The standard error adds up residuals within a unit (Liang & Zeger, Biometrika 1986, with the
        factor G / (G - 1)); for single rows of equal weight it is the ordinary one of a mean.
        Infinite for a single unit.
    """
    differences = reference - candidate
    total = float(weight.sum())
    improvement = float(weight @ differences) / total
    _, codes = np.unique(units, return_inverse=True)
    sums = np.bincount(codes, weights=weight * (differences - improvement))
    if len(sums) < 2:
        return improvement, float("inf")
    return improvement, float(np.sqrt(len(sums) / (len(sums) - 1) * (sums @ sums)) / total)
