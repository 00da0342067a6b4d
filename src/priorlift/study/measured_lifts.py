"""The lifts of single sources, measured on rows whose labels a ranking has not seen.

With label budgets the study's test part is such. In cross-validation each row is a test row once,
so there the lifts are measured on the fold that the ranking was not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.pool import Target
from priorlift.ranking.rank import labelled_target
from priorlift.ranking.result import Ranking
from priorlift.study.analysis import Analysis
from priorlift.study.design import Split, split_rows
from priorlift.study.interval import Interval
from priorlift.study.plan import Arm
from priorlift.study.results import StudyResult
from priorlift.study.scarce_intervals import row_interval
from priorlift.trials.outcome import Outcome, TrialRecord

Floats = NDArray[np.float64]

FEW_ROWS = 50


@dataclass(frozen=True)
class MeasuredLifts:
    """The lifts of one method with single sources, on rows that the ranking has not seen.

    Attributes
    ----------
    result, analysis : StudyResult, Analysis
        The study.
    method : str
        Whose lifts.
    fold : ndarray of bool or None
        Which labelled rows they are measured on; None for all test rows.
    unseen : bool
        Whether the ranking is known not to have seen these rows' labels.
    """

    result: StudyResult
    analysis: Analysis
    method: str
    fold: NDArray[np.bool_] | None
    unseen: bool

    @classmethod
    def of(cls, ranking: Ranking, result: StudyResult, method: str) -> "MeasuredLifts":
        """Find the rows of a study that a ranking has not seen."""
        analysis = Analysis(result.plan, result.target, result.records)
        plan, target = result.plan, result.target
        train, test = split_rows(target, plan.design, plan.task, Split(plan.design.largest, 0, 0))
        shown = was_shown(ranking, result, train)
        fold = None
        if plan.design.kind == "scarce target" and analysis.metric.rows is not None and shown:
            fold = np.isin(np.flatnonzero(target.labelled), test)
        unseen = shown and (plan.design.kind == "label budgets" or fold is not None)
        return cls(result, analysis, method, fold, unseen)

    def interval(self, source: str) -> Interval | None:
        """Return the measured lift; None where no draw is complete."""
        if self.fold is None:
            return next(
                (
                    lift.against_same_class
                    for lift in self.result.lifts
                    if (lift.method, lift.sources, lift.budget)
                    == (self.method, source, self.budget)
                ),
                None,
            )
        differences = self._row_differences(source)
        if not len(differences):
            return None
        target = self.result.target
        groups = None if target.groups is None else target.groups[target.labelled][self.fold]
        proportion = self.analysis.metric.proportion
        level = self.result.plan.level
        if groups is not None and len(np.unique(groups)) < 2:
            groups = None
        return row_interval(differences, groups=groups, proportion=proportion, level=level)

    def draws(self, sources: Sequence[str]) -> Floats:
        """Return the lift of each draw, shape (draws, S); draws that all sources have finished."""
        n_folds = self.result.plan.design.n_folds
        n_draws = self.result.plan.design.n_draws
        found = np.full((n_draws, len(sources)), np.nan)
        for column, source in enumerate(sources):
            if self.fold is not None:
                means = self._row_differences(source).mean(axis=1)
                found[: len(means), column] = means
                continue
            for draw in range(n_draws):
                splits = [Split(self.budget, draw, fold) for fold in range(n_folds)]
                differences = [self._difference(source, split) for split in splits]
                found[draw, column] = float(np.mean(differences))
        return np.asarray(found[~np.isnan(found).any(axis=1)])

    def seconds(self, arm: Arm) -> float:
        """Return the wall seconds of an arm's fits at the largest budget."""
        return sum(record.measured.wall_seconds for record in self._records(arm))

    def n_fits(self, source: str) -> int:
        """Return the number of fits with a source."""
        return len(self._records(Arm(self.method, (source,))))

    @property
    def budget(self) -> int:
        """The study's largest."""
        return self.result.plan.design.largest

    @property
    def n_rows(self) -> int:
        """Rows that the lifts are measured on."""
        if self.fold is not None:
            return int(self.fold.sum())
        return self.result.plan.design.n_test

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader should know of the rows."""
        found = []
        if not self.unseen:
            found.append(
                "the ranking may have seen labels of rows that the lifts were measured on, which "
                "flatters it: let the study rank, with label budgets or a score that is a mean "
                "over rows"
            )
        elif self.fold is not None:
            found.append(
                f"few labels: the lifts were measured on the {self.n_rows} labelled rows that the "
                "ranking was not shown; verdicts are the study's, from all rows"
            )
        if self.unseen and self.n_rows < FEW_ROWS and self.fold is None:
            found.append(f"the lifts were measured on {self.n_rows} rows only")
        return tuple(found)

    def _records(self, arm: Arm) -> list[TrialRecord]:
        wanted = list(self.result.plan.fingerprints(arm))
        return [
            record
            for record in self.result.records
            if record.trial.params["method"] == arm.method
            and record.trial.params["sources"] == wanted
            and record.trial.params["split"]["budget"] == self.budget
        ]

    def _difference(self, source: str, split: Split) -> float:
        arms = (Arm(self.method, (source,)), Arm(self.method, ()))
        scores = []
        for arm in arms:
            outcome = self._outcome(arm, split)
            score = None if outcome is None else outcome.values["score"]
            scores.append(np.nan if score is None else score)
        return float(scores[0] - scores[1])

    def _outcome(self, arm: Arm, split: Split) -> Outcome | None:
        key = (arm.method, self.result.plan.fingerprints(arm), split)
        return self.analysis.outcomes.get(key)

    def _row_differences(self, source: str) -> Floats:
        """Return one row a complete repeat, one column a row of `fold`."""
        assert self.fold is not None
        design, target = self.result.plan.design, self.result.target
        position = np.cumsum(target.labelled) - 1
        complete = []
        for draw in range(design.n_draws):
            sides = np.full((2, int(target.labelled.sum())), np.nan)
            for fold in range(design.n_folds):
                for side, arm in enumerate((Arm(self.method, (source,)), Arm(self.method, ()))):
                    outcome = self._outcome(arm, Split(self.budget, draw, fold))
                    if outcome is not None:
                        test = position[outcome.arrays["test"].astype(int)]
                        sides[side, test] = outcome.arrays["rows"]
            differences = (sides[0] - sides[1])[self.fold]
            if not np.isnan(differences).any():
                complete.append(differences)
        return np.array(complete).reshape(len(complete), int(self.fold.sum()))


def was_shown(ranking: Ranking, result: StudyResult, rows: NDArray[np.intp]) -> bool:
    """Return whether the ranking has seen exactly these rows of the target."""
    if result.ranking is not None and result.ranking.plan == ranking.plan:
        return True
    target = result.target
    part = Target(
        "target",
        arrays.take_rows(target.X, rows),
        target.y[rows],
        groups=None if target.groups is None else target.groups[rows],
        task=result.plan.task,
    )
    return labelled_target(part).fingerprint == ranking.plan.target_fingerprint
