"""The performance gap as a score of sources: minus what the source's model loses on the target."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.ranking.gap.losses import row_losses
from priorlift.ranking.gap.rows import content_order
from priorlift.ranking.inner_validation import inner_splits

if TYPE_CHECKING:
    from priorlift.ranking.view import SourceView

N_SPLITS = 3


def negative_target_gap(view: "SourceView") -> float:
    """Return minus the target-side gap of a linear model: by 0-1 loss, or by squared error.

    Parameters
    ----------
    view : SourceView
        The target's and the source's encoded rows.

    Returns
    -------
    float
        Above 0 where the source's model does better on the target than the target's own; in
        accuracy, or in shares of the variance of the target's labels.

    Raises
    ------
    InputError
        The view is of a pretrained model, the labels of the two do not fit, or the target cannot be
        split.

    Notes
    -----
    The target's model is cross-fitted on three folds; the source's learns from all its rows, since
    it has seen none of the target's. `performance_gap` gives both sides, for any estimator, with a
    null. Expensive: up to four fits for the target and each of its resamples.
    """
    rows, y = view.source_rows, view.source_y
    X, own = view.rows, view.y
    regression = view.task == "regression"
    if regression and (own.ndim != 1 or y.dtype.kind not in "fiub"):
        raise InputError("the gap needs one column of numbers as labels, of target and source")
    if not regression:
        classes, own = np.unique(own, return_inverse=True)
        place = {label: code for code, label in enumerate(classes.tolist())}
        codes = np.array([place.get(label, -1) for label in y.tolist()], dtype=np.intp)
        rows, y = rows[codes >= 0], codes[codes >= 0]
        if len(np.unique(y)) < 2:
            raise InputError("fewer than two of the target's classes occur in the source")
    order = content_order(X, own, np.arange(len(own)))
    X, own = X[order], own[order]
    splits = inner_splits(own, None, view.task, derive_seed(view.target.seed, "gap"), N_SPLITS)
    if not splits:
        raise InputError("too few labelled rows of the target to cross-fit")
    name = "squared" if regression else "zero_one"
    scale = float(own.var()) if regression else 1.0
    judged = np.concatenate([test for _, test in splits])
    by_target = np.concatenate(
        [
            row_losses(_fitted(view, X[train], own[train]), X[test], own[test], (name,), scale)[
                name
            ]
            for train, test in splits
        ]
    )
    model = _fitted(view, rows, y)
    by_source = row_losses(model, X[judged], own[judged], (name,), scale)[name]
    return float(by_target.mean() - by_source.mean())


def _fitted(view: "SourceView", X: Any, y: Any) -> Any:
    model = Ridge() if view.task == "regression" else LogisticRegression(max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)
