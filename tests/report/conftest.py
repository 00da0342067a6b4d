"""Made-up results: every kind of verdict, a budget curve, a ranking with a tie, all warnings."""

from dataclasses import replace

import numpy as np
import pytest

from priorlift.pool import Target
from priorlift.ranking.pairs import PairFeatures
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.result import PredictedLift, RankedSource, Ranking
from priorlift.ranking.task_ranking import TaskRanking
from priorlift.report import render_page
from priorlift.study.design import Design
from priorlift.study.interval import t_interval
from priorlift.study.labels_saved import LabelsSaved
from priorlift.study.plan import Arm, Skipped, SourceInfo, StudyPlan
from priorlift.study.purchases import Bill, Purchase, RandomCheck, SpentTarget
from priorlift.study.results import BillRow, CurvePoint, Lift, Saved, StudyResult, Warned
from priorlift.study.spending_result import Spending
from priorlift.study.sweep_plan import Cell, LeftOut, SweepPlan
from priorlift.study.sweep_result import (
    EncoderVerdict,
    SweepResult,
    SweptCurve,
    SweptLift,
    SweptVerdict,
)
from priorlift.study.target_forecast import TargetForecast
from priorlift.study.verdicts import Claim, decide
from priorlift.study.verification import Regret, Verification, VerifiedSource
from priorlift.theory.forecast_check import CheckRow
from priorlift.theory.phase_result import PhaseDiagram, SimulatedErrors
from priorlift.transfer.task_relation import TaskRelation
from priorlift.trials.outcome import Measured, Outcome, TrialRecord

BUDGETS = (10, 20, 50)
SOURCES = ("digits 3 and 8", "digits turned by 90°", "shuffled labels")
EFFECTS = {
    ("pooled", SOURCES[0]): 0.062,
    ("pooled", SOURCES[1]): -0.081,
    ("pooled", SOURCES[2]): -0.012,
    ("pooled", "(all usable)"): 0.021,
    ("frozen_features", SOURCES[0]): 0.094,
    ("frozen_features", SOURCES[1]): 0.033,
    ("frozen_features", SOURCES[2]): 0.0,
    ("frozen_features", "(all usable)"): 0.055,
}


def interval(estimate, standard_error=0.012):
    return t_interval(
        estimate, standard_error, 30, formula="crossed_components", n_units=300, level=0.95
    )


def labels_of(budget, effect):
    if effect > 0.05:
        rest = 50 - budget
        return LabelsSaved(budget, 50, rest, 3, rest, beyond=True, high_beyond=True)
    return LabelsSaved(budget, budget + 4, 4, -6, 12)


def make_plan(sources=SOURCES, target="digits 4 and 9"):
    methods = ("pooled", "frozen_features")
    arms = [Arm("target_only", ())]
    for method in methods:
        arms += [Arm(method, ()), *(Arm(method, (source,)) for source in sources)]
        arms.append(Arm(method, tuple(sources)))
    return StudyPlan(
        target_name=target,
        target_fingerprint="0123456789abcdef0123456789abcdef",
        n_rows=420,
        n_labelled=360,
        classes=("4", "9"),
        task="classification",
        sources=tuple(
            SourceInfo(source, f"{place:032x}", 900 + place, 880, place, "CC0", "")
            for place, source in enumerate(sources)
        ),
        methods={
            name: {"class": f"priorlift.transfer.{name}", "params": {"alpha": 1.0}}
            for name in ("target_only", *methods)
        },
        arms=tuple(arms),
        skipped=(Skipped("pooled", "weather", "no common column with the target"),),
        reference="target_only",
        metric="accuracy",
        metric_title="accuracy",
        design=Design(
            kind="label budgets",
            reason="360 labelled rows allow 200 held-out test rows and 20 draws of up to 50 from "
            "the other 160",
            budgets=BUDGETS,
            n_draws=20,
            n_folds=1,
            n_test=200,
            n_labelled=360,
            n_pool=160,
            grouped=False,
            seed=7,
        ),
        seed=0,
        level=0.95,
        min_lift=0.0,
    )


