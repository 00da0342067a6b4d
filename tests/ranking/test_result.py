"""A ranking as a table, a page and JSON."""

import dataclasses
import json

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool
from priorlift.ranking.rank import Ranking, rank_sources
from priorlift.ranking.result import PredictedLift


@pytest.fixture(scope="module")
def ranking():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(150, 4))
    y = (X[:, 0] > 0).astype(int)
    pool = SourcePool(
        [
            Source("<b>same</b>", X[50:], y[50:]),
            Source("number", X[50:], X[50:, 1]),
            Source("wide", np.zeros((9, 5)), np.arange(9) % 2),
        ]
    )
    return rank_sources(X[:50], y[:50], pool, n_bootstrap=10, max_iter=10, random_state=0)


def test_json_gives_the_ranking_back(ranking):
    assert Ranking.from_json(ranking.to_json()) == ranking
    assert ranking.to_json() == Ranking.from_json(ranking.to_json()).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 99}', "null"])
def test_other_text_is_refused(text):
    with pytest.raises(InputError, match="ranking"):
        Ranking.from_json(text)


def test_an_unknown_field_is_refused(ranking):
    values = json.loads(ranking.to_json())
    with pytest.raises(InputError, match="no ranking"):
        Ranking.from_json(json.dumps({**values, "surprise": 1}))


def test_the_frame_has_one_row_a_source_best_first(ranking):
    frame = ranking.to_frame()
    assert list(frame["source"]) == list(ranking.names)
    assert list(frame["rank"]) == [row.rank for row in ranking.rows]
    assert {"logme", "logme_low", "nce_high", "tied_with_best", "seconds"} <= set(frame.columns)
    values = dict(zip(frame["source"], frame["logme"], strict=True))
    assert values == {row.name: row.scores["logme"] for row in ranking.rows}


def test_the_page_escapes_names_and_lists_what_was_skipped(ranking):
    page = ranking._repr_html_()
    assert "&lt;b&gt;same&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "Not ranked: wide" in page
    assert "predicts no classes" in page
    assert page.count('<th scope="row">') == 2


def test_the_repr_names_the_outcome(ranking):
    text = repr(ranking)
    assert text.startswith(f"Ranking: {ranking.summary}")
    assert "number" in text
    assert "wide" in text


def test_facts_survive_and_stand_among_the_features_of_pairs(ranking):
    row = ranking["<b>same</b>"]
    assert set(row.facts) == {"source_score", "proximity", "log_n_source", "log_n_target"}
    assert row.facts["log_n_source"] == np.log(100)
    assert row.facts["log_n_target"] == np.log(50)
    assert -1.0 <= row.facts["proximity"] <= 0.0
    assert Ranking.from_json(ranking.to_json())["number"].facts == ranking["number"].facts
    pairs = ranking.pair_features("mine")
    assert pairs.targets == ("mine", "mine")
    assert pairs.sources == ranking.names
    assert pairs.names == (*ranking.plan.scores, *row.facts)
    place = ranking.names.index("number")
    assert pairs.values["logme"][place] == ranking["number"].scores["logme"]
    assert pairs.values["source_score"][place] == ranking["number"].facts["source_score"]
    assert np.isnan(pairs.values["nce"][place])


def test_a_predicted_lift_comes_back_from_json(ranking):
    lifts = (PredictedLift(0.1, 0.0, 0.2, 0.75), PredictedLift(-0.1, None, None, None))
    rows = [
        dataclasses.replace(row, predicted=lift)
        for row, lift in zip(ranking.rows, lifts, strict=True)
    ]
    told = dataclasses.replace(ranking, rows=tuple(rows), prediction="told")
    again = Ranking.from_json(told.to_json())
    assert again == told
    assert again.rows[0].predicted == lifts[0]
    assert again.recommended is None


def test_a_ranking_is_frozen_and_found_by_name(ranking):
    with pytest.raises(dataclasses.FrozenInstanceError):
        ranking.rows = ()
    assert ranking["number"].name == "number"
    with pytest.raises(KeyError):
        ranking["wide"]
