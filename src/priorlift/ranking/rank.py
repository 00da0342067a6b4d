"""Rank sources before anything is trained on the target.

Each source gets a head in closed form and a small network of its own, trained on the source alone;
the target's labelled rows are seen through them and scored. A pretrained model stands in the same
table by its features of the target's inputs. Resamples of the target's rows, the same for all
sources, say which differences are more than chance. A ranking tells which sources to
try first; it predicts lift only where past outcomes have taught it to, and only a study proves it.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.registry import ScoreLike
from priorlift.core.seeds import RandomState, base_seed
from priorlift.pool import ModelSource, Source, SourcePool, Target, Task, TaskData
from priorlift.ranking import ranks
from priorlift.ranking.cold_start import weights_of
from priorlift.ranking.encoding import encoded, encoded_pool
from priorlift.ranking.labels import Floats
from priorlift.ranking.plan import ScoringPlan, resolve_scores
from priorlift.ranking.prediction import GainModelLike, with_predictions
from priorlift.ranking.result import Interval, RankedSource, Ranking
from priorlift.ranking.scoring import MeasuredSource, Measurements, measure

__all__ = ["Ranking", "rank_sources"]

LOW_AGREEMENT = 0.3
FEW_ROWS = 20
SAME = 1e-9


def rank_sources(
    X: Any,
    y: Any,
    sources: SourcePool,
    *,
    groups: Any = None,
    task: Task | None = None,
    scores: str | Iterable[str | ScoreLike] = "auto",
    transfer: str = "any",
    encoder: Any = None,
    gain_model: GainModelLike | None = None,
    n_bootstrap: int = 100,
    level: float = 0.95,
    preprocess: Any = "auto",
    hidden_layer_sizes: tuple[int, ...] = (64,),
    alpha: float = 1e-3,
    max_iter: int = 40,
    max_target_rows: int = 5_000,
    max_source_rows: int = 20_000,
    random_state: RandomState = None,
) -> Ranking:
    """Rank sources by what their learned features say about the target's labels.

    Parameters
    ----------
    X : frame, array or sparse matrix of n rows
        The target's **training** rows; a ranking that saw test rows would leak into what follows.
    y : array-like of shape (n,), or (n, k) for a regression
        Their labels; rows whose label is NaN or None are left out and counted.
    sources : SourcePool
        What to rank: tasks with rows, pretrained models (`ModelSource`), or both. The order does
        not matter. A source that cannot be used is listed with the reason.
    groups : array-like of shape (n,), optional
        Patient, subject or event of each row; resamples then draw whole groups.
    task : {"classification", "regression"}, optional
        Inferred from y where that is unambiguous.
    scores : "auto" or list of str or ScoreLike
        Names from the registry (`priorlift.scores`), or scores themselves; "auto" are those of
        `priorlift.ranking.plan.AUTO_SCORES` that judge the task.
    transfer : {"any", "rows", "features"}
        What will be carried over, by which the scores are weighted: rows that are pooled with the
        target's (their labels must mean the same), features learned on the source, or either.
    encoder : transformer, optional
        Fitted already: turns raw inputs (texts, images) of target and sources into features, before
        anything else. Pretrained models are given the inputs as they come.
    gain_model : GainModel, optional
        Fitted on past outcomes: predicts the lift of each source, with an interval and the
        probability that it is above 0.
    n_bootstrap : int, default=100
        Resamples of the target's rows: halves drawn without replacement, the same for all sources
        (see `priorlift.ranking.resampling`); 0 for none, hence no intervals.
    level : float, default=0.95
        Level of the intervals.
    preprocess : "auto", None or transformer
        How rows are encoded, learned on the target's labelled rows: `TableEncoder`, nothing, or a
        scikit-learn transformer.
    hidden_layer_sizes, alpha, max_iter
        Of the networks, see `priorlift.encoders.HiddenLayerEncoder`; `hidden_layer_sizes=()` trains
        none and looks through linear heads, which is enough for features of a good encoder.
    max_target_rows, max_source_rows : int
        Of more labelled rows, a random sample of this size is used.
    random_state : int, RandomState or None
        Each source's seed derives from it and the source's content.

    Returns
    -------
    Ranking
        Sources by consensus, the weighted mean of their ranks over the scores (weights of
        `priorlift.ranking.cold_start`). Two sources are **tied**
        where the interval of the difference of their consensus, over the same resamples, does not
        exclude 0.
        `logme` is the value minus that of a random map of equal width: above 0, the source's
        features beat untrained ones. For a model of raw inputs it is that of pure noise.

    Raises
    ------
    InputError
        The target's labels cannot be scored: one class, fewer than 3 labelled rows, unclear task.
    InputTypeError
        `sources` is not a `SourcePool`.

    Notes
    -----
    A score ranks sources for one target; it is no predicted lift, and is not comparable between
    targets. Intervals are quantiles over the resamples, widened to hold the observed value. One
    small network a source; then, a resample and source, O(n w² + w³) for width w.

    A pretrained model has no labels or rows of its own, so scores that look at these are missing,
    each with the reason, and count as a middle rank. The others see the first 256 principal
    components of its features at most, which is all of them up to 257 rows. Whether its layers are
    averaged is up to its encoder.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlift.pool import Source, SourcePool
    >>> X = np.random.default_rng(0).normal(size=(240, 4))
    >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
    >>> pool = SourcePool([Source("same", X[40:], y[40:]), Source("noise", X[40:], y[40:][::-1])])
    >>> rank_sources(X[:40], y[:40], pool, n_bootstrap=0, random_state=0).best
    'same'
    """
    started = time.perf_counter()
    if not isinstance(sources, SourcePool):
        raise InputTypeError(
            f"sources must be a SourcePool, not {type(sources).__name__}",
            remedy="SourcePool([Source('name', X, y), ...])",
        )
    given = Target("target", X, y, groups=groups, task=task)
    inputs = arrays.take_rows(given.X, given.labelled)
    if encoder is not None:
        given = replace(given, X=encoded(encoder, X))
        sources = encoded_pool(encoder, sources)
    target = labelled_target(given)
    resolved = resolve_scores(scores, target.task or "classification")
    plan = ScoringPlan(
        task=target.task or "classification",
        scores=tuple(score.name for score in resolved),
        hidden_layer_sizes=tuple(int(width) for width in hidden_layer_sizes),
        alpha=float(alpha),
        max_iter=int(max_iter),
        preprocess=preprocess if isinstance(preprocess, str) else repr(preprocess),
        encoder="" if encoder is None else repr(encoder),
        transfer=transfer,
        max_target_rows=int(max_target_rows),
        max_source_rows=int(max_source_rows),
        n_bootstrap=int(n_bootstrap),
        resampled="rows" if groups is None else "groups",
        level=float(level),
        seed=base_seed(random_state),
        target_fingerprint=target.fingerprint,
    )
    measurements = measure(target, sources, resolved, plan, preprocess, inputs)
    found = ranking_of(plan, measurements, given.n_rows - target.n_rows, started)
    return found if gain_model is None else with_predictions(found, gain_model)


def labelled_target(target: TaskData) -> Target:
    """Return the target's labelled rows, refusing what cannot be scored.

    Raises
    ------
    InputError
        There are fewer than 3, their task is unclear, or their labels do not vary.
    """
    labelled = int(target.labelled.sum())
    if labelled < 3:
        raise InputError(
            f"the target has {labelled} labelled rows, a ranking needs 3",
            remedy="label more rows",
        )
    if target.task is None:
        raise InputError(
            "the target's labels could be classes or numbers",
            remedy='say which: task="classification" or task="regression"',
        )
    kept = target if target.labelled.all() else target.take(target.labelled)
    y = kept.y
    if kept.task == "regression":
        y = y.astype(np.float64)
    elif y.dtype.kind == "O":
        y = np.asarray(y.tolist())
    if y.ndim != 1 and kept.task == "classification":
        raise InputError("the target has 2-D class labels", remedy="rank for one column of y")
    if (y == y[0]).all():
        raise InputError(
            f"the target's labels are all {y[0]!r}",
            cause="too few labelled rows, or a label column that does not vary",
            remedy="label rows that differ",
        )
    return Target(target.name, kept.X, y, groups=kept.groups, task=kept.task)


@dataclass(frozen=True, eq=False)
class _Order:
    """The sources' scores as arrays, and the ranks that follow from them."""

    plan: ScoringPlan
    measured: tuple[MeasuredSource, ...]

    @cached_property
    def values(self) -> Floats:
        """Scores, shape (S, K)."""
        rows = [source.values for source in self.measured]
        return np.array(rows).reshape(len(rows), len(self.plan.scores))

    @cached_property
    def draws(self) -> Floats:
        """Scores on the resamples, shape (B, S, K); missing where the score itself is."""
        drawn = np.stack([source.draws for source in self.measured], axis=1)
        return np.where(np.isnan(self.values), np.nan, drawn)

    @cached_property
    def consensus(self) -> Floats:
        """Mean ranks, shape (S,)."""
        return ranks.consensus(self.values, weights_of(self.plan.scores, self.plan.transfer))

    @cached_property
    def drawn_consensus(self) -> Floats:
        """Mean ranks on the resamples, shape (B, S)."""
        return ranks.consensus(self.draws, weights_of(self.plan.scores, self.plan.transfer))

    @cached_property
    def drawn_places(self) -> Floats:
        """Places of the sources on the resamples, shape (B, S)."""
        return ranks.positions(self.drawn_consensus)

    @cached_property
    def place_ranks(self) -> Floats:
        """Ranks of the sources by each score, shape (S, K)."""
        return ranks.score_ranks(self.values)

    @cached_property
    def order(self) -> list[int]:
        """Indices of the sources, best first, equal ones by name."""
        names = [source.source.name for source in self.measured]
        return sorted(
            range(len(names)), key=lambda i: (round(float(self.consensus[i]), 9), names[i])
        )

    def row(self, i: int) -> RankedSource:
        """Return what the ranking says about source i."""
        measured, names = self.measured[i], self.plan.scores
        rank = int((self.consensus < self.consensus[i] - SAME).sum()) + 1
        place = self._interval(self.drawn_places[:, i], rank)
        own = dict(zip(names, self.values[i].tolist(), strict=True))
        spreads = {
            name: self._interval(self.draws[:, i, k], own[name]) for k, name in enumerate(names)
        }
        return RankedSource(
            name=measured.source.name,
            fingerprint=measured.source.fingerprint,
            rank=rank,
            consensus=float(self.consensus[i]),
            low=place[0] if place else None,
            high=place[1] if place else None,
            scores={name: value for name, value in own.items() if name not in measured.missing},
            intervals={
                name: spread
                for name, spread in spreads.items()
                if spread and name not in measured.missing
            },
            ranks=dict(zip(names, self.place_ranks[i].tolist(), strict=True)),
            missing=measured.missing,
            tied_with=tuple(
                self.measured[j].source.name for j in self.order if j != i and self.tied[i, j]
            ),
            n_rows=_labelled_rows(measured.source),
            n_dropped_columns=measured.n_dropped,
            seconds=measured.seconds,
            facts=measured.facts,
        )

    @cached_property
    def tied(self) -> NDArray[np.bool_]:
        """Whether the resamples leave the order of two sources open, shape (S, S)."""
        close = np.abs(self.consensus[:, None] - self.consensus) <= SAME
        if not len(self.drawn_consensus):
            return close
        tail = (1.0 - self.plan.level) / 2.0
        drawn = self.drawn_consensus[:, :, None] - self.drawn_consensus[:, None, :]
        low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
        return np.asarray(close | ((low <= SAME) & (high >= -SAME)))

    def _interval(self, draws: Floats, observed: float) -> Interval | None:
        draws = draws[~np.isnan(draws)]
        if len(draws) == 0:
            return None
        tail = (1.0 - self.plan.level) / 2.0
        low, high = np.quantile(draws, [tail, 1.0 - tail])
        return float(min(low, observed)), float(max(high, observed))