def make_ranking(sources=SOURCES):
    plan = ScoringPlan(
        task="classification",
        scores=("logme", "shrinkage_h", "nce"),
        hidden_layer_sizes=(64,),
        alpha=0.001,
        max_iter=200,
        preprocess="auto",
        encoder="",
        transfer="any",
        max_target_rows=5000,
        max_source_rows=20000,
        n_bootstrap=100,
        resampled="rows",
        level=0.95,
        seed=0,
        target_fingerprint="0123456789abcdef0123456789abcdef",
    )
    rows = tuple(
        RankedSource(
            name=source,
            fingerprint=f"{place:032x}",
            rank=place + 1,
            consensus=(1.33, 1.67, 3.0)[place],
            low=max(1.0, place),
            high=min(float(len(sources)), place + 2.0),
            scores={"logme": -0.3 - place / 10, "shrinkage_h": 0.8 - place / 9, "nce": -0.6},
            intervals={"logme": (-0.4 - place / 10, -0.2), "shrinkage_h": (0.5, 0.9)},
            ranks={"logme": 1.0 + place, "shrinkage_h": 1.0 + place, "nce": 2.0},
            missing={},
            tied_with=tuple(sources[:2][1 - place :][:1]) if place < 2 else (),
            n_rows=880,
            n_dropped_columns=place,
            seconds=0.4 + place,
        )
        for place, source in enumerate(sources)
    )
    return Ranking(
        plan=plan,
        rows=rows,
        skipped={"weather": "no common column with the target"},
        kendall_w=0.52,
        warnings=("50 labelled rows: the ranks of close sources are a toss-up",),
        n_rows=50,
        n_unlabelled=0,
        n_resamples=100,
        seconds=3.2,
    )


def make_result(sources=SOURCES, target="digits 4 and 9"):
    plan = make_plan(sources, target)
    named = dict(zip(SOURCES, sources, strict=True))
    effects = {(m, named.get(s, s)): value for (m, s), value in EFFECTS.items()}
    claims = [
        Claim(
            source,
            method,
            interval(effect, 0.0 if effect == 0 else 0.012),
            interval(effect - 0.005),
            budget=50,
            n_labels=360,
            reference="target_only",
            metric="accuracy",
        )
        for (method, source), effect in effects.items()
    ]
    lifts = [
        Lift(source, method, budget, interval(effect * 50 / budget), interval(effect))
        for (method, source), effect in effects.items()
        for budget in BUDGETS
    ]
    base = {10: 0.71, 20: 0.8, 50: 0.88}
    arms = {**effects, ("pooled", "(no sources)"): 0.0, ("frozen_features", "(no sources)"): 0.0}
    curves = [
        CurvePoint("(no sources)", "target_only", budget, base[budget] + 0.005, 0.03, 20)
        for budget in BUDGETS
    ] + [
        CurvePoint(source, method, budget, base[budget] + effect * (60 - budget) / 60, 0.03, 20)
        for (method, source), effect in arms.items()
        for budget in BUDGETS
    ]
    saved = [
        Saved(source, method, labels_of(budget, effect))
        for (method, source), effect in effects.items()
        for budget in BUDGETS
    ]
    return StudyResult(
        plan=plan,
        verdicts=decide(claims),
        lifts=tuple(lifts),
        curves=tuple(curves),
        labels_saved=tuple(saved),
        bill=(
            BillRow("ranking", "", 0, 3.2, 3.1, None),
            BillRow("frozen_features", "with sources", 240, 61.5, 60.2, 212.0),
            BillRow("frozen_features", "without sources", 60, 9.1, 9.0, 180.0),
            BillRow("pooled", "with sources", 240, 8.4, 8.3, 150.0),
            BillRow("pooled", "without sources", 60, 1.2, 1.2, 149.0),
            BillRow("target_only", "without sources", 60, 22.0, 21.7, 160.0),
        ),
        warnings=(
            Warned(
                "few labels",
                "class '9' has 8 labelled rows",
                "label more rows of it; intervals for rare classes are rough",
            ),
            Warned(
                "duplicates",
                f"12 of 420 target rows stand in source {sources[0]!r} too",
                "remove them from the source: a lift from copies of test rows does not carry over",
            ),
        ),
        ranking=make_ranking(sources),
        reproducible=True,
        environment={"python": "3.11.9", "platform": "Linux", "scikit-learn": "1.8.0"},
        records=tuple(
            TrialRecord(
                trial,
                "done",
                Outcome({"score": 0.9}),
                None,
                Measured(0.1, 0.1, 120.0, "worker", "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"),
            )
            for trial in plan.trials()[:3]
        ),
        target=Target(target, np.eye(4), ["4", "9", "4", "9"]),
        forecast=make_forecast(),
    )


