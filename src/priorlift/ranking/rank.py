"""Rank sources before anything is trained on the target.

Each source gets a small network of its own, trained on the source alone; the target's labelled rows
are seen through its hidden layer and scored. Resamples of the target's rows, the same for all
sources, say which differences are more than chance. A ranking tells which sources to try first: it
does not predict lift, and only a study proves it.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.registry import ScoreLike
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.encoders import TableEncoder
from priorlift.pool import Source, SourcePool, Target, Task, align_source
from priorlift.ranking import ranks
from priorlift.ranking.labels import Floats
from priorlift.ranking.plan import ScoringPlan, resolve_scores
from priorlift.ranking.resampling import half_samples
from priorlift.ranking.result import Interval, RankedSource, Ranking
from priorlift.ranking.view import SourceView, TargetView, random_view, source_view

__all__ = ["Ranking", "rank_sources"]

LOW_AGREEMENT = 0.3
FEW_ROWS = 20


def rank_sources(
    X: Any,
    y: Any,
    sources: SourcePool,
    *,
    groups: Any = None,
    task: Task | None = None,
    scores: str | Iterable[str | ScoreLike] = "default",
    n_bootstrap: int = 200,
    level: float = 0.95,
    preprocess: Any = "auto",
    hidden_layer_sizes: tuple[int, ...] = (64,),
    alpha: float = 1e-3,
    max_iter: int = 60,
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
        What to rank. The order does not matter. A source that cannot be used is listed with the
        reason.
    groups : array-like of shape (n,), optional
        Patient, subject or event of each row; resamples then draw whole groups.
    task : {"classification", "regression"}, optional
        Inferred from y where that is unambiguous.
    scores : "default" or list of str or ScoreLike
        Names from the registry (`priorlift.scores`), or scores themselves.
    n_bootstrap : int, default=200
        Resamples of the target's rows; 0 for none, hence no intervals.
    level : float, default=0.95
        Level of the intervals.
    preprocess : "auto", None or transformer
        How rows are encoded, learned on the target's labelled rows: `TableEncoder`, nothing, or a
        scikit-learn transformer.
    hidden_layer_sizes, alpha, max_iter
        Of the networks, see `priorlift.encoders.HiddenLayerEncoder`.
    max_target_rows, max_source_rows : int
        Of more labelled rows, a random sample of this size is used.
    random_state : int, RandomState or None
        Each source's seed derives from it and the source's content.

    Returns
    -------
    Ranking
        Sources by consensus, the mean of their ranks over the scores. Two sources are **tied**
        where the bootstrap interval of the difference of their consensus does not exclude 0.
        `logme` is the value minus that of a random map of equal width: above 0, the source's
        features beat untrained ones.

    Raises
    ------
    InputError
        The target's labels cannot be scored: one class, fewer than 3 labelled rows, unclear task.
    InputTypeError
        `sources` is not a `SourcePool`.

    Notes
    -----
    A score ranks sources for one target; it is not a predicted lift and says nothing about targets
    other than this one. Bootstrap draws repeat rows, which lifts in-sample scores of all sources
    alike; read the score intervals as spread, and the paired differences as evidence.
    One small network a source; then, a resample and source, O(n w² + w³) for width w.

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
    target = _labelled(given)
    found = resolve_scores(scores, target.task or "classification")
    plan = ScoringPlan(
        task=target.task or "classification",
        scores=tuple(score.name for score in found),
        hidden_layer_sizes=tuple(int(width) for width in hidden_layer_sizes),
        alpha=float(alpha),
        max_iter=int(max_iter),
        preprocess=preprocess if isinstance(preprocess, str) else repr(preprocess),
        max_target_rows=int(max_target_rows),
        max_source_rows=int(max_source_rows),
        n_bootstrap=int(n_bootstrap),
        resampled="rows" if groups is None else "groups",
        level=float(level),
        seed=base_seed(random_state),
        target_fingerprint=target.fingerprint,
    )
    scored = _Scored.of(target, sources, found, plan, preprocess)
    return _ranking(plan, scored, given.n_rows - target.n_rows, started)


def _labelled(target: Target) -> Target:
    """Return the target's labelled rows, refusing what cannot be scored."""
    if target.task is None:
        raise InputError(
            "the target's labels could be classes or numbers",
            remedy='say which: task="classification" or task="regression"',
        )
    kept = target.take(target.labelled) if target.labelled.any() else target
    if int(target.labelled.sum()) < 3:
        raise InputError(
            f"the target has {int(target.labelled.sum())} labelled rows, a ranking needs 3",
            remedy="label more rows",
        )
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
    return Target("target", kept.X, y, groups=kept.groups, task=kept.task)


