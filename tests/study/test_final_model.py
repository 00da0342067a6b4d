from dataclasses import replace

import numpy as np
import pytest

from priorlift.core.persistence import load
from priorlift.pool import Target
from priorlift.study.final_model import fit_final_model
from priorlift.study.study import MODEL, Study
from priorlift.transfer.pooled import PooledClassifier


def judged(result, words):
    verdicts = tuple(replace(v, verdict=words[v.sources]) for v in result.verdicts)
    return replace(result, verdicts=verdicts)


def test_without_proof_the_best_model_without_sources_is_fitted(finished):
    study, result, _ = finished
    nothing = judged(result, {v.sources: "not shown" for v in result.verdicts})
    final = study.final_model(nothing)
    assert (final.method, final.sources, final.verdict) == ("target_only", (), None)
    assert "no source is proved to help" in final.reason
    assert final.estimator.sources_ == {}


def test_the_claim_with_the_highest_lower_end_is_fitted_on_all_labelled_rows(finished):
    study, result, _ = finished
    helping = judged(result, {v.sources: "helps" for v in result.verdicts})
    best = max(helping.verdicts, key=lambda v: v.adjusted_against_same_class.low)
    final = study.final_model(helping)
    assert final.verdict is best
    assert best.sources in final.reason
    assert set(final.estimator.sources_) == set(final.sources)
    by_hand = PooledClassifier(random_state=final.estimator.random_state)
    by_hand.fit(study.target.X, study.target.y, sources=study.sources.subset(final.sources))
    np.testing.assert_array_equal(
        by_hand.predict_proba(study.target.X), final.estimator.predict_proba(study.target.X)
    )


def test_the_model_is_a_function_of_the_study(finished):
    study, result, _ = finished
    one, two = (study.final_model(result).estimator for _ in range(2))
    np.testing.assert_array_equal(
        one.predict_proba(study.target.X), two.predict_proba(study.target.X)
    )


def test_unlabelled_rows_weights_and_groups_are_respected(finished):
    study, result, _ = finished
    labels = [None if row % 3 == 0 else int(y) for row, y in enumerate(study.target.y)]
    weight = np.linspace(0.1, 2.0, 320)
    target = Target("few", study.target.X, labels, sample_weight=weight, groups=np.arange(320) // 2)
    words = {v.sources: "helps" if v.sources == "same" else "hurts" for v in result.verdicts}
    final = fit_final_model(judged(result, words), target, study.sources, study.methods)
    kept = target.labelled
    by_hand = PooledClassifier(random_state=final.estimator.random_state).fit(
        target.X[kept],
        study.target.y[kept],
        sources=study.sources.subset(["same"]),
        sample_weight=weight[kept],
    )
    assert final.sources == ("same",)
    np.testing.assert_allclose(
        by_hand.predict_proba(target.X), final.estimator.predict_proba(target.X), rtol=1e-12
    )


def test_the_run_directory_holds_the_model(finished):
    study, result, folder = finished
    model = load(folder / MODEL)
    model = getattr(model, "estimator", model)
    expected = study.final_model(result).estimator
    np.testing.assert_array_equal(
        model.predict_proba(study.target.X), expected.predict_proba(study.target.X)
    )


def test_a_seed_that_the_user_gave_is_kept(make_task, quick_methods):
    task = make_task(320, seed=4)
    study = Study(*task, quick_methods(pooled=PooledClassifier(random_state=5)), (40,), rank=False)
    result = study.run()
    words = {v.sources: "helps" for v in result.verdicts}
    assert study.final_model(judged(result, words)).estimator.random_state == 5


@pytest.mark.parametrize("word", ["hurts", "equivalent", "not shown"])
def test_no_other_verdict_is_taken_for_help(finished, word):
    study, result, _ = finished
    final = study.final_model(judged(result, {v.sources: word for v in result.verdicts}))
    assert final.sources == ()
