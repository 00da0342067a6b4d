"""Auto: rank the sources, try the best with several methods, and transfer only on evidence.

Every candidate is evaluated on the same inner splits of the target's training rows. One that uses
sources is chosen only if it beats the best way of **not** transferring by more than `caution`
standard errors of the paired row losses; otherwise nothing is transferred. `decision_` tells what
was chosen and why.

The comparison picks among several candidates, so its numbers are optimistic for the winner. It is
how a method chooses, not a proof of lift: that takes a study, on rows which `fit` never saw.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from priorlift.core import arrays, registry
from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.pool import Source, SourcePool
from priorlift.ranking.inner_validation import Split, inner_splits
from priorlift.ranking.rank import rank_sources
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferEstimator,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.decision import Candidate, Decision, Skipped
from priorlift.transfer.losses import paired_improvement, row_losses
from priorlift.transfer.target_only import TargetOnlyClassifier, TargetOnlyRegressor

NOT_TRANSFERRING = "target_only"
# What is tried where nothing is named; with so many fits, boosting is given fewer rounds.
DEFAULT_METHODS: dict[str, dict[str, int]] = {
    "pooled": {},
    "frozen_features": {},
    "gap_boost": {"n_estimators": 8, "gap_every": 4},
    "tradaboost": {"n_estimators": 8},
}
# Three folds of the reference, four baselines, and four methods on each of the first source, all
# sources and the second source; and the last fit.
DEFAULT_FITS = 52


@dataclass(frozen=True)
class _Plan:
    """A combination of method and sources that may be tried."""

    method: str
    estimator: TransferEstimator
    pool: SourcePool

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.pool.by_fingerprint())


_Trial = tuple[_Plan, NDArray[np.float64], int]


class _AutoTransfer(TransferEstimator):
    transfer_tags = TransferTags(labels="any", selects_sources=True)

    def __init__(
        self,
        methods: Sequence[Any] | None = None,
        max_fits: int = DEFAULT_FITS,
        n_splits: int = 3,
        caution: float = 1.0,
        scores: Any = "auto",
        preprocess: Any = "auto",
        random_state: RandomState = None,
        reference: TransferEstimator | None = None,
    ) -> None:
        self.methods = methods
        self.max_fits = max_fits
        self.n_splits = n_splits
        self.caution = caution
        self.scores = scores
        self.preprocess = preprocess
        self.random_state = random_state
        self.reference = reference

    def _default_reference(self) -> TransferEstimator:
        raise NotImplementedError

    def _fit_pool(self, target: Rows, pool: SourcePool) -> None:
        self._check_parameters()
        reference = self._default_reference() if self.reference is None else self.reference
        alone = _Plan(NOT_TRANSFERRING, self._prepared(reference), SourcePool())
        self.n_dropped_columns_ = {}
        matched = SourcePool([self._matched_if_it_can(source) for source in pool])
        chosen, decision = self._decide(alone, target, matched)
        given = {source.name: source.fingerprint for source in pool.by_fingerprint()}
        unreadable = [Skipped("any method", (name,), why) for name, why in pool.unusable.items()]
        skipped = (*decision.skipped, *unreadable)
        self.decision_ = replace(decision, considered=given, skipped=skipped)
        self.model_ = _fitted(chosen, target, slice(None))
        self.sources_ = {name: given[name] for name in self.model_.sources_}
        self.licences_ = self.model_.licences_

    def _matched_if_it_can(self, source: Source) -> Source:
        try:
            return self._matched(source)
        except InputError:
            # The methods refuse it themselves, and their reasons go into the decision.
            return source

    def _check_parameters(self) -> None:
        for name, least in (("max_fits", 1), ("n_splits", 2)):
            if not getattr(self, name) >= least:
                raise InputError(f"{name} is {getattr(self, name)!r}", remedy=f"at least {least}")
        if not self.caution >= 0:
            raise InputError(f"caution is {self.caution!r}", remedy="0 or more standard errors")
        if isinstance(self.methods, str):
            raise InputTypeError(
                f"methods is the text {self.methods!r}", remedy=f"a list: [{self.methods!r}]"
            )

    def _prepared(self, estimator: TransferEstimator) -> TransferEstimator:
        estimator = clone(estimator)
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=self._seed)
        return estimator

    def _estimators(self) -> dict[str, TransferEstimator]:
        found: dict[str, TransferEstimator] = {}
        for given in DEFAULT_METHODS if self.methods is None else self.methods:
            if isinstance(given, TransferEstimator):
                name, estimator = type(given).__name__, given
            else:
                method = registry.get("methods", given) if isinstance(given, str) else given
                name, estimator = method.name, method.for_task(self._task)()
                if "preprocess" in estimator.get_params(deep=False):
                    estimator.set_params(preprocess=self.preprocess)
                if self.methods is None:
                    estimator.set_params(**DEFAULT_METHODS[name])
            if name in found:
                raise InputError(f"method {name!r} is listed twice", remedy="name each method once")
            found[name] = self._prepared(estimator)
        return found

    def _decide(self, alone: _Plan, target: Rows, pool: SourcePool) -> tuple[_Plan, Decision]:
        def not_transferring(why: str) -> tuple[_Plan, Decision]:
            return alone, Decision(NOT_TRANSFERRING, (), why)

        if not pool.n_sources:
            return not_transferring("There is no source to transfer from.")
        seed = derive_seed(self._seed, "splits")
        splits = inner_splits(target.y, target.groups, self._task, seed, self.n_splits)
        if not splits:
            return not_transferring(
                "The target has too few labels, or too few groups, for an inner split, so nothing "
                "could show that a source helps."
            )
        estimators = self._estimators()
        least = len(splits) * (len(estimators) + 2) + 1
        if self.max_fits < least:
            return not_transferring(
                f"A budget of {self.max_fits} fits does not reach for a comparison, which takes "
                f"{least}."
            )
        refused = {name: e.refusals(target.X, target.y, pool) for name, e in estimators.items()}
        ranking = self._ranked(target, _usable(pool, refused.values()))
        skipped = [
            Skipped(method, (source,), reason)
            for method, reasons in refused.items()
            for source, reason in reasons.items()
        ]
        plans = [alone, *_plans(estimators, ranking, pool, refused)]
        budget = self.max_fits - 1
        trials, left_out, n_fits = _evaluated(plans, target, splits, budget)
        chosen, candidates, why = self._compared(trials, target, splits)
        decision = Decision(
            method=chosen.method,
            sources=chosen.sources,
            why=why,
            candidates=candidates,
            skipped=(*skipped, *left_out),
            ranking=ranking,
            n_fits=n_fits + 1,
        )
        return chosen, decision

    def _ranked(self, target: Rows, pool: SourcePool) -> tuple[str, ...]:
        names = tuple(source.name for source in pool.by_fingerprint())
        if len(names) == 1:
            return names
        try:
            ranking = rank_sources(
                target.X,
                target.y,
                pool,
                groups=target.groups,
                task=self._task,
                scores=self.scores,
                n_bootstrap=0,
                preprocess=self.preprocess,
                random_state=self._seed,
            )
        except InputError:
            # Labels that no score can judge still allow every source to be tried.
            return names
        # Content decides ties, so that a source's name never does.
        rows = sorted(ranking.rows, key=lambda row: (row.rank, row.fingerprint))
        ranked = tuple(row.name for row in rows)
        return ranked + tuple(name for name in names if name not in ranked)

    def _compared(
        self, trials: list[_Trial], target: Rows, splits: list[Split]
    ) -> tuple[_Plan, tuple[Candidate, ...], str]:
        rows = np.concatenate([test for _, test in splits])
        weight = target.sample_weight[rows]
        units = rows if target.groups is None else target.groups[rows]
        means = [float(np.average(losses, weights=weight)) for _, losses, _ in trials]
        opponents = [place for place, (plan, _, _) in enumerate(trials) if not plan.sources]
        opponent = min(opponents, key=means.__getitem__)
        candidates = []
        for place, (plan, losses, n_fits) in enumerate(trials):
            compared = paired_improvement(trials[opponent][1], losses, weight, units)
            candidates.append(Candidate(plan.method, plan.sources, means[place], *compared, n_fits))
        better = [
            place
            for place, one in enumerate(candidates)
            if one.sources and one.improvement > self.caution * one.standard_error
        ]
        if better:
            winner = min(better, key=means.__getitem__)
            return trials[winner][0], tuple(candidates), self._why(candidates, winner, opponent)
        return trials[0][0], tuple(candidates), self._why_not(candidates, opponent)

    def _why(self, candidates: list[Candidate], winner: int, opponent: int) -> str:
        one = candidates[winner]
        return (
            f"{_sentence(one.label)} lowers the validated loss of {candidates[opponent].label} by "
            f"{one.improvement:.4f}, which is more than {self.caution:g} standard errors "
            f"({one.standard_error:.4f} each)."
        )

    def _why_not(self, candidates: list[Candidate], opponent: int) -> str:
        transfers = [one for one in candidates if one.sources]
        if not transfers:
            return "No combination of method and source could be evaluated."
        best = min(transfers, key=lambda one: one.loss)
        return (
            f"No candidate beats {candidates[opponent].label} by more than {self.caution:g} "
            f"standard errors; the nearest, {best.label}, changes the validated loss by "
            f"{-best.improvement:+.4f} (standard error {best.standard_error:.4f})."
        )

    def _model_input(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        return self._check_X(X, reset=False)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _usable(pool: SourcePool, refused: Iterable[dict[str, str]]) -> SourcePool:
    reasons = list(refused)
    usable = [name for name in pool.names if not all(name in some for some in reasons)]
    if not usable:
        first = pool.by_fingerprint()[0].name
        raise InputError(
            f"none of the {pool.n_sources} sources can be used; {reasons[0][first].rstrip('.')}",
            remedy="pass sources that share the target's columns, or sources=None",
        )
    return pool.subset(usable)


def _plans(
    estimators: dict[str, TransferEstimator],
    ranking: tuple[str, ...],
    pool: SourcePool,
    refused: dict[str, dict[str, str]],
) -> list[_Plan]:
    """Each method's baseline, the first source, all sources together, then down the ranking."""
    usable = {
        method: [name for name in ranking if name not in refused[method]] for method in estimators
    }
    plans = [_Plan(method, estimators[method], SourcePool()) for method in estimators]
    for place, source in enumerate(ranking):
        plans += [
            _Plan(method, estimators[method], pool.subset([source]))
            for method in estimators
            if source in usable[method]
        ]
        if place == 0:
            plans += [
                _Plan(method, estimators[method], pool.subset(usable[method]))
                for method in estimators
                if len(usable[method]) > 1
            ]
    return plans


