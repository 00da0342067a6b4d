import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)

from priorlift.search import SharedSearchCV
from priorlift.search.memory import MemoryRefusedError
from priorlift.search.plan import candidates_of
from priorlift.search.prefix_tree import grow

HEADS = {"head": [GaussianNB(), LogisticRegression()]}


def eight_stages(a, b):
    """The stages of the specification's grid, as one pipeline and its alternatives."""
    pca = {"svd_solver": "covariance_eigh"}
    pipeline = Pipeline(
        [
            ("keep", VarianceThreshold()),
            ("scale", StandardScaler()),
            ("reduce", "passthrough"),
            ("head", GaussianNB()),
        ]
    )
    scaled = [
        "passthrough",
        PCA(a, **pca),
        PCA(b, **pca),
        PCA(b, whiten=True, **pca),
        SelectKBest(f_classif, k=b),
        SelectKBest(f_classif, k=a),
    ]
    return pipeline, [
        {"scale": [StandardScaler()], "reduce": scaled},
        {"scale": [MinMaxScaler(), MaxAbsScaler()]},
    ]


@pytest.fixture
def counted(monkeypatch):
    """Count what is fitted, by class."""
    counts = {}

    def count(kind):
        plain = kind.fit_transform

        def fit_transform(self, *args, **kwargs):
            counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
            return plain(self, *args, **kwargs)

        monkeypatch.setattr(kind, "fit_transform", fit_transform)

    for kind in (VarianceThreshold, StandardScaler, MinMaxScaler, MaxAbsScaler, PCA, SelectKBest):
        count(kind)
    return counts


def test_eight_stages_take_nine_transformers_a_fold(small, counted):
    pipeline, grid = eight_stages(2, 4)
    grid = [{**part, "head__var_smoothing": [1e-9, 1e-3, 1e-2]} for part in grid]
    search = SharedSearchCV(pipeline, grid, cv=4, refit=False).fit(*small)
    tree = grow(candidates_of(pipeline, search.cv_results_["params"]))
    assert tree.n_nodes() == 9
    assert tree.depth() == 3
    assert search.shared_work_.transformer_fits <= 4 * 9
    assert search.shared_work_.transformer_fits_alone == 4 * 21 * 3
    # scikit-learn's PCA may be fitted under another name when several are cut from one fit.
    counted.pop("PCA", None)
    assert counted == {
        "VarianceThreshold": 4,
        "StandardScaler": 4,
        "MinMaxScaler": 4,
        "MaxAbsScaler": 4,
        "SelectKBest": 8,
    }


def test_scores_of_the_eight_stages_are_those_of_single_fits(small, same_results):
    pipeline, grid = eight_stages(2, 4)
    grid = [{**part, "head__var_smoothing": [1e-9, 1e-2]} for part in grid]
    ours = SharedSearchCV(pipeline, grid, cv=3, refit=False).fit(*small)
    theirs = GridSearchCV(pipeline, grid, cv=3, refit=False).fit(*small)
    same_results(ours.cv_results_, theirs.cv_results_, 1e-9)


class Noise(TransformerMixin, BaseEstimator):
    """Adds noise, and counts its fits."""

    fits = 0

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        Noise.fits += 1
        self.noise_ = np.random.default_rng(self.random_state).normal()
        return self

    def transform(self, X):
        return X + self.noise_


@pytest.mark.parametrize(("seed", "fits"), [(None, 6), (0, 3)])
def test_a_step_that_draws_is_fitted_for_every_candidate(small, monkeypatch, seed, fits):
    monkeypatch.setattr(Noise, "fits", 0)
    pipeline = Pipeline([("noise", Noise(seed)), ("head", GaussianNB())])
    grid = {"head__var_smoothing": [1e-9, 1e-3]}
    search = SharedSearchCV(pipeline, grid, cv=3, refit=False).fit(*small)
    assert Noise.fits == search.shared_work_.transformer_fits == fits


def test_a_step_inside_a_union_that_draws_is_not_shared_either(small):
    union = FeatureUnion([("a", TruncatedSVD(2)), ("b", StandardScaler())])
    pipeline = Pipeline([("union", union), ("head", GaussianNB())])
    grid = {"head__var_smoothing": [1e-9, 1e-3]}
    search = SharedSearchCV(pipeline, grid, cv=3, refit=False).fit(*small)
    assert search.shared_work_.transformer_fits == 6
    seeded = pipeline.set_params(union__a__random_state=0)
    search = SharedSearchCV(seeded, grid, cv=3, refit=False).fit(*small)
    assert search.shared_work_.transformer_fits == 3


def overwrite(X):
    X *= 3.0
    X += 1.0
    return X


def test_steps_that_write_into_their_input_get_a_copy(small, same_results):
    X, y = small
    before = X.copy()
    pipeline = Pipeline(
        [("first", StandardScaler(copy=False)), ("second", "passthrough"), ("head", GaussianNB())]
    )
    grid = {
        "first": [StandardScaler(copy=False), FunctionTransformer(overwrite), MinMaxScaler()],
        "second": [FunctionTransformer(overwrite), "passthrough", StandardScaler(copy=False)],
        "head": [GaussianNB(), Ridge(copy_X=False), Ridge(5.0, copy_X=False)],
    }
    options = {"scoring": "neg_mean_squared_error", "cv": 3, "refit": False}
    ours = SharedSearchCV(pipeline, grid, **options).fit(X, y)
    theirs = GridSearchCV(pipeline, grid, **options).fit(X, y)
    same_results(ours.cv_results_, theirs.cv_results_, 1e-9)
    np.testing.assert_array_equal(X, before)


