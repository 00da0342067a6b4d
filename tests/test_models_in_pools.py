"""A pretrained model in a pool: beside the sources that have rows, and never mistaken for one."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from priorlift.core.errors import InputError, InputTypeError, UnknownNameError
from priorlift.encoders import TfidfSvdEncoder
from priorlift.pool import ModelSource, Source, SourcePool, Target
from priorlift.study import Study
from priorlift.study.plan import plan_arms
from priorlift.testing.problems import make_problem
from priorlift.transfer import PooledClassifier, TargetOnlyClassifier
from priorlift.transfer.auto import AutoTransferClassifier
from priorlift.transfer.base import NO_MODELS, TransferTags

P = make_problem("classification")


class Scaled:
    """Features of inputs: the inputs, times a factor."""

    def __init__(self, factor):
        self.factor = factor

    @property
    def fingerprint(self):
        return f"scaled {self.factor}"

    def transform(self, X):
        return np.asarray(X) * self.factor


MODEL = ModelSource("doubled", Scaled(2.0), licence="free", description="twice")


@pytest.fixture
def pool():
    return SourcePool([MODEL, *P.pool])


def test_features_are_float32_and_the_fingerprint_is_the_encoders():
    found = MODEL.features(P.X)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, P.X * 2, rtol=1e-6)
    assert MODEL.fingerprint == ModelSource("other name", Scaled(2.0)).fingerprint
    assert MODEL.fingerprint != ModelSource("doubled", Scaled(3.0)).fingerprint
    assert repr(MODEL) == "ModelSource('doubled', Scaled)"


def test_an_encoder_of_this_project_serves():
    texts = ["one two", "two three", "three one"]
    model = ModelSource("tfidf", TfidfSvdEncoder(2, random_state=0).fit(texts))
    assert model.features(texts).shape == (3, 2)
    with pytest.raises(InputError, match="source 'tfidf': TfidfSvdEncoder, row 0: the text is mis"):
        model.features([None])


@pytest.mark.parametrize(
    ("values", "said"),
    [(np.ones(3), "shape"), (np.ones((2, 1)), "for 3 rows"), (np.full((3, 1), np.nan), "row 0")],
)
def test_features_that_cannot_be_used_are_refused(values, said):
    class Broken:
        fingerprint = "broken"

        def transform(self, X):
            return values

    with pytest.raises(InputError, match=said):
        ModelSource("broken", Broken()).features([1, 2, 3])


def test_what_is_no_model_is_refused():
    with pytest.raises(InputTypeError, match="has no 'fingerprint'"):
        ModelSource("m", type("Bare", (), {"transform": None})())
    with pytest.raises(InputTypeError, match="has no 'transform'"):
        ModelSource("m", object())
    with pytest.raises(InputTypeError, match="name must be"):
        ModelSource("", Scaled(1))
    with pytest.raises(InputTypeError, match="a single ModelSource was passed"):
        SourcePool(MODEL)


def test_a_pool_means_its_rows_and_keeps_models_beside_them(pool):
    assert pool.models == (MODEL,)
    assert pool.names == P.pool.names
    assert pool.n_sources == P.pool.n_sources
    assert [source.name for source in pool] == list(P.pool.names)
    assert pool.by_fingerprint() == P.pool.by_fingerprint()
    assert "doubled" not in pool
    assert "ModelSource('doubled', Scaled)" in repr(pool)
    with pytest.raises(InputError, match=r"has no rows\. Remedy: look it up in pool\.models"):
        pool["doubled"]
    with pytest.raises(UnknownNameError):
        pool["nothing"]
    with pytest.raises(InputError, match="two sources are named 'doubled'"):
        SourcePool([MODEL, Source("doubled", np.eye(2), [0, 1])])


def test_pools_with_models_travel_and_are_cut(pool):
    assert clone(pool, safe=False) is pool
    assert pickle.loads(pickle.dumps(pool)).models[0].fingerprint == MODEL.fingerprint
    part = pool.subset(["doubled", P.pool.names[0]])
    assert (part.models, part.names) == ((MODEL,), P.pool.names[:1])
    rows = pool.without_models("why not")
    assert (rows.models, rows.names, rows.unusable) == ((), P.pool.names, {"doubled": "why not"})
    assert P.pool.without_models("why not") is P.pool


def test_a_method_that_learns_from_rows_skips_models_and_says_why(pool):
    model = PooledClassifier(random_state=0).fit(P.X, P.y, sources=pool)
    assert model.skipped_models_ == {"doubled": NO_MODELS}
    assert "rank_sources" in NO_MODELS
    expected = PooledClassifier(random_state=0).fit(P.X, P.y, sources=P.pool)
    np.testing.assert_array_equal(model.predict(P.X_new), expected.predict(P.X_new))
    assert expected.skipped_models_ == {}
    refused = PooledClassifier().refusals(P.X, P.y, pool)
    assert refused == {"doubled": NO_MODELS}


def test_models_alone_leave_the_baseline():
    alone = PooledClassifier(random_state=0).fit(P.X, P.y, sources=SourcePool([MODEL]))
    baseline = PooledClassifier(random_state=0).fit(P.X, P.y)
    np.testing.assert_array_equal(alone.predict(P.X_new), baseline.predict(P.X_new))
    assert alone.sources_ == {}


def test_auto_lists_models_among_what_it_skipped(pool):
    model = AutoTransferClassifier(methods=("pooled",), max_fits=6, random_state=0)
    model.fit(P.X, P.y, sources=pool)
    reasons = {skipped.sources: skipped.reason for skipped in model.decision_.skipped}
    assert reasons[("doubled",)] == NO_MODELS


class TakesModels(PooledClassifier):
    transfer_tags = TransferTags(models=True)


def test_a_method_tagged_for_models_is_given_them(pool):
    class Watching(TakesModels):
        def _fit_pool(self, target, pool):
            self.given_ = pool.models
            super()._fit_pool(target, pool)

    assert Watching().fit(P.X, P.y, sources=pool).given_ == (MODEL,)


def test_a_study_lists_models_as_skipped_for_each_method(pool):
    target = Target("t", P.X, P.y)
    methods = {"pooled": PooledClassifier(), "alone": TargetOnlyClassifier(), "own": TakesModels()}
    arms, skipped = plan_arms(target, pool, methods)
    assert not any("doubled" in arm.sources for arm in arms)
    reasons = {row.method: row.reason for row in skipped if row.sources == "doubled"}
    assert reasons == {
        "pooled": NO_MODELS,
        "alone": "the method learns from no source",
        "own": "a study compares sources that have rows",
    }


def test_a_study_runs_with_a_model_in_its_pool(pool):
    target = Target("t", np.vstack([P.X, P.X_new]), np.resize(P.y, len(P.X) + len(P.X_new)))
    study = Study(target, pool, methods={"pooled": PooledClassifier()}, random_state=0)
    assert ("pooled", "doubled") in {(row.method, row.sources) for row in study.plan.skipped}
    assert "doubled" not in {source.name for source in study.plan.sources}