def _evaluated(
    plans: list[_Plan], target: Rows, splits: list[Split], budget: int
) -> tuple[list[_Trial], list[Skipped], int]:
    trials: list[_Trial] = []
    skipped: list[Skipped] = []
    spent = 0
    for plan in plans:
        if spent + len(splits) > budget:
            skipped.append(Skipped(plan.method, plan.sources, "the budget of fits was spent"))
            continue
        losses: list[NDArray[np.float64]] = []
        started = spent
        try:
            for train, test in splits:
                spent += 1
                losses.append(_losses(plan, target, train, test))
        except ValueError as error:
            # What is wrong with the target itself shows in the first plan, which has no source.
            if plan.method == NOT_TRANSFERRING:
                raise
            skipped.append(Skipped(plan.method, plan.sources, str(error)))
            continue
        trials.append((plan, np.concatenate(losses), spent - started))
    return trials, skipped, spent


def _losses(
    plan: _Plan, target: Rows, train: NDArray[np.intp], test: NDArray[np.intp]
) -> NDArray[np.float64]:
    fitted = _fitted(plan, target, train)
    if target.task == "classification" and not hasattr(fitted, "predict_proba"):
        raise InputError("gives no probabilities, by which candidates are compared")
    return row_losses(fitted, arrays.take_rows(target.X, test), target.y[test], target.task)


