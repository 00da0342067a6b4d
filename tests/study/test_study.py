"""Whole studies, on data whose truth is known."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core.errors import InputError, InputTypeError, NotRunnableError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study import estimate, memory
from priorlift.study import study as study_module
from priorlift.study.results import StudyResult
from priorlift.study.study import Study
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.transfer.target_only import TargetOnlyClassifier, TargetOnlyRegressor
from priorlift.trials.outcome import TrialRecord


class Failing(PooledClassifier):
    """Fails on every source, or on some of the draws."""

    def __init__(self, always=True, random_state=None):
        self.always = always
        self.random_state = random_state
        self.estimator = None
        self.source_weight = 1.0

    def _fit(self, target, sources):
        if sources and (self.always or self._seed % 4 == 0):
            raise ValueError("no luck")
        super()._fit(target, sources)


def words(result):
    return {v.sources: v.verdict for v in result.verdicts}


def known_truth(blobs, n, seed):
    """A hard problem in few labels: sources of the same, the swapped, and an unrelated problem."""
    rng = np.random.default_rng(seed)
    away = np.array([5.0, -2.0, 0.5, -1.0, 0.0])
    away -= (away @ np.arange(1.0, 6)) / 55 * np.arange(1.0, 6)
    away /= np.linalg.norm(away)
    pool = SourcePool(
        [
            Source("same", *blobs(400, rng)),
            Source("swapped", *blobs(400, rng, sign=-1.0)),
            Source("unrelated", *blobs(400, rng, direction=away)),
        ]
    )
    return Target("t", *blobs(n, rng)), pool


@pytest.mark.parametrize("seed", [0, 1])
def test_label_budgets_find_the_truth(blobs, quick_methods, seed):
    task = known_truth(blobs, 620, seed)
    result = Study(*task, quick_methods(), (10,), rank=False, random_state=seed).run()
    assert result.plan.design.kind == "label budgets"
    found = words(result)
    assert found["same"] == "helps"
    assert found["swapped"] == "hurts"
    assert found["unrelated"] != "helps"
    assert result.sentence.startswith("Yes: pooled with same helps")
    assert result.reproducible


def test_a_scarce_target_finds_harm_and_never_a_false_help(blobs, quick_methods):
    task = known_truth(blobs, 40, 0)
    result = Study(*task, quick_methods(), (32,), rank=False).run()
    assert result.plan.design.kind == "scarce target"
    found = words(result)
    assert found["swapped"] == "hurts"
    assert found["same"] in ("helps", "not shown")
    assert found["unrelated"] != "helps"
    lifts = {v.sources: v.against_same_class.estimate for v in result.verdicts}
    assert lifts["same"] > lifts["swapped"]


def test_no_lift_is_called_equivalent_where_that_is_asked(blobs, quick_methods):
    target, pool = known_truth(blobs, 620, 0)
    methods = quick_methods(pooled=PooledClassifier(source_weight=0.02))
    study = Study(target, pool.subset(["same"]), methods, (40,), min_lift=0.15, rank=False)
    assert words(study.run()) == {"same": "equivalent"}


def test_a_threshold_asks_for_more(blobs, quick_methods):
    task = known_truth(blobs, 620, 0)
    study = Study(*task, quick_methods(), (10,), min_lift=0.5, rank=False)
    assert words(study.run())["same"] != "helps"


@pytest.fixture
def small(make_task, quick_methods):
    """A study of one budget and one source that takes a second."""

    def build(**kwargs):
        target, pool = make_task(240)
        given = {"methods": quick_methods(), "label_budgets": (20,), "rank": False} | kwargs
        return Study(target, pool.subset(["same"]), **given)

    return build


def test_a_time_limit_stops_and_says_so_and_resuming_completes(small, tmp_path, monkeypatch):
    states = []
    with monkeypatch.context() as patched:
        # A clock that ticks once a record: the limit falls after 20 of 60.
        ticks = SimpleNamespace(monotonic=itertools.count().__next__)
        patched.setattr(study_module, "time", ticks)
        cut = small().run(
            tmp_path / "run", time_budget=20, progress=lambda *state: states.append(state)
        )
    n = len(small().plan.trials())
    assert states[-1][0] == 21
    assert 21 <= len(cut.records) < n
    assert not cut.reproducible
    assert [w.kind for w in cut.warnings][-1] == "time limit"
    assert not StudyResult.load(tmp_path / "run").reproducible
    assert all(v.against_same_class.n_units for v in cut.verdicts)
    resumed = small().run(tmp_path / "run", resume=True)
    whole = small().run(tmp_path / "whole")
    assert resumed.to_json() == whole.to_json()
    assert resumed.reproducible
    assert len(resumed.records) == n


def test_a_time_limit_before_the_first_comparison(small, tmp_path):
    with pytest.raises(NotRunnableError, match="time limit came first"):
        small().run(tmp_path / "run", time_budget=0.0)
    assert small().run(tmp_path / "run", resume=True).reproducible


def test_a_limit_that_is_not_reached_changes_nothing(small):
    assert small().run(time_budget=1000.0).to_json() == small().run().to_json()


def test_progress_counts_up_to_the_plan(small):
    states = []
    small().run(progress=lambda *state: states.append(state))
    n = len(small().plan.trials())
    assert [done for done, _, _ in states] == list(range(n + 1))
    assert {planned for _, planned, _ in states} == {n}
    assert states[0][2] is None
    assert {type(record) for _, _, record in states[1:]} == {TrialRecord}


def test_a_pilot_tells_the_seconds_of_all_fits(small, monkeypatch):
    study = small()
    before = study.estimate()
    assert before.seconds is None
    assert before.n_trials == len(study.plan.trials()) == 60
    clock = iter((0.0, 3.0, 10.0, 11.0, 20.0, 22.0))  # the reference, then pooled without and with
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: next(clock))
    assert study.estimate(pilot=True).seconds == pytest.approx(20 * (3.0 + 1.0 + 2.0))
    clock = iter((0.0, 3.0, 10.0, 11.0, 20.0, 22.0))
    two = study.estimate(n_workers=2, pilot=True)
    assert two.seconds == pytest.approx(10 * (3.0 + 1.0 + 2.0))
    assert two.memory_mb == pytest.approx(2 * before.memory_mb)


def test_a_pilot_of_a_method_that_fails_tells_no_seconds(small):
    study = small()
    study.methods["pooled"].set_params(source_weight=-1.0)
    assert study.estimate(pilot=True).seconds is None


def test_what_does_not_fit_into_memory_is_refused_before_anything_is_written(
    small, tmp_path, monkeypatch
):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    with pytest.raises(InputError, match="the study needs about"):
        small().run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_method_that_always_fails_is_told_with_its_error(small, quick_methods):
    study = small(methods=quick_methods(m=Failing()))
    with pytest.raises(NotRunnableError, match=r"20 of 60 fits failed.*ValueError: no luck"):
        study.run()


def test_a_method_that_sometimes_fails_is_judged_on_the_rest(small, quick_methods, tmp_path):
    result = small(methods=quick_methods(m=Failing(always=False))).run(tmp_path / "run")
    n_failed = sum(record.status == "failed" for record in result.records)
    (warned,) = [w for w in result.warnings if w.kind == "failed fits"]
    assert 0 < n_failed < 20
    assert warned.message == f"{n_failed} fits of m with same failed, first: ValueError: no luck"
    assert set(words(result)) == {"same"}
    assert StudyResult.load(tmp_path / "run").to_json() == result.to_json()


def test_a_method_that_fails_beside_one_that_does_not(small, quick_methods):
    methods = quick_methods(pooled=PooledClassifier(), m=Failing())
    result = small(methods=methods).run()
    assert [(v.method, v.sources) for v in result.verdicts] == [("pooled", "same")]
    assert [w.kind for w in result.warnings] == ["failed fits"]


def test_nothing_is_kept_without_a_place_to_keep_it(small, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    small().run()
    assert list(tmp_path.iterdir()) == []


def test_the_run_of_a_study_does_not_change_it(small):
    study = small()
    plan = json.dumps(study.plan.to_dict())
    first, second = study.run(), study.run()
    assert json.dumps(study.plan.to_dict()) == plan
    assert first.to_json() == second.to_json()


def test_the_ranking_sees_training_rows_only(make_task, quick_methods):
    target, pool = make_task(240)
    study = Study(target, pool, quick_methods(), (20,))
    assert len(study._rows_for_ranking()) == 20


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"level": 1.0}, InputError, "level is 1"),
        ({"n_splits": 1}, InputError, "n_splits is 1"),
        ({"metric": "acuracy"}, InputError, "did you mean 'accuracy'"),
        ({"methods": ["poled"]}, InputError, "did you mean 'pooled'"),
        ({"methods": [LogisticRegression()]}, InputError, "no transfer estimator"),
        ({"label_budgets": []}, InputError, "label budgets"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(small, change, error, message):
    with pytest.raises(error, match=message):
        small(**change)


def test_bad_data_are_refused_before_anything_runs(make_task):
    target, pool = make_task()
    with pytest.raises(InputTypeError, match="target must be a Target"):
        Study(pool["same"], pool)
    with pytest.raises(InputTypeError, match="sources must be a SourcePool"):
        Study(target, [pool["same"]])
    with pytest.raises(InputError, match="the pool is empty"):
        Study(target, SourcePool())
    with pytest.raises(InputError, match=r"narrow: .*has 2 columns, the target 5"):
        Study(target, SourcePool([Source("narrow", np.eye(10)[:, :2], [0, 1] * 5)]))
    with pytest.raises(InputError, match="could be classes or numbers"):
        Study(Target("t", target.X, np.arange(60) % 7 + 3), pool)
    twin = Source("twin", pool["same"].X.copy(), pool["same"].y.copy())
    with pytest.raises(InputError, match="'same' and 'twin' hold the same rows"):
        Study(target, SourcePool([*pool, twin]))


def table_of(n, rng, regression):
    number = rng.standard_normal(n)
    ward = rng.choice(["north", "south", "west"], n)
    score = 1.5 * number + (ward == "north") + 0.3 * rng.standard_normal(n)
    values = number.tolist()
    values[3] = None
    wards = ward.tolist()
    wards[5] = None
    columns = {"dose": values, "ward": wards, "noise": rng.standard_normal(n).tolist()}
    return columns, score.tolist() if regression else np.where(score > 0.3, "ill", "well").tolist()


@pytest.mark.parametrize(("regression", "n", "budget"), [(True, 48, 36), (False, 270, 12)])
def test_tables_of_every_library_with_holes_groups_and_unlabelled_rows(regression, n, budget):
    rng = np.random.default_rng(n)
    columns, labels = table_of(n, rng, regression)
    labels[7] = labels[20] = None
    target = Target(
        "mixed", pd.DataFrame(columns), labels, groups=[f"p{row // 2}" for row in range(n)]
    )
    turned, turned_y = table_of(90, rng, regression)
    turned = {"extra": ["x"] * 90, **dict(reversed(turned.items()))}
    arrow, arrow_y = table_of(80, rng, regression)
    arrow_y[2] = None
    pool = SourcePool(
        [
            Source("polars", pl.DataFrame(turned), turned_y, groups=[f"q{r}" for r in range(90)]),
            Source("arrow", pa.table(arrow), arrow_y),
        ]
    )
    if regression:
        methods = {"target_only": TargetOnlyRegressor({"a": Ridge()}), "pooled": PooledRegressor()}
    else:
        reference = TargetOnlyClassifier({"a": LogisticRegression()})
        methods = {"target_only": reference, "pooled": PooledClassifier()}
    result = Study(target, pool, methods, (budget,), rank=False).run()
    assert [r.error for r in result.records if r.error] == []
    assert len(result.verdicts) == 3
    assert all(np.isfinite(v.against_same_class.low) for v in result.verdicts)
    assert result.plan.design.kind == ("scarce target" if n == 48 else "label budgets")
    assert result.plan.design.grouped
    assert result.plan.n_labelled == n - 2
    assert [s.n_dropped_columns for s in result.plan.sources] == [1, 0]
    assert [s.n_labelled for s in result.plan.sources] == [90, 79]


def test_a_budget_of_zero_is_part_of_the_curves(small):
    result = small(label_budgets=(0, 20)).run()
    zero = {p.sources: p.score for p in result.curves if p.budget == 0 and p.method == "pooled"}
    assert zero["(no sources)"] == pytest.approx(0.5, abs=0.02)
    assert zero["same"] > 0.7
    assert {s.labels.budget for s in result.labels_saved} <= {20}


def test_methods_by_name_are_judged_too(make_task):
    target, pool = make_task(60)
    result = Study(target, pool.subset(["same"]), ["pooled"], n_splits=10, rank=False).run()
    assert set(result.plan.methods) == {"target_only", "pooled"}
    assert result.verdicts[0].against_reference is not None


def test_a_model_that_cannot_be_saved_does_not_lose_the_study(small, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise InputError("holds what cannot be saved")

    monkeypatch.setattr(study_module, "save", refuse)
    with pytest.warns(UserWarning, match="not kept with the run: holds what cannot be saved"):
        result = small().run(tmp_path / "run")
    assert result.verdicts
    assert (tmp_path / "run" / "results.parquet").exists()
    assert not (tmp_path / "run" / "model.priorlift").exists()


def test_a_plan_under_which_nothing_ran_leaves_no_ranking_behind(small, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(rank=True).run(tmp_path / "run", progress=stop)
    earlier = (tmp_path / "run" / "ranking.json").read_text()
    small(rank=True, random_state=1).run(tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "ranking.json").read_text() != earlier
