"""Splits of the target's training rows for choices made inside `fit`.

They respect groups, keep every class in training, and shrink to what few labels allow. A class that
only one row (or one group) has could not be predicted without it, so that row always trains.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from priorlift.pool import Task

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def inner_splits(
    y: NDArray[Any], groups: NDArray[Any] | None, task: Task, seed: int, n_splits: int = 5
) -> list[Split]:
    """Split training rows for inner validation.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Labels.
    groups : ndarray of shape (n,) or None
        Rows of one group stay together.
    task : {"classification", "regression"}
        Classification splits are stratified.
    seed : int
        Seeds the shuffling.
    n_splits : int, default=5
        At most; fewer where a class has fewer rows, or where there are fewer groups.

    Returns
    -------
    list of (train, test) index arrays
        Each class of `y` is in each training side. Empty where no valid split exists: fewer than
        two rows or groups, or fewer than two classes that could be tested.
    """
    rows = np.arange(len(y))
    if task == "classification":
        _, codes = np.unique(y, return_inverse=True)
        rows = np.flatnonzero(~_only_of_a_class(codes, groups))
        counts = np.bincount(codes[rows])
        if (counts > 0).sum() < 2:
            return []
        n_splits = min(n_splits, int(counts[counts > 0].min()))
    n_splits = min(n_splits, len(rows if groups is None else np.unique(groups[rows])))
    if n_splits < 2:
        return []
    folds = _folds(task, groups is not None, n_splits, seed)
    given = None if groups is None else groups[rows]
    tests = [rows[test] for _, test in folds.split(np.empty((len(rows), 1)), y[rows], given)]
    splits = [(np.setdiff1d(np.arange(len(y)), test), test) for test in tests]
    if task == "classification":
        n_classes = len(np.unique(codes))
        splits = [split for split in splits if len(np.unique(codes[split[0]])) == n_classes]
    return splits


def _only_of_a_class(codes: NDArray[np.intp], groups: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Mark the rows (with groups: of the groups) outside which some class has no row."""
    units = np.arange(len(codes)) if groups is None else np.unique(groups, return_inverse=True)[1]
    pairs = np.unique(np.stack([codes, units]), axis=1)
    n_units = np.bincount(pairs[0])
    alone = pairs[1][n_units[pairs[0]] == 1]
    return np.isin(units, alone)


def _folds(task: Task, grouped: bool, n_splits: int, seed: int) -> Any:
    if task == "classification":
        kind = StratifiedGroupKFold if grouped else StratifiedKFold
    else:
        kind = GroupKFold if grouped else KFold
    return kind(n_splits, shuffle=True, random_state=seed)
