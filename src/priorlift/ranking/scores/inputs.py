"""What the scores accept: rows, classes and probabilities, checked before anything is computed.

Scores that look at a sample of the rows, or that split them, do so in an order of the rows' own, so
that the order in which a caller holds them changes nothing.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

from priorlift.core.arrays import missing_mask, to_vector
from priorlift.core.errors import InputError
from priorlift.ranking.labels import Floats, TaskKind, check_classes
from priorlift.ranking.statistics import dense

Codes = NDArray[np.intp]
PROBABILITY_TOLERANCE = 1e-3


def class_codes(y: ArrayLike) -> Codes:
    """Return the classes as 0..C-1, shape (n,); a class that no row carries gets no number.

    Parameters
    ----------
    y : array-like of shape (n,)
        Classes of any kind.

    Raises
    ------
    InputError
        There are no labels, a label is missing, they are no single column, or nearly every row is
        a class of its own.
    """
    labels = to_vector(y)
    if labels.ndim != 1 or len(labels) == 0:
        raise InputError(f"class labels must be one column, got shape {labels.shape}")
    if missing_mask(labels).any():
        raise InputError("a label is missing", remedy="score labelled rows only")
    try:
        classes, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        raise InputError("the labels mix numbers and text", remedy="make them all text") from None
    check_classes(classes, len(labels))
    return np.asarray(codes, dtype=np.intp)


def several_classes(y: ArrayLike, score: str) -> Codes:
    """Return the codes of labels that name two classes or more.

    Parameters
    ----------
    y : array-like of shape (n,)
        Classes of any kind.
    score : str
        Who asks, for the message.

    Raises
    ------
    InputError
        As `class_codes`, or there is one class only.
    """
    codes = class_codes(y)
    if not codes.any():
        raise InputError("the labels are constant", remedy=f"{score} needs two classes or more")
    return codes


def label_columns(y: ArrayLike, task: TaskKind, score: str) -> Floats:
    """Return labels as dense columns that vary: one-hot for classes, numbers for a regression.

    Parameters
    ----------
    y : array-like of shape (n,) or, for a regression, (n, k)
        Labels.
    task : {"classification", "regression"}
        What they are.
    score : str
        Who asks, for the message.

    Raises
    ------
    InputError
        A label is missing or no number where it must be one, or the labels are constant.
    """
    if task == "classification":
        codes = several_classes(y, score)
        return np.asarray(np.eye(codes.max() + 1)[codes])
    try:
        columns = np.asarray(y).astype(np.float64)
    except (TypeError, ValueError):
        raise InputError("the labels are not numbers", cause="these are classes") from None
    columns = columns[:, None] if columns.ndim == 1 else columns
    if columns.ndim != 2 or len(columns) == 0:
        raise InputError(f"labels must be one column or several, got shape {columns.shape}")
    if not np.isfinite(columns).all():
        raise InputError("a label is NaN or infinite", remedy="score labelled rows only")
    if not (columns != columns[0]).any(axis=0).all():
        raise InputError("the labels are constant", remedy=f"{score} needs labels that vary")
    return columns


def varied_rows(F: Any, score: str, *, least: int = 3) -> Floats:
    """Return features as finite float64 rows that are not all the same.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        Features.
    score : str
        Who asks, for the message.
    least : int
        The fewest rows from which the score says anything.

    Raises
    ------
    InputError
        The features are no table, not finite, too few or constant.
    """
    rows = dense(F)
    if len(rows) < least:
        raise InputError(
            f"there are {len(rows)} rows to score", remedy=f"{score} needs {least} or more"
        )
    if not (rows != rows[0]).any():
        raise InputError(
            "the features are constant", remedy=f"{score} needs features that differ among rows"
        )
    return rows


def check_lengths(rows: Any, labels: Any) -> None:
    """Raise `InputError` unless there is a label for each row."""
    if len(rows) != len(labels):
        raise InputError(
            f"{len(rows)} rows and {len(labels)} labels do not match",
            cause="rows were dropped on one side only",
        )


def classified_rows(F: Any, y: ArrayLike, score: str) -> tuple[Floats, Codes]:
    """Return features as rows that are not all the same, and the codes of their classes.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        Features.
    y : array-like of shape (n,)
        Classes, two or more.
    score : str
        Who asks, for the message.

    Raises
    ------
    InputError
        As `varied_rows` and `several_classes`, lengths differ, or the labels are no classes.
    """
    rows = varied_rows(F, score)
    codes = several_classes(y, score)
    check_lengths(rows, codes)
    return rows, codes


def two_data_sets(source_rows: Any, rows: Any, score: str) -> tuple[Floats, Floats]:
    """Return a source's and a target's rows as finite float64 tables with the same columns.

    Parameters
    ----------
    source_rows, rows : array or sparse matrix of shape (m, d), (n, d)
        Rows, encoded in the same way.
    score : str
        Who asks, for the message.

    Raises
    ------
    InputError
        Columns differ, features are not finite or constant over both, or there are fewer than two
        rows in one.
    """
    source, target = dense(source_rows), dense(rows)
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"the source has {source.shape[1]} columns, the target {target.shape[1]}",
            remedy="encode both with the same encoder",
        )
    for table, name in ((source, "source"), (target, "target")):
        if len(table) < 2:
            raise InputError(f"the {name} has fewer than two rows", remedy=f"{score} needs more")
    varied_rows(np.concatenate([source, target]), score)
    return source, target


def probabilities(P: Any) -> Floats:
    """Return the class probabilities of a source's head as float64, shape (n, C_s).

    Parameters
    ----------
    P : array of shape (n, C_s)
        Non-negative; each row sums to 1 within 1e-3, which half precision keeps.

    Raises
    ------
    InputError
        They are no probabilities.
    """
    table = np.asarray(P)
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"probabilities must be a table, got shape {table.shape}")
    table = table.astype(np.float64, copy=False)
    if not np.isfinite(table).all():
        raise InputError("a probability is NaN or infinite", cause="the source's head diverged")
    if table.min() < 0.0:
        raise InputError(f"a probability is {table.min():.3g}", cause="these are logits")
    sums = table.sum(axis=1)
    worst = int(np.abs(sums - 1.0).argmax())
    if abs(sums[worst] - 1.0) > PROBABILITY_TOLERANCE:
        raise InputError(
            f"the probabilities of row {worst} sum to {sums[worst]:.6g} and not to 1",
            cause="these are logits, or one-vs-rest probabilities",
            remedy="divide each row by its sum, or apply a softmax to logits",
        )
    return table


def own_order(rows: Floats, ties: Codes | None = None) -> Codes:
    """Return the order of the rows along a fixed direction: however they came, it is the same.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Rows; scaling them all does not change the order.
    ties : ndarray of shape (n,), optional
        Sorts rows that are equal.
    """
    direction = np.random.default_rng(0).normal(size=rows.shape[1])
    # Row by row, so that equal rows get equal places; a matrix product may round by position.
    places = np.einsum("ij,j->i", rows, direction)
    return np.asarray(np.lexsort((places,) if ties is None else (ties, places)), dtype=np.intp)


def sample_rows(rows: Floats, most: int, seed: int, ties: Codes | None = None) -> Codes:
    """Return the positions of a random sample without replacement, all of them if few enough.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        What to sample from.
    most : int
        Size of the sample.
    seed : int
        The same rows and seed give the same sample, in whatever order the rows come.
    ties : ndarray of shape (n,), optional
        As in `own_order`.
    """
    order = own_order(rows, ties)
    if len(order) <= most:
        return order
    chosen = np.random.default_rng(seed).choice(len(order), most, replace=False)
    return order[np.sort(chosen)]


def principal_components(rows: Floats, n_components: float | int) -> Floats:
    """Return principal components, shape (n, r); O(n d min(n, d)).

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Features of about unit size.
    n_components : int or float
        As in scikit-learn's PCA: how many, or the share of the variance to keep.
    """
    # Of few columns the covariance is decomposed, some times faster than the rows themselves.
    solver = "covariance_eigh" if len(rows) >= rows.shape[1] else "full"
    return np.asarray(PCA(n_components=n_components, svd_solver=solver).fit_transform(rows))
