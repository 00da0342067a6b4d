"""Pairs of attributions compared: whether source and target use the same features of a probe.

Heads on one encoder look alike to some degree whatever they were trained for. So every measure is
also taken between real heads and heads of permuted labels, and reported in standard deviations from
what those show.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.ranking.attribution.gradients import attribute
from priorlift.ranking.attribution.heads import Array, Head
from priorlift.ranking.labels import Floats

TOP_SHARE = 0.05
FEATURES = (
    "attribution",
    "attribution_overlap",
    "attribution_all_probes",
    "attribution_profile",
    "attribution_profile_rank",
    "attribution_complement",
    "attribution_signs",
    "attribution_cka",
)
"""Names of the pair features; `attribution_pairs` says what they are."""


class _Views:
    """What T attributions look like to the measures, each view computed when it is asked for."""

    def __init__(self, attributions: Sequence[Array], members: NDArray[np.bool_]) -> None:
        self.values = attributions
        self.members = members

    @cached_property
    def lengths(self) -> Floats:
        return np.stack([np.sqrt(np.einsum("pd,pd->p", a, a)) for a in self.values])

    @cached_property
    def constant(self) -> NDArray[np.bool_]:
        return np.asarray(~(self.lengths > 0.0).any(axis=1))

    @cached_property
    def units(self) -> Array:
        safe = np.where(self.lengths > 0.0, self.lengths, 1.0)
        found = np.empty((len(self.values), *self.values[0].shape), self.values[0].dtype)
        for place, one in enumerate(self.values):
            np.divide(one, safe[place][:, None], out=found[place])
        return found

    @cached_property
    def profile(self) -> Floats:
        """Mean |a| as shares of the task's whole, shape (T, d)."""
        mean = np.stack([np.abs(one).mean(axis=0, dtype=np.float64) for one in self.values])
        whole = mean.sum(axis=1, keepdims=True)
        return np.asarray(mean / np.where(whole > 0.0, whole, 1.0))

    @cached_property
    def top(self) -> Floats:
        """Indicator of the features with the largest shares, shape (T, d)."""
        size = self.profile.shape[1]
        chosen = np.argsort(-self.profile, axis=1, kind="stable")[:, : _top_size(size)]
        found = np.zeros_like(self.profile)
        np.put_along_axis(found, chosen, 1.0, axis=1)
        return found

    @cached_property
    def profile_units(self) -> Floats:
        return _unit(self.profile)

    @cached_property
    def rank_units(self) -> Floats:
        ranks = stats.rankdata(self.profile, axis=1)
        return _unit(ranks - ranks.mean(axis=1, keepdims=True))

    @cached_property
    def signs(self) -> Array:
        found = np.empty((len(self.values), self.values[0].size), np.float32)
        for place, one in enumerate(self.values):
            np.sign(one.ravel(), out=found[place], casting="same_kind")
        return found

    @cached_property
    def kernels(self) -> Array:
        """Centred kernels of the probes, of unit length, shape (T, m²)."""
        found = []
        for place, one in enumerate(self.values):
            safe = max(float(self.lengths[place].max()), 1e-300)
            centred = (one - one.mean(axis=0)) / one.dtype.type(safe)
            found.append((centred @ centred.T).ravel())
        return _unit(np.stack(found))


def _all_probes(sources: _Views, targets: _Views) -> Floats:
    left, right = (views.units.reshape(len(views.values), -1) for views in (sources, targets))
    counts = (sources.lengths > 0.0).astype(float) @ (targets.lengths > 0.0).astype(float).T
    return _ratio(np.asarray(left @ right.T, dtype=np.float64), counts)


def _target_probes(sources: _Views, targets: _Views) -> Floats:
    found = np.empty((len(sources.values), len(targets.values)))
    for target, chosen in enumerate(targets.members):
        own = np.ascontiguousarray(sources.units[:, chosen]).reshape(len(found), -1)
        total = own @ targets.units[target][chosen].ravel()
        counts = (sources.lengths[:, chosen] > 0.0) @ (
            targets.lengths[target, chosen] > 0.0
        ).astype(float)
        found[:, target] = _ratio(np.asarray(total, dtype=np.float64), counts)
    return found


