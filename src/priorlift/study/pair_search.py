"""The state of a budgeted search: what was bought, what the model expects, what to buy next."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import derive_seed
from priorlift.ranking.gain import GainModel, PredictedGains
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.ranking.result import PredictedLift
from priorlift.ranking.task_ranking import stacked
from priorlift.study.purchases import (
    Bill,
    PairOutcome,
    Purchase,
    RandomCheck,
    Reason,
    SpentTarget,
)
from priorlift.study.spending_result import Spending

Pair: TypeAlias = tuple[str, str | None]
EvaluateMany: TypeAlias = Callable[[Sequence[Pair]], Sequence[PairOutcome]]


@dataclass(frozen=True)
class Overhead:
    """Seconds that were spent before the search, for the bill."""

    attribution_seconds: float = 0.0
    scoring_seconds: float = 0.0


@dataclass
class Forecast:
    """The model of the lift, fitted again to what is known.

    Parameters
    ----------
    pairs : PairFeatures
        All pairs of the search.
    model : GainModel or None
        Copied, not changed.
    past : Outcomes or None
        Pairs of earlier runs.

    Attributes
    ----------
    now : PredictedGains
        What is expected of the pairs.
    seconds : float
        Spent on fitting and predicting.
    """

    pairs: PairFeatures
    model: Any
    past: Outcomes | None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        begun = time.perf_counter()
        self.model = GainModel() if self.model is None else copy.copy(self.model)
        self.now: PredictedGains = self.model.predict(self.pairs)
        if self.past is not None and not self.now.calibrated:
            self.model.fit(self.past)
            self.now = self.model.predict(self.pairs)
        self.refit = self.past is not None or not self.now.calibrated
        self.seconds += time.perf_counter() - begun

    def learn(self, bought: Outcomes) -> None:
        """Fit the model to past and bought outcomes, unless it came without its past."""
        if not self.refit or bought.n_pairs == 0:
            return
        begun = time.perf_counter()
        known, candidates = bought, self.pairs
        if self.past is not None:
            known = Outcomes(
                stacked([self.past.pairs, bought.pairs]),
                np.concatenate([self.past.gains, bought.gains]),
            )
            candidates = stacked([self.past.pairs, self.pairs])
        self.model.fit(known, candidates)
        self.now = self.model.predict(self.pairs)
        self.seconds += time.perf_counter() - begun


@dataclass
class PairSearch:
    """What was bought, and what is to be had.

    Parameters
    ----------
    pairs : PairFeatures
        Sorted by name.
    evaluate : callable
        Trains a batch.
    forecast : Forecast
        What is expected.
    min_gain : float or None
        A pair must promise more than this above the best observed; None buys whatever is left.
    """

    pairs: PairFeatures
    evaluate: EvaluateMany
    forecast: Forecast
    min_gain: float | None
    history: list[Purchase] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.targets = sorted(set(self.pairs.targets))
        self.keys = list(zip(self.pairs.targets, self.pairs.sources, strict=True))
        self.place = {key: i for i, key in enumerate(self.keys)}
        names = np.array(self.pairs.targets)
        self.rows = {target: np.flatnonzero(names == target) for target in self.targets}
        self.bought = np.zeros(len(self.keys), dtype=bool)
        self.gains = np.full(len(self.keys), np.nan)
        self.single: dict[str, float | None] = {}
        self.by_search = np.zeros(len(self.keys), dtype=bool)
        self.n_batches = self.n_drawn = 0

    def draw(self, share: float, seed: int) -> None:
        """Put all pairs into the random order in which they are drawn."""
        generator = np.random.default_rng(derive_seed(seed, "random pairs"))
        self.share = share
        self.order = generator.permutation(len(self.keys))

    @property
    def n_trained(self) -> int:
        """Number of pairs bought."""
        return int(self.bought.sum())

    @property
    def seconds(self) -> float:
        """What single tasks and pairs have cost."""
        return sum(purchase.seconds for purchase in self.history)

    def best(self, target: str) -> float:
        """Return the best lift observed, that of "no transfer" included."""
        known = self.gains[self.rows[target]]
        return float(known[~np.isnan(known)].max(initial=0.0))

    def batch(self, size: int) -> bool:
        """Buy a batch; False if nothing is worth it."""
        wanted = self._candidates()
        if not wanted:
            return False
        chosen: list[tuple[int, Reason]] = []
        taken: set[int] = set()
        due = round(self.share * (self.n_trained + size))
        while self.n_drawn < min(due, len(self.order)) and len(chosen) < size:
            i = int(self.order[self.n_drawn])
            self.n_drawn += 1
            if not self.bought[i] and i not in taken:
                chosen.append((i, "random"))
                taken.add(i)
        reason: Reason = "ucb" if self.forecast.now.calibrated else "first"
        for i in wanted:
            if len(chosen) == size:
                break
            if i not in taken:
                chosen.append((i, reason))
        self.n_batches += 1
        self.buy([self.keys[i] for i, _ in chosen], [reason for _, reason in chosen])
        known = np.flatnonzero(~np.isnan(self.gains))
        self.forecast.learn(Outcomes(self.pairs.take(known), self.gains[known]))
        return True

    def _candidates(self) -> list[int]:
        """Return untrained pairs worth buying: the best of each target, then the second best."""
        now = self.forecast.now
        promise = now.high if now.calibrated else now.mean
        rounds: list[tuple[int, float, str, int]] = []
        for target in self.targets:
            rows = self.rows[target]
            left = rows[~self.bought[rows]]
            left = left[np.argsort(-promise[left], kind="stable")]
            if now.calibrated and self.n_batches and self.min_gain is not None:
                left = left[promise[left] > self.best(target) + self.min_gain]
            above = promise[left] - (self.best(target) if now.calibrated else 0.0)
            rounds += [
                (turn, -float(above[turn]) if now.calibrated else 0.0, target, int(i))
                for turn, i in enumerate(left)
            ]
        return [i for *_, i in sorted(rounds)]

    def buy(self, wanted: Sequence[Pair], reasons: Reason | Sequence[Reason]) -> None:
        """Train and charge pairs."""
        several = [reasons] * len(wanted) if isinstance(reasons, str) else reasons
        found = self.evaluate(wanted)
        for (target, source), reason, outcome in zip(wanted, several, found, strict=True):
            score = outcome.score
            score = None if score is None or not np.isfinite(score) else float(score)
            gain, upper = None, None
            if source is None:
                self.single[target] = score
            else:
                i = self.place[target, source]
                alone = self.single[target]
                gain = None if score is None or alone is None else score - alone
                upper = _known(self.forecast.now.high[i])
                self.bought[i] = True
                self.by_search[i] = reason != "random"
                self.gains[i] = np.nan if gain is None else gain
            number = len(self.history) + 1
            self.history.append(
                Purchase(
                    number, self.n_batches, target, source, reason, score, gain,
                    float(outcome.seconds), upper, outcome.error,
                )
            )  # fmt: skip

    def result(
        self, stopped: str, settings: Mapping[str, Any], overhead: Overhead, reproducible: bool
    ) -> Spending:
        """Return what was found."""
        now = self.forecast.now
        return Spending(
            targets=tuple(self._found(target) for target in self.targets),
            history=tuple(self.history),
            bill=self._bill(overhead),
            check=self._check(),
            stopped=stopped,
            prediction=f"{now.regime}: {now.note}" if now.note else now.regime,
            settings=settings,
            reproducible=reproducible,
            warnings=tuple(
                f"{p.target} with {p.source or 'no source'} failed: {p.error or 'no score'}"
                for p in self.history
                if p.score is None
            ),
            pairs=self.pairs,
        )

    def _found(self, target: str) -> SpentTarget:
        rows, now = self.rows[target], self.forecast.now
        gain, chosen = self.best(target), None
        if gain > 0.0:
            chosen = int(rows[int(np.nanargmax(self.gains[rows]))])
        predicted = None
        if chosen is not None and now.calibrated:
            predicted = PredictedLift(
                float(now.mean[chosen]),
                _known(now.low[chosen]),
                _known(now.high[chosen]),
                _known(now.p_positive[chosen]),
            )
        source = None if chosen is None else self.pairs.sources[chosen]
        n_trained = int(self.bought[rows].sum())
        alone = self.single[target]
        return SpentTarget(target, source, gain, alone, predicted, n_trained, len(rows))

    def _check(self) -> RandomCheck:
        excess = []
        for i in self.order[: self.n_drawn]:
            rows = self.rows[self.pairs.targets[i]]
            own = self.gains[rows][self.by_search[rows]]
            best = own[~np.isnan(own)].max(initial=0.0)
            if self.bought[i] and not np.isnan(self.gains[i]):
                excess.append(max(0.0, float(self.gains[i] - best)))
        if not excess:
            return RandomCheck(self.n_drawn, None, None)
        mean = float(np.mean(excess))
        return RandomCheck(self.n_drawn, mean, mean * len(self.keys) / len(self.targets))

    def _bill(self, overhead: Overhead) -> Bill:
        paid = {(p.target, p.source): p.seconds for p in self.history}
        seconds = np.array([paid.get(key, np.nan) for key in self.keys])
        trained = ~np.isnan(seconds)
        return Bill(
            single_seconds=sum(paid[target, None] for target in self.targets),
            attribution_seconds=overhead.attribution_seconds,
            scoring_seconds=overhead.scoring_seconds,
            model_seconds=self.forecast.seconds,
            trained_seconds=float(seconds[trained].sum()),
            untrained_seconds=_extrapolated(seconds, np.array(self.pairs.sources)),
            n_single=len(self.targets),
            n_trained=int(trained.sum()),
            n_pairs=len(self.keys),
            extrapolated=not bool(trained.all()),
            score_lost=0.0 if trained.all() else None,
        )


def _extrapolated(seconds: NDArray[np.float64], sources: NDArray[np.str_]) -> float:
    """Return what the missing values sum to: the mean of the same source, else of all."""
    missing = np.isnan(seconds)
    if missing.all():
        return float("nan")
    everywhere = float(seconds[~missing].mean())
    total = 0.0
    for name in np.unique(sources[missing]):
        own = seconds[(sources == name) & ~missing]
        mean = float(own.mean()) if len(own) else everywhere
        total += mean * int((missing & (sources == name)).sum())
    return total


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
