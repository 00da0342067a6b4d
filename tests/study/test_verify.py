"""Rankings held against measured lifts, and the rows that these are measured on."""

import json
from dataclasses import replace

import numpy as np
import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Source, SourcePool
from priorlift.ranking import measures
from priorlift.ranking.prediction import with_predictions
from priorlift.ranking.rank import rank_sources
from priorlift.ranking.result import PredictedLift
from priorlift.study import design
from priorlift.study.design import Split, split_rows
from priorlift.study.results import StudyResult
from priorlift.study.study import Study
from priorlift.study.verify import verify, verify_ranking


def predicted(ranking, **lifts):
    """Give each source a predicted lift: mean, half-width and P(lift > 0)."""
    rows = tuple(
        replace(row, predicted=PredictedLift(m, m - half, m + half, p))
        for row in ranking.rows
        for m, half, p in [lifts[row.name]]
    )
    return replace(ranking, rows=rows, prediction="told")


def test_label_budgets_are_compared_on_the_test_part(finished):
    _, result, _ = finished
    found = verify_ranking(result.ranking, result)
    assert found.unseen
    assert found.warnings == ()
    assert found.n_rows == result.plan.design.n_test
    lifts = {v.sources: v for v in result.verdicts}
    for row in found.rows:
        interval = lifts[row.source].against_same_class
        assert (row.lift, row.low, row.high) == (interval.estimate, interval.low, interval.high)
        assert row.verdict == lifts[row.source].verdict
        assert row.rank == result.ranking[row.source].rank
        assert row.recommended is None
    assert found["swapped"].lift < 0.0
    assert found.order == "consensus"
    promise = [-result.ranking[row.source].consensus for row in found.rows]
    observed = [row.lift for row in found.rows]
    assert found.tau == measures.weighted_tau(promise, observed)
    assert [r.k for r in found.regrets] == [1]
    assert found.regrets[0].points == measures.regret_at(promise, observed, 1)
    assert found.ceiling == 1.0
    assert found.coverage is None


def test_the_cost_is_that_of_fits_with_one_source(finished):
    _, result, _ = finished
    found = verify_ranking(result.ranking, result)
    largest = result.plan.design.largest
    one = [
        r.measured.wall_seconds
        for r in result.records
        if r.trial.params["method"] == "pooled"
        and len(r.trial.params["sources"]) == 1
        and r.trial.params["split"]["budget"] == largest
    ]
    assert found.n_fits == len(one) == 2 * result.plan.design.n_draws
    assert found.transfer_seconds == pytest.approx(sum(one))
    assert found.ranking_seconds == result.ranking.seconds
    every = found.transfer_seconds + found.baseline_seconds
    assert found.share_of_cost == pytest.approx(found.ranking_seconds / every)


def test_predictions_decide_the_order_and_are_held_against_the_intervals(finished):
    _, result, _ = finished
    lift = {v.sources: v.against_same_class.estimate for v in result.verdicts}
    right = predicted(
        result.ranking, same=(lift["same"], 0.01, 0.9), swapped=(lift["swapped"] + 1, 0.5, 0.1)
    )
    found = verify_ranking(right, result)
    assert found.order == "predicted lift"
    assert found.coverage == 0.5
    assert found.harmful == ()
    wrong = predicted(result.ranking, same=(-0.5, 0.1, 0.1), swapped=(0.5, 0.1, 0.9))
    found = verify_ranking(wrong, result)
    assert found.harmful == ("swapped",)
    assert found.tau == -1.0
    best = max(lift["same"], 0.0)
    assert found.regrets[0].points == pytest.approx(best - lift["swapped"])


def test_no_transfer_is_an_arm_of_predicted_lifts(finished):
    _, result, _ = finished
    cautious = predicted(result.ranking, same=(-0.1, 0.1, 0.1), swapped=(-0.2, 0.1, 0.1))
    found = verify_ranking(cautious, result)
    lift = {v.sources: v.against_same_class.estimate for v in result.verdicts}
    assert found.regrets[0].points == pytest.approx(max(lift["same"], 0.0))


def test_a_loaded_run_gives_the_same_verification(finished):
    _, result, folder = finished
    loaded = StudyResult.load(folder)
    assert (
        verify_ranking(loaded.ranking, loaded).to_json()
        == verify_ranking(result.ranking, result).to_json()
    )


def ranked_by(result, rows):
    target = result.target
    pool = SourcePool([Source("same", target.X, target.y), Source("swapped", target.X, target.y)])
    return rank_sources(
        target.X[rows], target.y[rows], pool, task="classification", n_bootstrap=0, random_state=0
    )