def _overlap(sources: _Views, targets: _Views) -> Floats:
    common = sources.top @ targets.top.T
    return np.asarray(common / (2.0 * _top_size(sources.top.shape[1]) - common))


def _complement(sources: _Views, targets: _Views) -> Floats:
    return np.asarray(1.0 - sources.top @ targets.profile.T)


def _signs(sources: _Views, targets: _Views) -> Floats:
    agreed = sources.signs @ targets.signs.T
    return np.asarray(0.5 + 0.5 * agreed / sources.signs.shape[1], dtype=np.float64)


def _profiles(sources: _Views, targets: _Views) -> Floats:
    return np.asarray(sources.profile_units @ targets.profile_units.T)


def _profile_ranks(sources: _Views, targets: _Views) -> Floats:
    return np.asarray(sources.rank_units @ targets.rank_units.T)


def _cka(sources: _Views, targets: _Views) -> Floats:
    return np.asarray(sources.kernels @ targets.kernels.T, dtype=np.float64)


_MEASURES: dict[str, Callable[[_Views, _Views], Floats]] = {
    "attribution": _target_probes,
    "attribution_overlap": _overlap,
    "attribution_all_probes": _all_probes,
    "attribution_profile": _profiles,
    "attribution_profile_rank": _profile_ranks,
    "attribution_complement": _complement,
    "attribution_signs": _signs,
    "attribution_cka": _cka,
}


