"""The three stages in order: joint training, neighbour vote, joint training with the vote's labels.

The first stage places query and references in one space and learns the labels of the references;
the second carries labels over to the query by a vote of nearest neighbours; the third starts anew
with labels on both sides. Its neighbours have the last word.

Each data set is standardised by its own levels, and these depend on the types that are in it. Where
the vote finds the query of another composition, references are standardised as if they had it: the
first stage runs once more, and what it finds then holds for the third.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import derive_seed
from priorlift.core.threads import one_blas_thread
from priorlift.transfer.joint import composition, medoids, neighbours
from priorlift.transfer.joint.combining import combine
from priorlift.transfer.joint.model import FittedJoint, Member, Views
from priorlift.transfer.joint.novelty import Known, Novelty
from priorlift.transfer.joint.settings import Settings
from priorlift.transfer.joint.sparse_batches import Cells
from priorlift.transfer.joint.stages import DataSet, Stage, Weights, initial, train_stage
from priorlift.transfer.joint.workers import Workers

ROUNDS = 2
"""Rounds of refinement, at most, before the composition is read off."""
MOST_CELLS = 5_000
"""Query cells that it is read off: a share of a tenth is known to half a percent of the cells."""


@dataclass(frozen=True)
class Side:
    """The rows of one data set with their classes.

    Parameters
    ----------
    cells : Cells
        Prepared rows.
    codes : ndarray of int, shape (n,)
        Classes; -1 where unknown.
    weight : ndarray of shape (n,)
        Of the rows.
    key : str
        Seeds the order of rows.
    """

    cells: Cells
    codes: NDArray[np.int64]
    weight: NDArray[np.float64]
    key: str = ""


@dataclass(frozen=True)
class Fit:
    """What the procedure gives.

    Attributes
    ----------
    model : FittedJoint
        For new rows.
    history : dict of str to list of float
        Mean loss of each epoch, by stage, of the first member.
    stage1 : ndarray of int, shape (n,)
        Classes of the query by the head of the first stage.
    views : Views
        What the fit says of the query's rows; probabilities by models of other rows.
    novelty : ndarray of shape (n,)
        Of the query's rows.
    """

    model: FittedJoint
    history: dict[str, list[float]]
    stage1: NDArray[np.int64]
    views: Views
    novelty: NDArray[np.float64]


def fit_joint(
    query: Side,
    references: Sequence[Side],
    n_classes: int,
    settings: Settings,
    seed: int,
    n_jobs: int = 1,
) -> Fit:
    """Run the procedure, once for each member.

    Parameters
    ----------
    query : Side
        The query; its known classes are used.
    references : sequence of Side
        In an order that does not depend on names.
    n_classes : int
        Number of classes.
    settings : Settings
        Resolved.
    seed : int
        Seeds everything.
    n_jobs : int
        Threads; they change nothing but the time.

    Raises
    ------
    InputError
        Training diverges.
    """
    with one_blas_thread(), Workers(n_jobs) as workers:
        fits = []
        for place in range(settings.n_members):
            own = seed if place == 0 else derive_seed(seed, "member", str(place))
            fits.append(_fit_member(query, references, n_classes, settings, own, workers))
        main = fits[0]
        labelled = [side for side in (*main.references, query) if (side.codes >= 0).any()]
        members, rows = _kept([each.last for each in fits], labelled, settings, seed)
        stage1 = main.first.head(main.first.raw(query.cells, workers)).argmax(axis=1)
        model = FittedJoint(members, composition=main.composition)
        themselves = _own_anchors(query, rows)
        views = model.views(query.cells, workers, themselves)
        known = [
            _known(members[0], side, of_side, workers)
            for side, of_side in zip(labelled, rows, strict=True)
        ]
        looked = derive_seed(seed, "novelty")
        model.novelty, novelty = Novelty.of(query.cells, known, views.distance, looked, workers)
        if settings.count_weight or settings.refine_rounds:
            model.combination, views.proba = combine(
                query, references, views.vote, settings, workers
            )
        return Fit(model, main.history, stage1, views, novelty)


@dataclass(frozen=True)
class _Trained:
    """What the first and the last stage gave, and the references as the last one saw them."""

    first: Member
    last: Member
    history: dict[str, list[float]]
    references: Sequence[Side]
    composition: NDArray[np.float64] | None = None


def _fit_member(
    query: Side,
    references: Sequence[Side],
    n_classes: int,
    settings: Settings,
    seed: int,
    workers: Workers,
) -> _Trained:
    first = _stage1(query, references, n_classes, settings, seed, workers)
    asked = _some(query, derive_seed(seed, "composition"))
    found = _other_composition(query, references, first.shares, asked, settings, workers)
    if found is not None:
        references = [_at(side, found) for side in references]
        first = _stage1(query, references, n_classes, settings, seed, workers)
    if not settings.stage3:
        history = {"stage 1": first.losses}
        return _Trained(first.member, first.member, history, references, found)
    if found is not None:
        found = _composition(query, references, first.shares, asked, settings, workers)
        references = [_at(side, found) for side in references]
    labels = _transferred(first.shares, query, settings)
    if settings.joint_init == "random":
        start = initial(query.cells.width, n_classes, settings, derive_seed(seed, "stage 3"))
    else:
        start = first.weights
    third = Stage(
        "stage 3",
        n_classes,
        settings.epochs[1],
        settings.learning_rate,
        cross_entropy=not settings.trajectory,
        centers=True,
    )
    joint, later = train_stage(
        [*_sets(query, references), DataSet(query.cells, labels, "query", key=query.key)],
        third,
        settings,
        seed,
        start,
        workers,
    )
    last = _member(joint, query, references, settings, workers)
    history = {"stage 1": first.losses, "stage 3": later}
    return _Trained(first.member, last, history, references, found)


@dataclass(frozen=True)
class _Begun:
    """What the first stage gave: the network, its losses, and its vote for the query's rows."""

    weights: Weights
    member: Member
    losses: list[float]
    shares: NDArray[np.float64]


