"""Scores of many settings at once: scikit-learn's common scorers, vectorised over settings.

A function of scikit-learn's metrics spends about a millisecond on checks, which is more than a
setting costs that was solved with a thousand others. Here the checks are made once for all. What is
not known here, or would make scikit-learn warn, is left to its own scorer.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from priorlift.search.answers import Predictions
from priorlift.search.scikit_learn import parts_of_scorer

Floats = NDArray[np.float64]


def batched_scores(scorer: Any, predictions: Predictions, y: Any) -> Floats | None:
    """Score all settings of some predictions.

    Parameters
    ----------
    scorer : scorer of scikit-learn
        `get_scorer("accuracy")`, say.
    predictions : Predictions
        Of S settings for n rows.
    y : array-like of shape (n,)
        What is true.

    Returns
    -------
    ndarray of shape (S,), or None
        None where the scorer or the targets are not known here, or scikit-learn would warn.

    Notes
    -----
    O(S n K) for scores of labels in K classes, O(S n log n) for the area under the ROC curve. Equal
    to scikit-learn's to the last bit for accuracies, else to a few roundings.

    Examples
    --------
    >>> from sklearn.metrics import get_scorer
    >>> two = Predictions(np.array([0, 1]), labels=np.array([[0, 1, 1], [0, 0, 1]]))
    >>> batched_scores(get_scorer("accuracy"), two, [0, 1, 1]).tolist()
    [1.0, 0.6666666666666666]
    """
    parts = parts_of_scorer(scorer)
    if parts is None:
        return None
    function, sign, options = parts
    truth = np.asarray(y)
    if truth.ndim != 1 or not len(truth):
        return None
    if predictions.classes is None:
        values = _regression(function, options, predictions, truth)
    elif function is roc_auc_score:
        values = None if options else _area(predictions, truth)
    else:
        values = _labels(function, options, predictions, truth)
    return None if values is None else sign * values


# --- labels -------------------------------------------------------------------------------------


def _labels(
    function: Callable[..., Any], options: dict[str, Any], predictions: Predictions, y: NDArray[Any]
) -> Floats | None:
    if predictions.labels is None or predictions.classes is None:
        return None
    known = LABEL_SCORES.get((function, tuple(sorted(options.items(), key=str))))
    if known is None:
        return None
    codes = _codes(y, predictions.classes)
    return None if codes is None else known(predictions.labels, codes, len(predictions.classes))


# The last targets and classes with their codes: pieces of one answer come with the same ones. One
# tuple, put in place at once, because threads may score side by side.
_memo: dict[str, tuple[Any, Any, NDArray[np.intp] | None]] = {"last": (None, None, None)}


def _codes(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return `_new_codes`, kept while the same arrays are asked for."""
    last = _memo["last"]
    if last[0] is not y or last[1] is not classes:
        last = _memo["last"] = (y, classes, _new_codes(y, classes))
    return last[2]


def _new_codes(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp] | None:
    """Return positions in the classes; new classes are numbered after them, None if unlike."""
    numbers = "iub"
    alike = y.dtype.kind == classes.dtype.kind or (
        y.dtype.kind in numbers and classes.dtype.kind in numbers
    )
    if not alike or y.dtype.kind not in "iubU":
        return None
    names, inverse = np.unique(y, return_inverse=True)
    where = np.searchsorted(classes, names)
    found = where < len(classes)
    found[found] = classes[where[found]] == names[found]
    position = np.where(found, where, len(classes) + np.cumsum(~found) - 1)
    return position[inverse].astype(np.intp)


def _accuracy(labels: NDArray[Any], codes: NDArray[Any], n_classes: int) -> Floats:
    right = np.count_nonzero(labels == codes.astype(_wide(labels, codes)), axis=1)
    return np.asarray(right / len(codes))


def _wide(labels: NDArray[Any], codes: NDArray[Any]) -> Any:
    """Return the labels' dtype if it holds the codes: comparing like with like is faster."""
    return labels.dtype if codes.max() <= np.iinfo(labels.dtype).max else codes.dtype


def _balanced_accuracy(labels: NDArray[Any], codes: NDArray[Any], n_classes: int) -> Floats | None:
    hits, said, true = _counts(labels, codes, n_classes)
    if said[:, true == 0].any():
        return None  # scikit-learn warns of predicted classes that are not there
    present = true > 0
    return np.asarray(_row_means(hits[:, present] / true[present]))


