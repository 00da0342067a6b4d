"""Labels as a forecast takes them: signs for classes, numbers of variance 1 for the rest."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlift.core.arrays import is_missing
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory.quadrature import Array

FEWEST_NUMBERS = 4
TASKS = ("classification", "regression")


def task_of(y: ArrayLike, task: str | None = None) -> str:
    """Return whether labels are classes or numbers.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels.
    task : {"classification", "regression"}, optional
        What they are said to be; by default numbers where one has a fractional part.

    Raises
    ------
    UnknownNameError
        The task is neither.
    """
    if task is not None:
        if task not in TASKS:
            raise UnknownNameError("task", str(task), TASKS)
        return task
    labels = np.asarray(y)
    fractions = False
    if labels.dtype.kind == "f":
        known = labels[np.isfinite(labels)]
        fractions = bool((known != np.round(known)).any())
    return "regression" if fractions else "classification"


def checked_labels(y: ArrayLike) -> NDArray[Any]:
    """Return labels of which none is missing."""
    labels = np.asarray(y)
    if labels.ndim != 1 or not len(labels):
        raise InputError(f"y has shape {labels.shape}", remedy="pass one label a row")
    for place, value in enumerate(labels.tolist()):
        if is_missing(value):
            raise InputError(
                "a label is missing", where=f"y[{place}]", remedy="pass such rows as unlabelled"
            )
    return labels


def number_task(labels: NDArray[Any]) -> tuple[tuple[Any, ...], list[Array], float]:
    """Return no classes, the standardised labels, and their standard deviation."""
    try:
        values = labels.astype(float)
    except (TypeError, ValueError):
        raise InputError(
            "labels are not numbers", remedy='pass task="classification", or numbers'
        ) from None
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError("a label is infinite", where=f"y[{place}]", remedy="leave the row out")
    spread = float(values.std())
    if len(values) < FEWEST_NUMBERS or not spread > 0:
        raise InputError(
            f"{len(values)} labels with a standard deviation of {spread:.4g}",
            remedy=f"pass at least {FEWEST_NUMBERS} labels that differ",
        )
    return (), [(values - values.mean()) / spread], spread


def class_tasks(labels: NDArray[Any]) -> tuple[tuple[Any, ...], list[Array], float]:
    """Return the classes, and the signs of each task: one for two classes, else one a class."""
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"all labels are {classes[0]!s}", remedy="pass labelled rows of at least two classes"
        )
    if counts.min() < 2:
        rare = classes[counts.argmin()]
        raise InputError(
            f"class {rare!s} has one labelled row",
            cause="two rows of each class are the least that an alignment takes; or the labels "
            "are numbers and no classes",
            remedy='label more rows of it, leave it out, or pass task="regression" for numbers',
        )
    positive = [1] if len(classes) == 2 else range(len(classes))
    return tuple(classes.tolist()), [np.where(codes == k, 1.0, -1.0) for k in positive], 1.0
