"""The scores that a study can be judged by, each so oriented that higher is better.

A score that is a mean over rows gives one value a row, so that differences can be paired row by
row. Any other is computed on whole test parts from stored predictions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from priorlift.core import arrays
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Task

Prediction: TypeAlias = NDArray[Any]
Counts: TypeAlias = NDArray[np.intp]
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


# The scores below are scikit-learn's, without its checks of input: a bootstrap computes them tens
# of thousands of times.


def _counts(y: NDArray[Any], codes: Prediction) -> tuple[Counts, Counts, Counts]:
    """Count hits, true and predicted rows of each class; a prediction of -1 counts nowhere."""
    n_classes = int(max(y.max(), codes.max())) + 1
    hits = np.bincount(y[y == codes].astype(int), minlength=n_classes)
    truth = np.bincount(y.astype(int), minlength=n_classes)
    predicted = np.bincount(codes.astype(int) + 1, minlength=n_classes + 1)[1:]
    return hits, truth, predicted


def _balanced_accuracy(y: NDArray[Any], codes: Prediction) -> float:
    hits, truth, _ = _counts(y, codes)
    return float((hits[truth > 0] / truth[truth > 0]).mean())


def _f1(y: NDArray[Any], codes: Prediction) -> float:
    hits, truth, predicted = (int(part[1:2].sum()) for part in _counts(y, codes))
    return 2 * hits / max(truth + predicted, 1)


def _f1_macro(y: NDArray[Any], codes: Prediction) -> float:
    hits, truth, predicted = _counts(y, codes)
    seen = truth + predicted > 0
    return float((2 * hits[seen] / (truth + predicted)[seen]).mean())


def _area_under_roc(y: NDArray[Any], scores: Prediction) -> float:
    n_positive = int(y.sum())
    n_negative = len(y) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    wins = rankdata(scores)[y == 1].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def _average_precision(y: NDArray[Any], scores: Prediction) -> float:
    if not y.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    # Rows of equal score are told apart by no threshold, so only the last of them counts.
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(y) - 1)
    found = np.cumsum(y[order])[last]
    gained = np.diff(found, prepend=0)
    return float((gained * found / (last + 1)).sum() / found[-1])


def _r2(y: NDArray[Any], values: Prediction) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - values) ** 2).sum()) / spread if spread > 0 else float("nan")


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
            _balanced_accuracy,
        ),
        Metric(
            "f1",
            "F1",
            "classification",
            "labels",
            None,
            _f1,
        ),
        Metric(
            "f1_macro",
            "macro-F1",
            "classification",
            "labels",
            None,
            _f1_macro,
        ),
        Metric(
            "roc_auc",
            "area under the ROC curve",
            "classification",
            "positive",
            None,
            _area_under_roc,
        ),
        Metric(
            "average_precision",
            "average precision",
            "classification",
            "positive",
            None,
            _average_precision,
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
        Metric("r2", "R²", "regression", "values", None, _r2),
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
