"""Before any outcome is known: a promise from ranks with fixed weights.

Scores have different units and most compare only sources of one target, so they are turned into
ranks within the target, from 0 (the worst) to 1. Scores that look at the same evidence form a
group, and the promise is the weighted mean of the groups' ranks, damped where source and target
rows can be told apart: a source far away keeps `1 + proximity` = 1 - PAD / 2 of its rank. Pooled
rows are not damped: there it is the labels that decide, and what is tried in closed form sees both.

The groups and the weights are our choice, set on 20 Newsgroups alone, and depend on what will be
carried over. What is tried in closed form and what the source's head says of the target tell most
of rows that are pooled, whose labels must mean the same; the separation of the classes tells most
of features, for which they need not. Label relation and attribution look at other evidence,
neighbours guard against linearity, and size and quality of the source are the heuristic that beat
many scores.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import UnknownNameError
from priorlift.ranking.pairs import PairFeatures

Floats = NDArray[np.float64]

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("logme", ("logme",)),
    ("shrinkage_h", ("shrinkage_h",)),
    ("label_relation", ("nce", "leep")),
    ("attribution", ("attribution", "attribution_overlap")),
    ("agreement", ("agreement",)),
    ("pooling_gain", ("pooling_gain",)),
    ("feature_gain", ("feature_gain",)),
    ("knn", ("knn",)),
    ("priors", ("log_n_source", "source_score")),
)
GROUP_NAMES = tuple(name for name, _ in GROUPS)
CARRIED: Mapping[str, tuple[float, ...]] = {
    "any": (1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 1.0, 1.0, 1.0),
    "rows": (0.0, 0.0, 0.5, 1.0, 4.0, 4.0, 0.0, 0.5, 0.5),
    "features": (2.0, 3.0, 2.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.5),
}
"""Weights of the groups by what is carried over: rows that are pooled, features, or not known."""
MIDDLE = 0.5


def within_target_ranks(
    pairs: PairFeatures, names: tuple[str, ...], among: PairFeatures | None = None
) -> Floats:
    """Return each feature's rank among the sources of the pair's target, from 0 to 1.

    Parameters
    ----------
    pairs : PairFeatures
        N pairs.
    names : tuple of str
        Features to rank; larger values rank higher.
    among : PairFeatures, optional
        The pairs to rank among, where a target has some there; else and elsewhere `pairs` itself.

    Returns
    -------
    ndarray of shape (N, len(names))
        Share of the known values below, equal ones counted by half; NaN for a value not known. The
        whole set of sources repeated gives the same ranks. O(N log N) a feature.

    Examples
    --------
    >>> pairs = PairFeatures(("t",) * 3, ("a", "b", "c"), {"knn": np.array([0.9, 0.2, np.nan])})
    >>> within_target_ranks(pairs, ("knn",)).ravel()
    array([0.75, 0.25,  nan])
    """
    values, ranks = pairs.matrix(names), np.full((pairs.n_pairs, len(names)), np.nan)
    others = among if among is not None else pairs
    other_values = others.matrix(names)
    own, theirs = np.array(pairs.targets, dtype=str), np.array(others.targets, dtype=str)
    for target in np.unique(own):
        rows, reference = own == target, other_values[theirs == target]
        if len(reference) == 0:
            reference = values[rows]
        for j in range(len(names)):
            ranks[rows, j] = _shares_below(values[rows, j], reference[:, j])
    return ranks


def group_weights(transfer: str = "any") -> Floats:
    """Return the weights of the groups, shape (len(GROUPS),), with sum 1.

    Parameters
    ----------
    transfer : {"any", "rows", "features"}
        What will be carried over.

    Raises
    ------
    UnknownNameError
        It is another word.
    """
    if transfer not in CARRIED:
        raise UnknownNameError("kind of transfer", str(transfer), CARRIED)
    weights = np.array(CARRIED[transfer])
    return np.asarray(weights / weights.sum())


def group_ranks(
    pairs: PairFeatures, among: PairFeatures | None = None, transfer: str = "any"
) -> Floats:
    """Return the damped rank of each group of scores, shape (N, len(GROUPS)), without NaN.

    A group that is not known for a pair stands at the weighted mean of the groups that are, so that
    the promise, a fixed weighted sum of these columns, is the mean of the rest. A pair that nothing
    is known of stands in the middle.
    """
    weights = group_weights(transfer)
    columns = []
    for _, names in GROUPS:
        columns.append(_mean_of_known(within_target_ranks(pairs, names, among)))
    ranks = np.stack(columns, axis=1)
    known = ~np.isnan(ranks)
    weight = (known * weights).sum(axis=1)
    total = np.where(known, ranks * weights, 0.0).sum(axis=1)
    rest = np.divide(total, weight, out=np.full(len(total), MIDDLE), where=weight > 0.0)
    full = np.where(known, ranks, rest[:, None])
    return np.asarray(full if transfer == "rows" else full * damping(pairs)[:, None])


def weights_of(names: Sequence[str], transfer: str = "any") -> Floats:
    """Return the weight of each score among those of a ranking, shape (K,).

    The scores of a group share its weight; one outside the groups weighs 1, and so do all where
    each has the weight 0.

    Examples
    --------
    >>> weights_of(["nce", "leep", "agreement", "mine"])
    array([1., 1., 3., 1.])
    """
    group_weights(transfer)
    weights = dict.fromkeys(names, 1.0)
    for (_, members), weight in zip(GROUPS, CARRIED[transfer], strict=True):
        present = [name for name in members if name in weights]
        weights.update(dict.fromkeys(present, weight / max(len(present), 1)))
    found = np.array([weights[name] for name in names])
    return found if found.any() else np.ones(len(found))


def promise(groups: Floats, transfer: str = "any") -> Floats:
    """Return the fixed-weight promise from `group_ranks`, shape (N,), from 0 to 1."""
    return np.asarray(groups @ group_weights(transfer))


def damping(pairs: PairFeatures) -> Floats:
    """Return 1 + proximity, from 0 to 1, shape (N,).

    Where a pair's proximity is not known it counts as the mean of its target's other sources, so
    that it neither gains nor loses against them; without any, nothing is damped.
    """
    factor = 1.0 + np.clip(pairs.matrix(("proximity",))[:, 0], -1.0, 0.0)
    targets = np.array(pairs.targets, dtype=str)
    for target in np.unique(targets[np.isnan(factor)]):
        rows = targets == target
        known = factor[rows & ~np.isnan(factor)]
        factor[rows & np.isnan(factor)] = known.mean() if len(known) else 1.0
    return np.asarray(factor)


def _shares_below(values: Floats, reference: Floats) -> Floats:
    known = np.sort(reference[~np.isnan(reference)])
    if len(known) == 0:
        return np.full(len(values), np.nan)
    below = np.searchsorted(known, values, side="left")
    up_to = np.searchsorted(known, values, side="right")
    return np.asarray(np.where(np.isnan(values), np.nan, (below + up_to) / (2.0 * len(known))))


def _mean_of_known(values: Floats) -> Floats:
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    means = np.full(len(values), np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means