def make_forecast():
    """A forecast that knows where each claim stands: on the curve, and below its floor."""
    n = (4, 10, 20, 50, 200, 1000, 100_000, 1_000_000)
    error = (0.4, 0.3, 0.2, 0.13, 0.12, 0.112, 0.11, 0.11)
    return TargetForecast(
        n=n,
        error=error,
        low=tuple(0.9 * value for value in error),
        high=tuple(1.15 * value for value in error),
        floor=0.11,
        n_features=64,
        n_labelled=160,
        n_rows=220,
        check=(CheckRow(40, 0.13, 0.12, 0.02), CheckRow(120, 0.105, 0.11, 0.01)),
        warnings=("held-out rows are too few to see a difference of 10 %",),
    )


@pytest.fixture(scope="session")
def result():
    """A study with helps, hurts and not shown, warnings, a ranking and several budgets."""
    return make_result()


@pytest.fixture(scope="session")
def hostile():
    """The same study with names that try to break out of markup, formulas and attributes."""
    return make_result(
        ("<script>alert(1)</script>", "\"'& $x^2$ {{ 7*7 }} \x00", "_" + "long" * 30),
        target="</title><img src=x onerror=alert(2)>",
    )


@pytest.fixture(scope="session")
def bare(result):
    """A study cut short: no ranking, no warnings, one budget, nothing saved, no verdict of use."""
    design = replace(result.plan.design, kind="scarce target", budgets=(50,), n_folds=5)
    return replace(
        result,
        plan=replace(result.plan, skipped=(), design=design),
        verdicts=(),
        lifts=(),
        curves=tuple(point for point in result.curves if point.budget == 50),
        labels_saved=(),
        warnings=(),
        ranking=None,
        reproducible=False,
    )


@pytest.fixture(scope="session")
def ranking():
    """A ranking of three sources, two of them tied."""
    return make_ranking()


def with_lifts(ranking, *means):
    """The ranking with these predicted lifts; P(lift > 0) follows their sign."""
    rows = tuple(
        replace(
            row,
            predicted=PredictedLift(mean, mean - 0.05, mean + 0.05, 0.8 if mean > 0 else 0.2),
        )
        for row, mean in zip(ranking.rows, means, strict=True)
    )
    return replace(ranking, rows=rows, prediction="bayesian ridge")


def make_tasks(names=SOURCES, lifts=True):
    """Four targets that learn from three sources; nothing is expected to help the second."""
    targets = (names[0], "second", "third", names[2])
    made = make_ranking(names)
    hopeful = with_lifts(made, 0.03, -0.02, 0.05) if lifts else made
    hopeless = with_lifts(made, -0.03, -0.02, -0.05) if lifts else made
    rankings = {
        target: replace(
            hopeless if place == 1 else hopeful,
            kendall_w=0.1 if place == 2 else 0.8,
            n_resamples=0,
        )
        for place, target in enumerate(targets)
    }
    return TaskRanking(rankings, {"regression": "it is a task of another kind"}, 1.2)


