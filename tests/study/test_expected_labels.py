"""Expected labels saved go on where the measured ones end, and never look at a row that judges."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study import storage
from priorlift.study.design import Split, split_rows, training_part
from priorlift.study.expected_labels import expected_labels_saved, forecast_target
from priorlift.study.expected_sentence import expected_sentence, forecast_cautions
from priorlift.study.plan import NO_SOURCES
from priorlift.study.results import StudyResult
from priorlift.study.study import Study
from priorlift.study.target_forecast import TargetForecast


@pytest.fixture
def result(finished):
    return finished[1]


@pytest.fixture
def found(result):
    return result.forecast


def test_each_claim_gets_what_the_target_alone_would_need(result, found):
    expected = result.expected_saved
    assert {(one.sources, one.method, one.budget) for one in expected} == {
        (p.sources, p.method, p.budget) for p in result.curves if p.sources != NO_SOURCES
    }
    for claim in expected:
        if claim.needed is None:
            assert claim.reason
        else:
            assert claim.saved == claim.needed - claim.budget
            assert found.at(claim.needed)[0] <= claim.error + 1e-9
            assert claim.needed_low <= claim.needed
            assert claim.needed_high is None or claim.needed <= claim.needed_high


def test_labels_and_errors_are_inverse_to_each_other(found):
    for n in (10, 37, 500, 20_000):
        error, low, high = found.at(n)
        assert low <= error <= high
        assert found.labels_for(error)[0] == pytest.approx(n, rel=1e-6)
        assert found.labels_for(low)[1] == pytest.approx(n, rel=1e-6)
    assert found.labels_for(0.4999)[0] == found.n[0]
    assert found.labels_for(0.5 * found.floor) == (None, None, None)


def test_the_curve_is_what_real_heads_reach_on_new_rows(make_task, blobs):
    target, pool = make_task(1600, seed=4)
    found = forecast_target(Study(target, pool, ["pooled"], (20, 200)).plan, target)
    rng = np.random.default_rng(1)
    new, truth = blobs(20_000, rng)
    for n in (20, 200):
        errors = []
        for _ in range(40):
            head = LogisticRegression(C=0.3).fit(*blobs(n, rng))
            errors.append(1 - head.score(new, truth))
        # 500 labels leave the error uncertain by about a tenth.
        assert found.at(n)[0] == pytest.approx(np.mean(errors), rel=0.15)


def test_a_better_score_is_expected_to_save_more(result, found):
    def saved_at(score):
        return found.expected("same", "pooled", 40, 1 - score)

    worse, better = saved_at(1 - 1.6 * found.floor), saved_at(1 - 1.3 * found.floor)
    assert better.saved > worse.saved
    never = saved_at(1 - 0.5 * found.floor)
    assert never.saved is None
    assert "endless labels" in never.reason


def test_the_study_keeps_its_forecast_with_the_run(finished, monkeypatch):
    _, result, folder = finished
    monkeypatch.setattr("priorlift.study.expected_labels.forecast", None)
    again = StudyResult.load(folder)
    assert again.forecast == result.forecast
    assert again.expected_saved == result.expected_saved
    assert again.to_dict()["expected_saved"] == result.to_dict()["expected_saved"]
    assert expected_labels_saved(again) == (result.forecast, result.expected_saved)


def test_the_frame_has_expected_beside_measured(result):
    frame = result.expected_frame()
    assert list(frame["saved"].dropna()) == [
        one.saved for one in result.expected_saved if one.saved is not None
    ]
    measured = {(s.sources, s.method, s.labels.budget): s.labels.saved for s in result.labels_saved}
    keys = zip(frame["sources"], frame["method"], frame["budget"], strict=True)
    assert list(frame["measured"]) == [measured[key] for key in keys]
    assert expected_sentence(result) in result._repr_html_().replace("&#x27;", "'")


@pytest.mark.parametrize("n", [320, 60])
def test_rows_that_judge_are_never_looked_at(make_task, n):
    """Whatever stands in the test rows, columns or labels, the forecast is the same."""
    target, pool = make_task(n, seed=4)
    study = Study(target, pool, ["pooled"], (10, 20), random_state=7)
    train, test = training_part(target, study.plan.design, "classification")
    assert not set(train) & set(test)
    assert study.plan.design.kind == ("label budgets" if n == 320 else "scarce target")
    first = forecast_target(study.plan, target)
    assert first.n
    assert first.n_labelled == first.n_rows == len(train)
    X, y = target.X.copy(), target.y.copy()
    X[test], y[test] = 1e3, y[test][::-1]
    changed = Target("few", X, y)
    # The plan's rows are those of the true labels, which stratify the split.
    keep = {"priorlift.study.expected_labels.training_part": lambda *_: (train, test)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keep.items():
            patch.setattr(name, value)
        assert forecast_target(study.plan, changed) == first
        X[train[0]] += 1.0
        assert forecast_target(study.plan, Target("few", X, y)) != first


def test_unlabelled_rows_tell_the_columns_but_not_those_of_a_judged_group(make_task):
    few, pool = make_task(320, seed=4)
    more = np.random.default_rng(0).normal(size=(500, few.X.shape[1]))
    y = np.concatenate([few.y.astype(float), np.full(500, np.nan)])
    groups = np.arange(820) % 41
    for named, seen in ((None, 500), (groups, None)):
        target = Target("few", np.vstack([few.X, more]), y, groups=named, task="classification")
        study = Study(target, pool, ["pooled"], (10, 40), random_state=7)
        train, test = training_part(target, study.plan.design, "classification")
        if named is not None:
            judged = np.isin(groups[320:], groups[test])
            seen = int((~judged).sum())
            assert 0 < seen < 500
        assert forecast_target(study.plan, target).n_rows == len(train) + seen


def test_all_training_rows_of_every_draw_are_in_the_training_part(make_task):
    target, pool = make_task(320, seed=4)
    design = Study(target, pool, ["pooled"], (10, 40)).plan.design
    part, test = training_part(target, design, "classification")
    for draw in range(3):
        train, judged = split_rows(target, design, "classification", Split(40, draw, 0))
        assert set(train) <= set(part)
        assert set(judged) == set(test)


def refused(result, **changes):
    plan = replace(result.plan, **changes)
    return forecast_target(plan, result.target)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metric": "roc_auc", "metric_title": "ROC AUC"}, "judged by ROC AUC"),
        ({"task": "regression"}, "labels are numbers"),
    ],
)
def test_what_theory_cannot_speak_of_is_said_in_a_sentence(result, changes, reason):
    found = refused(result, **changes)
    assert reason in found.reason
    assert not found.n
    without = replace(result, forecast=found)
    assert without.expected_saved == ()
    assert without.expected_frame().empty
    assert expected_sentence(without) == f"No forecast of labels saved: {found.reason}."
    assert TargetForecast.from_dict(found.to_dict()) == found
    with pytest.raises(InputError, match=reason):
        expected_labels_saved(without)


def test_several_classes_are_forecast_as_rows_with_a_wrong_class():
    """What four heads reach on new rows; the mean error of the heads is far below that."""
    rng = np.random.default_rng(3)
    means = 1.1 * rng.normal(size=(4, 12))

    def draw(n):
        y = rng.integers(4, size=n)
        return means[y] + 1.6 * rng.normal(size=(n, 12)), y

    pool = SourcePool([Source("more", *draw(50), task="classification")])
    forecasts = []
    for _ in range(4):
        target = Target("four", *draw(900), task="classification")
        study = Study(target, pool, ["pooled"], (24, 100))
        forecasts.append(forecast_target(study.plan, target))
    assert [found.n_heads for found in forecasts] == [4] * 4
    assert forecasts[0].n[0] >= 8
    new, truth = draw(20_000)
    for n in (100, 400, 3000):
        errors = []
        for _ in range(12):
            head = OneVsRestClassifier(LogisticRegression(C=0.05)).fit(*draw(n))
            errors.append(1 - head.score(new, truth))
        said = np.array([found.at(n) for found in forecasts])
        assert said[:, 0].mean() == pytest.approx(np.mean(errors), rel=0.15)
        inside = (said[:, 1] <= np.mean(errors)) & (np.mean(errors) <= said[:, 2])
        assert inside.sum() >= 3
    X, y = target.X, np.where(np.arange(900) < 897, target.y % 2, 2)
    few = forecast_target(study.plan, Target("rare", X, y, task="classification"))
    assert "too few to hold some of each class out" in few.reason


def test_too_few_rows_and_too_many_columns_are_reasons_too(make_task):
    target, pool = make_task(320, seed=4)
    plan = Study(target, pool, ["pooled"], (10, 40)).plan
    noise = np.random.default_rng(0).normal(size=(320, 400))
    assert "rows for 400 features" in forecast_target(plan, Target("few", noise, target.y)).reason
    wide = Target("few", np.zeros((320, 1001)), target.y)
    assert "1,001 columns" in forecast_target(plan, wide).reason
    texts = Target("few", ["a text"] * 320, target.y, task="classification")
    assert "raw" in forecast_target(plan, texts).reason


def test_a_reference_outside_the_band_is_warned_of(result, found):
    assert forecast_cautions(replace(result, forecast=None)) == ()
    shares = (
        (replace(p, score=1 - 0.4 * (1 - p.score)) if p.method == result.plan.reference else p)
        for p in result.curves
    )
    warned = forecast_cautions(replace(result, curves=tuple(shares)))
    assert "less than the" in warned[0]
    assert warned[1:] == found.warnings


def test_the_sentence_speaks_of_the_claim_that_helps(result):
    worst = max(
        (one for one in result.expected_saved if one.budget == 40), key=lambda one: one.error
    )
    verdicts = tuple(
        replace(v, verdict="helps" if v.sources == worst.sources else "not shown")
        for v in result.verdicts
    )
    said = expected_sentence(replace(result, verdicts=verdicts))
    assert f"{worst.method} with {worst.sources} errs {worst.error:.3f} with 40 labels" in said
    assert "a forecast" in said
    assert expected_sentence(replace(result, forecast=None)) == ""


def test_a_study_may_go_without(make_task, quick_methods, tmp_path):
    task = make_task(60)
    result = Study(*task, quick_methods(), (20,), rank=False, forecast=False).run(tmp_path / "run")
    assert result.forecast is None
    assert not (tmp_path / "run" / storage.FORECAST).exists()
    assert expected_labels_saved(result)[1]