@dataclass
class _Scored:
    """Scores of all sources: the observed ones, and those on each resample."""

    target: Target
    scores: tuple[ScoreLike, ...]
    draws: list[NDArray[np.intp]]
    draw_targets: list[TargetView]
    sources: list[Source] = field(default_factory=list)
    observed: list[Floats] = field(default_factory=list)
    resampled: list[Floats] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        target: Target,
        sources: SourcePool,
        scores: tuple[ScoreLike, ...],
        plan: ScoringPlan,
        preprocess: Any,
    ) -> "_Scored":
        encoder = _fit_encoder(target.X, preprocess)
        if target.n_rows > plan.max_target_rows:
            seed = derive_seed(plan.seed, "target rows", plan.target_fingerprint)
            generator = np.random.default_rng(seed)
            chosen = generator.choice(target.n_rows, plan.max_target_rows, replace=False)
            target = target.take(np.sort(chosen))
        X = _encode(encoder, target.X)
        shared = random_view(X, target.y, plan)
        draws = half_samples(target.y, target.groups, plan)
        self = cls(target, scores, draws, [shared.take(rows) for rows in draws])
        self.skipped.update(sources.unusable)
        for source in sources.by_fingerprint():
            started = time.perf_counter()
            try:
                aligned = align_source(source, target.columns, arrays.n_columns(target.X))
                rows = arrays.take_rows(aligned.X, source.labelled)
                view = source_view(source, _encode(encoder, rows), X, shared, plan)
            except InputError as error:
                self.skipped[source.name] = str(error)
                continue
            self._add(source, view, aligned.n_dropped)
            self.seconds.append(time.perf_counter() - started)
        return self

    def _add(self, source: Source, view: SourceView, dropped: int) -> None:
        observed, missing = _evaluate(view, self.scores)
        draws = [
            _evaluate(view.take(rows, target), self.scores)[0]
            for rows, target in zip(self.draws, self.draw_targets, strict=True)
        ]
        self.sources.append(source)
        self.observed.append(observed)
        self.resampled.append(np.array(draws).reshape(len(draws), len(self.scores)))
        self.missing.append(missing)
        self.dropped.append(dropped)


def _evaluate(view: SourceView, scores: tuple[ScoreLike, ...]) -> tuple[Floats, dict[str, str]]:
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


def _ranking(plan: ScoringPlan, scored: _Scored, n_unlabelled: int, started: float) -> Ranking:
    n_sources = len(scored.sources)
    values = np.array(scored.observed).reshape(n_sources, len(plan.scores))
    draws = np.array(scored.resampled).reshape(n_sources, len(scored.draws), len(plan.scores))
    draws = np.where(np.isnan(values)[:, None], np.nan, draws).transpose(1, 0, 2)
    mean_ranks = ranks.consensus(values) if n_sources else np.zeros(0)
    drawn_ranks = ranks.consensus(draws) if draws.size else np.zeros((0, n_sources))
    order = sorted(range(n_sources), key=lambda i: (mean_ranks[i], scored.sources[i].name))
    place = {i: int((mean_ranks < mean_ranks[i] - 1e-12).sum()) + 1 for i in order}
    rows = [
        _row(i, plan, scored, values, draws, mean_ranks, drawn_ranks, place[i], order)
        for i in order
    ]
    agreement = ranks.kendall_w(values) if n_sources else None
    return Ranking(
        plan=plan,
        rows=tuple(rows),
        skipped=dict(sorted(scored.skipped.items())),
        kendall_w=agreement,
        warnings=_warnings(scored, agreement),
        n_rows=scored.target.n_rows,
        n_unlabelled=n_unlabelled,
        n_resamples=len(scored.draws),
        seconds=time.perf_counter() - started,
    )


def _row(
    i: int,
    plan: ScoringPlan,
    scored: _Scored,
    values: Floats,
    draws: Floats,
    mean_ranks: Floats,
    drawn_ranks: Floats,
    rank: int,
    order: list[int],
) -> RankedSource:
    source = scored.sources[i]
    interval = _interval(ranks.positions(drawn_ranks)[:, i], plan.level) if len(draws) else None
    tied = [
        scored.sources[j].name
        for j in order
        if j != i
        and _tied(mean_ranks[i] - mean_ranks[j], drawn_ranks[:, i] - drawn_ranks[:, j], plan)
    ]
    own = dict(zip(plan.scores, values[i].tolist(), strict=True))
    known = {name: value for name, value in own.items() if not np.isnan(value)}
    spread = {
        name: _interval(draws[:, i, k], plan.level)
        for k, name in enumerate(plan.scores)
        if name in known and len(draws)
    }
    by_score = ranks.score_ranks(values)[i].tolist()
    return RankedSource(
        name=source.name,
        fingerprint=source.fingerprint,
        rank=rank,
        consensus=float(mean_ranks[i]),
        low=None if interval is None else interval[0],
        high=None if interval is None else interval[1],
        scores=known,
        intervals=spread,
        ranks=dict(zip(plan.scores, by_score, strict=True)),
        missing=scored.missing[i],
        tied_with=tuple(tied),
        n_rows=int(source.labelled.sum()),
        n_dropped_columns=scored.dropped[i],
        seconds=scored.seconds[i],
    )


def _interval(draws: Floats, level: float) -> Interval:
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(draws, [tail, 1.0 - tail])
    return float(low), float(high)


def _tied(observed: float, draws: Floats, plan: ScoringPlan) -> bool:
    if len(draws) == 0:
        return abs(observed) < 1e-12
    low, high = _interval(draws, plan.level)
    return low <= 0.0 <= high


def _warnings(scored: _Scored, agreement: float | None) -> tuple[str, ...]:
    found = []
    if agreement is not None and agreement < LOW_AGREEMENT:
        found.append(
            f"scores disagree: Kendall's W is {agreement:.2f}, below {LOW_AGREEMENT}; "
            "train on more of the sources rather than trust the first"
        )
    if scored.target.n_rows < FEW_ROWS:
        found.append(f"only {scored.target.n_rows} labelled rows of the target were scored")
    return tuple(found)


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
    if encoder is not None:
        return encoder.transform(X)
    if arrays.is_frame(X):
        X = TableEncoder.to_numbers(X)
    return check_array(X, accept_sparse="csr", dtype=float, input_name="X")
