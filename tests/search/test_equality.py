"""Random small pipelines and grids: the scores are those of GridSearchCV."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from priorlift import Source, SourcePool
from priorlift.search import SharedSearchCV
from priorlift.transfer import PooledClassifier

SCALERS = [
    StandardScaler(),
    StandardScaler(with_std=False),
    MinMaxScaler(),
    MaxAbsScaler(),
    "passthrough",
    make_column_transformer((MinMaxScaler(), [0, 1]), remainder="passthrough"),
]
REDUCERS = [
    PCA(2, svd_solver="full"),
    PCA(3, svd_solver="full"),
    PCA(3, svd_solver="full", whiten=True),
    PCA(0.8, svd_solver="covariance_eigh"),
    SelectKBest(f_classif, k=2),
    SelectKBest(f_classif, k=3),
    FeatureUnion([("a", PCA(1, svd_solver="full")), ("b", SelectKBest(k=1))]),
    "passthrough",
]
HEADS = [
    (RidgeClassifier(), {"alpha": [1e-4, 0.1, 10.0, 1e4]}),
    (KNeighborsClassifier(), {"n_neighbors": [1, 2, 5, 9]}),
    (LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [0.0, 0.3, 0.9]}),
    (GaussianNB(), {"var_smoothing": [1e-9, 1e-1]}),
]


def some(options):
    return st.lists(st.sampled_from(range(len(options))), min_size=1, max_size=3, unique=True).map(
        lambda chosen: [options[i] for i in chosen]
    )


@st.composite
def grids(draw):
    parts = []
    for head, axis in draw(some(HEADS)):
        part = {"scale": draw(some(SCALERS)), "reduce": draw(some(REDUCERS)), "head": [head]}
        for name, values in axis.items():
            if draw(st.booleans()):
                part[f"head__{name}"] = values
        parts.append(part)
    return parts


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    grid=grids(),
    seed=st.integers(0, 3),
    n_classes=st.sampled_from([2, 3]),
    scoring=st.sampled_from([None, "accuracy", "f1_macro", "roc_auc_ovr", "balanced_accuracy"]),
    train=st.booleans(),
)
def test_scores_are_those_of_single_fits(same_results, grid, seed, n_classes, scoring, train):
    X, y = make_classification(
        n_samples=60, n_features=5, n_informative=4, n_redundant=1, n_classes=n_classes,
        n_clusters_per_class=1, random_state=seed,
    )  # fmt: skip
    model = Pipeline([("scale", StandardScaler()), ("reduce", PCA()), ("head", GaussianNB())])
    cv = StratifiedKFold(3)
    options = {"scoring": scoring, "cv": cv, "refit": False, "return_train_score": train}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = SharedSearchCV(model, grid, **options).fit(X, y)
        theirs = GridSearchCV(model, grid, **options).fit(X, y)
    tolerance = 1e-9
    same_results(_without_ranks(ours.cv_results_), _without_ranks(theirs.cv_results_), tolerance)
    assert ours.best_index_ == theirs.best_index_ or np.isclose(
        theirs.cv_results_["mean_test_score"][ours.best_index_],
        theirs.cv_results_["mean_test_score"][theirs.best_index_],
        rtol=0,
        atol=tolerance,
    )


def _without_ranks(results):
    return {name: column for name, column in results.items() if "rank" not in name}


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("routing", [False, True])
def test_sources_travel_whole_and_groups_reach_the_fit(small, in_pipeline, routing, monkeypatch):
    from sklearn import config_context
    from sklearn.model_selection import GroupKFold

    from priorlift.transfer.routing import fit_params

    X, y = small
    pool = SourcePool([Source("near", X + 0.1, y), Source("far", X * 2, y)])
    groups = np.arange(len(y)) // 3
    seen = []
    plain_fit = PooledClassifier.fit

    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        seen.append((len(X), sources, None if groups is None else len(groups)))
        return plain_fit(self, X, y, sources=sources, sample_weight=sample_weight, groups=groups)

    monkeypatch.setattr(PooledClassifier, "fit", fit)
    model, grid = PooledClassifier(), {"random_state": [0, 1]}
    if in_pipeline:
        model = Pipeline([("scale", StandardScaler()), ("head", model)])
        grid = {"head__random_state": [0, 1]}
    with config_context(enable_metadata_routing=routing):
        params = {**fit_params(model, sources=pool), "groups": groups}
        SharedSearchCV(model, grid, cv=GroupKFold(3), refit=False).fit(X, y, **params)
    assert len(seen) == 6
    assert {n for n, _, _ in seen} == {60}
    assert all(sources is pool for _, sources, _ in seen)
    assert {n for _, _, n in seen} == {60}
