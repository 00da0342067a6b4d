"""The plan refuses settings that mean nothing and keeps what it was given."""

import dataclasses
import json

import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.ranking.plan import AUTO_SCORES, ScoringPlan, resolve_scores
from priorlift.ranking.scores import LOGME, Score

PLAN = ScoringPlan(
    task="classification",
    scores=("logme", "nce"),
    hidden_layer_sizes=(8,),
    alpha=1e-3,
    max_iter=10,
    preprocess="auto",
    encoder="",
    transfer="any",
    max_target_rows=100,
    max_source_rows=100,
    n_bootstrap=10,
    resampled="rows",
    level=0.9,
    seed=1,
    target_fingerprint="ab",
)


def test_a_plan_survives_json():
    text = json.dumps(dataclasses.asdict(PLAN))
    assert ScoringPlan.from_dict(json.loads(text)) == PLAN


def test_the_hash_follows_every_setting():
    changes = {"scores": ("logme",), "hidden_layer_sizes": (9,), "seed": 2, "level": 0.8}
    hashes = {dataclasses.replace(PLAN, **{name: value}).hash for name, value in changes.items()}
    assert len(hashes | {PLAN.hash}) == len(changes) + 1
    assert dataclasses.replace(PLAN).hash == PLAN.hash


@pytest.mark.parametrize(
    "change",
    [
        {"level": 1.0},
        {"n_bootstrap": -1},
        {"hidden_layer_sizes": (0,)},
        {"max_iter": 0},
        {"max_source_rows": 1},
    ],
)
def test_settings_that_mean_nothing_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        dataclasses.replace(PLAN, **change)


def test_default_scores_are_those_that_judge_the_task():
    names = [score.name for score in resolve_scores("auto", "classification")]
    assert names == list(AUTO_SCORES)
    assert [score.name for score in resolve_scores("auto", "regression")] == [
        name for name in AUTO_SCORES if name not in ("shrinkage_h", "nce")
    ]


def test_scores_are_named_or_given():
    own = Score("own", "A score of ours", ("classification",), lambda view: 0.0)
    assert resolve_scores([own, "logme"], "classification") == (own, LOGME)
    assert resolve_scores("logme", "regression") == (LOGME,)


@pytest.mark.parametrize("scores", [[], ["logme", "logme"]])
def test_none_or_twice_the_same_is_refused(scores):
    with pytest.raises(InputError, match="scores are"):
        resolve_scores(scores, "classification")


def test_an_unfit_or_unknown_score_is_refused():
    with pytest.raises(InputError, match="'nce' does not judge a regression"):
        resolve_scores(["nce"], "regression")
    with pytest.raises(UnknownNameError, match="did you mean 'logme'"):
        resolve_scores(["logm"], "classification")
