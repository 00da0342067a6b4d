"""One target and one source as rows that can change sides: what a gap is measured on.

The rows of both are stacked, the target's first, in an order that follows from their content; so
folds do not depend on the order in which the rows were given.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.encoders.table import TableEncoder
from priorlift.pool import Source, Target, Task, align_source
from priorlift.ranking.labels import Floats

KEY_SEED = 20230101


@dataclass(frozen=True, eq=False)
class PairRows:
    """The labelled rows of a target and of one source, encoded alike.

    Attributes
    ----------
    X : ndarray, CSR matrix or raw collection of n rows
        Features, or raw inputs where nothing encodes them.
    y : ndarray of shape (n,)
        Codes of the target's classes, or numbers.
    weight : ndarray of shape (n,)
        Weights of the rows.
    groups : ndarray of shape (n,) or None
        Groups, those of both domains known by one name; None where neither has any.
    of_target : ndarray of bool, shape (n,)
        Which rows are the target's.
    numbers : ndarray of shape (n,)
        Which row of the given target or source each was.
    task : {"classification", "regression"}
        The target's task.
    scale : float
        Variance of the target's labels; 1 for classes.
    n_left_out : int
        Source rows without label, or with a class that the target lacks.
    warnings : tuple of str
        What a reader of the gap should know.
    """

    X: Any
    y: NDArray[Any]
    weight: Floats
    groups: NDArray[Any] | None
    of_target: NDArray[np.bool_]
    numbers: NDArray[np.intp]
    task: Task
    scale: float
    n_left_out: int
    warnings: tuple[str, ...]


def pair_rows(target: Target, source: Source, numbers: NDArray[np.intp], encode: Any) -> PairRows:
    """Stack a target and a source.

    Parameters
    ----------
    target : Target
        Labelled rows only.
    source : Source
        Any rows.
    numbers : ndarray of shape (n_target,)
        Which row of the given target each is.
    encode : "auto", None or transformer
        How rows become numbers, learned on the rows of both, labels unseen.

    Raises
    ------
    InputError
        The source's columns or labels do not fit the target's, or rows cannot be encoded.
    """
    aligned = align_source(source, target.columns, arrays.n_columns(target.X))
    y, kept = _labels(target, source)
    parts = [target.X, arrays.take_rows(aligned.X, kept)]
    X = _encoded(encode, arrays.stack_rows(parts))
    of_target = np.arange(target.n_rows + len(kept)) < target.n_rows
    weight = np.concatenate([_weights(target), _weights(source)[kept]])
    groups, warnings = _groups(target, source, kept)
    own = y[of_target].astype(float) if target.task == "regression" else np.zeros(1)
    sides = (np.flatnonzero(of_target), np.flatnonzero(~of_target))
    order = np.concatenate([content_order(X, y, side) for side in sides])
    return PairRows(
        arrays.take_rows(X, order),
        y[order],
        weight[order],
        None if groups is None else groups[order],
        of_target[order],
        np.concatenate([numbers, kept])[order],
        target.task or "classification",
        float(own.var()) or 1.0,
        source.n_rows - len(kept),
        warnings,
    )


def _labels(target: Target, source: Source) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the labels of both, and the source's rows that can be used."""
    if source.y.ndim != 1:
        raise InputError("it has 2-D labels", remedy="pick one column of y")
    kept = np.flatnonzero(source.labelled)
    if target.task == "regression":
        try:
            own = source.y[kept].astype(np.float64)
        except (TypeError, ValueError):
            raise InputError("its labels are not numbers, the target's are") from None
        if len(own) < 2 or (own == own[0]).all():
            raise InputError("its labels are constant, there is nothing to learn from it")
        return np.concatenate([target.y.astype(np.float64), own]), kept
    classes, codes = np.unique(target.y, return_inverse=True)
    place = {label: code for code, label in enumerate(classes.tolist())}
    known = np.array([place.get(label, -1) for label in source.y[kept].tolist()], dtype=np.intp)
    kept, known = kept[known >= 0], known[known >= 0]
    if len(np.unique(known)) < 2:
        raise InputError(
            "fewer than two of the target's classes occur among its labels",
            remedy="leave it out of the pool",
        )
    return np.concatenate([codes.astype(np.intp), known]), kept


def _encoded(encode: Any, X: Any) -> Any:
    """Return rows as numbers; raw inputs stay as they are where nothing encodes them."""
    if encode is None:
        if arrays.is_frame(X):
            return X
        return sp.csr_matrix(X) if sp.issparse(X) else X
    if isinstance(encode, str):
        if encode != "auto":
            raise InputError(
                f"preprocess is {encode!r}", remedy='"auto", None or a scikit-learn transformer'
            )
        if arrays.n_columns(X) is None:
            raise InputError(
                "the inputs are raw and nothing turns them into features",
                remedy="preprocess=None with a Pipeline that encodes, or pass features",
            )
        encode = TableEncoder()
    try:
        return clone(encode).fit_transform(X)
    except (TypeError, ValueError) as error:
        # A transformer of the caller's may complain in its own way.
        raise InputError(f"its rows cannot be encoded: {error}") from error


def _weights(task: Target | Source) -> Floats:
    if task.sample_weight is None:
        return np.ones(task.n_rows)
    return np.asarray(task.sample_weight, dtype=float)


def _groups(
    target: Target, source: Source, kept: NDArray[np.intp]
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    if target.groups is None and source.groups is None:
        return None, ()
    given = [
        None if target.groups is None else target.groups,
        None if source.groups is None else source.groups[kept],
    ]
    sizes = (target.n_rows, len(kept))
    # Where a side has none, each of its rows is a group of its own.
    named = [
        [f"{side} {row}" for row in range(size)]
        if groups is None
        else [f"group {group}" for group in groups.tolist()]
        for side, groups, size in zip(("target", "source"), given, sizes, strict=True)
    ]
    groups = np.unique(np.array(named[0] + named[1]), return_inverse=True)[1]
    if target.groups is not None and source.groups is not None:
        return groups, ()
    which = "target" if target.groups is None else "source"
    return groups, (f"the {which} has no groups, each of its rows counts as independent",)


def content_order(X: Any, y: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return rows in an order that follows from what they hold; raw inputs as they stand.

    Parameters
    ----------
    X : array, sparse matrix or raw collection of n rows
        Features.
    y : ndarray of shape (n,)
        Labels.
    rows : ndarray of int
        Which rows to put in order.
    """
    if not hasattr(X, "dtype") or getattr(X, "ndim", 0) != 2 or X.dtype.kind not in "fiub":
        return rows
    line = np.random.default_rng(KEY_SEED).normal(size=X.shape[1])
    # Rounded, since a product may differ in its last bits by where its row stands.
    key = np.asarray(X[rows] @ line)
    key = np.round(key / (np.abs(key).max(initial=0.0) or 1.0), 11)
    return np.asarray(rows[np.lexsort((key, y[rows]))])
