"""Transfer tried in closed form: whether rows, features or the head of a source would help.

Ridge regressions stand in for what would be trained, and leave-one-out errors on the target's rows
for its score, so a trial costs r x r algebra in the source's principal space. Our own scores; the
nearest published thought is the expected performance gap.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from priorlift.core.errors import InputError
from priorlift.ranking.labels import Floats
from priorlift.ranking.ridge import Scatter, leave_one_out

if TYPE_CHECKING:
    from priorlift.ranking.view import SourceView


def pooling_gain(view: "SourceView") -> float:
    """Return how much of the labels' variance is better predicted with the source's rows added.

    It is (E_alone - E_pooled) / T, with E the squared leave-one-out errors of the target's rows by
    ridge regression in the source's principal space, on the target's rows alone or with the
    source's rows beside them, each at its best penalty, and T the squared deviations of the labels.

    Parameters
    ----------
    view : SourceView
        The target as the source sees it.

    Returns
    -------
    float
        Above 0 where the source's rows help; below 0 where they hurt. At most 1 plus a little.

    Raises
    ------
    InputError
        Source and target share no label, or are not tasks of one kind, or the target has several
        label columns.

    Notes
    -----
    Our choice. O(n r² + r³) for r <= 32. Depends on the meaning of the labels: a source with
    swapped classes hurts, and so does one whose numbers are in other units.
    """
    return float(pooling_gains([view])[0])


def pooling_gains(views: Sequence["SourceView"]) -> Floats:
    """Return `pooling_gain` of several sources in one principal space, shape (S,)."""
    target, rows = views[0].target, views[0].in_space
    alone = Scatter.of(rows, target.columns)
    pooled = [alone + shared_scatter(view) for view in views]
    scatter = Scatter(
        np.stack([part.gram for part in pooled]), np.stack([part.products for part in pooled])
    )
    judged = target.judged
    found = leave_one_out(scatter, rows[judged], target.columns[judged])
    return _gains(views[0], found.errors)


def feature_gain(view: "SourceView") -> float:
    """Return how much of the labels' variance is better predicted with the source's features added.

    As `pooling_gain`, with the source's features beside the target's own columns in place of rows
    beside rows. What the labels of the source mean does not matter.

    Parameters
    ----------
    view : SourceView
        The target as the source sees it.

    Returns
    -------
    float
        Above 0 where the features help.
    """
    return float(feature_gains([view])[0])


def feature_gains(views: Sequence["SourceView"]) -> Floats:
    """Return `feature_gain` of several sources in one principal space, shape (S,)."""
    target, rows = views[0].target, views[0].in_space
    # Without own columns (raw inputs) there is no scale to meet.
    own = np.sqrt(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean()) or 1.0
    features = stacked_features(views)
    features = features - features.mean(axis=1, keepdims=True)
    widths = np.array([view.features.shape[1] for view in views])
    size = np.sqrt(np.maximum((features**2).mean(axis=1).sum(axis=1) / widths, 1e-300))
    features *= (own / size)[:, None, None]
    judged = target.judged
    beside = features[:, judged]
    shared = np.broadcast_to(rows[judged], (len(views), *rows[judged].shape))
    scatter = Scatter.of(rows, target.columns).beside(rows, features, target.columns)
    wide = np.concatenate([shared, beside], axis=2)
    found = leave_one_out(scatter, wide, target.columns[judged])
    return _gains(views[0], found.errors)


def agreement(view: "SourceView") -> float:
    """Return the correlation of the source head's output with the target's labels.

    The mean over shared classes of the correlation between the head's output for a class and that
    class's indicator; for a regression, between predictions and labels.

    Parameters
    ----------
    view : SourceView
        The target as the source sees it.

    Returns
    -------
    float
        In [-1, 1]: how well the source's own model would do without any training on the target.

    Raises
    ------
    InputError
        Source and target share no label, or the head's output does not vary.
    """
    return float(agreements([view])[0])


def agreements(views: Sequence["SourceView"]) -> Floats:
    """Return `agreement` of several sources in one principal space, shape (S,)."""
    target, rows = views[0].target, views[0].in_space
    shared = [shared_columns(view) for view in views]
    weights = [
        view.closed_form.head.weights[:-1, theirs]
        for view, (_, theirs) in zip(views, shared, strict=True)
    ]
    margins = (rows - rows.mean(axis=0)) @ np.concatenate(weights, axis=1)
    spread = margins.std(axis=0)
    if not (spread > 0.0).all():
        raise InputError("the source's head says the same of all rows of the target")
    columns = target.columns - target.columns.mean(axis=0)
    correlations = (margins / spread).T @ (columns / columns.std(axis=0)) / len(rows)
    found, start = [], 0
    for ours, _ in shared:
        own = correlations[start : start + len(ours)]
        found.append(own[np.arange(len(ours)), ours].mean())
        start += len(ours)
    return np.array(found)


def proximity(view: "SourceView") -> float:
    """Return minus half the proxy A-distance of the rows, by a linear discriminant in closed form.

    With Delta the Mahalanobis distance of the means of source and target under their common
    covariance in the source's principal space, a linear discriminant errs with probability
    Phi(-Delta / 2), and the A-distance is 2 (1 - 2 Phi(-Delta / 2)). Delta² is corrected for the
    bias of few rows.

    Parameters
    ----------
    view : SourceView
        The target as the source sees it.

    Returns
    -------
    float
        In [-1, 0]: 0 where the rows cannot be told apart, -1 where they lie apart.

    References
    ----------
    Ben-David et al.: Analysis of Representations for Domain Adaptation, NIPS 2006. Bias of the
    squared distance: McLachlan, Discriminant Analysis and Statistical Pattern Recognition, 1992.
    """
    source, target = view.closed_form.rows, view.in_space
    width = min(source.shape[1], max(1, (len(source) + len(target) - 4) // 4))
    source, target = source[:, :width], target[:, :width]
    n, m = len(source), len(target)
    step = source.mean(axis=0) - target.mean(axis=0)
    scatter = view.closed_form.deviations[:width, :width] + _scatter(target)
    covariance = scatter / (n + m - 2)
    covariance.flat[:: width + 1] += 1e-9 * np.trace(covariance) / width + 1e-300
    squared = float(step @ np.linalg.solve(covariance, step))
    squared *= (n + m - width - 3) / (n + m - 2)
    squared -= width * (n + m) / (n * m)
    return float(2.0 * ndtr(-np.sqrt(max(squared, 0.0)) / 2.0) - 1.0)


def shared_columns(view: "SourceView") -> tuple[list[int], list[int]]:
    """Return which label columns of the target and of the source mean the same.

    Raises
    ------
    InputError
        None do, or the target has several columns of numbers, and which is meant is not known.
    """
    classes = view.closed_form.labels.classes
    if (classes is None) != (view.task == "regression"):
        raise InputError("the source is a task of another kind")
    if classes is None and view.target.columns.shape[1] > 1:
        raise InputError("the target has several label columns, the source one")
    if classes is None:
        return [0], [0]
    theirs = {_plain(label): place for place, label in enumerate(classes)}
    pairs = [
        (ours, theirs[_plain(label)])
        for ours, label in enumerate(view.target.classes)
        if _plain(label) in theirs
    ]
    if not pairs:
        raise InputError("it shares no label with the target")
    return [ours for ours, _ in pairs], [place for _, place in pairs]


def shared_scatter(view: "SourceView") -> Scatter:
    """Return the moments of the source's rows that carry a label of the target, in its columns.

    Labels of a regression count as they are, in the target's units: that is how rows are pooled.
    """
    ours, theirs = shared_columns(view)
    linear = view.closed_form
    if view.task == "regression":
        (mean, spread), (target_mean, target_spread) = linear.units, view.target.units
        sums = linear.scatter.gram[:, -1:]
        products = spread * linear.scatter.products + (mean - target_mean) * sums
        return Scatter(linear.scatter.gram, products / target_spread)
    width = view.target.columns.shape[1]
    if len(theirs) == linear.scatter.products.shape[1]:
        scatter = linear.scatter
        products = scatter.products[:, theirs]
    else:
        matrix = linear.labels.matrix
        dense = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)
        kept = dense[:, theirs].sum(axis=1) > 0
        scatter = Scatter.of(linear.rows[kept], dense[kept][:, theirs])
        products = scatter.products
    placed = np.zeros((len(products), width))
    placed[:, ours] = products
    return Scatter(scatter.gram, placed)


def _scatter(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred)


def _plain(label: object) -> object:
    """Return a label such that equal ones of two files meet: numbers by value, else as text."""
    value = label.item() if isinstance(label, np.generic) else label
    return float(value) if isinstance(value, int | float) else str(value)


def stacked_features(views: Sequence["SourceView"]) -> Floats:
    """Return the sources' features, shape (S, n, w); narrower ones are filled with zeros."""
    width = max(view.features.shape[1] for view in views)
    stacked = np.zeros((len(views), len(views[0].features), width))
    for place, view in enumerate(views):
        stacked[place, :, : view.features.shape[1]] = view.features
    return stacked


def _gains(view: "SourceView", errors: Floats) -> Floats:
    return np.asarray((view.error_alone - errors) / view.target.variation)