def _stage1(
    query: Side,
    references: Sequence[Side],
    n_classes: int,
    settings: Settings,
    seed: int,
    workers: Workers,
) -> _Begun:
    unknown = np.full(query.cells.n_rows, -1, dtype=np.int64)
    aligned, losses = train_stage(
        [*_sets(query, references), DataSet(query.cells, unknown, "query", key=query.key)],
        Stage("stage 1", n_classes, settings.epochs[0], settings.learning_rate),
        settings,
        seed,
        initial(query.cells.width, n_classes, settings, derive_seed(seed, "stage 1")),
        workers,
    )
    member = _member(aligned, query, references, settings, workers)
    shares, _ = member.vote(neighbours.normalised(member.raw(query.cells, workers)), workers)
    return _Begun(aligned, member, losses, shares)


def _sets(query: Side, references: Sequence[Side]) -> list[DataSet]:
    """Return the references and the labelled rows of the query."""
    sets = [
        DataSet(side.cells, side.codes, "reference", _relative(side.weight), side.key)
        for side in references
    ]
    use = (query.codes >= 0) * query.weight
    if use.any():
        shares = use / use.sum()
        sets.append(DataSet(query.cells, query.codes, "labelled", None, query.key, shares))
    return sets


def _relative(weight: NDArray[np.float64]) -> NDArray[np.float32] | None:
    mean = float(weight.mean())
    even = mean <= 0 or bool((weight == mean).all())
    return None if even else (weight / mean).astype(np.float32)


def _member(
    weights: Weights,
    query: Side,
    references: Sequence[Side],
    settings: Settings,
    workers: Workers,
) -> Member:
    """Keep the network and the embeddings of all labelled cells."""
    sides = [*references, *([query] if (query.codes >= 0).any() else [])]
    raw = [side.cells.embed(weights.W, weights.b, workers) for side in sides]
    anchors = np.concatenate(
        [neighbours.normalised(f)[s.codes >= 0] for f, s in zip(raw, sides, strict=True)]
    )
    codes = np.concatenate([side.codes[side.codes >= 0] for side in sides])
    return Member(weights.W, weights.b, weights.H, weights.c, anchors, codes, settings)