def _fitted(plan: _Plan, target: Rows, rows: NDArray[np.intp] | slice) -> Any:
    return clone(plan.estimator).fit(
        arrays.take_rows(target.X, rows),
        target.y[rows],
        sources=plan.pool,
        sample_weight=target.sample_weight[rows],
        groups=None if target.groups is None else target.groups[rows],
    )


class AutoTransferClassifier(TransferClassifier, _AutoTransfer):
    """Choose sources and method for a classifier by inner validation, not transferring included.

    Parameters
    ----------
    methods : sequence of str, Method or transfer classifier, optional
        Names from the registry, their entries, or estimators with settings of their own; by default
        "pooled", "frozen_features", and, with eight rounds, "gap_boost" and "tradaboost".
    max_fits : int, default=52
        Fits of transfer estimators at most: one for each candidate and inner split, one for the
        last fit on all rows. The networks that rank the sources, one each, are not counted.
    n_splits : int, default=3
        Inner folds at most.
    caution : float, default=1.0
        How many standard errors a candidate must win by before anything is transferred.
    scores : "auto" or list of str
        What ranks the sources, see `priorlift.rank_sources`.
    preprocess : "auto", None or transformer, default="auto"
        Handed to the ranking and to each candidate, which owns its copy.
    random_state : int, RandomState or None
        Seeds splits, ranking and candidates. A candidate is what fitting its method by hand with
        the same seed gives.
    reference : transfer classifier, optional
        What not transferring means; by default `TargetOnlyClassifier`.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    decision_ : Decision
        What was chosen, why, and what else was tried.
    model_ : transfer classifier
        The chosen method, fitted on all training rows.
    sources_ : dict of str to str
        Names and fingerprints of the chosen sources.

    Raises
    ------
    InputError
        A parameter is out of range, or none of the sources can be used by any of the methods.

    See Also
    --------
    priorlift.rank_sources : The ranking alone.
    TargetOnlyClassifier : What is fitted where nothing is transferred.

    Notes
    -----
    Candidates are tried in this order until the budget ends: `TargetOnlyClassifier`, each method
    without sources, the first source with each method, all usable sources together, then the other
    sources down the ranking. A source that a method cannot use is skipped and listed.

    Not transferring always means `TargetOnlyClassifier`, as for `sources=None`: the other baselines
    are opponents only, so that a decision against the sources has a lift of exactly 0.

    With so few labels that no inner split exists, nothing is transferred. Sources may well help
    most there, but nothing in the data could tell a helpful source from a harmful one, and this
    estimator promises evidence. Who knows from elsewhere that a source is right fits
    `PooledClassifier` or `FrozenFeaturesClassifier` directly. Five labels with at least two in each
    of two classes do allow a split, and a source that helps on every held-out row is then taken.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlift import Source, SourcePool
    >>> X = np.random.default_rng(0).normal(size=(400, 5))
    >>> y = (X[:, 0] - X[:, 1] > 0).astype(int)
    >>> pool = SourcePool([Source("same", X[100:], y[100:])])
    >>> model = AutoTransferClassifier(["pooled"], random_state=0).fit(X[:20], y[:20], sources=pool)
    >>> model.decision_.method, model.decision_.sources
    ('pooled', ('same',))
    """

    def _default_reference(self) -> TransferEstimator:
        return TargetOnlyClassifier(preprocess=self.preprocess)


