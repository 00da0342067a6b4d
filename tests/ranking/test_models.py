"""Pretrained models in one table with data sources."""

import json

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.encoders import TfidfSvdEncoder
from priorlift.pool import ModelSource, Source, SourcePool
from priorlift.ranking import scores as public
from priorlift.ranking.rank import Ranking, rank_sources
from priorlift.ranking.scores.registered import LOGME
from priorlift.ranking.source_models import MODEL_WIDTH, own_space, view_of_model
from priorlift.ranking.view import NO_ROWS, TargetView

REASON = f"{NO_ROWS}."
QUICK = {"max_iter": 15, "hidden_layer_sizes": (16,), "random_state": 0}
NEEDS_ROWS = ("nce", "leep", "agreement", "pooling_gain", "proximity", "neg_mmd")
NEEDS_ROWS += ("neg_proxy_a_distance", "neg_ot_distance", "task2vec", "performance_gap")
NEEDS_FEATURES = ("logme", "shrinkage_h", "feature_gain", "knn", "label_cka", "transrate", "parc")
NEEDS_FEATURES += ("h_score", "gbc", "sfda", "n_leep")


class Features:
    """An encoder made of a function."""

    def __init__(self, name, function):
        self.fingerprint = name
        self.transform = function

    @property
    def source(self):
        return ModelSource(self.fingerprint, self)


@pytest.fixture(scope="module")
def data():
    """Return rows whose classes are bent beyond what a line can tell, and the features that can."""
    X = np.random.default_rng(0).normal(size=(460, 4))
    return X, np.where(X[:, 0] * X[:, 1] > 0, "same sign", "other")


def good(X):
    X = np.asarray(X)
    return np.column_stack([X[:, 0] * X[:, 1], X[:, 2], np.tanh(X[:, 0] * X[:, 1])])


def noise(X):
    return np.random.default_rng(1).normal(size=(len(X), 300))


def crash(X):
    raise ZeroDivisionError("no weights")


@pytest.fixture(scope="module")
def pool(data):
    X, y = data
    draws = np.random.default_rng(2)
    return SourcePool(
        [
            Features("good", good).source,
            Features("noise", noise).source,
            Source("same rule", X[60:], y[60:]),
            Source("shuffled", X[60:], draws.permutation(y[60:])),
            Features("nan", lambda X: np.full((len(X), 2), np.nan)).source,
            Features("short", lambda X: np.ones((len(X) - 1, 2))).source,
            Features("constant", lambda X: np.ones((len(X), 2))).source,
            Features("crash", crash).source,
        ]
    )


@pytest.fixture(scope="module")
def ranking(data, pool):
    return rank_sources(data[0][:60], data[1][:60], pool, n_bootstrap=12, **QUICK)


def test_models_and_data_stand_in_one_table(ranking):
    assert set(ranking.names) == {"good", "noise", "same rule", "shuffled"}
    scores = {row.name: row.scores for row in ranking.rows}
    for score in ("logme", "shrinkage_h", "feature_gain"):
        assert scores["good"][score] > scores["noise"][score]
        assert scores["good"][score] > scores["shuffled"][score]
    assert ranking.best in ("good", "same rule")
    assert "noise" not in ranking.ties
    assert scores["good"]["logme"] > 0.1 > scores["noise"]["logme"]


def test_scores_that_need_rows_are_missing_with_the_reason(ranking):
    row = ranking["good"]
    assert row.missing == dict.fromkeys(("nce", "agreement", "pooling_gain"), REASON)
    assert set(row.scores) == {"logme", "shrinkage_h", "feature_gain"}
    assert row.ranks["nce"] == 2.5
    assert set(row.intervals) == set(row.scores)
    assert row.low <= row.rank <= row.high
    assert row.n_rows == 0
    assert row.facts == {"log_n_target": np.log(60)}


def test_a_model_that_fails_is_left_out_with_the_reason(ranking):
    assert set(ranking.skipped) == {"nan", "short", "constant", "crash"}
    assert "NaN or infinite features for row 0" in ranking.skipped["nan"]
    assert "(59, 2) for 60 rows" in ranking.skipped["short"]
    assert "the same for all rows" in ranking.skipped["constant"]
    assert "ZeroDivisionError: no weights" in ranking.skipped["crash"]


def test_json_and_frame_hold_models(ranking):
    assert Ranking.from_json(ranking.to_json()) == ranking
    frame = ranking.to_frame()
    assert list(frame["source"]) == list(ranking.names)
    assert NO_ROWS in ranking._repr_html_()
    values = ranking.pair_features().values
    assert np.isnan(values["proximity"]).sum() == 2


def test_the_order_of_models_and_data_changes_nothing(data, pool, ranking):
    turned = SourcePool([*pool.models[::-1], *list(pool)[::-1]])
    again = rank_sources(data[0][:60], data[1][:60], turned, n_bootstrap=12, **QUICK)
    assert without_seconds(again) == without_seconds(ranking)


def test_a_model_scores_the_same_in_any_company(data, pool, ranking):
    alone = rank_sources(
        data[0][:60], data[1][:60], SourcePool([pool.models[0]]), n_bootstrap=5, **QUICK
    )
    assert alone["good"].scores == ranking["good"].scores


def test_equal_models_tie_and_stand_by_name(data):
    copies = SourcePool([ModelSource(name, Features("good", good)) for name in "ba"])
    found = rank_sources(data[0][:40], data[1][:40], copies, n_bootstrap=10, **QUICK)
    assert found.names == found.ties == ("a", "b")
    assert [row.rank for row in found.rows] == [1, 1]


