"""The scores that a study can be judged by, each so oriented that higher is better.

A score that is a mean over rows gives one value a row, so that differences can be paired row by
row. Any other is computed on whole test parts from stored predictions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from priorlift.core import arrays
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Task

Prediction: TypeAlias = NDArray[Any]
Needs: TypeAlias = Literal["labels", "probabilities", "positive", "values"]

SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Attributes
    ----------
    name : str
        As scikit-learn's scorer of the same meaning.
    title : str
        For plots and sentences.
    task : {"classification", "regression"}
        Where it applies.
    needs : {"labels", "probabilities", "positive", "values"}
        What the prediction holds: class codes, one probability a class, the probability of the
        second class, or real values.
    rows : callable or None
        `rows(y, prediction)` gives the score of each row; None for a score that is no mean over
        rows.
    whole : callable
        `whole(y, prediction)` gives the score of a test part.
    proportion : bool
        Whether row scores are 0 or 1.
    """

    name: str
    title: str
    task: Task
    needs: Needs
    rows: Callable[[NDArray[Any], Prediction], NDArray[np.float64]] | None
    whole: Callable[[NDArray[Any], Prediction], float]
    proportion: bool = False


def _row_metric(
    name: str,
    title: str,
    task: Task,
    needs: Needs,
    rows: Callable[[NDArray[Any], Prediction], NDArray[np.float64]],
    proportion: bool = False,
) -> Metric:
    return Metric(
        name, title, task, needs, rows, lambda y, p: float(np.mean(rows(y, p))), proportion
    )


def _hits(y: NDArray[Any], codes: Prediction) -> NDArray[np.float64]:
    return np.asarray(y == codes, dtype=float)


def _log_probability(y: NDArray[Any], probabilities: Prediction) -> NDArray[np.float64]:
    chosen = probabilities[np.arange(len(y)), y.astype(int)]
    return np.asarray(np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0)))


def _negative_brier(y: NDArray[Any], probabilities: Prediction) -> NDArray[np.float64]:
    n_classes = probabilities.shape[1]
    squares = (probabilities - np.eye(n_classes)[y.astype(int)]) ** 2
    # As in scikit-learn, two classes count once.
    return np.asarray(-squares.sum(axis=1) / (2 if n_classes == 2 else 1))


def _negative_absolute(y: NDArray[Any], values: Prediction) -> NDArray[np.float64]:
    return np.asarray(-np.abs(y - values))


def _negative_squared(y: NDArray[Any], values: Prediction) -> NDArray[np.float64]:
    return np.asarray(-((y - values) ** 2))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _row_metric("accuracy", "accuracy", "classification", "labels", _hits, True),
        _row_metric(
            "neg_log_loss", "log-likelihood", "classification", "probabilities", _log_probability
        ),
        _row_metric(
            "neg_brier_score",
            "negative Brier score",
            "classification",
            "probabilities",
            _negative_brier,
        ),
        Metric(
            "balanced_accuracy",
            "balanced accuracy",
            "classification",
            "labels",
            None,
            lambda y, p: float(
                sk.recall_score(y, p, labels=np.unique(y), average="macro", zero_division=0)
            ),
        ),
        Metric(
            "f1",
            "F1",
            "classification",
            "labels",
            None,
            lambda y, p: float(sk.f1_score(y, p, pos_label=1, zero_division=0)),
        ),
        Metric(
            "f1_macro",
            "macro-F1",
            "classification",
            "labels",
            None,
            lambda y, p: float(sk.f1_score(y, p, average="macro", zero_division=0)),
        ),
        Metric(
            "roc_auc",
            "area under the ROC curve",
            "classification",
            "positive",
            None,
            lambda y, p: float(sk.roc_auc_score(y, p)),
        ),
        Metric(
            "average_precision",
            "average precision",
            "classification",
            "positive",
            None,
            lambda y, p: float(sk.average_precision_score(y, p)),
        ),
        _row_metric(
            "neg_mean_absolute_error",
            "negative absolute error",
            "regression",
            "values",
            _negative_absolute,
        ),
        _row_metric(
            "neg_mean_squared_error",
            "negative squared error",
            "regression",
            "values",
            _negative_squared,
        ),
        Metric("r2", "R²", "regression", "values", None, lambda y, p: float(sk.r2_score(y, p))),
    )
}

DEFAULTS: dict[Task, str] = {
    "classification": "accuracy",
    "regression": "neg_mean_absolute_error",
}
_BINARY_ONLY = ("f1", "roc_auc", "average_precision")


def get_metric(name: str | None, task: Task, n_classes: int | None = None) -> Metric:
    """Return a metric by name, or the default of a kind of task.

    Parameters
    ----------
    name : str or None
        None: accuracy, or negative mean absolute error.
    task : {"classification", "regression"}
        The target's kind of task.
    n_classes : int, optional
        Number of the target's classes.

    Raises
    ------
    UnknownNameError
        There is no metric of that name for the task.
    InputError
        The metric asks for two classes and there are more.
    """
    known = {key: metric for key, metric in METRICS.items() if metric.task == task}
    name = name or DEFAULTS[task]
    if name not in known:
        raise UnknownNameError(f"metric for {task}", name, known)
    if name in _BINARY_ONLY and n_classes is not None and n_classes != 2:
        raise InputError(
            f"metric {name!r} is for two classes, the target has {n_classes}",
            remedy="use accuracy, balanced_accuracy, f1_macro or neg_log_loss",
        )
    return known[name]


def predict_for(metric: Metric, model: object, X: Any, classes: NDArray[Any]) -> Prediction:
    """Predict what a metric needs, in codes or columns of `classes`.

    Parameters
    ----------
    metric : Metric
        Which kind of prediction.
    model : fitted estimator
        A transfer estimator or a plain scikit-learn one.
    X : features of n rows
        Test rows.
    classes : ndarray
        The target's classes, sorted; ignored for regression.

    Returns
    -------
    ndarray of shape (n,) or (n, n_classes)
        A predicted label that is no class of the target, which a method with open labels can give,
        has the code -1.
    """
    fitted: Any = model
    if metric.needs == "values":
        return np.asarray(fitted.predict(X), dtype=float)
    if metric.needs == "labels":
        return _codes(fitted.predict(X), classes)
    if hasattr(fitted, "proba_for"):
        probabilities = fitted.proba_for(X, classes)
    else:
        probabilities = np.zeros((arrays.n_rows(X), len(classes)))
        probabilities[:, np.searchsorted(classes, fitted.classes_)] = fitted.predict_proba(X)
    return np.asarray(probabilities if metric.needs == "probabilities" else probabilities[:, 1])


def _codes(labels: NDArray[Any], classes: NDArray[Any]) -> Prediction:
    codes = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    return np.asarray(np.where(classes[codes] == labels, codes, -1), dtype=np.int64)