def test_parameters_deep_inside_a_step_make_it_another_step(small, same_results):
    columns = make_column_transformer(
        (make_pipeline(MinMaxScaler(), PCA(1, svd_solver="full")), [0, 1, 2]), (MaxAbsScaler(), [3])
    )
    model = Pipeline([("columns", columns), ("head", GaussianNB())])
    grid = {
        "columns__pipeline__minmaxscaler__feature_range": [(0, 1), (0, 5)],
        "columns__pipeline__pca__n_components": [1, 2],
        "head__var_smoothing": [1e-9, 1e-3, 1e-1],
    }
    ours = SharedSearchCV(model, grid, cv=3, refit=False).fit(*small)
    assert ours.shared_work_.transformer_fits == 3 * 4
    theirs = GridSearchCV(model, grid, cv=3, refit=False).fit(*small)
    same_results(ours.cv_results_, theirs.cv_results_)


def test_read_only_rows_are_enough(small, same_results):
    X, y = small[0].copy(), small[1].copy()
    X.setflags(write=False)
    y.setflags(write=False)
    grid = {"standardscaler__with_mean": [True, False]}
    model = make_pipeline(StandardScaler(), GaussianNB())
    same_results(
        SharedSearchCV(model, grid).fit(X, y).cv_results_,
        GridSearchCV(model, grid).fit(X, y).cv_results_,
    )


def test_metadata_of_a_step_tells_it_from_an_equal_one(small):
    X, y = small
    weight = np.where(y == 0, 50.0, 1.0)
    pipeline = Pipeline(
        [("one", StandardScaler()), ("two", StandardScaler()), ("head", LogisticRegression())]
    )
    grid = [{"two": ["passthrough"]}, {"one": ["passthrough"]}]
    params = {"one__sample_weight": weight}
    ours = SharedSearchCV(pipeline, grid, scoring="neg_log_loss", refit=False).fit(X, y, **params)
    theirs = [
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()), {}, scoring="neg_log_loss"
        )
        .fit(X, y, **given)
        .cv_results_["mean_test_score"][0]
        for given in ({"standardscaler__sample_weight": weight}, {})
    ]
    np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs, atol=1e-12)
    assert theirs[0] != theirs[1]


def test_held_rows_stay_below_the_announced_bound(small):
    X = np.random.default_rng(0).normal(size=(300, 20))
    y = np.arange(300) % 3
    pipeline, grid = eight_stages(5, 10)
    search = SharedSearchCV(pipeline, grid, cv=3, refit=False).fit(X, y)
    work = search.shared_work_
    # The root and, at each of three depths, one transformed copy of at most the same size.
    assert X.nbytes < work.peak_bytes <= work.announced_bytes == 4 * X.nbytes


def test_what_cannot_fit_is_refused_with_the_number(small):
    X, y = small
    pipeline = Pipeline([("poly", PolynomialFeatures(3)), ("head", GaussianNB())])
    limit = 3 * X.nbytes
    search = SharedSearchCV(pipeline, {"head__var_smoothing": [1e-9]}, memory_limit=limit)
    with pytest.raises(MemoryRefusedError, match=r"'poly'.*would hold .* kB at once, its limit is"):
        search.fit(X, y)
    with pytest.raises(MemoryRefusedError, match="may take 10 bytes"):
        SharedSearchCV(pipeline, {}, memory_limit=10).fit(X, y)


def test_a_function_that_scores_gets_the_real_pipeline(small):
    seen = []

    def score(estimator, X, y):
        seen.append((type(estimator), X.shape[1], estimator[0].n_features_in_))
        return estimator.score(X, y)

    X, y = small
    pipeline = make_pipeline(PCA(2, svd_solver="full"), GaussianNB())
    grid = {"gaussiannb__var_smoothing": [1e-9, 1e-3]}
    ours = SharedSearchCV(pipeline, grid, scoring=score, cv=3, refit=False).fit(X, y)
    assert seen == [(Pipeline, 6, 6)] * 6
    assert ours.shared_work_.transformer_fits == 3
    theirs = GridSearchCV(pipeline, grid, cv=3, refit=False).fit(X, y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_times_add_up_to_the_time_spent(small):
    class Slow(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            import time

            time.sleep(0.05)
            return super().fit(X, y)

    pipeline = Pipeline([("slow", Slow()), ("head", GaussianNB())])
    grid = {"head__var_smoothing": np.logspace(-9, -1, 10)}
    search = SharedSearchCV(pipeline, grid, cv=KFold(2), refit=False).fit(*small)
    per_fit = search.cv_results_["mean_fit_time"]
    assert per_fit.min() >= 0.005
    assert per_fit.sum() * 2 < 1.0
