"""Measure every source under one plan: its scores, and its scores on each resample.

The encoder is fitted once, on the target's labelled rows; a source that cannot be used ends in
`skipped` with the reason and stops nothing.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike
from priorlift.core.seeds import derive_seed
from priorlift.encoders.table import TableEncoder, numbers_of
from priorlift.pool import Source, SourcePool, Target, align_source
from priorlift.ranking.labels import Floats
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.resampling import half_samples
from priorlift.ranking.view import SourceView, TargetView, random_view, source_view


@dataclass(frozen=True, eq=False)
class MeasuredSource:
    """One source's scores.

    Attributes
    ----------
    source : Source
        Which one.
    values : ndarray of shape (K,)
        Its K scores; NaN where one is missing.
    draws : ndarray of shape (B, K)
        The same on B resamples.
    missing : mapping of str to str
        Names of missing scores, and why.
    n_dropped : int
        Columns that it has beyond the target's.
    seconds : float
        Wall seconds spent on it.
    """

    source: Source
    values: Floats
    draws: Floats
    missing: Mapping[str, str]
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
    """
    encoder = _fit_encoder(target.X, preprocess)
    target = _sample(target, plan)
    X = _encode(encoder, target.X)
    shared = random_view(X, target.y, plan)
    halves = half_samples(target.y, target.groups, plan)
    resampled = [(rows, shared.take(rows)) for rows in halves]
    measured, skipped = [], dict(sources.unusable)
    for source in sorted(sources, key=lambda source: source.name):
        started = time.perf_counter()
        try:
            aligned = align_source(source, target.columns, arrays.n_columns(target.X))
            rows = _encode(encoder, arrays.take_rows(aligned.X, source.labelled))
            view = source_view(source, rows, X, shared, plan)
        except InputError as error:
            skipped[source.name] = str(error)
            continue
        values, missing = evaluate(view, scores)
        draws = _evaluate_draws(view, scores, resampled)
        seconds = time.perf_counter() - started
        measured.append(MeasuredSource(source, values, draws, missing, aligned.n_dropped, seconds))
    return Measurements(tuple(measured), dict(sorted(skipped.items())), target.n_rows, len(halves))


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


def _evaluate_draws(
    view: SourceView,
    scores: tuple[ScoreLike, ...],
    resampled: list[tuple[NDArray[np.intp], TargetView]],
) -> Floats:
    draws = [evaluate(view.take(rows, target), scores)[0] for rows, target in resampled]
    return np.array(draws).reshape(len(draws), len(scores))


def _sample(target: Target, plan: ScoringPlan) -> Target:
    if target.n_rows <= plan.max_target_rows:
        return target
    seed = derive_seed(plan.seed, "target rows", plan.target_fingerprint)
    generator = np.random.default_rng(seed)
    chosen = generator.choice(target.n_rows, plan.max_target_rows, replace=False)
    return target.take(np.sort(chosen))


def _fit_encoder(X: Any, preprocess: Any) -> Any:
    if preprocess is None:
        return None
    if isinstance(preprocess, str):
        if preprocess != "auto":
            raise InputError(
                f"preprocess is {preprocess!r}",
                remedy='"auto", None or a scikit-learn transformer',
            )
        return TableEncoder().fit(X)
    return clone(preprocess).fit(X)


def _encode(encoder: Any, X: Any) -> Any:
    try:
        if encoder is not None:
            return encoder.transform(X)
        if arrays.is_frame(X):
            X = numbers_of(X)
        return check_array(X, accept_sparse="csr", dtype=float, input_name="X")
    except (TypeError, ValueError) as error:
        # A transformer of the caller's, or scikit-learn, may complain in its own way.
        raise InputError(f"its rows cannot be encoded: {error}") from error