def test_a_model_and_a_source_that_scores_cannot_tell_tie(data):
    X, y = data
    width = public.Score("even", "The same for all", ("classification",), lambda view: 1.0)
    mixed = SourcePool([Features("model", good).source, Source("data", X[60:], y[60:])])
    found = rank_sources(X[:40], y[:40], mixed, scores=[width], n_bootstrap=5, **QUICK)
    assert found.names == found.ties == ("data", "model")


def test_every_score_gives_a_number_or_says_that_a_model_has_no_rows(data):
    found = rank_sources(
        data[0][:60],
        data[1][:60],
        SourcePool([Features("good", good).source, Features("noise", noise).source]),
        scores=[*NEEDS_ROWS, *NEEDS_FEATURES],
        n_bootstrap=0,
        **QUICK,
    )
    assert found["good"].missing == dict.fromkeys(NEEDS_ROWS, REASON)
    better = {s: found["good"].scores[s] > found["noise"].scores[s] for s in NEEDS_FEATURES}
    # TransRate and GBC are known to like many features at few rows, whatever these say.
    assert {score for score, sign in better.items() if not sign} <= {"transrate", "gbc"}


def test_models_rank_for_a_regression(data):
    X, _ = data
    found = rank_sources(
        X[:60],
        X[:60, 0] * X[:60, 1],
        SourcePool([Features("good", good).source, Features("noise", noise).source]),
        n_bootstrap=5,
        **QUICK,
    )
    assert found.best == "good"
    assert found["good"].scores["feature_gain"] > 0.5


def test_texts_are_ranked_without_numeric_rows():
    draws = np.random.default_rng(0)
    words = {True: ["flood", "river", "rain"], False: ["fire", "smoke", "heat"]}
    y = draws.random(80) < 0.5
    texts = [" ".join(draws.choice([*words[bool(label)], "the", "a"], 6)) for label in y]
    other = [" ".join(draws.choice(["the", "a", "of"], 6)) for _ in texts]
    options = {"min_df": 1, "random_state": 0}
    pool = SourcePool(
        [
            ModelSource("fitting", TfidfSvdEncoder(4, **options).fit(texts)),
            ModelSource("unfitting", TfidfSvdEncoder(2, **options).fit(other)),
            Source("rows", np.eye(3), [0, 1, 1]),
        ]
    )
    found = rank_sources(texts[:50], y[:50].astype(int), pool, n_bootstrap=10, **QUICK)
    assert found.best == "fitting"
    assert found["fitting"].scores["logme"] > 0.2
    assert found["fitting"].scores["feature_gain"] > 0.5
    assert "raw" in found.skipped["rows"]
    assert "encoder=" in found.skipped["rows"]
    assert found.n_resamples == 10
    with pytest.raises(InputError):
        rank_sources(texts, y.astype(int), pool.subset(["rows"]), n_bootstrap=0)


def test_an_encoder_serves_rows_while_models_get_the_inputs(data):
    X, y = data
    seen = []

    def of_images(images):
        seen.append(np.shape(images))
        return good(np.asarray(images).reshape(len(images), -1))

    images = X.reshape(-1, 2, 2)
    flat = Features("flat", lambda rows: np.asarray(rows).reshape(len(rows), -1))
    pool = SourcePool([Source("data", images[60:], y[60:]), Features("model", of_images).source])
    labels = [*y[:50], *[None] * 10]
    found = rank_sources(
        images[:60], labels, pool, encoder=flat, max_target_rows=40, n_bootstrap=0, **QUICK
    )
    assert set(found.names) == {"data", "model"}
    assert (found.n_rows, found.n_unlabelled, seen) == (40, 10, [(40, 2, 2)])


def test_the_random_map_is_as_wide_as_the_model():
    draws = np.random.default_rng(0)
    X, y = draws.normal(size=(50, 20)), draws.integers(2, size=50)
    shared = TargetView(y, "classification", X, 0, np.zeros((50, 3)))
    wide, narrow = (
        view_of_model(
            Features("f", lambda X, k=k: X[:, :k]).source, X, shared.for_models(), own_space(X)
        )
        for k in (12, 3)
    )
    assert wide.features.shape == (50, 12)
    gains = []
    for view in (wide, narrow):
        width = view.features.shape[1]
        maps = view.target._random_maps(width)
        assert maps.shape == (5, 50, width)
        random = np.mean([public.logme(Z, y) for Z in maps])
        gains.append(public.logme(view.features, y) - random)
    assert [LOGME(wide), LOGME(narrow)] == pytest.approx(gains, abs=1e-6)


def test_few_rows_see_all_features_of_a_wide_model():
    draws = np.random.default_rng(0)
    X, y = draws.normal(size=(40, 500)), draws.integers(2, size=40)
    target = TargetView(y, "classification", np.empty((40, 0)), 0)
    view = view_of_model(
        Features("wide", np.asarray).source, X, target.for_models(), own_space(target.rows)
    )
    assert view.features.shape == (40, 39)
    centred = X.astype(np.float32) - X.astype(np.float32).mean(axis=0)
    assert view.features @ view.features.T == pytest.approx(centred @ centred.T, rel=1e-3)
    assert public.logme(view.features, y) == pytest.approx(public.logme(X, y), abs=1e-4)
    assert MODEL_WIDTH == 256


def without_seconds(ranking):
    values = json.loads(ranking.to_json())
    values.pop("seconds")
    for row in values["rows"]:
        row.pop("seconds")
    return values
