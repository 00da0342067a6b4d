"""From the records of a study's trials to lifts, verdicts, learning curves and labels saved.

Everything is paired: an arm with sources is compared with its baseline, and with the target-only
reference, on the same training and test rows. Only draws that both sides of a comparison have
finished count.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Target
from priorlift.study import intervals
from priorlift.study.design import Split
from priorlift.study.interval import Interval
from priorlift.study.labels_saved import LabelsSaved, labels_saved, labels_saved_from_curves
from priorlift.study.metrics import METRICS, Metric
from priorlift.study.plan import Arm, StudyPlan
from priorlift.study.results import BillRow, CurvePoint, Lift, Saved
from priorlift.study.verdicts import Claim, Verdict, decide
from priorlift.trials.outcome import Outcome, TrialRecord

Matrix = NDArray[np.float64]
N_RESAMPLES = 1000


@dataclass(frozen=True)
class Analysis:
    """A study's records, read through its plan.

    Parameters
    ----------
    plan : StudyPlan
        What was asked.
    target : Target
        Gives true labels and groups of the test rows.
    records : sequence of TrialRecord
        What the trials gave, in any order.
    """

    plan: StudyPlan
    target: Target
    records: Sequence[TrialRecord]

    @cached_property
    def outcomes(self) -> Mapping[Any, Outcome]:
        """Outcomes of the finished trials by method, sources' fingerprints and split."""
        found = {}
        for record in self.records:
            if record.outcome is not None:
                params = record.trial.params
                key = (params["method"], tuple(params["sources"]), Split(**params["split"]))
                found[key] = record.outcome
        return found

    @cached_property
    def fingerprints(self) -> Mapping[Arm, tuple[str, ...]]:
        """The sources' fingerprints of each arm, as trials hold them."""
        return {arm: self.plan.fingerprints(arm) for arm in (*self.plan.arms, self.reference)}

    @cached_property
    def metric(self) -> Metric:
        """The metric of the study."""
        return METRICS[self.plan.metric]

    def outcome(self, arm: Arm, split: Split) -> Outcome | None:
        """Return what an arm gave on a split; None where it failed or was not run."""
        return self.outcomes.get((arm.method, self.fingerprints[arm], split))

    def splits(self, budget: int, arms: Iterable[Arm]) -> list[Split]:
        """Return the splits of a budget that all of the arms have finished."""
        wanted = list(arms)
        return [
            split
            for split in self.plan.design.splits
            if split.budget == budget
            and all(self.outcome(arm, split) is not None for arm in wanted)
        ]

    @property
    def reference(self) -> Arm:
        """The target-only arm."""
        return Arm(self.plan.reference, ())


def lifts(analysis: Analysis) -> tuple[Lift, ...]:
    """Return the lift of each claim at each budget, with unadjusted intervals."""
    return tuple(
        lift
        for arm in analysis.plan.claims
        for budget in analysis.plan.design.budgets
        if (lift := _lift(analysis, arm, budget)) is not None
    )


def verdicts(analysis: Analysis, found: Iterable[Lift]) -> tuple[Verdict, ...]:
    """Return the verdict of each claim at the largest budget, adjusted over all claims."""
    plan = analysis.plan
    claims = [
        Claim(
            lift.sources,
            lift.method,
            lift.against_same_class,
            lift.against_reference,
            budget=lift.budget,
            n_labels=plan.design.n_labelled,
            reference=plan.reference,
            metric=plan.metric,
        )
        for lift in found
        if lift.budget == plan.design.largest
    ]
    return decide(claims, level=plan.level, min_lift=plan.min_lift)


def curves(analysis: Analysis) -> tuple[CurvePoint, ...]:
    """Return the learning curves of all arms."""
    points = []
    for arm in analysis.plan.arms:
        for budget in analysis.plan.design.budgets:
            scores = _draw_scores(analysis, arm, budget)
            if scores.size:
                spread = float(scores.std(ddof=1)) if scores.size > 1 else 0.0
                label = analysis.plan.label(arm.sources)
                points.append(
                    CurvePoint(label, arm.method, budget, float(scores.mean()), spread, scores.size)
                )
    return tuple(points)


def saved_labels(analysis: Analysis) -> tuple[Saved, ...]:
    """Return the labels saved by each claim at each positive budget; empty for one budget."""
    budgets = [budget for budget in analysis.plan.design.budgets if budget > 0]
    if len(budgets) < 2:
        return ()
    found: list[Saved] = []
    for arm in analysis.plan.claims:
        baseline = Arm(arm.method, ())
        common = _common_draws(analysis, (arm, baseline), budgets)
        if len(common) < 2:
            continue
        if analysis.metric.rows is not None:
            values = labels_saved(
                budgets,
                np.stack([_row_scores(analysis, arm, n, common) for n in budgets]),
                np.stack([_row_scores(analysis, baseline, n, common) for n in budgets]),
                groups=_groups(analysis, arm, budgets[0], common[0]),
                resample_draws=analysis.plan.design.kind == "label budgets",
                random_state=analysis.plan.seed,
                level=analysis.plan.level,
            )
        else:
            values = _saved_from_draws(analysis, arm, baseline, budgets, common)
        label = analysis.plan.label(arm.sources)
        approximate = analysis.metric.rows is None
        found.extend(Saved(label, arm.method, value, approximate) for value in values)
    return tuple(found)