class AutoTransferRegressor(TransferRegressor, _AutoTransfer):
    """Choose sources and method for a regressor by inner validation, not transferring included.

    Parameters, order of candidates and rules are those of `AutoTransferClassifier`, with squared
    error.

    Parameters
    ----------
    methods : sequence of str, Method or transfer regressor, optional
        Names from the registry, their entries, or estimators with settings of their own; by default
        "pooled", "frozen_features", and, with eight rounds, "gap_boost" and "tradaboost".
    max_fits : int, default=52
        Fits of transfer estimators at most.
    n_splits : int, default=3
        Inner folds at most.
    caution : float, default=1.0
        How many standard errors a candidate must win by before anything is transferred.
    scores : "auto" or list of str
        What ranks the sources, see `priorlift.rank_sources`.
    preprocess : "auto", None or transformer, default="auto"
        Handed to the ranking and to each candidate, which owns its copy.
    random_state : int, RandomState or None
        Seeds splits, ranking and candidates.
    reference : transfer regressor, optional
        What not transferring means; by default `TargetOnlyRegressor`.

    Attributes
    ----------
    decision_ : Decision
        What was chosen, why, and what else was tried.
    model_ : transfer regressor
        The chosen method, fitted on all training rows.
    sources_ : dict of str to str
        Names and fingerprints of the chosen sources.

    Raises
    ------
    InputError
        A parameter is out of range, or none of the sources can be used by any of the methods.
    """

    def _default_reference(self) -> TransferEstimator:
        return TargetOnlyRegressor(preprocess=self.preprocess)


METHOD = Method(
    "auto",
    "ranks sources, tries the best with several methods, transfers only on evidence",
    AutoTransferClassifier,
    AutoTransferRegressor,
)
