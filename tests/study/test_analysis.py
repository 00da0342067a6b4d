"""Records made by hand, so that what the analysis must find is known."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from priorlift.core.arrays import fingerprint
from priorlift.pool import Target
from priorlift.study import analysis
from priorlift.study.analysis import Analysis
from priorlift.study.design import Design, split_rows
from priorlift.study.interval import SAME_PREDICTIONS
from priorlift.study.intervals import (
    crossed_components_interval,
    delong_components_interval,
    nadeau_bengio_interval,
    pigeonhole_metric_interval,
    row_interval,
)
from priorlift.study.metrics import METRICS
from priorlift.study.plan import Arm, SourceInfo, StudyPlan
from priorlift.study.storage import _failures, build_result
from priorlift.trials.outcome import Measured, Outcome, TrialRecord

N_TEST, N_POOL, N_DRAWS = 40, 80, 6
REFERENCE, BASE, WITH = Arm("target_only", ()), Arm("m", ()), Arm("m", ("s",))
ARMS = (REFERENCE, BASE, WITH)


def measured(seconds=0.5):
    return Measured(seconds, 2 * seconds, 100.0 + seconds, "w", "then", "now")


def make_plan(metric="accuracy", kind="label budgets", budgets=(10, 20), grouped=False, level=0.95):
    budgeted = kind == "label budgets"
    n = N_TEST + N_POOL
    design = Design(
        kind=kind,
        reason="made by hand",
        budgets=budgets if budgeted else (n // 2, n * 4 // 5),
        n_draws=N_DRAWS,
        n_folds=1 if budgeted else 5,
        n_test=N_TEST if budgeted else n,
        n_labelled=n,
        n_pool=N_POOL if budgeted else n,
        grouped=grouped,
        seed=0,
    )
    return StudyPlan(
        target_name="t",
        target_fingerprint="ff",
        n_rows=n,
        n_labelled=n,
        classes=("0", "1"),
        task=METRICS[metric].task,
        sources=(SourceInfo("s", "aa", 9, 9, 0, "", ""),),
        methods={"target_only": {}, "m": {}},
        arms=ARMS,
        skipped=(),
        reference="target_only",
        metric=metric,
        metric_title=metric,
        design=design,
        seed=0,
        level=level,
        min_lift=0.0,
    )


def make_target(plan, grouped=False):
    rng = np.random.default_rng(3)
    n = plan.n_labelled
    y = rng.permutation(np.arange(n) % 2) if plan.task == "classification" else rng.random(n)
    groups = np.arange(n) // 4 if grouped else None
    return Target("t", np.zeros((n, 1)), y, groups=groups, task=plan.task)


SKILL = {REFERENCE: 0.6, BASE: 0.65, WITH: 0.8}


def prediction_of(metric, y, skill, rng):
    right = rng.random(len(y)) < skill
    if metric.needs == "labels":
        return np.where(right, y, 1 - y).astype(int)
    if metric.needs == "values":
        return y + (1 - skill) * rng.standard_normal(len(y))
    positive = np.where(right, y, 1 - y) * 0.6 + 0.2 + 0.1 * rng.random(len(y))
    return positive if metric.needs == "positive" else np.column_stack([1 - positive, positive])


def make_records(plan, target, skill=None, seed=0):
    """One record a trial; the skill of an arm is a number or a function of the budget."""
    metric, records = METRICS[plan.metric], []
    skill = skill or SKILL
    for split in plan.design.splits:
        _, test = split_rows(target, plan.design, plan.task, split)
        for arm in plan.arms:
            own = skill[arm](split.budget) if callable(skill[arm]) else skill[arm]
            numbers = (seed, split.budget, split.draw, split.fold, plan.arms.index(arm))
            prediction = prediction_of(metric, target.y[test], own, np.random.default_rng(numbers))
            stored = {"test": test}
            if metric.rows is None:
                stored["prediction"] = prediction
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    score = metric.whole(target.y[test], prediction)
            else:
                stored["rows"] = metric.rows(target.y[test], prediction)
                score = float(stored["rows"].mean())
            values = {"score": score, "test_rows": fingerprint(test)}
            outcome = Outcome(values, stored)
            records.append(TrialRecord(plan.trial(arm, split), "done", outcome, None, measured()))
    return records


def study(metric="accuracy", kind="label budgets", grouped=False, skill=None, **kwargs):
    plan = make_plan(metric, kind, grouped=grouped, **kwargs)
    target = make_target(plan, grouped)
    return Analysis(plan, target, make_records(plan, target, skill))


def chosen(read, arm, budget):
    return [
        r.outcome
        for r in sorted(read.records, key=lambda r: tuple(r.trial.params["split"].values()))
        if r.trial.params["method"] == arm.method
        and r.trial.params["sources"] == list(read.plan.fingerprints(arm))
        and r.trial.params["split"]["budget"] == budget
    ]


def stacked(read, arm, budget, part):
    return np.stack([outcome.arrays[part] for outcome in chosen(read, arm, budget)])


def rows_of(read, arm, budget, part="rows"):
    """Out-of-fold values by repeat and row of the target, put together by a second way."""
    matrix = np.full((N_DRAWS, read.plan.n_labelled), np.nan)
    for place, outcome in enumerate(chosen(read, arm, budget)):
        for row, value in zip(outcome.arrays["test"], outcome.arrays[part], strict=True):
            matrix[place // 5, row] = value
    return matrix


def found(read, budget):
    (lift,) = [lift for lift in analysis.lifts(read) if lift.budget == budget]
    return lift


def same(one, two):
    assert one.to_dict() == two.to_dict()


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "neg_brier_score"])
@pytest.mark.parametrize("grouped", [False, True])
def test_budgets_and_means_over_rows_go_to_crossed_components(metric, grouped):
    read = study(metric, grouped=grouped)
    for budget in (10, 20):
        lift = found(read, budget)
        groups = None
        if grouped:
            groups = read.target.groups[chosen(read, BASE, budget)[0].arrays["test"]]
        for other, interval in (
            (BASE, lift.against_same_class),
            (REFERENCE, lift.against_reference),
        ):
            paired = stacked(read, WITH, budget, "rows") - stacked(read, other, budget, "rows")
            same(
                interval,
                crossed_components_interval(paired, overlap=budget / N_POOL, groups=groups),
            )
            if not grouped:
                assert interval.estimate == pytest.approx(paired.mean(), abs=1e-15)


def test_budgets_and_the_area_under_the_curve_go_to_delong():
    read = study("roc_auc")
    y = read.target.y[chosen(read, WITH, 20)[0].arrays["test"]]
    arms = [stacked(read, arm, 20, "prediction") for arm in (WITH, BASE)]
    same(
        found(read, 20).against_same_class,
        delong_components_interval(y, *arms, overlap=20 / N_POOL),
    )


@pytest.mark.parametrize(
    ("metric", "grouped"), [("f1", False), ("balanced_accuracy", True), ("roc_auc", True)]
)
def test_budgets_and_other_scores_go_to_the_pigeonhole(metric, grouped):
    read = study(metric, grouped=grouped, budgets=(20,))
    test = chosen(read, WITH, 20)[0].arrays["test"]
    arms = [stacked(read, arm, 20, "prediction") for arm in (WITH, BASE)]
    expected = pigeonhole_metric_interval(
        METRICS[metric].whole,
        read.target.y[test],
        *arms,
        groups=read.target.groups[test] if grouped else None,
        random_state=0,
        overlap=20 / N_POOL,
    )
    same(found(read, 20).against_same_class, expected)


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "neg_mean_absolute_error"])
@pytest.mark.parametrize("grouped", [False, True])
def test_scarce_targets_and_means_over_rows_go_to_the_row_interval(metric, grouped):
    read = study(metric, "scarce target", grouped)
    budget = read.plan.design.largest
    paired = rows_of(read, WITH, budget) - rows_of(read, BASE, budget)
    expected = row_interval(paired, groups=read.target.groups, proportion=metric == "accuracy")
    same(found(read, budget).against_same_class, expected)
    assert expected.formula == ("row_bonett_price" if metric == "accuracy" else "row")


@pytest.mark.parametrize("metric", ["f1", "roc_auc", "r2", "average_precision"])
def test_scarce_targets_and_other_scores_go_to_nadeau_bengio(metric):
    read = study(metric, "scarce target")
    budget = read.plan.design.largest
    scores = [
        np.array([outcome.values["score"] for outcome in chosen(read, arm, budget)]).reshape(-1, 5)
        for arm in (WITH, BASE)
    ]
    floor = None
    if METRICS[metric].needs == "labels":
        hits = [rows_of(read, arm, budget, "prediction") == read.target.y for arm in (WITH, BASE)]
        floor = row_interval(hits[0] * 1.0 - hits[1], proportion=True)
    n = read.plan.n_labelled
    same(
        found(read, budget).against_same_class,
        nadeau_bengio_interval(scores[0] - scores[1], n * 4 / 5, n / 5, floor=floor),
    )


@pytest.mark.parametrize("kind", ["label budgets", "scarce target"])
@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "f1", "roc_auc"])
def test_swapping_the_arms_turns_the_signs(kind, metric):
    read = study(metric, kind)
    swapped = []
    for record in read.records:
        params = record.trial.params
        split = next(s for s in read.plan.design.splits if vars(s) == params["split"])
        arm = {"target_only": REFERENCE}.get(params["method"], BASE if params["sources"] else WITH)
        swapped.append(replace(record, trial=read.plan.trial(arm, split)))
    for budget in read.plan.design.budgets:
        one = found(read, budget).against_same_class
        two = found(replace(read, records=swapped), budget).against_same_class
        assert two.estimate == pytest.approx(-one.estimate, abs=1e-12)
        if one.resamples is None:
            assert (two.low, two.high) == pytest.approx((-one.high, -one.low), abs=1e-12)


@pytest.mark.parametrize("kind", ["label budgets", "scarce target"])
def test_the_order_of_records_does_not_matter(kind):
    read = study("accuracy", kind)
    turned = replace(read, records=read.records[::-1])
    assert analysis.lifts(read) == analysis.lifts(turned)
    assert analysis.curves(read) == analysis.curves(turned)


def fail(record, error="ValueError: no"):
    return replace(record, status="failed", outcome=None, error=error)


def is_of(record, arm, plan, **split):
    params = record.trial.params
    own = (params["method"], params["sources"]) == (arm.method, list(plan.fingerprints(arm)))
    return own and all(params["split"][key] == value for key, value in split.items())


@pytest.mark.parametrize("kind", ["label budgets", "scarce target"])
@pytest.mark.parametrize("arm", [WITH, BASE])
def test_a_draw_that_one_side_did_not_finish_is_left_out_of_both(kind, arm):
    read = study("neg_log_loss", kind)
    budget = read.plan.design.largest
    damaged = [
        fail(r) if is_of(r, arm, read.plan, budget=budget, draw=2, fold=0) else r
        for r in read.records
    ]
    missing = [
        r for r in read.records if not is_of(r, arm, read.plan, budget=budget, draw=2, fold=0)
    ]
    without_draw = [r for r in read.records if r.trial.params["split"]["draw"] != 2]
    expected = found(replace(read, records=without_draw), budget)
    for records in (damaged, missing):
        left = found(replace(read, records=records), budget)
        same(left.against_same_class, expected.against_same_class)
    assert expected != found(read, budget)


def test_failures_of_the_reference_do_not_stop_a_grouped_study():
    read = study(grouped=True)
    records = [fail(r) if is_of(r, REFERENCE, read.plan) else r for r in read.records]
    broken = replace(read, records=records)
    assert [lift.against_reference for lift in analysis.lifts(broken)] == [None, None]
    same(found(broken, 20).against_same_class, found(read, 20).against_same_class)
    assert analysis.saved_labels(broken) == analysis.saved_labels(read)


def test_a_claim_without_a_finished_draw_has_no_lift():
    read = study()
    broken = replace(read, records=[r for r in read.records if not is_of(r, WITH, read.plan)])
    assert analysis.lifts(broken) == ()
    assert analysis.verdicts(broken, ()) == ()


def test_failed_fits_are_listed_with_the_first_error():
    read = study()
    records = [
        fail(r, f"ValueError: draw {r.trial.params['split']['draw']}")
        if is_of(r, WITH, read.plan, budget=10)
        else r
        for r in read.records
    ]
    ordered = tuple(sorted(records, key=lambda r: r.trial.hash))
    (warned,) = _failures(read.plan, ordered)
    first = next(r.error for r in ordered if r.error)
    assert warned.kind == "failed fits"
    assert warned.message == f"{N_DRAWS} fits of m with s failed, first: {first}"
    result = build_result(read.plan, read.target, records, None, (), True, {})
    assert result.warnings == (warned,)


def test_equal_predictions_are_not_shown():
    read = study(skill={REFERENCE: 0.5, BASE: 1.0, WITH: 1.0})
    lift = found(read, 20).against_same_class
    assert (lift.estimate, lift.reason) == (0.0, SAME_PREDICTIONS)
    (verdict,) = analysis.verdicts(read, analysis.lifts(read))
    assert verdict.verdict == "not shown"


def test_verdicts_are_about_the_largest_budget_and_know_the_plan():
    read = study(level=0.8)
    (verdict,) = analysis.verdicts(read, analysis.lifts(read))
    assert (verdict.sources, verdict.method, verdict.budget) == ("s", "m", 20)
    assert (verdict.level, verdict.claim.n_labels, verdict.claim.metric) == (0.8, 120, "accuracy")
    assert verdict.against_same_class == found(read, 20).against_same_class


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
@pytest.mark.parametrize("kind", ["label budgets", "scarce target"])
def test_curves_hold_the_mean_and_the_spread_of_draws(kind, metric):
    read = study(metric, kind)
    points = {(p.sources, p.method, p.budget): p for p in analysis.curves(read)}
    assert len(points) == 3 * 2
    for arm, label in ((REFERENCE, "(no sources)"), (BASE, "(no sources)"), (WITH, "s")):
        for budget in read.plan.design.budgets:
            outcomes = chosen(read, arm, budget)
            scores = [outcome.values["score"] for outcome in outcomes]
            by_draw = np.reshape(scores, (N_DRAWS, -1)).mean(axis=1)
            point = points[label, arm.method, budget]
            assert point.score == pytest.approx(by_draw.mean(), abs=1e-12)
            assert point.spread == pytest.approx(by_draw.std(ddof=1), abs=1e-12)
            assert point.n_draws == N_DRAWS


def test_the_bill_sums_what_was_measured():
    read = study()
    records = [
        replace(record, measured=measured(float(place)))
        for place, record in enumerate(read.records)
    ]
    rows = analysis.bill(records, 4.5)
    assert [(r.item, r.arm, r.fits) for r in rows] == [
        ("ranking", "", 0),
        ("m", "with sources", 12),
        ("m", "without sources", 12),
        ("target_only", "without sources", 12),
    ]
    total = sum(range(len(records)))
    assert sum(r.wall_seconds for r in rows) == pytest.approx(total + 4.5)
    assert sum(r.cpu_seconds for r in rows) == pytest.approx(2 * total + 4.5)
    assert max(r.peak_memory_mb or 0 for r in rows) == 100.0 + len(records) - 1
    assert [r.item for r in analysis.bill(records, None)] == ["m", "m", "target_only"]


def exact(budget):
    """A score that rises evenly in log n, the same in each row and draw."""
    return np.log2(budget)


@pytest.mark.parametrize("metric", ["neg_mean_absolute_error", "r2"])
def test_labels_saved_on_a_curve_that_is_known(metric):
    budgets = (5, 10, 20, 40)
    plan = make_plan(metric, budgets=budgets)
    target = make_target(plan)
    records = []
    for record in make_records(plan, target):
        params = record.trial.params
        budget = params["split"]["budget"] * (2 if params["sources"] else 1)
        stored = dict(record.outcome.arrays)
        if "rows" in stored:
            stored["rows"] = np.full(len(stored["rows"]), exact(budget))
        outcome = Outcome({"score": float(exact(budget))}, stored)
        records.append(replace(record, outcome=outcome))
    found = analysis.saved_labels(Analysis(plan, target, records))
    assert [s.labels.budget for s in found] == list(budgets)
    for saved in found[:-1]:
        assert saved.labels.saved == pytest.approx(saved.labels.budget)
        assert saved.labels.low == pytest.approx(saved.labels.high)
    assert found[-1].labels.beyond
    assert [s.approximate for s in found] == [metric == "r2"] * 4


def test_one_budget_saves_nothing_that_could_be_told():
    assert analysis.saved_labels(study(budgets=(20,))) == ()


def test_undefined_scores_do_not_spoil_the_rest():
    read = study("roc_auc", "scarce target")
    records = []
    for record in read.records:
        if record.trial.params["split"]["fold"] == 3:
            values = {**record.outcome.values, "score": None}
            record = replace(record, outcome=Outcome(values, record.outcome.arrays))
        records.append(record)
    broken = replace(read, records=records)
    interval = found(broken, broken.plan.design.largest).against_same_class
    assert np.isfinite([interval.estimate, interval.low, interval.high]).all()
    assert len(analysis.curves(broken)) == 6
    assert all(np.isfinite(s.labels.saved) for s in analysis.saved_labels(broken))