def bill(records: Sequence[TrialRecord], ranking_seconds: float | None) -> tuple[BillRow, ...]:
    """Return what each method cost, with and without sources, and the ranking."""
    rows = []
    if ranking_seconds is not None:
        rows.append(BillRow("ranking", "", 0, ranking_seconds, ranking_seconds, None))
    grouped: dict[tuple[str, str], list[TrialRecord]] = {}
    for record in records:
        arm = "with sources" if record.trial.params["sources"] else "without sources"
        grouped.setdefault((record.trial.params["method"], arm), []).append(record)
    for (method, arm), part in sorted(grouped.items()):
        peaks = [r.measured.peak_memory_mb for r in part if r.measured.peak_memory_mb is not None]
        rows.append(
            BillRow(
                method,
                arm,
                len(part),
                sum(r.measured.wall_seconds for r in part),
                sum(r.measured.cpu_seconds for r in part),
                max(peaks, default=None),
            )
        )
    return tuple(rows)


def paired_interval(analysis: Analysis, arm: Arm, other: Arm, budget: int) -> Interval | None:
    """Return the interval of one arm's score minus another's, on the splits that both finished.

    Parameters
    ----------
    analysis : Analysis
        What was read.
    arm, other : Arm
        Of its plan.
    budget : int
        Labelled training rows.

    Returns
    -------
    Interval or None
        None where no draw is complete on both sides.
    """
    return _interval(analysis, arm, other, budget)


def _lift(analysis: Analysis, arm: Arm, budget: int) -> Lift | None:
    baseline = Arm(arm.method, ())
    label = analysis.plan.label(arm.sources)
    own = _interval(analysis, arm, baseline, budget)
    if own is None:
        return None
    over_reference = None
    if arm.method != analysis.plan.reference:
        over_reference = _interval(analysis, arm, analysis.reference, budget)
    return Lift(label, arm.method, budget, own, over_reference)


def _interval(analysis: Analysis, arm: Arm, other: Arm, budget: int) -> Interval | None:
    common = _common_draws(analysis, (arm, other), [budget])
    if not common:
        return None
    if analysis.plan.design.kind == "label budgets":
        return _budget_interval(analysis, arm, other, budget, common)
    return _scarce_interval(analysis, arm, other, budget, common)


def _budget_interval(
    analysis: Analysis, arm: Arm, other: Arm, budget: int, common: Sequence[int]
) -> Interval:
    plan, metric = analysis.plan, analysis.metric
    shared: dict[str, Any] = {"overlap": plan.design.overlap(budget), "level": plan.level}
    groups = _groups(analysis, arm, budget, common[0])
    if metric.rows is not None:
        differences = _row_scores(analysis, arm, budget, common) - _row_scores(
            analysis, other, budget, common
        )
        return intervals.crossed_components_interval(differences, groups=groups, **shared)
    y = _truth(analysis, _test_rows(analysis, arm, budget, common[0]))
    arms = (
        _predictions(analysis, arm, budget, common),
        _predictions(analysis, other, budget, common),
    )
    if metric.name == "roc_auc" and groups is None:
        return intervals.delong_components_interval(y, *arms, **shared)
    return intervals.pigeonhole_metric_interval(
        metric.whole, y, *arms, groups=groups, random_state=plan.seed, **shared
    )


def _scarce_interval(
    analysis: Analysis, arm: Arm, other: Arm, budget: int, common: Sequence[int]
) -> Interval:
    plan, metric = analysis.plan, analysis.metric
    groups = _groups(analysis, arm, budget, common[0])
    if metric.rows is not None:
        differences = _row_scores(analysis, arm, budget, common) - _row_scores(
            analysis, other, budget, common
        )
        return intervals.row_interval(
            differences, groups=groups, proportion=metric.proportion, level=plan.level
        )
    folds = _fold_scores(analysis, arm, budget, common) - _fold_scores(
        analysis, other, budget, common
    )
    n_test = plan.design.n_labelled / plan.design.n_folds
    return intervals.nadeau_bengio_interval(
        folds,
        plan.design.n_labelled - n_test,
        n_test,
        floor=_accuracy_floor(analysis, arm, other, budget, common),
        level=plan.level,
    )


def _accuracy_floor(
    analysis: Analysis, arm: Arm, other: Arm, budget: int, common: Sequence[int]
) -> Interval | None:
    if analysis.metric.needs != "labels":
        return None
    hits = []
    for side in (arm, other):
        codes = _scattered(analysis, side, budget, common, "prediction")
        hits.append(np.where(np.isnan(codes), np.nan, codes == _all_truth(analysis)))
    return intervals.row_interval(
        hits[0] - hits[1],
        groups=_groups(analysis, arm, budget, common[0]),
        proportion=True,
        level=analysis.plan.level,
    )