def make_verification(names=SOURCES):
    """Predicted against measured lifts; one that was recommended hurts."""
    lifts, verdicts = (0.04, -0.06, 0.0), ("helps", "hurts", "not shown")
    rows = tuple(
        VerifiedSource(
            source=name,
            rank=place + 1,
            in_top=place < 2,
            predicted=PredictedLift(0.03, -0.02, 0.08, 0.9),
            recommended=True,
            lift=lifts[place],
            low=lifts[place] - 0.02,
            high=lifts[place] + 0.02,
            tie=place == 2,
            verdict=verdicts[place],
            seconds=1.5,
        )
        for place, name in enumerate(names)
    )
    return Verification(
        target="digits 4 and 9",
        method="pooled",
        metric_title="accuracy",
        budget=50,
        rows=rows,
        order="predicted lift",
        tau=0.42,
        tau_proved=float("nan"),
        ceiling=0.8,
        regrets=(Regret(1, 0.0, 0.0, 0.047), Regret(3, 0.0, float("nan"), 0.0)),
        top=names[:2],
        best=names[0],
        top_holds_best=True,
        coverage=2 / 3,
        harmful=(names[1],),
        ranking_seconds=0.5,
        transfer_seconds=4.5,
        baseline_seconds=0.5,
        n_fits=60,
        unseen=True,
        n_rows=200,
        warnings=("the lifts were measured on few rows",),
        left_out={"weather": "not ranked: no common column"},
    )


def make_spending(names=SOURCES):
    """Two targets, three pairs of four bought; one fit failed."""
    a, b, c = names
    bought = (
        Purchase(1, 0, a, None, "single task", 0.8, None, 0.5),
        Purchase(2, 0, b, None, "single task", 0.7, None, 0.5),
        Purchase(3, 1, a, c, "first", 0.85, 0.05, 1.0),
        Purchase(4, 1, b, a, "random", 0.6, -0.1, 1.0),
        Purchase(5, 2, b, c, "ucb", None, None, 1.0, 0.02, "it did not converge"),
    )
    lift = PredictedLift(0.03, -0.02, 0.08, 0.9)
    return Spending(
        targets=(
            SpentTarget(a, c, 0.05, 0.8, lift, 1, 2),
            SpentTarget(b, None, 0.0, 0.7, None, 2, 2),
        ),
        history=bought,
        bill=Bill(1.0, 0.0, 0.2, 0.1, 3.0, 1.0, 2, 3, 4, extrapolated=True),
        check=RandomCheck(1, 0.0, 0.0),
        stopped="the budget is spent",
        prediction="cold start: 2 outcomes",
        settings={"max_pairs": 3, "max_seconds": None, "random_share": 0.3},
        reproducible=False,
        warnings=(f"{b} with {c} failed: it did not converge",),
        pairs=PairFeatures((a, a, b, b), (b, c, a, c), {"logme": np.arange(4.0)}),
    )


def make_sweep(names=SOURCES):
    """Two tasks under two encoders: one study finished, one failed in part, one left out."""
    study = make_result(names)
    a, b = names[0], names[1]
    cells = tuple(Cell(task, encoder, study.plan) for task, encoder in ((a, "words"), (a, b)))
    plan = SweepPlan(
        cells=cells,
        skipped=(LeftOut(b, "words", "", "", "class '9' has one row only"),),
        tasks=(a, b),
        encoders=("words", b),
        methods=("pooled", "frozen_features"),
        seed=0,
        level=0.95,
        min_lift=0.0,
        shared_models="budgets",
        code={"as is": {"priorlift": "0.1.0", "numpy": "2.4"}},
    )
    first = next(iter(plan.trials(cells[0])))[0]
    record = replace(study.records[0], trial=first, status="failed", outcome=None, error=names[2])
    compared = decide([Claim("", b, interval(0.03), budget=50, metric="accuracy")])
    return SweepResult(
        plan=plan,
        verdicts=tuple(SweptVerdict(a, c.encoder, v) for c in cells for v in study.verdicts),
        lifts=tuple(SweptLift(a, c.encoder, lift) for c in cells for lift in study.lifts),
        curves=tuple(SweptCurve(a, c.encoder, point) for c in cells for point in study.curves),
        encoder_verdicts=(EncoderVerdict(a, b, "words", "better", compared[0]),),
        bill=(BillRow("encoding: words", "", 0, 3.0, 3.0, None), *study.bill),
        warnings=(Warned("failed fits", f"1 fit on {a} failed", "mend it"),),
        environment={"python": "3.11.9"},
        records={first.hash: record},
        targets={},
    )


