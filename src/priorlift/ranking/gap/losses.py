"""Losses of single rows, by which a gap is measured.

Classification has 0-1 loss, whose gap is a difference of accuracies, and log-loss; regression has
squared and absolute errors in units of the target's spread.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.pool import Task
from priorlift.ranking.labels import Floats

SMALLEST_PROBABILITY = 1e-6
LOSSES: dict[Task, tuple[str, ...]] = {
    "classification": ("zero_one", "log_loss"),
    "regression": ("squared", "absolute"),
}
"""The losses of each task, the one that is shown first leading."""


def resolve_losses(loss: Any, task: Task, estimator: Any) -> tuple[str, ...]:
    """Return the names of the losses that are reported, the leading one first.

    Parameters
    ----------
    loss : "auto", str or iterable of str
        "auto" is both losses of a classifier with `predict_proba`, 0-1 loss of one without, and the
        squared error of a regressor.
    task : {"classification", "regression"}
        The target's task.
    estimator : scikit-learn estimator
        Asked for `predict_proba`.

    Raises
    ------
    InputError
        A loss is unknown, of the other task, or needs probabilities that there are not.
    """
    known = LOSSES[task]
    told = hasattr(estimator, "predict_proba")
    if isinstance(loss, str) and loss == "auto":
        return known[:2] if task == "classification" and told else known[:1]
    names = (loss,) if isinstance(loss, str) else tuple(loss)
    for name in names:
        if name not in known:
            raise InputError(
                f"loss {name!r} is none of {', '.join(known)}, those of a {task}",
                remedy='loss="auto", or one of these',
            )
    if "log_loss" in names and not told:
        raise InputError(
            f"{type(estimator).__name__} gives no probabilities for log-loss",
            remedy='loss="zero_one", or a classifier with predict_proba',
        )
    if not names or len(set(names)) < len(names):
        raise InputError(f"losses are {names}", remedy="one or more different ones")
    return names


def row_losses(
    model: Any, X: Any, y: NDArray[Any], names: tuple[str, ...], scale: float
) -> Mapping[str, Floats]:
    """Return each row's losses.

    Parameters
    ----------
    model : fitted estimator
        A classifier knows classes by their codes, integers from 0.
    X : array or sparse matrix of shape (n, d)
        Rows.
    y : ndarray of shape (n,)
        Codes of the classes, or numbers.
    names : tuple of str
        Losses.
    scale : float
        Variance of the target's labels, for a regression.

    Returns
    -------
    mapping of str to ndarray of shape (n,)
        A class that the model does not know costs a whole mistake, or the largest log-loss.
    """
    found = {}
    for name in names:
        if name == "log_loss":
            found[name] = _log_losses(model.predict_proba(X), np.asarray(model.classes_), y)
        elif name == "zero_one":
            found[name] = np.asarray(np.asarray(model.predict(X)) != y, dtype=float)
        else:
            errors = np.abs(np.asarray(model.predict(X), dtype=float) - y)
            found[name] = errors**2 / scale if name == "squared" else errors / np.sqrt(scale)
    return found


def _log_losses(probabilities: Floats, classes: NDArray[Any], y: NDArray[Any]) -> Floats:
    place = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    chosen = np.where(classes[place] == y, probabilities[np.arange(len(y)), place], 0.0)
    return np.asarray(-np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0)))