def _labelled_rows(source: Source | ModelSource) -> int:
    return 0 if isinstance(source, ModelSource) else int(source.labelled.sum())


def ranking_of(
    plan: ScoringPlan, found: Measurements, n_unlabelled: int, started: float
) -> Ranking:
    order = _Order(plan, found.measured)
    agreement = ranks.kendall_w(order.values)
    return Ranking(
        plan=plan,
        rows=tuple(order.row(i) for i in order.order) if found.measured else (),
        skipped=found.skipped,
        kendall_w=agreement,
        warnings=_warnings(plan, found, agreement),
        n_rows=found.n_rows,
        n_unlabelled=n_unlabelled,
        n_resamples=found.n_resamples,
        seconds=time.perf_counter() - started,
    )


def _warnings(plan: ScoringPlan, found: Measurements, agreement: float | None) -> tuple[str, ...]:
    warnings = []
    if agreement is not None and agreement < LOW_AGREEMENT:
        warnings.append(
            f"scores disagree: Kendall's W is {agreement:.2f}, below {LOW_AGREEMENT}; "
            "train on more of the sources rather than trust the first"
        )
    if found.n_rows < FEW_ROWS:
        warnings.append(f"only {found.n_rows} labelled rows of the target were scored")
    if plan.n_bootstrap and not found.n_resamples:
        warnings.append(f"no interval could be given: the {plan.resampled} cannot be halved")
    return tuple(warnings)
