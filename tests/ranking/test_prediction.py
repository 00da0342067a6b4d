"""A predicted lift for each source of a ranking, and what is said where none is known."""

import json

import numpy as np
import pytest

from priorlift.pool import Source, SourcePool
from priorlift.ranking import GainModel
from priorlift.ranking.gain import PredictedGains
from priorlift.ranking.prediction import with_predictions
from priorlift.ranking.rank import rank_sources
from priorlift.ranking.result import PredictedLift, Ranking


@pytest.fixture(scope="module")
def data():
    X = np.random.default_rng(0).normal(size=(150, 4))
    y = (X[:, 0] > 0).astype(int)
    pool = SourcePool(
        [Source(name, X[50:], (X[50:, place] > 0) * 1) for place, name in enumerate("abc")]
    )
    return X[:50], y[:50], pool


OPTIONS = {"n_bootstrap": 0, "hidden_layer_sizes": (), "random_state": 0}


@pytest.fixture(scope="module")
def ranking(data):
    return rank_sources(*data, **OPTIONS)


class Told:
    """Predicts by source what it is told: mean and P(lift > 0)."""

    def __init__(self, told, note=""):
        self.told, self.note = told, note
        self.asked = []

    def predict(self, pairs):
        self.asked.append(pairs)
        mean, sure = np.array([self.told[name] for name in pairs.sources], dtype=float).T
        half = np.where(np.isnan(sure), np.nan, 0.1)
        return PredictedGains(mean, mean - half, mean + half, sure, "told", self.note)


def test_each_source_gets_its_own_prediction(ranking):
    model = Told({"a": (0.05, 0.8), "b": (0.2, 0.9), "c": (-0.1, 0.1)}, note="by hand")
    found = with_predictions(ranking, model, "mine")
    assert found["b"].predicted == PredictedLift(0.2, pytest.approx(0.1), pytest.approx(0.3), 0.9)
    assert found.prediction == "told: by hand"
    assert found.names == ranking.names
    assert found["a"].scores == ranking["a"].scores
    assert ranking["a"].predicted is None
    (asked,) = model.asked
    assert (asked.targets, asked.sources) == (("mine",) * 3, ranking.names)
    assert set(asked.names) == {*ranking.plan.scores, *ranking["a"].facts}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"a": (0.05, 0.8), "b": (0.2, 0.9), "c": (-0.1, 0.1)}, ("b", "a")),
        ({"a": (0.05, 0.5), "b": (0.2, 0.4), "c": (-0.1, 0.9)}, ()),
        ({"a": (0.05, 0.8), "b": (0.2, np.nan), "c": (0.1, 0.9)}, None),
    ],
)
def test_recommended_are_those_that_probably_help(ranking, told, expected):
    assert with_predictions(ranking, Told(told)).recommended == expected


def test_without_a_model_nothing_is_recommended_or_denied(ranking):
    assert ranking.recommended is None
    assert ranking.prediction == ""
    assert not any(name.startswith("predicted") for name in ranking.to_frame().columns)


def test_a_model_without_outcomes_promises_and_is_not_sure(data, ranking):
    found = rank_sources(*data, gain_model=GainModel(), **OPTIONS)
    for row in found.rows:
        assert (row.predicted.low, row.predicted.high, row.predicted.p_positive) == (None,) * 3
        assert np.isfinite(row.predicted.mean)
    assert found.recommended is None
    assert found.prediction.startswith("cold start")
    assert found.names == ranking.names


def test_predictions_survive_json_and_stand_in_the_frame(ranking):
    model = Told({"a": (0.05, 0.8), "b": (0.2, np.nan), "c": (-0.1, 0.1)})
    found = with_predictions(ranking, model)
    assert Ranking.from_json(found.to_json()) == found
    assert "NaN" not in found.to_json()
    assert json.loads(found.to_json())["rows"][0]["predicted"]["mean"] is not None
    frame = found.to_frame()
    means = dict(zip(frame["source"], frame["predicted_mean"], strict=True))
    assert means == {"a": 0.05, "b": 0.2, "c": -0.1}
    assert frame.set_index("source")["predicted_p_positive"].isna().to_dict() == {
        "a": False,
        "b": True,
        "c": False,
    }


def test_a_ranking_without_sources_stays_as_it_is(data):
    X, y, _ = data
    empty = rank_sources(X, y, SourcePool(), **OPTIONS)
    assert with_predictions(empty, Told({})) is empty
    assert empty.recommended is None