def _common_draws(analysis: Analysis, arms: Iterable[Arm], budgets: Iterable[int]) -> list[int]:
    wanted = list(arms)
    done = [
        {
            draw
            for draw in range(analysis.plan.design.n_draws)
            if all(
                analysis.outcome(arm, Split(budget, draw, fold)) is not None
                for arm in wanted
                for fold in range(analysis.plan.design.n_folds)
            )
        }
        for budget in budgets
    ]
    return sorted(set.intersection(*done))


def _row_scores(analysis: Analysis, arm: Arm, budget: int, draws: Sequence[int]) -> Matrix:
    """Scores of shape (draws, rows): test rows for label budgets, all labelled rows otherwise."""
    if analysis.plan.design.kind == "label budgets":
        return np.stack([_part(analysis, arm, budget, draw, 0, "rows") for draw in draws])
    return _scattered(analysis, arm, budget, draws, "rows")


def _scattered(
    analysis: Analysis, arm: Arm, budget: int, draws: Sequence[int], part: str
) -> Matrix:
    position = np.cumsum(analysis.target.labelled) - 1
    values = np.full((len(draws), int(analysis.target.labelled.sum())), np.nan)
    for row, draw in enumerate(draws):
        for fold in range(analysis.plan.design.n_folds):
            test = _part(analysis, arm, budget, draw, fold, "test").astype(int)
            values[row, position[test]] = _part(analysis, arm, budget, draw, fold, part)
    return values


def _part(
    analysis: Analysis, arm: Arm, budget: int, draw: int, fold: int, name: str
) -> NDArray[Any]:
    outcome = analysis.outcome(arm, Split(budget, draw, fold))
    assert outcome is not None  # only finished draws are asked for
    return outcome.arrays[name]


def _test_rows(analysis: Analysis, arm: Arm, budget: int, draw: int) -> NDArray[np.intp]:
    return _part(analysis, arm, budget, draw, 0, "test").astype(np.intp)


def _predictions(analysis: Analysis, arm: Arm, budget: int, draws: Sequence[int]) -> NDArray[Any]:
    return np.stack([_part(analysis, arm, budget, draw, 0, "prediction") for draw in draws])


def _fold_scores(analysis: Analysis, arm: Arm, budget: int, draws: Sequence[int]) -> Matrix:
    scores = np.full((len(draws), analysis.plan.design.n_folds), np.nan)
    for row, draw in enumerate(draws):
        for fold in range(analysis.plan.design.n_folds):
            outcome = analysis.outcome(arm, Split(budget, draw, fold))
            score = None if outcome is None else outcome.values["score"]
            scores[row, fold] = np.nan if score is None else score
    return scores


def _draw_scores(analysis: Analysis, arm: Arm, budget: int) -> NDArray[np.float64]:
    draws = _common_draws(analysis, (arm,), [budget])
    if not draws:
        return np.empty(0)
    if analysis.metric.rows is not None:
        return np.asarray(np.nanmean(_row_scores(analysis, arm, budget, draws), axis=1))
    scores = _fold_scores(analysis, arm, budget, draws)
    defined = scores[~np.isnan(scores).all(axis=1)]
    return np.asarray(np.nanmean(defined, axis=1)) if len(defined) else np.empty(0)


def _saved_from_draws(
    analysis: Analysis, arm: Arm, baseline: Arm, budgets: Sequence[int], common: Sequence[int]
) -> tuple[LabelsSaved, ...]:
    """Labels saved for a score that is no mean over rows: draws are resampled, rows are not."""
    sides = []
    for side in (arm, baseline):
        per_draw = [_fold_scores(analysis, side, n, common) for n in budgets]
        sides.append(np.stack([np.nanmean(scores, axis=1) for scores in per_draw]))
    rng = np.random.default_rng(analysis.plan.seed)
    picks = rng.integers(0, len(common), (N_RESAMPLES, len(common)))
    resampled = [np.nanmean(side[:, picks], axis=2).T for side in sides]
    return labels_saved_from_curves(
        budgets,
        np.nanmean(sides[0], axis=1),
        np.nanmean(sides[1], axis=1),
        resampled[0],
        resampled[1],
        level=analysis.plan.level,
    )


def _groups(analysis: Analysis, arm: Arm, budget: int, draw: int) -> NDArray[Any] | None:
    groups = analysis.target.groups
    if groups is None:
        return None
    if analysis.plan.design.kind == "scarce target":
        return np.asarray(groups[analysis.target.labelled])
    return np.asarray(groups[_test_rows(analysis, arm, budget, draw)])


def _truth(analysis: Analysis, rows: NDArray[np.intp]) -> NDArray[Any]:
    y = analysis.target.y
    if analysis.metric.task == "regression":
        return np.asarray(y[rows].astype(float))
    classes = np.unique(y[analysis.target.labelled])
    return np.asarray(np.searchsorted(classes, y[rows]))


def _all_truth(analysis: Analysis) -> NDArray[Any]:
    return _truth(analysis, np.flatnonzero(analysis.target.labelled))