def attribution_pairs(
    attributions: Sequence[Array],
    members: NDArray[np.bool_] | None = None,
    nulls: Iterable[Sequence[Array]] | None = None,
    names: Sequence[str] = FEATURES,
) -> Mapping[str, Floats]:
    """Compare T attributions on the same m probes, every ordered pair.

    Parameters
    ----------
    attributions : sequence of ndarray of shape (m, d)
        Of each task, see `attribute`; the same probes in the same order.
    members : ndarray of bool, shape (T, m), optional
        The probes that are a task's own, see `Probes`; all of them unless given.
    nulls : iterable of sequence of ndarray of shape (m, d), optional
        Draws of T attributions of heads that were trained on permuted labels, two or more, read one
        at a time. Without them the measures are returned as they are.
    names : sequence of str
        Which features; the fewer the faster.

    Returns
    -------
    mapping of str to ndarray of shape (T, T)
        By [source, target]. A task whose attributions are all zero (its head is constant) has NaN,
        and so has a pair of which the null draws are all equal.

        - ``attribution``: mean cosine of source's and target's attributions on the target's probes,
          in [-1, 1] before it is standardised. Flipping a task's labels flips its sign.
        - ``attribution_overlap``: Jaccard index of the 5 % of features with the largest mean |a|.
        - ``attribution_all_probes``: mean cosine on all probes; symmetric.
        - ``attribution_profile``, ``attribution_profile_rank``: cosine and Spearman correlation of
          mean |a|.
        - ``attribution_complement``: share of the target's mean |a| outside the source's top 5 %.
        - ``attribution_signs``: share of cells (probe, feature) with equal signs; a zero is half.
        - ``attribution_cka``: linear CKA of the two attribution matrices.

    Raises
    ------
    InputError
        Fewer than two tasks, shapes that differ, a value that is not finite, an unknown name, or
        fewer than two null draws.

    Notes
    -----
    With nulls a feature is (value - mean) / sd of the values that the pair shows with the target's
    head permuted and with the source's head permuted, 2B of them. Our choice: the variance is the
    mean of the pair's own and of that of all sources of the target, because 2B values estimate a
    variance roughly, and its error would reorder sources. A probe on which an attribution is zero
    has no direction and is left out of the cosines.

    O(T² m d) a draw for all cosines and signs, O(T m² d) for CKA, O(T m d) for the others.

    Examples
    --------
    >>> one = np.array([[1.0, 0.0], [0.0, 2.0]])
    >>> attribution_pairs([one, -3.0 * one], names=["attribution"])["attribution"]
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    unknown = [name for name in names if name not in _MEASURES]
    if unknown:
        raise InputError(f"unknown feature {unknown[0]!r}", remedy=f"known: {', '.join(FEATURES)}")
    if len(attributions) < 2:
        raise InputError("there is no pair of fewer than two tasks")
    shape = np.shape(attributions[0])
    owned = np.ones((len(attributions), shape[0]), bool) if members is None else members
    if owned.shape != (len(attributions), shape[0]) or not owned.any(axis=1).all():
        raise InputError("every task needs probes of its own", remedy="see probe_rows")
    real = _views(attributions, owned, shape)
    found = {name: _MEASURES[name](real, real) for name in names}
    if nulls is not None:
        found = _standardised(real, found, nulls, shape)
    return {name: _without_constant(value, real) for name, value in found.items()}


def attribution_similarity(head_source: Head, head_target: Head, probes: Array) -> float:
    """Return the mean cosine of two heads' attributions on probes, in [-1, 1]; higher is better.

    Parameters
    ----------
    head_source, head_target : LinearHead or HiddenHead
        On the same features.
    probes : ndarray of shape (m, d)
        Inputs of the target, say; their mean is the baseline.

    Raises
    ------
    InputError
        As `attribute` does, for a constant head above all.

    Notes
    -----
    Not standardised: heads on one encoder are alike to some degree whatever they were trained for.

    Examples
    --------
    >>> from priorlift.ranking.attribution import LinearHead
    >>> head = LinearHead(np.array([[1.0], [2.0]]), np.zeros(1))
    >>> round(attribution_similarity(head, head, np.eye(2)), 6)
    1.0
    """
    both = [attribute(head, probes).values for head in (head_source, head_target)]
    return float(attribution_pairs(both, names=["attribution"])["attribution"][0, 1])


def _views(
    attributions: Sequence[Array], members: NDArray[np.bool_], shape: tuple[int, ...]
) -> _Views:
    if len(attributions) != len(members):
        raise InputError(f"{len(attributions)} attributions for {len(members)} tasks")
    for place, one in enumerate(attributions):
        if np.shape(one) != shape or len(shape) != 2:
            raise InputError(
                f"its attributions have shape {np.shape(one)}, those of the first {shape}",
                where=f"task {place}",
            )
        if not np.isfinite(one).all():
            raise InputError("an attribution is NaN or infinite", where=f"task {place}")
    kind = np.result_type(*attributions, np.float32)
    return _Views([np.asarray(one, dtype=kind) for one in attributions], members)


def _standardised(
    real: _Views,
    found: Mapping[str, Floats],
    nulls: Iterable[Sequence[Array]],
    shape: tuple[int, ...],
) -> dict[str, Floats]:
    drawn: dict[str, list[Floats]] = {name: [] for name in found}
    for draw in nulls:
        permuted = _views(draw, real.members, shape)
        for name, kept in drawn.items():
            both = _MEASURES[name](real, permuted), _MEASURES[name](permuted, real)
            kept += [_without_constant(value, real) for value in both]
    if any(len(kept) < 4 for kept in drawn.values()):
        raise InputError("a null needs two draws or more", remedy="8 are a good number")
    return {name: _z_scores(value, np.stack(drawn[name])) for name, value in found.items()}


def _without_constant(values: Floats, real: _Views) -> Floats:
    return np.asarray(np.where(real.constant[:, None] | real.constant, np.nan, values))


def _z_scores(values: Floats, drawn: Floats) -> Floats:
    own = drawn.var(axis=0, ddof=1)
    known = own > 1e-14
    pooled = np.where(known, own, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = np.sqrt(np.where(known, 0.5 * (own + pooled), np.nan))
    return np.asarray((values - drawn.mean(axis=0)) / spread)


def _top_size(width: int) -> int:
    return max(1, int(np.ceil(TOP_SHARE * width)))


def _unit(rows: Array) -> Array:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.where(lengths > 0.0, lengths, 1.0))


def _ratio(total: Floats, counts: Floats) -> Floats:
    return np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)