def test_a_ranking_of_other_rows_is_recognised(finished):
    _, result, _ = finished
    result = replace(result, ranking=None)
    plan = result.plan
    first = Split(plan.design.largest, 0, 0)
    train, test = split_rows(result.target, plan.design, plan.task, first)
    assert verify_ranking(ranked_by(result, train), result).unseen
    peeped = verify_ranking(ranked_by(result, np.concatenate([train, test])), result)
    assert not peeped.unseen
    assert "may have seen labels" in peeped.warnings[0]


@pytest.fixture(scope="module", autouse=True)
def few_repeats():
    """Repeat the cross-validation of scarce targets twice instead of ten times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(design, "MIN_REPEATS", 2)
        yield


@pytest.fixture(scope="module")
def scarce(make_task, quick_methods):
    target, pool = make_task(40, seed=1)
    return Study(target, pool, quick_methods(), (32,), n_splits=10, random_state=0).run()


def test_a_scarce_target_is_measured_on_the_fold_that_was_not_shown(scarce):
    plan = scarce.plan
    assert plan.design.kind == "scarce target"
    found = verify_ranking(scarce.ranking, scarce)
    assert found.unseen
    _, unseen = split_rows(scarce.target, plan.design, plan.task, Split(32, 0, 0))
    assert found.n_rows == len(unseen) == 8
    assert "8 labelled rows that the ranking was not shown" in found.warnings[0]
    for row in found.rows:  # brute force: each unseen row, each time it was judged
        total, n = 0.0, 0
        source = next(s.fingerprint for s in plan.sources if s.name == row.source)
        for sign, wanted in ((1, [source]), (-1, [])):
            for record in scarce.records:
                params = record.trial.params
                if (params["method"], params["sources"]) == ("pooled", wanted):
                    own = np.isin(record.outcome.arrays["test"], unseen)
                    total += sign * record.outcome.arrays["rows"][own].sum()
                    n += own.sum() if sign > 0 else 0
        assert row.lift == pytest.approx(total / n)


def test_a_metric_of_whole_folds_says_that_it_may_flatter(make_task, quick_methods):
    target, pool = make_task(40, seed=1)
    options = {"n_splits": 10, "metric": "roc_auc", "random_state": 0}
    result = Study(target, pool, quick_methods(), (32,), **options).run()
    found = verify_ranking(result.ranking, result)
    assert not found.unseen
    assert "may have seen" in found.warnings[0]
    assert np.isfinite(found.ceiling)


def test_one_call_does_it_all_with_a_model(make_task, quick_methods, monkeypatch, tmp_path):
    target, pool = make_task(40, seed=1)
    asked = []

    def told(ranking, model, name):
        asked.append((model, name))
        return with_predictions(ranking, model, name)

    class Model:
        def predict(self, pairs):
            n = pairs.n_pairs
            return PredictedLifts(np.full(n, 0.1), np.zeros(n), np.ones(n), np.full(n, 0.8))

    class PredictedLifts:
        regime, note = "told", ""

        def __init__(self, *columns):
            self.mean, self.low, self.high, self.p_positive = columns

    monkeypatch.setattr("priorlift.study.verify.with_predictions", told)
    model = Model()
    found = verify(
        target,
        pool,
        method=quick_methods(),
        n_splits=10,
        gain_model=model,
        out=tmp_path / "run",
    )
    assert asked == [(model, "few")]
    assert found.budget == 32
    assert found.order == "predicted lift"
    assert all(row.recommended for row in found.rows)
    kept = StudyResult.load(tmp_path / "run")
    assert kept.ranking is not None
    assert kept.plan.design.budgets == (32,)


def test_documents(finished):
    _, result, _ = finished
    found = verify_ranking(result.ranking, result)
    document = json.loads(found.to_json())
    assert [row["source"] for row in document["rows"]] == [row.source for row in found.rows]
    assert len(found.to_frame()) == 2
    assert "swapped" in repr(found)
    assert "<table>" in found._repr_html_()
    assert found.choice in ("same", "no transfer")
    assert "Weighted tau" in found.summary
    with pytest.raises(KeyError):
        found["nobody"]


def test_what_cannot_be_compared_is_refused(finished):
    _, result, _ = finished
    with pytest.raises(UnknownNameError, match="pooled"):
        verify_ranking(result.ranking, result, method="pool")
    strange = replace(result.ranking.rows[0], name="stranger", tied_with=())
    ranking = replace(result.ranking, rows=(strange,))
    with pytest.raises(InputError, match="no measured source in common"):
        verify_ranking(ranking, result)
    ranking = replace(result.ranking, rows=(*result.ranking.rows, strange))
    found = verify_ranking(ranking, result)
    assert found.left_out == {"stranger": "no lift was measured with pooled"}
