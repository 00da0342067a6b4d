"""Splits of the target's training rows for choices made inside `fit`.

They respect groups, keep every class on both sides, and shrink to what few labels allow.
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
        Empty where no valid split exists: fewer than two rows of a class, or fewer than two groups.
    """
    n_splits = min(n_splits, len(y))
    if task == "classification":
        n_splits = min(n_splits, int(np.unique(y, return_counts=True)[1].min()))
    if groups is not None:
        n_splits = min(n_splits, len(np.unique(groups)))
    if n_splits < 2:
        return []
    stratified = task == "classification"
    if groups is None:
        folds = (StratifiedKFold if stratified else KFold)(n_splits, shuffle=True, random_state=seed)
    elif stratified:
        folds = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    else:
        folds = GroupKFold(n_splits, shuffle=True, random_state=seed)
    splits = list(folds.split(np.empty((len(y), 1)), y, groups))
    if stratified:
        classes = len(np.unique(y))
        splits = [split for split in splits if len(np.unique(y[split[0]])) == classes]
    return splits
