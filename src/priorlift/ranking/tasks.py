"""Rank the sources of many targets at once: all ordered pairs of a family of tasks.

What is learned on a source is learned once and serves all targets, and rows that several tasks
share are looked at once. So a pair costs a few milliseconds, where training it costs a fit.
"""

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.pool import Source, SourcePool, Target, Task, TaskData
from priorlift.ranking.cold_start import group_weights
from priorlift.ranking.encoding import encode, encoded
from priorlift.ranking.labels import Floats
from priorlift.ranking.linear_source import PrincipalSpace
from priorlift.ranking.plan import ScoringPlan, known_scores, resolve_scores
from priorlift.ranking.prediction import GainModelLike
from priorlift.ranking.rank import labelled_target, ranking_of
from priorlift.ranking.result import Ranking
from priorlift.ranking.scoring import (
    MeasuredSource,
    Measurements,
    evaluate_many,
    facts_of,
    sample_target,
)
from priorlift.ranking.source_models import LearnedSource, learn_source, random_view, view_of
from priorlift.ranking.task_attributions import compare_attributions
from priorlift.ranking.task_ranking import TaskRanking
from priorlift.ranking.view import SourceView, TargetView

SPACE_ROWS = 4_000
ONE_AT_A_TIME = "a pretrained model is ranked for one target at a time, by rank_sources"
NO_MODELS = "pretrained models are ranked for one target at a time, see rank_sources"


def rank_tasks(
    targets: Iterable[TaskData],
    sources: SourcePool | None = None,
    *,
    scores: str | Iterable[str | ScoreLike] = "auto",
    transfer: str = "any",
    encoder: Any = None,
    gain_model: GainModelLike | None = None,
    attributions: bool = False,
    hidden_layer_sizes: tuple[int, ...] = (),
    alpha: float = 1e-3,
    max_iter: int = 40,
    max_target_rows: int = 5_000,
    max_source_rows: int = 20_000,
    random_state: RandomState = None,
) -> TaskRanking:
    """Rank sources for many targets.

    Parameters
    ----------
    targets : iterable of Target or Source
        Tasks over one feature space: numeric arrays or frames of the same columns, or raw inputs
        with an `encoder`. Training rows only. Names differ.
    sources : SourcePool, optional
        What they may learn from; by default the tasks themselves, all ordered pairs. A source of a
        target's name is the same task and is not ranked for it.
    scores : "auto" or list of str or ScoreLike
        As for `rank_sources`.
    transfer : {"any", "rows", "features"}
        What will be carried over, as for `rank_sources`.
    encoder : transformer, optional
        Fitted already; turns raw inputs into features. Equal inputs are encoded once.
    gain_model : GainModel, optional
        Predicts the lift of each pair.
    attributions : bool, default=False
        Whether to compare what the tasks' heads look at as well, which costs about as much again;
        see `priorlift.ranking.task_attributions`.
    hidden_layer_sizes, alpha, max_iter
        Of a small network trained on each source; by default none is trained, which suits features
        of an encoder. Sources are then seen through linear heads in closed form.
    max_target_rows, max_source_rows : int
        Of more labelled rows, a random sample of this size is used.
    random_state : int, RandomState or None
        Seeds derive from it and from content.

    Returns
    -------
    TaskRanking

    Raises
    ------
    InputError
        No two tasks can be compared: no common columns, or all are unusable.

    Notes
    -----
    A task that cannot be used is listed with the reason. There are no resamples, hence no intervals
    of places; ask `rank_sources` for one target. Linear sources are seen in one principal space of
    them all. O(T n d min(n, d)) for T sources, then O(n r² + r³) a pair with r <= 32.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(300, 6))
    >>> rule = X[:, 0] - X[:, 1]
    >>> tasks = [Target("few", X[:40], rule[:40] > 0), Source("same", X[100:], rule[100:] > 0.1),
    ...          Source("other", X[100:], X[100:, 3] > 0)]
    >>> rank_tasks(tasks, random_state=0).best("few")
    'same'
    """
    started = time.perf_counter()
    given = _hashed_together(_named(targets))
    pool = [_as_source(task) for task in given] if sources is None else list(sources)
    unusable = {} if sources is None else dict(sources.without_models(ONE_AT_A_TIME).unusable)
    unusable |= {} if sources is None else {model.name: NO_MODELS for model in sources.models}
    seed = base_seed(random_state)
    group_weights(transfer)
    scores = scores if scores == "auto" else known_scores(scores)
    options: dict[str, Any] = {
        "hidden_layer_sizes": tuple(int(width) for width in hidden_layer_sizes),
        "alpha": float(alpha),
        "max_iter": int(max_iter),
        "preprocess": "None",
        "encoder": "" if encoder is None else repr(encoder),
        "transfer": transfer,
        "max_target_rows": int(max_target_rows),
        "max_source_rows": int(max_source_rows),
        "n_bootstrap": 0,
        "resampled": "rows",
        "level": 0.95,
        "seed": seed,
    }
    features = _Features(encoder)
    learned = _Learned(features, pool, options)
    rankings: dict[str, Ranking] = {}
    for task in given:
        begun = time.perf_counter()
        try:
            target = features.seen(task)
            chosen = resolve_scores(scores, target.task or "classification")
            plan = ScoringPlan(
                task=target.task or "classification",
                scores=tuple(score.name for score in chosen),
                target_fingerprint=target.fingerprint,
                **options,
            )
            rankings[task.name] = _rank(
                sample_target(target, plan), pool, chosen, plan, learned, task, begun
            )
        except InputError as error:
            unusable.setdefault(task.name, str(error))
    if not any(found.rows for found in rankings.values()):
        reasons = "; ".join(f"{name}: {why}" for name, why in unusable.items())
        reasons = reasons or next(
            (f"{n}: {why}" for f in rankings.values() for n, why in f.skipped.items()), "no tasks"
        )
        raise InputError(f"no pair of tasks can be compared: {reasons}")
    if attributions:
        rankings = _with_attributions(rankings, learned, seed)
    found = TaskRanking(rankings, unusable, time.perf_counter() - started)
    return found if gain_model is None else found.with_predictions(gain_model)