HOSTILE = ("<script>alert(1)</script>", "\"'& $x^2$ {{ 7*7 }} \x00", "_" + "long" * 30)


@pytest.fixture(scope="session")
def tasks():
    """A ranking of four targets with predicted lifts."""
    return make_tasks()


@pytest.fixture(scope="session")
def unpredicted():
    """The same without a model."""
    return make_tasks(lifts=False)


@pytest.fixture(scope="session")
def verification():
    """A ranking that recommended a source that hurts."""
    return make_verification()


@pytest.fixture(scope="session")
def spending():
    """A search that bought three pairs of four."""
    return make_spending()


def make_relation(names=("target", *SOURCES), kind="learned"):
    n = len(names)
    alpha = np.eye(n) * 0.5
    alpha[0, 1], alpha[0, 0] = 0.31, 0.69
    alpha[1:, 0] = 0.5
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / 4 - 0.1
    np.fill_diagonal(apart, 0.0)
    history = {"valid_loss": np.array([1.0, 0.4, 0.5])}
    return TaskRelation(tuple(names), alpha, apart + 0.5, apart, np.abs(apart), kind, history)


def make_phases(values=(0.0, 0.5, 1.0), simulated=True, **settings):
    """A map whose gain is below 0, turns, and is above 0; or the curves of its last values."""
    n = np.array([25, 100, 400, 1600])
    rise = np.array(
        [[-0.01, -0.02, -0.02, -0.03], [0.06, 0.02, -0.01, -0.02], [0.3, 0.2, 0.1, 0.1]]
    )
    gain = rise[-len(values) :] + np.array([-0.001, 0.001])[:, None, None]
    random = np.broadcast_to([0.42, 0.33, 0.22, 0.18], gain.shape)
    kept = np.array(values)[::2]
    errors = {name: np.full((2, len(kept), 2), 0.25) for name in ("transferred", "scratch")}
    floors = {name: np.full((2, len(values)), 0.15) for name in ("transferred", "random")}
    settings = {"latent": 100, "lam": None, "loss": "logistic", "knobs": {"qt": 0.9}} | settings
    done = SimulatedErrors(kept, n[::2], errors) if simulated else None
    return PhaseDiagram(
        "qF", np.array(values), n, 100, random - gain, random, settings, done, floors
    )


@pytest.fixture(scope="session")
def phases():
    """What makes a phase diagram of chosen values."""
    return make_phases


@pytest.fixture(scope="session")
def pages(result, hostile, bare, ranking, tasks, verification, spending):
    """Each result as a page."""
    made = {
        "study": result,
        "hostile": hostile,
        "bare": bare,
        "ranking": with_lifts(ranking, 0.04, -0.03, -0.1),
        "tasks": tasks,
        "hostile tasks": make_tasks(HOSTILE),
        "verification": verification,
        "hostile verification": make_verification(HOSTILE),
        "spending": spending,
        "hostile spending": make_spending(HOSTILE),
        "relation": make_relation(),
        "hostile relation": make_relation(("target", *HOSTILE)),
        "sweep": make_sweep(),
        "hostile sweep": make_sweep(HOSTILE),
        "phases": make_phases(),
        "one curve": make_phases((1.0,)),
    }
    return {name: render_page(value) for name, value in made.items()}


@pytest.fixture(scope="session")
def files(pages, tmp_path_factory):
    """Each page as a file."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}
