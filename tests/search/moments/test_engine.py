"""The second-moment engine against pipelines that are fitted: decision values, not only scores."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from priorlift.search import SharedSearchCV
from priorlift.search.moments import MomentEngine, engine, solves

ALPHAS = [{"alpha": a} for a in (1e-4, 1e-1, 1e2, 1e6)]
EIGEN = {"svd_solver": "covariance_eigh"}


def stages(a, b):
    """The eight stages of the benchmark."""
    standard = StandardScaler()
    return [
        [VarianceThreshold(), *rest]
        for rest in (
            [standard],
            [MinMaxScaler()],
            [MaxAbsScaler()],
            [standard, PCA(a, **EIGEN)],
            [standard, PCA(b, **EIGEN)],
            [standard, PCA(b, whiten=True, **EIGEN)],
            [standard, SelectKBest(f_classif, k=b)],
            [standard, SelectKBest(f_classif, k=a)],
        )
    ]


def big(n, p):
    """The benchmark's generated data: 10 classes, correlated columns of unequal scales."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n)
    means = rng.normal(size=(10, 40))
    Z = rng.normal(size=(n, 40)) + 0.55 * means[y]
    B = rng.normal(size=(40, p)) / np.sqrt(1 + np.arange(40))[:, None]
    X = Z @ B + 0.7 * rng.normal(size=(n, p)) + rng.normal(size=p)
    return X * np.exp(0.5 * rng.normal(size=p)), y


def assert_as_fitted(made, X, y, splits, fold, chain, head, atol=1e-9, axis=ALPHAS):
    """Compare with a fitted pipeline; return how many settings were answered."""
    train, test = splits[fold]
    A, B = X[train], X[test]
    for step in chain:
        if step is not None:
            fitted = clone(step)
            A = fitted.fit_transform(A, y[train])
            B = fitted.transform(B)
    assert made.declines(chain, head) is None
    seen = 0
    for found in made.answers(fold, chain, head, axis):
        assert found.first == seen
        for i in range(found.test.n_settings):
            alone = clone(head).set_params(**axis[seen + i]).fit(A, y[train])
            np.testing.assert_array_equal(
                found.test.predict(i) if found.test.labels is not None else 0,
                alone.predict(B) if found.test.labels is not None else 0,
            )
            mine = found.test.values if found.test.classes is None else found.test.decision
            theirs = alone.predict(B) if found.test.classes is None else alone.decision_function(B)
            np.testing.assert_allclose(mine[i], theirs, rtol=0, atol=atol)
            if found.test.classes is not None:
                np.testing.assert_array_equal(found.test.classes, alone.classes_)
        seen += found.test.n_settings
    return seen


@pytest.mark.parametrize("data", ["digits", "big"])
def test_all_stages_and_folds_of_the_benchmark(data):
    X, y = load_digits(return_X_y=True) if data == "digits" else big(1_500, 96)
    a, b = (16, 32) if data == "digits" else (24, 48)
    splits = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    made = MomentEngine(X, y, splits, {})
    for fold in range(5):
        for chain in stages(a, b):
            n = assert_as_fitted(made, X, y, splits, fold, chain, RidgeClassifier())
            assert n == len(ALPHAS)