class _Features:
    """Encoded rows by content, each computed once."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.known: dict[str, Any] = {}
        self.hashes: dict[str, str] = {}

    def of(self, task: TaskData) -> Any:
        key = task.fingerprints.X
        if key not in self.known:
            X = task.X
            self.known[key] = encode(None, X if self.encoder is None else encoded(self.encoder, X))
        return self.known[key]

    def seen(self, task: TaskData) -> Target:
        """Return the labelled rows of a task, encoded."""
        found = labelled_target(replace(task, X=self.of(task)))
        if not task.labelled.all():
            return found
        key = task.fingerprints.X
        if key not in self.hashes:
            self.hashes[key] = arrays.fingerprint(found.X)
        return found.with_rows(found.X, self.hashes[key])


class _Learned:
    """What was learned on sources, each once, in one principal space of them all."""

    def __init__(self, features: _Features, pool: list[Source], options: Mapping[str, Any]) -> None:
        self.features = features
        self.pool = pool
        self.options = options
        self.sources: dict[tuple[str, Task], LearnedSource | str] = {}
        self.targets: dict[str, TargetView] = {}

    def source(self, source: Source, plan: ScoringPlan) -> LearnedSource:
        # Labels that could be either are what the target's are.
        key = (source.name, source.task or plan.task)
        if key not in self.sources:
            try:
                X = self.features.of(source)
                if not source.labelled.all():
                    X = arrays.take_rows(X, source.labelled)
                _same_width(X, self.space)
                self.sources[key] = learn_source(source, X, plan, self.space)
            except InputError as error:
                self.sources[key] = str(error)
        found = self.sources[key]
        if isinstance(found, str):
            raise InputError(found)
        return found

    @cached_property
    def space(self) -> PrincipalSpace:
        """The principal space of equal shares of all sources that are as wide as most."""
        encoded_rows, widths = {}, []
        for source in sorted(self.pool, key=lambda source: source.fingerprint):
            with contextlib.suppress(InputError):
                X = self.features.of(source)
                encoded_rows[source.fingerprints.X] = X
                widths.append(X.shape[1])
        common = max(sorted(set(widths)), key=widths.count)
        usable = {key: X for key, X in encoded_rows.items() if X.shape[1] == common}
        share = max(1, SPACE_ROWS // len(usable))
        parts = [
            _sample(X, share, derive_seed(self.options["seed"], "space", key))
            for key, X in usable.items()
        ]
        return PrincipalSpace.of(arrays.stack_rows(parts))


def _rank(
    target: Target,
    pool: list[Source],
    scores: tuple[ScoreLike, ...],
    plan: ScoringPlan,
    learned: _Learned,
    task: TaskData,
    begun: float,
) -> Ranking:
    view = random_view(target.X, target.y, plan)
    learned.targets[target.name] = view
    in_space: Floats | None = None
    known: list[tuple[Source, LearnedSource, SourceView]] = []
    skipped: dict[str, str] = {}
    for source in pool:
        if source.name == target.name:
            continue
        try:
            _same_columns(source, task)
            own = learned.source(source, plan)
            if in_space is None:
                _same_width(view.rows, learned.space)
                in_space = learned.space.map(view.rows)
            known.append((source, own, view_of(own, view, in_space)))
        except InputError as error:
            skipped[source.name] = str(error)
    scored = evaluate_many([seen for _, _, seen in known], scores)
    seconds = (time.perf_counter() - begun) / max(len(known), 1)
    empty: NDArray[np.float64] = np.empty((0, len(scores)))
    measured = [
        MeasuredSource(source, values, empty, missing, facts_of(own, seen), 0, seconds)
        for (source, own, seen), (values, missing) in zip(known, scored, strict=True)
    ]
    found = Measurements(tuple(measured), skipped, target.n_rows, 0)
    return ranking_of(plan, found, int((~task.labelled).sum()), begun)


def _with_attributions(
    rankings: Mapping[str, Ranking], learned: _Learned, seed: int
) -> dict[str, Ranking]:
    """Put attribution features beside the other facts of each pair."""
    ordered = sorted(learned.sources.items(), key=lambda item: item[0])
    once = {name: found for (name, _), found in ordered if not isinstance(found, str)}
    targets = {name: view for name, view in learned.targets.items() if rankings[name].rows}
    known = compare_attributions(list(once.values()), targets, learned.space, seed)
    return {
        name: replace(
            ranking,
            rows=tuple(
                replace(row, facts={**row.facts, **known[name, row.name]}) for row in ranking.rows
            ),
        )
        for name, ranking in rankings.items()
    }


def _sample(X: Any, most: int, seed: int) -> Any:
    if X.shape[0] <= most:
        return X
    chosen = np.random.default_rng(seed).choice(X.shape[0], most, replace=False)
    return X[np.sort(chosen)]


def _named(tasks: Iterable[TaskData]) -> list[TaskData]:
    found = list(tasks)
    names = [task.name for task in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two tasks are named {twice[0]!r}", remedy="give each a name of its own")
    return found


def _hashed_together(tasks: list[TaskData]) -> list[TaskData]:
    """Hash rows once where several tasks hold the same array."""
    known: dict[int, str] = {}
    found = []
    for task in tasks:
        if id(task.X) in known:
            task = task.with_rows(task.X, known[id(task.X)])
        known[id(task.X)] = task.fingerprints.X
        found.append(task)
    return found


def _as_source(task: TaskData) -> Source:
    names = ("name", "X", "y", "groups", "task", "sample_weight", "unlabeled", "licence")
    content = {name: getattr(task, name) for name in names}
    return Source.restore(task.fingerprints, **content)


def _same_width(X: Any, space: PrincipalSpace) -> None:
    width = len(space.mean)
    if X.shape[1] != width:
        raise InputError(
            f"has {X.shape[1]} features, most tasks {width}",
            cause="another feature space",
            remedy="rank the tasks of each feature space apart",
        )


def _same_columns(source: Source, target: TaskData) -> None:
    one, other = arrays.n_columns(source.X), arrays.n_columns(target.X)
    if one != other or (
        None not in (source.columns, target.columns) and source.columns != target.columns
    ):
        raise InputError(
            f"has {one} columns, the target {other}"
            if one != other
            else "has other columns than the target",
            cause="another feature space",
            remedy="rank one target at a time (rank_sources aligns columns by name)",
        )
