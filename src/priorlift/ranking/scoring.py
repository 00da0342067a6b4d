"""Measure every source under one plan: its scores, and its scores on each resample.

The encoder is fitted once, on the target's labelled rows; a source that cannot be used ends in
`skipped` with the reason and stops nothing. Pretrained models stand in the same table: they are
given the target's inputs as they came, before any encoding.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike
from priorlift.core.seeds import derive_seed
from priorlift.pool import ModelSource, Source, SourcePool, Target, align_source
from priorlift.ranking.encoding import ENCODE, RAW, encode, fit_encoder, stays_raw
from priorlift.ranking.labels import Floats
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.resampling import half_samples
from priorlift.ranking.scores.closed_form import proximity
from priorlift.ranking.source_models import (
    LearnedSource,
    learn_source,
    own_space,
    random_view,
    view_of,
    view_of_model,
)
from priorlift.ranking.view import SourceView, TargetView

Resamples: TypeAlias = list[tuple[NDArray[np.intp], TargetView]]


@dataclass(frozen=True, eq=False)
class MeasuredSource:
    """One source's scores.

    Attributes
    ----------
    source : Source or ModelSource
        Which one.
    values : ndarray of shape (K,)
        Its K scores; NaN where one is missing.
    draws : ndarray of shape (B, K)
        The same on B resamples.
    missing : mapping of str to str
        Names of missing scores, and why.
    facts : mapping of str to float
        What is known of the pair beside scores, see `facts_of`.
    n_dropped : int
        Columns that it has beyond the target's.
    seconds : float
        Wall seconds spent on it.
    """

    source: Source | ModelSource
    values: Floats
    draws: Floats
    missing: Mapping[str, str]
    facts: Mapping[str, float]
    n_dropped: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Measurements:
    """All sources' scores.

    Attributes
    ----------
    measured : tuple of MeasuredSource
        In the order of their names.
    skipped : mapping of str to str
        Sources that could not be used, and why.
    n_rows, n_resamples : int
        Rows of the target that were scored, and resamples of them.
    """

    measured: tuple[MeasuredSource, ...]
    skipped: Mapping[str, str]
    n_rows: int
    n_resamples: int


def measure(
    target: Target,
    sources: SourcePool,
    scores: tuple[ScoreLike, ...],
    plan: ScoringPlan,
    preprocess: Any,
    inputs: Any = None,
) -> Measurements:
    """Score all sources for a target.

    Parameters
    ----------
    target : Target
        Labelled rows only.
    sources : SourcePool
        What to score.
    scores : tuple of ScoreLike
        The scores that the plan names.
    plan : ScoringPlan
        Settings and seed.
    preprocess : "auto", None or transformer
        How rows are encoded.
    inputs : raw inputs, n rows, optional
        The target's rows as the pretrained models take them; by default those of the target.

    Raises
    ------
    InputError
        The target's rows cannot be encoded. Where there are pretrained models, which need no
        encoded rows, raw inputs are no error.
    """
    inputs = target.X if inputs is None else inputs
    raw = stays_raw(target.X, preprocess)
    if raw and not sources.models:
        raise InputError(RAW, remedy=ENCODE)
    encoder = None if raw else fit_encoder(target.X, preprocess)
    chosen = _sampled_rows(target, plan)
    if chosen is not None:
        target, inputs = target.take(chosen), arrays.take_rows(inputs, chosen)
    X = np.empty((target.n_rows, 0)) if raw else encode(encoder, target.X)
    pair = _Pairing(target, inputs, raw, encoder, plan, random_view(X, target.y, plan))
    measured, skipped = [], dict(sources.unusable)
    for source in sorted([*sources, *sources.models], key=lambda source: source.name):
        started = time.perf_counter()
        try:
            view, facts, n_dropped = pair.seen_through(source)
        except InputError as error:
            skipped[source.name] = str(error)
            continue
        values, missing = evaluate(view, scores)
        draws = _evaluate_draws(view, scores, pair.resamples(source))
        seconds = time.perf_counter() - started
        measured.append(MeasuredSource(source, values, draws, missing, facts, n_dropped, seconds))
    n_resamples = len(pair.halves)
    return Measurements(tuple(measured), dict(sorted(skipped.items())), target.n_rows, n_resamples)


@dataclass(frozen=True, eq=False)
class _Pairing:
    """A target that is to be seen through one source after another."""

    target: Target
    inputs: Any
    raw: bool
    encoder: Any
    plan: ScoringPlan
    shared: TargetView

    def seen_through(
        self, source: Source | ModelSource
    ) -> tuple[SourceView, dict[str, float], int]:
        """Return the view, the facts of the pair, and how many columns were dropped."""
        if isinstance(source, ModelSource):
            view = view_of_model(source, self.inputs, self.for_models, self.own_space)
            return view, facts_of(None, view), 0
        if self.raw:
            raise InputError(RAW, remedy=ENCODE)
        target = self.target
        aligned = align_source(source, target.columns, arrays.n_columns(target.X))
        rows = encode(self.encoder, arrays.take_rows(aligned.X, source.labelled))
        learned = learn_source(source, rows, self.plan)
        view = view_of(learned, self.shared)
        return view, facts_of(learned, view), aligned.n_dropped

    def resamples(self, source: Source | ModelSource) -> Resamples:
        """Return the resamples as a source of this kind sees them, the same rows for all."""
        return self.halved_for_models if isinstance(source, ModelSource) else self.halved

    @cached_property
    def halves(self) -> list[NDArray[np.intp]]:
        return half_samples(self.target.y, self.target.groups, self.plan)

    @cached_property
    def halved(self) -> Resamples:
        return [(rows, self.shared.take(rows)) for rows in self.halves]

    @cached_property
    def for_models(self) -> TargetView:
        return self.shared.for_models()

    @cached_property
    def halved_for_models(self) -> Resamples:
        return [(rows, self.for_models.take(rows)) for rows in self.halves]

    @cached_property
    def own_space(self) -> Floats:
        return own_space(self.shared.rows)


def evaluate(view: SourceView, scores: tuple[ScoreLike, ...]) -> tuple[Floats, dict[str, str]]:
    """Return the scores of a view, shape (K,), and why those that are NaN are missing."""
    values, missing = np.full(len(scores), np.nan), {}
    for place, score in enumerate(scores):
        try:
            values[place] = score(view)
        except InputError as error:
            missing[score.name] = str(error)
            continue
        if not np.isfinite(values[place]):
            missing[score.name] = f"the score is {values[place]}"
            values[place] = np.nan
    return values, missing


def evaluate_many(
    views: list[SourceView], scores: tuple[ScoreLike, ...]
) -> list[tuple[Floats, dict[str, str]]]:
    """Return what `evaluate` returns, for several views of one target in one space.

    A score that has a form for many views takes it; where that meets a source that cannot be
    scored, and where there is none, the views are scored one by one.
    """
    together: dict[str, Floats] = {}
    for score in scores:
        many = getattr(score, "many", None)
        if many is None or len(views) < 2 or any(view.network is not None for view in views):
            continue
        with contextlib.suppress(InputError):
            values = many(views)
            if np.isfinite(values).all():
                together[score.name] = values
    alone = tuple(score for score in scores if score.name not in together)
    found = []
    for place, view in enumerate(views):
        values, missing = evaluate(view, alone)
        own = dict(zip((score.name for score in alone), values, strict=True))
        own |= {name: column[place] for name, column in together.items()}
        found.append((np.array([own[score.name] for score in scores]), missing))
    return found


def facts_of(learned: LearnedSource | None, view: SourceView) -> dict[str, float]:
    """Return what is known of a pair beside its scores, for a gain model to weigh.

    Parameters
    ----------
    learned : LearnedSource or None
        The source; None for a pretrained model.
    view : SourceView
        The target as it sees it.

    Returns
    -------
    dict of str to float
        `source_score` (how well the source's own head predicts its own labels, left out in turn),
        `proximity` of the rows, and the logarithms of both numbers of labelled rows; of these only
        the target's number for a model.
    """
    if learned is None:
        return {"log_n_target": float(np.log(len(view.y)))}
    return {
        "source_score": learned.linear.score,
        "proximity": proximity(view),
        "log_n_source": float(np.log(learned.n_rows)),
        "log_n_target": float(np.log(len(view.y))),
    }


def _evaluate_draws(
    view: SourceView,
    scores: tuple[ScoreLike, ...],
    resampled: Resamples,
) -> Floats:
    draws = [evaluate(view.take(rows, target), scores)[0] for rows, target in resampled]
    return np.array(draws).reshape(len(draws), len(scores))


def sample_target(target: Target, plan: ScoringPlan) -> Target:
    """Return at most as many rows of a target as the plan allows."""
    chosen = _sampled_rows(target, plan)
    return target if chosen is None else target.take(chosen)


def _sampled_rows(target: Target, plan: ScoringPlan) -> NDArray[np.intp] | None:
    if target.n_rows <= plan.max_target_rows:
        return None
    seed = derive_seed(plan.seed, "target rows", plan.target_fingerprint)
    generator = np.random.default_rng(seed)
    return np.sort(generator.choice(target.n_rows, plan.max_target_rows, replace=False))