CHAIN = st.lists(
    st.sampled_from(
        [
            VarianceThreshold(),
            StandardScaler(),
            StandardScaler(with_mean=False),
            StandardScaler(with_std=False),
            MinMaxScaler(),
            MinMaxScaler((-2, 3)),
            MaxAbsScaler(),
            None,
            PCA(2, svd_solver="full"),
            PCA(3, **EIGEN),
            PCA(2, whiten=True, svd_solver="full"),
            PCA(0.8, **EIGEN),
            PCA(None, svd_solver="full"),
        ]
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    chain=CHAIN,
    k_best=st.sampled_from([None, 2, 3]),
    head=st.sampled_from([RidgeClassifier(), Ridge()]),
    n_classes=st.integers(2, 4),
    splitter=st.sampled_from([KFold(3), KFold(2, shuffle=True, random_state=1), ShuffleSplit(2)]),
    defect=st.sampled_from(["", "", "constant", "far", "scales", "twice", "rare class"]),
    n_targets=st.integers(1, 2),
    seed=st.integers(0, 1000),
)
def test_random_chains(chain, k_best, head, n_classes, splitter, defect, n_targets, seed):
    rng = np.random.default_rng(seed)
    n, p = 48, 5
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + rng.normal(size=p)
    classes = type(head) is RidgeClassifier
    y = rng.integers(0, n_classes, n) if classes else X[:, :n_targets] + rng.normal(size=(n, 1))
    y = y[:, 0] if not classes and n_targets == 1 else y
    if defect == "constant":
        X[:, 1] = 3.25
    elif defect == "far":
        X += 1e3
    elif defect == "scales":
        X *= 10.0 ** np.arange(p)
    elif defect == "twice":
        X[:, 4] = X[:, 0]
    elif defect == "rare class" and classes:
        y[:2] = 9
    if k_best is not None:
        score = f_classif if classes else f_regression
        chain = [*chain, SelectKBest(score, k=k_best)]
    splits = list(splitter.split(X, y))
    made = MomentEngine(X, y, splits, {})
    for fold in range(len(splits)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                n_found = assert_as_fitted(made, X, y, splits, fold, chain, head)
            except ValueError:  # the chain itself cannot be fitted: nothing may be answered
                n_found = len(list(made.answers(fold, chain, head, ALPHAS)))
                assert n_found == 0
        assert n_found in (0, len(ALPHAS))


def test_usual_chains_are_answered_whole():
    X, y = big(300, 12)
    splits = list(KFold(3).split(X))
    made = MomentEngine(X, y, splits, {})
    for chain in stages(3, 6):
        assert len(list(made.answers(0, chain, RidgeClassifier(), ALPHAS))) == 1
    assert len(made._local.fold.states) == 10


def test_what_rounding_would_decide_is_not_answered():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = rng.integers(0, 3, 60)
    splits = list(KFold(3).split(X))
    twice = np.hstack([X, X[:, :1]])
    made = MomentEngine(twice, y, splits, {})
    best = list(np.argsort(f_classif(twice[20:], y[20:])[0]))
    rank = 5 - best.index(0)  # the column and its copy stand side by side
    cuts = [len(list(made.answers(0, [SelectKBest(k=k)], RidgeClassifier(), ALPHAS)))
            for k in (rank - 1, rank)]  # fmt: skip
    assert 0 in cuts
    even = np.vstack([np.eye(4), -np.eye(4)] * 6)
    made = MomentEngine(even, rng.integers(0, 2, 48), list(KFold(3).split(even)), {})
    assert not list(made.answers(0, [PCA(2, **EIGEN)], RidgeClassifier(), ALPHAS))
    nearly = X.copy()
    nearly[:, 0] = 1e6 + 1e-9 * X[:, 0]
    made = MomentEngine(nearly, y, splits, {})
    assert not list(made.answers(0, [StandardScaler()], RidgeClassifier(), ALPHAS))


@pytest.mark.parametrize(
    ("chain", "head", "word"),
    [
        ([RobustScaler()], Ridge(), "RobustScaler"),
        ([MinMaxScaler(clip=True)], Ridge(), "clips"),
        ([VarianceThreshold(0.1)], Ridge(), "threshold"),
        ([PCA(2, svd_solver="randomized")], Ridge(), "randomized"),
        ([PCA("mle")], Ridge(), "mle"),
        ([SelectKBest(f_classif)], Ridge(), "another kind"),
        ([SelectKBest(len)], Ridge(), "another score"),
        ([SelectKBest(f_regression, k="all")], Ridge(), "all"),
        ([], LogisticRegression(), "LogisticRegression"),
        ([], Ridge(fit_intercept=False), "intercept"),
        ([], Ridge(positive=True), "positive"),
        ([], Ridge(solver="svd"), "decomposes"),
        ([], RidgeClassifier(class_weight="balanced"), "weighted"),
        ([], RidgeClassifier(), "one class a row"),
    ],
)
def test_reasons_to_decline(chain, head, word):
    X = np.random.default_rng(0).normal(size=(30, 3))
    made = MomentEngine(X, X[:, 0], list(KFold(3).split(X)), {})
    assert word in made.declines(chain, head)


def test_rows_that_are_declined():
    X = np.random.default_rng(0).normal(size=(30, 3))
    y, splits = X[:, 0], list(KFold(3).split(X))
    holes = X.copy()
    holes[3, 1] = np.inf
    wide = np.random.default_rng(0).normal(size=(30, 25))
    for rows, params, word in [
        (X, {"sample_weight": y}, "metadata"),
        (X.astype("f4"), {}, "float32"),
        (holes, {}, "infinity"),
        (wide, {}, "more columns"),
    ]:
        assert word in MomentEngine(rows, y, splits, params).declines([], Ridge())
    assert solves(Ridge)
    assert not solves(LogisticRegression)


def test_too_little_memory_is_declined(monkeypatch):
    monkeypatch.setattr(engine, "available_memory", lambda: 1_000)
    X = np.random.default_rng(0).normal(size=(30, 3))
    made = MomentEngine(X, X[:, 0], list(KFold(3).split(X)), {})
    assert "memory" in made.declines([], Ridge())


def test_a_search_over_mixed_heads_is_as_scikit_learns(small, same_results):
    X, y = small
    model = Pipeline([("scale", StandardScaler()), ("head", RidgeClassifier())])
    grid = [
        {"scale": [StandardScaler(), MinMaxScaler()], "head__alpha": [0.1, 1.0, 10.0]},
        {"scale": [RobustScaler()], "head__alpha": [0.1, 1.0]},
        {"head": [LogisticRegression()], "head__C": [0.1, 1.0]},
    ]
    options = {"cv": 3, "scoring": ["accuracy", "f1_macro", "roc_auc_ovr"], "refit": "accuracy"}
    options["scoring"].pop()
    before = X.copy()
    X.flags.writeable = False
    try:
        ours = SharedSearchCV(model, grid, **options).fit(X, y)
    finally:
        X.flags.writeable = True
    np.testing.assert_array_equal(X, before)
    theirs = GridSearchCV(model, grid, **options).fit(X, y)
    same_results(ours.cv_results_, theirs.cv_results_, 1e-12)
    by = {group.steps: group.solved_by for group in ours.shared_work_.groups}
    assert by["MinMaxScaler"] == "moments"
    assert by["RobustScaler"] == "ridge"
