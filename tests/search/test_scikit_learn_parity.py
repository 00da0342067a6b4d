"""What scikit-learn's own tests ask of GridSearchCV, asked of both classes."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import uniform
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from priorlift.search import SharedSearchCV

both = pytest.mark.parametrize("search_class", [GridSearchCV, SharedSearchCV])
X = np.array([[-1.0, -1], [-2, -1], [-1.5, -2], [1, 1], [2, 1], [1.5, 2]] * 4)
y = np.array([1, 1, 1, 2, 2, 2] * 4)


class Threshold(ClassifierMixin, BaseEstimator):
    """Records what its fit is given; fails where it is told to."""

    def __init__(self, threshold=0.0, fails=False):
        self.threshold = threshold
        self.fails = fails

    def fit(self, X, y, sample_weight=None, extra=None):
        if self.fails:
            raise ValueError("told to fail")
        self.classes_ = np.unique(y)
        self.weight_ = None if sample_weight is None else np.asarray(sample_weight)
        self.extra_ = extra
        return self

    def predict(self, X):
        first = np.asarray(X[:, 0]).ravel()
        return np.where(first > self.threshold, self.classes_[-1], self.classes_[0])


@both
def test_finds_the_best_and_predicts_with_it(search_class):
    search = search_class(Threshold(), {"threshold": [-3.0, 0.0, 3.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"threshold": 0.0}
    assert search.best_score_ == search.score(X, y) == 1.0
    np.testing.assert_array_equal(search.predict(X), y)
    np.testing.assert_array_equal(search.cv_results_["param_threshold"], [-3.0, 0.0, 3.0])


@both
def test_steps_are_replaced(search_class):
    pipeline = Pipeline([("head", LinearSVC())])
    grid = [
        {"head": [LogisticRegression(), "passthrough"][:1], "head__C": [0.1, 1]},
        {"head": [Ridge(), LinearSVC()]},
    ]
    search = search_class(pipeline, grid, cv=2, scoring="neg_mean_squared_error").fit(X, y)
    assert search.cv_results_["mean_test_score"].shape == (4,)
    assert search.cv_results_["param_head__C"].mask.tolist() == [False, False, True, True]
    assert not hasattr(search.estimator.steps[0][1], "coef_")


@both
def test_rows_of_fit_parameters_follow_the_split(search_class):
    seen = []

    class Recording(Threshold):
        def fit(self, X, y, sample_weight=None, extra=None):
            seen.append((len(X), None if sample_weight is None else len(sample_weight), extra))
            return super().fit(X, y)

    weight = np.arange(len(y), dtype=float)
    search = search_class(Recording(), {"threshold": [0.0, 1.0]}, cv=3, refit=False)
    search.fit(X, y, sample_weight=weight, extra="kept whole")
    assert seen == [(16, 16, "kept whole")] * 6


@both
def test_weights_reach_the_scorer_without_routing(search_class):
    weight = np.where(y == 1, 5.0, 1.0)
    search = search_class(Threshold(), {"threshold": [3.0]}, cv=KFold(2))
    search.fit(X, y, sample_weight=weight)
    assert search.best_score_ == pytest.approx(5 / 6)


@both
def test_no_score_method_is_an_error_that_names_it(search_class):
    class NoScore(BaseEstimator):
        def fit(self, X, y):
            return self

    with pytest.raises(TypeError, match=r"should have a 'score' method"):
        search_class(NoScore(), {}).fit(X, y)


@both
def test_groups_reach_the_splitter(search_class):
    groups = np.repeat([1, 2, 3, 4], 6)
    for splitter in (LeaveOneGroupOut(), GroupKFold(2)):
        search = search_class(Threshold(), {"threshold": [0.0]}, cv=splitter)
        with pytest.raises(ValueError, match="groups"):
            search.fit(X, y)
        search.fit(X, y, groups=groups)


@both
def test_classes(search_class):
    search = search_class(Threshold(), {"threshold": [0.0]})
    assert not hasattr(search, "classes_")
    np.testing.assert_array_equal(search.fit(X, y).classes_, [1, 2])
    assert not hasattr(search_class(Ridge(), {"alpha": [1.0]}).fit(X, y), "classes_")


@both
def test_without_refit_nothing_can_be_predicted(search_class):
    search = search_class(Threshold(), {"threshold": [0.0, 9.0]}, refit=False).fit(X, y)
    assert (search.best_index_, search.best_params_) == (0, {"threshold": 0.0})
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError, match=r"has no attribute .predict."):
        search.predict(X)


@both
@pytest.mark.parametrize("refit", [True, "recall", "acc"])
def test_several_metrics_need_a_name_to_refit(search_class, refit):
    scoring = {"acc": "accuracy", "mse": "neg_mean_squared_error"}
    search = search_class(Threshold(), {"threshold": [0.0, 9.0]}, scoring=scoring, refit=refit)
    if refit == "acc":
        assert search.fit(X, y).best_score_ == 1.0
        assert set(search.scorer_) == {"acc", "mse"}
    else:
        with pytest.raises(ValueError, match="For multi-metric scoring"):
            search.fit(X, y)


@both
def test_refit_may_be_a_function(search_class):
    search = search_class(
        Threshold(),
        {"threshold": [0.0, 9.0]},
        refit=lambda results: int(len(results["params"]) - 1),
    )
    assert search.fit(X, y).best_params_ == {"threshold": 9.0}
    assert not hasattr(search, "best_score_")
    for bad, error in ((lambda r: "x", TypeError), (lambda r: 5, IndexError)):
        with pytest.raises(error, match="best_index_"):
            clone(search).set_params(refit=bad).fit(X, y)


@both
@pytest.mark.parametrize(
    ("grid", "error"),
    [
        ({"threshold": 0.0}, TypeError),
        ({"threshold": []}, ValueError),
        ({"threshold": "0"}, TypeError),
        ({"threshold": np.ones((3, 2))}, ValueError),
        ({"no_such": [1]}, ValueError),
        ({"a__b": [1]}, ValueError),
    ],
)
def test_bad_grids_are_refused(search_class, grid, error):
    with pytest.raises(error):
        search_class(Threshold(), grid).fit(X, y)


@both
def test_bad_settings_of_the_search_are_refused(search_class):
    for bad in ({"error_score": "loud"}, {"refit": 3.5}, {"verbose": "much"}, {"cv": "five"}):
        with pytest.raises(ValueError, match="|".join(bad)):
            search_class(Threshold(), {"threshold": [0.0]}, **bad).fit(X, y)


@both
@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.csc_matrix])
def test_sparse_rows(search_class, kind):
    dense = search_class(LinearSVC(), {"C": [0.1, 1.0]}, cv=3).fit(X, y)
    sparse = search_class(LinearSVC(), {"C": [0.1, 1.0]}, cv=3).fit(kind(X), y)
    np.testing.assert_array_equal(
        dense.cv_results_["mean_test_score"], sparse.cv_results_["mean_test_score"]
    )


@both
def test_distances_are_cut_on_both_sides(search_class):
    search = search_class(SVC(kernel="precomputed"), {"C": [0.1, 1.0]}, cv=3).fit(X @ X.T, y)
    assert search.best_score_ == 1.0
    mixed = search_class(SVC(), {"kernel": ["precomputed", "linear"]}, cv=3).fit(X @ X.T, y)
    assert mixed.cv_results_["mean_test_score"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="square"):
        search.fit(X, y)
    distances = np.linalg.norm(X[:, None] - X, axis=2)
    near = KNeighborsClassifier(metric="precomputed")
    assert search_class(near, {"n_neighbors": [1, 3]}, cv=3).fit(distances, y).best_score_ == 1.0


@both
def test_lists_frames_and_other_shapes(search_class):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b"])
    model = make_pipeline(MinMaxScaler(), LogisticRegression())
    grid = {"logisticregression__C": [0.1, 1.0]}
    searches = [
        search_class(model, grid, cv=3).fit(rows, targets)
        for rows, targets in ((X, y), (X.tolist(), y.tolist()), (frame, pd.Series(y)))
    ]
    for search in searches:
        assert search.best_score_ == searches[0].best_score_
    assert searches[2].feature_names_in_.tolist() == ["a", "b"]

    class AnyShape(Threshold):
        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    cube = np.zeros((24, 2, 3))
    assert search_class(AnyShape(), {"threshold": [0.0]}, cv=3).fit(cube, y).best_score_ == 0.5
    assert search_class(AnyShape(), {"threshold": [0.0]}, cv=3).fit(["text"] * 24, y).best_score_


@both
def test_without_targets(search_class):
    rows, _ = make_blobs(n_samples=50, random_state=0)
    search = search_class(KMeans(random_state=0), {"n_clusters": [2, 3, 4]}, cv=3).fit(rows)
    assert search.best_params_["n_clusters"] in (3, 4)
    behind = make_pipeline(StandardScaler(), KMeans(random_state=0))
    assert search_class(behind, {"kmeans__n_clusters": [2, 3]}, cv=3).fit(rows).best_score_ < 0


@both
def test_failing_fits_score_what_the_user_says(search_class):
    grid = {"fails": [False, True]}
    for value in (float("nan"), 0.25):
        search = search_class(Threshold(), grid, error_score=value, cv=3)
        with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
            search.fit(X, y)
        np.testing.assert_array_equal(search.cv_results_["split1_test_score"], [1.0, value])
        assert search.cv_results_["rank_test_score"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="told to fail"):
        search_class(Threshold(), grid, error_score="raise").fit(X, y)
    with pytest.raises(ValueError, match="All the 5 fits failed"):
        search_class(Threshold(), {"fails": [True]}).fit(X, y)


@both
def test_failing_transformers_and_scorers(search_class):
    from sklearn.decomposition import PCA

    model = Pipeline([("reduce", PCA()), ("head", LogisticRegression())])
    grid = {"reduce__n_components": [1, 7], "head__C": [0.1, 1.0]}
    search = search_class(model, grid, cv=3)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search.fit(X, y)
    assert any("6 fits failed out of a total of 12" in str(w.message) for w in told)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True] * 2

    def broken(estimator, X, y):
        raise RuntimeError("cannot score")

    with pytest.warns(UserWarning, match="Scoring failed"):
        found = search_class(Threshold(), {"threshold": [0.0]}, scoring=broken, refit=False).fit(
            X, y
        )
    assert np.isnan(found.cv_results_["mean_test_score"]).all()
    with pytest.raises(ValueError, match="scoring must return a number"):
        search_class(Threshold(), {"threshold": [0.0]}, scoring=lambda e, X, y: "one").fit(X, y)


@both
def test_a_function_may_score_several_things(search_class):
    def several(estimator, X, y):
        prediction = estimator.predict(X)
        return {"acc": accuracy_score(y, prediction), "size": float(len(X))}

    grid = {"threshold": [0.0, 3.0]}
    search = search_class(Threshold(), grid, cv=3, scoring=several, refit="acc").fit(X, y)
    named = search_class(Threshold(), grid, cv=3, scoring=["accuracy"], refit="accuracy").fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["split2_test_acc"], named.cv_results_["split2_test_accuracy"]
    )
    assert search.cv_results_["mean_test_size"].tolist() == [8.0, 8.0]
    with pytest.raises(ValueError, match="For multi-metric scoring"):
        clone(search).set_params(refit="none such").fit(X, y)
    grid = {"threshold": [0.0], "fails": [False, True]}
    with pytest.warns(FitFailedWarning):
        failing = search_class(
            Threshold(), grid, scoring=several, refit="acc", error_score=0.1
        ).fit(X, y)
    assert failing.cv_results_["mean_test_size"][1] == pytest.approx(0.1)


@both
def test_non_finite_scores_warn_and_rank_last(search_class):
    def score(estimator, X, y):
        return np.nan if estimator.threshold else 1.0

    search = search_class(
        Threshold(), {"threshold": [3.0, 0.0]}, scoring=score, return_train_score=True
    )
    with pytest.warns(UserWarning, match="non-finite") as told:
        search.fit(X, y)
    kinds = {
        word for w in told for word in ("test", "train") if f"the {word} scores" in str(w.message)
    }
    assert kinds == {"test", "train"}
    assert search.cv_results_["rank_test_score"].tolist() == [2, 1]


@both
def test_ties_go_to_the_first_in_the_grid(search_class):
    search = search_class(Threshold(), {"threshold": [9.0, 0.0, 0.1, 0.2]}, cv=3).fit(X, y)
    assert search.best_params_ == {"threshold": 0.0}
    assert search.cv_results_["rank_test_score"].tolist() == [4, 1, 1, 1]


@both
def test_parameters_of_every_type_keep_their_column(search_class):
    grid = {"threshold": [None, "text", 1, (1, 2), [3], np.float32(2), Ridge()]}

    class Constant(Threshold):
        def predict(self, X):
            return np.full(len(X), 1)

    column = search_class(Constant(), grid, cv=2).fit(X, y).cv_results_["param_threshold"]
    assert column.dtype == object
    assert column[3] == (1, 2)
    assert search_class(Constant(), {"threshold": [1, 2.5]}, cv=2).fit(X, y).cv_results_[
        "param_threshold"
    ].dtype == np.dtype(float)


@both
def test_splits_are_made_once(search_class):
    class OnceOnly:
        def split(self, X, y=None, groups=None):
            return iter([(np.arange(0, 12), np.arange(12, 24)), (np.arange(12, 24), np.arange(12))])

        def get_n_splits(self, X=None, y=None, groups=None):
            return 2

    shuffled = KFold(3, shuffle=True)
    search = search_class(Threshold(), {"threshold": [0.1, 0.1, 0.1]}, cv=shuffled).fit(X, y)
    for split in range(3):
        assert len(set(search.cv_results_[f"split{split}_test_score"])) == 1
    assert search_class(Threshold(), {"threshold": [0.0]}, cv=OnceOnly()).fit(X, y).n_splits_ == 2
    pairs = list(KFold(2).split(X))
    assert search_class(Threshold(), {"threshold": [0.0]}, cv=iter(pairs)).fit(X, y).n_splits_ == 2


@both
def test_splitters_that_lie_are_refused(search_class):
    class Broken(KFold):
        def get_n_splits(self, *args, **kwargs):
            return 1

        def split(self, X, y=None, groups=None):
            return iter([])

    with pytest.raises(ValueError, match="inconsistent results"):
        search_class(Threshold(), {"threshold": [0.0]}, cv=Broken()).fit(X, y)
    with pytest.raises(ValueError, match="No fits were performed"):
        search_class(Threshold(), {"threshold": [0.0]}, cv=iter([])).fit(X, y)


@both
def test_methods_of_the_best_are_offered(search_class):
    search = search_class(SVC(), {"C": [1.0]})
    assert not hasattr(search, "predict_proba")
    assert hasattr(search, "decision_function")
    with pytest.raises(NotFittedError):
        search.predict(X)
    search.fit(X, y)
    assert search.decision_function(X).shape == (24,)
    scaled = search_class(StandardScaler(), {"with_mean": [True]}, scoring=lambda *a: 0.0).fit(X, y)
    np.testing.assert_allclose(scaled.inverse_transform(scaled.transform(X)), X)
    assert scaled.n_features_in_ == 2


@both
def test_several_targets(search_class):
    rows, targets = make_multilabel_classification(n_samples=60, random_state=0)
    search = search_class(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 4]}, cv=3)
    assert 0 < search.fit(rows, targets).best_score_ < 1
    several = search_class(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [1.0, 9.0]})
    assert several.fit(rows, targets.astype(float)).predict(rows).shape == targets.shape


@both
def test_metadata_routing(search_class, same_results):
    weight, groups = np.where(y == 1, 5.0, 1.0), np.repeat([1, 2, 3], 8)
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=True),
            LogisticRegression().set_fit_request(sample_weight=True),
        )
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        grid = {"logisticregression__C": [0.01, 1.0]}
        search = search_class(model, grid, cv=GroupKFold(3), scoring=scorer)
        search.fit(X, y, sample_weight=weight, groups=groups)
        reference = GridSearchCV(model, grid, cv=GroupKFold(3), scoring=scorer)
        reference.fit(X, y, sample_weight=weight, groups=groups)
        same_results(search.cv_results_, reference.cv_results_)
        np.testing.assert_array_equal(search.decision_function(X), reference.decision_function(X))
        unset = search_class(make_pipeline(LogisticRegression()), {}, cv=3)
        with pytest.raises(ValueError, match="sample_weight"):
            unset.fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        search_class(Threshold(), {"threshold": [0.0]}).fit(X, y).score(X, y, sample_weight=weight)


@both
def test_verbose_tells_of_every_fit(search_class, capsys):
    search_class(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0]},
        cv=2,
        verbose=3,
    ).fit(X, y)
    told = capsys.readouterr().out
    assert "Fitting 2 folds for each of 2 candidates, totalling 4 fits" in told
    assert told.count("END") == 4
    assert told.count("[CV 1/2]") == 2


@both
def test_a_trained_search_can_be_pickled(search_class):
    import pickle

    search = search_class(Threshold(), {"threshold": [0.0]}, cv=3).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(X), search.predict(X))


@both
def test_the_search_is_drawn_with_its_best(search_class):
    search = search_class(DummyClassifier(), {"strategy": ["prior"]})
    assert "estimator: DummyClassifier" in search._repr_html_()
    assert "best_estimator_: DummyClassifier" in search.fit(X, y)._repr_html_()


@both
def test_callbacks_are_told_of_every_fold(search_class):
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    told = []

    class Recorder:
        def setup(self, estimator, context):
            told.append("setup")

        def on_fit_task_begin(self, estimator, context, *, X, metadata):
            told.append((context.task_name, None if X is None else len(X), metadata is not None))

        def on_fit_task_end(self, estimator, context):
            return False

        def teardown(self, estimator, context):
            told.append("teardown")

    search = search_class(Threshold(), {"threshold": [0.0, 1.0]}, cv=3).set_callbacks(Recorder())
    search.fit(X, y, sample_weight=np.ones(24))
    assert told.count(("candidate-split-evaluation", 16, True)) == 6
    assert told.count(("refit-with-best-params", 24, True)) == 1
    assert (told[0], told[-1]) == ("setup", "teardown")


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_whole_table_is_the_same(small, same_results, n_jobs):
    rows, targets = small
    model = Pipeline([("scale", StandardScaler()), ("head", LogisticRegression())])
    grid = [
        {"scale": [StandardScaler(), MinMaxScaler(), None], "head__C": [0.1, 1.0]},
        {"head": [DecisionTreeClassifier(random_state=0), RidgeClassifier()]},
    ]
    options = {
        "scoring": ["accuracy", "f1_macro"],
        "refit": "accuracy",
        "return_train_score": True,
        "cv": StratifiedKFold(4),
    }
    theirs = GridSearchCV(model, grid, **options).fit(rows, targets)
    ours = SharedSearchCV(model, grid, n_jobs=n_jobs, **options).fit(rows, targets)
    same_results(ours.cv_results_, theirs.cv_results_)
    assert repr(ours.best_params_) == repr(theirs.best_params_)
    assert ours.best_score_ == theirs.best_score_


def test_drawing_candidates_is_the_same(small, same_results):
    model = make_pipeline(StandardScaler(), LogisticRegression())
    space = {"logisticregression__C": uniform(0.1, 10), "standardscaler__with_std": [True, False]}
    theirs = RandomizedSearchCV(model, space, n_iter=6, random_state=3, cv=3).fit(*small)
    ours = SharedSearchCV(model, space, n_iter=6, random_state=3, cv=3).fit(*small)
    same_results(ours.cv_results_, theirs.cv_results_)