def _f1_macro(labels: NDArray[Any], codes: NDArray[Any], n_classes: int) -> Floats | None:
    hits, said, true = _counts(labels, codes, n_classes)
    if len(true) > n_classes:
        return None  # the order of the sum would be another one
    total = said + true
    scores = np.empty(len(labels))
    present = total > 0
    patterns, rows = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        here = np.flatnonzero(rows.ravel() == number)
        part = 2.0 * hits[np.ix_(here, pattern)] / total[np.ix_(here, pattern)]
        scores[here] = _row_means(part)
    return scores


def _row_means(values: Floats) -> Floats:
    # Each row as one array in memory, so that NumPy adds as it does for one alone.
    means: Floats = np.ascontiguousarray(values).mean(axis=1)
    return means


def _counts(
    labels: NDArray[Any], codes: NDArray[Any], n_classes: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return hits and predictions by setting and class, and rows by class."""
    true = np.bincount(codes, minlength=n_classes)
    hits = np.zeros((len(labels), len(true)), dtype=np.int64)
    said = np.zeros_like(hits)
    for code in range(n_classes):
        chosen = labels == code
        said[:, code] = np.count_nonzero(chosen, axis=1)
        hits[:, code] = np.count_nonzero(chosen[:, codes == code], axis=1)
    return hits, said, true


LABEL_SCORES: dict[Any, Callable[..., Floats | None]] = {
    (accuracy_score, ()): _accuracy,
    (balanced_accuracy_score, ()): _balanced_accuracy,
    (f1_score, (("average", "macro"), ("pos_label", None))): _f1_macro,
}


# --- decision values ----------------------------------------------------------------------------


def _area(predictions: Predictions, y: NDArray[Any]) -> Floats | None:
    """Return the area under the ROC curve of two classes: the rank statistic, ties counted half."""
    classes = predictions.classes
    if classes is None or len(classes) != 2:
        return None
    codes = _codes(y, classes)
    if codes is None or set(np.unique(codes)) != {0, 1}:
        return None
    if predictions.decision is not None:
        values = predictions.decision
    elif predictions.proba is not None:
        values = predictions.proba[:, :, 1]
    else:
        return None
    if not np.isfinite(values).all():
        return None
    positive = codes == 1
    n_positive = int(positive.sum())
    pairs = n_positive * (len(codes) - n_positive)
    ranks = rankdata(values, axis=1)[:, positive].sum(axis=1)
    return np.asarray((ranks - n_positive * (n_positive + 1) / 2) / pairs)


# --- values -------------------------------------------------------------------------------------


def _regression(
    function: Callable[..., Any], options: dict[str, Any], predictions: Predictions, y: NDArray[Any]
) -> Floats | None:
    known = VALUE_SCORES.get(function)
    values = predictions.values
    if known is None or options or values is None or values.ndim != 2:
        return None
    if values.dtype != np.float64 or y.dtype.kind not in "fiub" or y.dtype.itemsize > 8:
        return None
    truth = y.astype(np.float64)
    if not np.isfinite(truth).all() or not np.isfinite(values).all():
        return None
    return known(np.ascontiguousarray(values), truth)


def _squared(values: Floats, y: Floats) -> Floats:
    return np.asarray(((y - values) ** 2).mean(axis=1))


def _root_squared(values: Floats, y: Floats) -> Floats:
    return np.asarray(np.sqrt(_squared(values, y)))


def _absolute(values: Floats, y: Floats) -> Floats:
    return np.asarray(np.abs(values - y).mean(axis=1))


def _explained(values: Floats, y: Floats) -> Floats | None:
    if len(y) < 2:
        return None
    left = ((y - values) ** 2).sum(axis=1)
    whole = ((y - y.mean()) ** 2).sum()
    if whole == 0.0:
        return np.where(left == 0.0, 1.0, 0.0)
    return np.asarray(1.0 - left / whole)


VALUE_SCORES: dict[Any, Callable[[Floats, Floats], Floats | None]] = {
    mean_squared_error: _squared,
    root_mean_squared_error: _root_squared,
    mean_absolute_error: _absolute,
    r2_score: _explained,
}