def _transferred(shares: NDArray[np.float64], query: Side, settings: Settings) -> NDArray[np.int64]:
    """Return the query's classes: the known ones, and the vote's where it is sure enough."""
    sure = shares.max(axis=1) >= settings.pseudo_label_min_confidence
    voted = np.where(sure, shares.argmax(axis=1), -1)
    return np.where(query.codes >= 0, query.codes, voted).astype(np.int64)


def _other_composition(
    query: Side,
    references: Sequence[Side],
    shares: NDArray[np.float64],
    asked: NDArray[np.intp],
    settings: Settings,
    workers: Workers,
) -> NDArray[np.float64] | None:
    """Return the query's composition where references are of another and levels can follow it."""
    if not settings.match_levels or not any(side.cells.at_weights for side in references):
        return None
    found = _composition(query, references, shares, asked, settings, workers)
    own = [composition.of_codes(side.codes, len(found)) for side in references]
    return None if all(composition.alike(each, found) for each in own) else found


def _composition(
    query: Side,
    references: Sequence[Side],
    shares: NDArray[np.float64],
    asked: NDArray[np.intp],
    settings: Settings,
    workers: Workers,
) -> NDArray[np.float64]:
    """Return the classes' shares of the query's cells, as far as they are known by now."""
    query, shares = _part(query, asked), shares[asked]
    if settings.count_weight or settings.refine_rounds:
        fewer = replace(settings, refine_rounds=min(settings.refine_rounds, ROUNDS))
        shares = combine(query, references, shares, fewer, workers)[1]
    known = np.flatnonzero(query.codes >= 0)
    shares[known] = 0.0
    shares[known, query.codes[known]] = 1.0
    return composition.shares(shares * query.weight[:, None])


def _some(query: Side, seed: int) -> NDArray[np.intp]:
    n = query.cells.n_rows
    if n <= MOST_CELLS:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_CELLS, replace=False))


def _part(side: Side, rows: NDArray[np.intp]) -> Side:
    """Return rows of a side, in memory, with their counts."""
    if len(rows) == side.cells.n_rows:
        return side
    cells = side.cells
    counts, own = (None if each is None else each[rows] for each in (cells.counts, cells.own))
    some = replace(cells.taken(rows), counts=counts, own=own)
    return Side(some, side.codes[rows], side.weight[rows], side.key)


def _at(side: Side, wanted: NDArray[np.float64]) -> Side:
    """Return a reference by its levels at a composition."""
    if side.cells.at_weights is None:
        return side
    cells = side.cells.at_weights(composition.weights(side.codes, wanted))
    return replace(
        side, cells=replace(cells, counts=side.cells.counts, at_weights=side.cells.at_weights)
    )


def _kept(
    members: Sequence[Member], labelled: Sequence[Side], settings: Settings, seed: int
) -> tuple[Sequence[Member], list[NDArray[np.intp]]]:
    """Return the members with the anchors that are kept, and which rows of each side these are."""
    rows = [np.flatnonzero(side.codes >= 0) for side in labelled]
    if settings.anchors == "all":
        return members, rows
    main = members[0]
    kept, stands_for = medoids.chosen(main.anchors, main.anchor_codes, derive_seed(seed, "medoids"))
    stays = np.zeros(len(main.anchor_codes), dtype=bool)
    stays[kept] = True
    each = np.split(stays, np.cumsum([len(of_side) for of_side in rows])[:-1])
    thinned = [member.thinned(kept, stands_for) for member in members]
    return thinned, [of_side[some] for of_side, some in zip(rows, each, strict=True)]


def _own_anchors(query: Side, rows: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """Return which anchor each query row is; -1 for none. The query's anchors are the last."""
    own = np.full(query.cells.n_rows, -1, dtype=np.intp)
    if (query.codes >= 0).any():
        *others, mine = rows
        own[mine] = sum(len(of_side) for of_side in others) + np.arange(len(mine))
    return own


def _known(member: Member, side: Side, rows: NDArray[np.intp], workers: Workers) -> Known:
    """Return rows of a side."""
    cells = side.cells if len(rows) == side.cells.n_rows else side.cells.taken(rows)
    return Known(cells, neighbours.normalised(member.raw(cells, workers)))
