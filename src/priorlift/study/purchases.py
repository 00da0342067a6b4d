"""What a budgeted search bought, what that cost, and which of its numbers were measured.

These are the parts of a `priorlift.study.spending_result.Spending`. A `Bill` says of every number
whether it was measured or extrapolated from what was.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from priorlift.ranking.result import PredictedLift

NO_TRANSFER = "no transfer"

Reason: TypeAlias = Literal["single task", "first", "random", "ucb"]
How: TypeAlias = Literal["measured", "extrapolated"]


@dataclass(frozen=True)
class PairOutcome:
    """What training one pair gave.

    Attributes
    ----------
    score : float or None
        On rows of the target that nothing was trained on, larger is better; None if it failed.
    seconds : float
        What it cost, failed or not.
    error : str or None
        Why it failed.
    """

    score: float | None
    seconds: float
    error: str | None = None


Truth: TypeAlias = Callable[[str, str | None], PairOutcome]


@dataclass(frozen=True)
class Purchase:
    """One fit that was paid for.

    Attributes
    ----------
    number, batch : int
        Its place in the order; batch 0 holds the single tasks.
    target : str
        Which target.
    source : str or None
        None for the single task.
    reason : {"single task", "first", "random", "ucb"}
        Why: a single task is always bought; "first" is by the rank promise, while no bound is
        known; "random" by chance; "ucb" by the upper bound of the predicted lift.
    score, gain : float or None
        What came out, and its lift over the single task; None if a fit failed.
    seconds : float
        What it cost.
    upper : float or None
        Upper bound of the predicted lift when it was bought, where known.
    error : str or None
        Why it failed.
    """

    number: int
    batch: int
    target: str
    source: str | None
    reason: Reason
    score: float | None
    gain: float | None
    seconds: float
    upper: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class SpentTarget:
    """What the search found for one target.

    Attributes
    ----------
    target : str
        Which target.
    source : str or None
        The trained source of the largest lift; None for "no transfer", where no trained source
        had a lift above 0.
    gain : float
        Its observed lift; 0 without transfer. The largest of several noisy values flatters: a study
        of the chosen source proves it.
    single_score : float or None
        Score without transfer; None if that fit failed.
    predicted : PredictedLift or None
        What the model expects of the chosen source in the end.
    n_trained, n_pairs : int
        Sources that were trained, and that there are.
    """

    target: str
    source: str | None
    gain: float
    single_score: float | None
    predicted: PredictedLift | None
    n_trained: int
    n_pairs: int


@dataclass(frozen=True)
class Bill:
    """What the search cost, against training everything.

    Attributes
    ----------
    single_seconds, trained_seconds : float
        Of the single tasks and of the trained pairs; measured.
    attribution_seconds, scoring_seconds, model_seconds : float
        Of what decided which pairs to train; measured.
    untrained_seconds : float
        Of the pairs that were not trained: measured where they were run to check the search, else
        extrapolated from the trained ones (mean of the same source, else of all).
    n_single, n_trained, n_pairs : int
        Single tasks, trained pairs, all pairs.
    extrapolated : bool
        Whether `untrained_seconds`, and so `cost_saved`, is extrapolated.
    score_lost : float or None
        Mean over targets of the best lift over all pairs less the best over the trained ones, "no
        transfer" being one of them; measured, and None where the truth is not known.
    """

    single_seconds: float
    attribution_seconds: float
    scoring_seconds: float
    model_seconds: float
    trained_seconds: float
    untrained_seconds: float
    n_single: int
    n_trained: int
    n_pairs: int
    extrapolated: bool
    score_lost: float | None = None

    @property
    def spent_seconds(self) -> float:
        """Everything that was paid for, overhead included."""
        overhead = self.attribution_seconds + self.scoring_seconds + self.model_seconds
        return self.single_seconds + overhead + self.trained_seconds

    @property
    def all_seconds(self) -> float:
        """Single tasks and all pairs: what training everything costs."""
        return self.single_seconds + self.trained_seconds + self.untrained_seconds

    @property
    def cost_saved(self) -> float:
        """Share of seconds saved; negative where the overhead is larger, NaN where all is free."""
        return 1.0 - self.spent_seconds / self.all_seconds if self.all_seconds else math.nan

    @property
    def pairs_saved(self) -> float:
        """Share of pairs that were not trained; single tasks are no pairs."""
        return 1.0 - self.n_trained / self.n_pairs

    def lines(self) -> list[tuple[str, float | None, str]]:
        """Return (what, value, "measured" | "extrapolated" | "not known") of each number."""
        rest: How = "extrapolated" if self.extrapolated else "measured"
        lost = "measured" if self.score_lost is not None else "not known"
        return [
            ("seconds of single tasks", self.single_seconds, "measured"),
            ("seconds of attribution", self.attribution_seconds, "measured"),
            ("seconds of scoring", self.scoring_seconds, "measured"),
            ("seconds of the model", self.model_seconds, "measured"),
            ("seconds of trained pairs", self.trained_seconds, "measured"),
            ("seconds of untrained pairs", self.untrained_seconds, rest),
            ("share of seconds saved", self.cost_saved, rest),
            ("share of pairs saved", self.pairs_saved, "measured"),
            ("score lost", self.score_lost, lost),
        ]


@dataclass(frozen=True)
class RandomCheck:
    """What pairs drawn at random say about the choice of the others.

    Attributes
    ----------
    n_drawn : int
        Pairs drawn, uniformly and without replacement, from all; those that the search had bought
        already are among them.
    excess : float or None
        Mean of how far a drawn pair's lift lies above the best that the search itself had found for
        its target, 0 where below; None if none was drawn. An unbiased estimate for a random pair.
    regret_at_most : float or None
        `excess` times the mean number of sources a target: since the best of many exceeds by no
        more than all of them together, the expected regret of the search is not larger. An
        estimate, and a cautious one.
    """

    n_drawn: int
    excess: float | None
    regret_at_most: float | None
