"""Learn from earlier runs what lift to expect, for `priorlift rank --learn-from`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from priorlift.cli import output
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.ranking.gain import GainModel
    from priorlift.ranking.result import Ranking
    from priorlift.ranking.task_ranking import TaskRanking
    from priorlift.study.past_outcomes import PastOutcomes

OPTION = "--learn-from"


@dataclass(frozen=True)
class Learned:
    """What earlier runs teach; without runs, nothing."""

    past: "PastOutcomes | None" = None
    model: "GainModel | None" = None

    def predict(self, ranking: "Ranking", target: str) -> "Ranking":
        """Return a ranking with its predicted lifts.

        Parameters
        ----------
        ranking : Ranking
            Scored sources.
        target : str
            The target's name, under which earlier runs may know it.

        Raises
        ------
        InputError
            The runs know none of the ranking's scores.
        """
        if self.model is None:
            return ranking
        from priorlift.ranking.prediction import with_predictions

        self._check(ranking.plan.scores, [target])
        return with_predictions(ranking, self.model, target)

    def predict_tasks(self, found: "TaskRanking") -> "TaskRanking":
        """Return the rankings of many targets with their predicted lifts."""
        if self.model is None:
            return found
        scores = dict.fromkeys(name for r in found.rankings.values() for name in r.plan.scores)
        self._check(list(scores), found.rankings)
        return found.with_predictions(self.model)

    def to_dict(self) -> dict[str, Any]:
        """Return what was learned from, for JSON; empty without runs."""
        if self.past is None:
            return {}
        learned = {"summary": self.past.summary, "skipped": dict(self.past.skipped)}
        return {"learned_from": learned}

    def _check(self, scores: Sequence[str], targets: Iterable[str]) -> None:
        assert self.past is not None
        known = set(self.past.pairs.names)
        lacking = [name for name in scores if name not in known]
        if len(lacking) == len(scores):
            raise InputError(
                f"the runs know none of the scores {', '.join(scores)}",
                where=OPTION,
                cause=f"they were ranked by others: {', '.join(sorted(known)) or 'none'}",
                remedy="rank with --scores that they know, or run the studies again",
            )
        if lacking:
            output.note(
                f"the runs do not know {', '.join(lacking)}; predictions rest on the others"
            )
        for name in sorted(set(targets) & set(self.past.pairs.targets)):
            output.note(f"the runs hold outcomes of a target called {name!r} itself")


def learn(runs: list[str] | None) -> Learned:
    """Read the outcomes of earlier runs and fit a gain model to them.

    Parameters
    ----------
    runs : list of str or None
        Run directories, or folders of them.

    Raises
    ------
    InputError
        There is no run, or none that can be learned from.
    """
    if not runs:
        return Learned()
    from priorlift.ranking.gain import GainModel
    from priorlift.study.past_outcomes import read_outcomes

    past = read_outcomes(runs)
    if past.n_pairs == 0:
        reasons = "; ".join(f"{run}: {why.rstrip('.')}" for run, why in past.skipped.items())
        raise InputError(
            f"nothing can be learned from these runs: {reasons}",
            where=OPTION,
            remedy="name runs of finished studies that ranked their sources",
        )
    for run, reason in past.skipped.items():
        output.note(f"not learned from: {run}: {output.sentence(reason)}")
    output.note(f"learning {past.summary}")
    return Learned(past, GainModel().fit(past))
