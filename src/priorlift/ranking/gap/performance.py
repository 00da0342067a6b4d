"""Measure the performance gap between a target and each of its sources.

For one estimator, one model learns from the source and one from the target. The target-side gap is
what the source's model loses on the target; the source-side gap what the target's model loses on
the source. The first says whether pooling is likely to hurt, the second, row by row, where.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.pool import Source, SourcePool, Target, Task
from priorlift.ranking.gap.cross_fit import (
    CrossFit,
    Folding,
    cross_fit,
    fitted,
    folds_of,
    mean_gap,
)
from priorlift.ranking.gap.fits import fitter_for
from priorlift.ranking.gap.losses import resolve_losses
from priorlift.ranking.gap.null import null_gaps, p_value
from priorlift.ranking.gap.parts import Gap, SourceGap
from priorlift.ranking.gap.result import GapResult
from priorlift.ranking.gap.rows import PairRows, pair_rows
from priorlift.ranking.gap.words import interval, sentence, verdict
from priorlift.ranking.inner_validation import inner_splits
from priorlift.ranking.labels import Floats
from priorlift.ranking.rank import labelled_target

NO_MODEL = "a pretrained model has no rows to learn from; pass its features as X"
FEW_ROWS = 20


def performance_gap(
    estimator: Any,
    X: Any,
    y: Any,
    sources: SourcePool,
    *,
    groups: Any = None,
    sample_weight: Any = None,
    task: Task | None = None,
    loss: Any = "auto",
    n_splits: int = 3,
    n_repeats: int = 1,
    matched_size: bool = False,
    n_permutations: int = 200,
    preprocess: Any = "auto",
    level: float = 0.95,
    random_state: RandomState = None,
    progress: Callable[[int, int], None] | None = None,
) -> GapResult:
    """Measure what a source's model loses on the target, and the target's on the source.

    Parameters
    ----------
    estimator : classifier or regressor
        Any of scikit-learn's kind, pipelines included; never fitted itself. For a deep network
        pass its features as X (of target and sources) and a head here, a logistic regression say:
        the gap is then that of the head on the frozen features.
    X : frame, array, sparse matrix or raw collection of n rows
        The target's **training** rows.
    y : array-like of shape (n,)
        Their labels; rows whose label is NaN or None are left out.
    sources : SourcePool
        What to compare the target with, each source alone.
    groups : array-like of shape (n,), optional
        Groups of the target's rows. Those of the sources travel with them. A group never trains a
        model that is judged on it, and the permutations move whole groups.
    sample_weight : array-like of shape (n,), optional
        Weights of the target's rows, in fits and in means.
    task : {"classification", "regression"}, optional
        Inferred from y where that is unambiguous.
    loss : "auto", str or list of str
        "zero_one", "log_loss"; "squared", "absolute" (divided by the variance and the standard
        deviation of the target's labels). "auto": both of a classifier with `predict_proba`, else
        "zero_one"; "squared" of a regressor. The first leads: it gives the verdict.
    n_splits, n_repeats : int, default=3 and 1
        Folds, and how often they are drawn anew.
    matched_size : bool, default=False
        Whether the source's model learns from no more rows than the target's. The gap then holds
        the shift alone and not the advantage of many rows, which counts when pooling has to pay.
    n_permutations : int, default=200
        Of the domain labels, for the null; 0 for none, then no p-value.
    preprocess : "auto", None or transformer
        How rows become numbers: `TableEncoder`, nothing, or a scikit-learn transformer; learned on
        the rows of target and source together, labels unseen, so that neither domain is favoured.
    level : float, default=0.95
        Of the intervals; its complement is what p-values are held against.
    random_state : int, RandomState or None
        Each source's seed derives from it and from the source's content.
    progress : callable, optional
        Told (permutations done, permutations in all).

    Returns
    -------
    GapResult

    Raises
    ------
    InputError
        The target has too few labels for two folds, the estimator is of another task, or an option
        is out of range.
    InputTypeError
        `sources` is not a `SourcePool`.

    Notes
    -----
    After Wang, Mendez, Shui, Zhou, Wu, Xu, Gagné and Eaton: Gap Minimization for Knowledge Sharing
    and Transfer, JMLR 24(33), 2023: the gap of two hypotheses that the algorithm really returns.
    There it is of training losses; cross-fitting, the null and the p-value (1 + #{null >= gap}) /
    (R + 1) are our choice, since models of few rows over-fit them. Values below 0 are reported as
    they are. P-values are of each source alone, not adjusted for their number, and never below
    1 / (R + 1). The null permutes domains within each class, so a difference of class frequencies
    alone is no shift; for a regression it permutes all rows.

    Of the sides, that on the target by 0-1 loss goes with the benefit of pooling; that on the
    source is mostly large where the target has few rows, and serves to find rows.

    The target's rows decide the order of folds by content, so their order does not matter (but for
    raw inputs). (2 n_splits n_repeats) fits for the gap and as many a permutation; for
    `LogisticRegression` on up to 1,500 coefficients these share their work.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from priorlift.pool import Source, SourcePool
    >>> X = np.random.default_rng(0).normal(size=(260, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> pool = SourcePool([Source("same", X[60:], y[60:]), Source("flipped", X[60:], 1 - y[60:])])
    >>> found = performance_gap(
    ...     LogisticRegression(), X[:60], y[:60], pool, n_permutations=50, random_state=0
    ... )
    >>> found.hurting
    ('flipped',)
    """
    started = time.perf_counter()
    if not isinstance(sources, SourcePool):
        raise InputTypeError(
            f"sources must be a SourcePool, not {type(sources).__name__}",
            remedy="SourcePool([Source('name', X, y), ...])",
        )
    _check(n_splits, n_repeats, n_permutations, level)
    given = Target("target", X, y, groups=groups, sample_weight=sample_weight, task=task)
    target = _labelled(given)
    _check_kind(estimator, target.task or "classification")
    losses = resolve_losses(loss, target.task or "classification", estimator)
    _require_folds(target, n_splits)
    measurer = _Measurer(
        estimator,
        target,
        np.flatnonzero(given.labelled),
        Folding(int(n_splits), int(n_repeats), bool(matched_size), losses),
        int(n_permutations),
        preprocess,
        float(level),
        base_seed(random_state),
    )
    rows, skipped = [], dict(sources.unusable)
    skipped |= dict.fromkeys((model.name for model in sources.models), NO_MODEL)
    total, done = n_permutations * sources.n_sources, 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    for source in sources:
        try:
            rows.append(measurer.measure(source, tell))
        except InputError as error:
            skipped[source.name] = str(error)
    rows.sort(key=lambda row: (row.leading.value, row.name))
    warnings = [f"{row.name}: {warning}" for row in rows for warning in row.warnings]
    if target.n_rows < FEW_ROWS:
        warnings.append(f"only {target.n_rows} labelled rows of the target judge the gaps")
    return GapResult(
        rows=tuple(rows),
        skipped=dict(sorted(skipped.items())),
        task=target.task or "classification",
        losses=losses,
        estimator=" ".join(repr(estimator).split()),
        settings={
            "n_splits": int(n_splits),
            "n_repeats": int(n_repeats),
            "matched_size": bool(matched_size),
            "n_permutations": int(n_permutations),
            "level": float(level),
            "preprocess": preprocess if isinstance(preprocess, str) else repr(preprocess),
            "seed": measurer.seed,
        },
        target_fingerprint=target.fingerprint,
        n_target=target.n_rows,
        warnings=tuple(warnings),
        seconds=time.perf_counter() - started,
    )


class _Measurer:
    """Measures one source after another under the same settings."""

    def __init__(
        self,
        estimator: Any,
        target: Target,
        numbers: Any,
        how: Folding,
        n_permutations: int,
        preprocess: Any,
        level: float,
        seed: int,
    ) -> None:
        self.estimator = estimator
        self.target = target
        self.numbers = numbers
        self.how = how
        self.n_permutations = n_permutations
        self.preprocess = preprocess
        self.level = level
        self.seed = seed

    def measure(self, source: Source, tell: Callable[[int], None]) -> SourceGap:
        """Return the gaps of one source."""
        started = time.perf_counter()
        pair = pair_rows(self.target, source, self.numbers, self.preprocess)
        seed = derive_seed(self.seed, source.fingerprint)
        n_fits = self.how.n_splits * self.how.n_repeats * (1 + self.n_permutations)
        fitter = fitter_for(self.estimator, pair, derive_seed(seed, "estimator"), n_fits)
        folds = folds_of(pair, pair.of_target, self.how, seed)
        found = cross_fit(pair, folds, fitted(folds, fitter), self.how.losses)
        null = null_gaps(pair, self.how, fitter, self.n_permutations, seed, tell)
        on_target = self._gaps(pair, found, null[:, 0], pair.of_target)
        on_source = self._gaps(pair, found, null[:, 1], ~pair.of_target)
        leading = on_target[self.how.losses[0]]
        warnings = list(pair.warnings)
        if len(null) < self.n_permutations:
            warnings.append(f"only {len(null)} of {self.n_permutations} permutations can be split")
        own, finest = ~pair.of_target, self.how.losses[-1]
        return SourceGap(
            name=source.name,
            fingerprint=source.fingerprint,
            on_target=on_target,
            on_source=on_source,
            verdict=verdict(leading, self.level),
            sentence=sentence(leading, self.how.losses[0], self.level),
            n_rows=int(own.sum()),
            n_left_out=pair.n_left_out,
            row_numbers=pair.numbers[own],
            row_labels=source.y[pair.numbers[own]],
            row_by_target=found.by_target[finest][own],
            row_by_source=found.by_source[finest][own],
            row_loss=finest,
            n_permutations=len(null),
            seconds=time.perf_counter() - started,
            warnings=tuple(warnings),
        )

    def _gaps(self, pair: PairRows, found: CrossFit, null: Floats, of: Any) -> dict[str, Gap]:
        """Return the gaps of one domain by each loss."""
        units = np.arange(len(pair.y)) if pair.groups is None else pair.groups
        gaps = {}
        for place, name in enumerate(self.how.losses):
            differences = found.difference(name, of if of is pair.of_target else ~of)
            used = of & ~np.isnan(differences)
            value = mean_gap(differences, pair.weight, of)
            low, high = interval(
                differences[used],
                pair.weight[used],
                units[used],
                self.level,
                zero_one=name == "zero_one",
            )
            drawn = null[:, place]
            if not len(drawn):
                gaps[name] = Gap(value, low, high)
                continue
            tail = (1.0 - self.level) / 2.0
            ends = np.quantile(drawn, [tail, 1.0 - tail])
            gaps[name] = Gap(
                value,
                low,
                high,
                float(drawn.mean()),
                float(ends[0]),
                float(ends[1]),
                p_value(value, drawn),
            )
        return gaps


def _labelled(given: Target) -> Target:
    """Return the target's labelled rows with their weights."""
    target = labelled_target(given)
    if given.sample_weight is None:
        return target
    weight = given.sample_weight[given.labelled]
    y, groups, task = target.y, target.groups, target.task
    return Target(target.name, target.X, y, groups=groups, sample_weight=weight, task=task)


def _require_folds(target: Target, n_splits: int) -> None:
    """Refuse a target that no source could be compared with."""
    if not inner_splits(target.y, target.groups, target.task or "classification", 0, n_splits):
        unit = "rows" if target.groups is None else "groups"
        raise InputError(
            "the target cannot be split into folds",
            cause=f"fewer than two labelled {unit} in each of two classes",
            remedy="label more rows",
        )


def _check_kind(estimator: Any, task: Task) -> None:
    if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
        raise InputTypeError(
            f"{type(estimator).__name__} cannot fit and predict", remedy="pass an estimator"
        )
    wrong = is_regressor(estimator) if task == "classification" else is_classifier(estimator)
    if wrong:
        raise InputError(
            f"the target is a {task}, {type(estimator).__name__} is not made for it",
            remedy=f"pass an estimator for {task}, or task=",
        )


def _check(n_splits: int, n_repeats: int, n_permutations: int, level: float) -> None:
    if n_splits < 2:
        raise InputError(f"n_splits is {n_splits}", remedy="2 or more")
    if n_repeats < 1:
        raise InputError(f"n_repeats is {n_repeats}", remedy="1 or more")
    if n_permutations < 0:
        raise InputError(f"n_permutations is {n_permutations}", remedy="0 for no null")
    if not 0.0 < level < 1.0:
        raise InputError(f"level is {level}", remedy="a level between 0 and 1, 0.95 say")
