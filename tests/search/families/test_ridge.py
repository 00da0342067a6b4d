"""Ridge heads for all penalties at once, against one plain fit a penalty."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeClassifier

from priorlift.core import registry
from priorlift.search.block import Block
from priorlift.search.families import ridge
from priorlift.search.families.ridge import FAMILY

ALPHAS = [{"alpha": a} for a in (1e-4, 1.0, 1e4)]
KINDS = ["vector", "column", "matrix", "binary", "multiclass", "multilabel"]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def block(n=40, p=7, kind="multiclass", seed=0, **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + 9, p)) * np.exp(rng.normal(size=p)) + 3
    signal = X[:, : min(p, 3)] @ rng.normal(size=(min(p, 3), 3)) + rng.normal(size=(n + 9, 3))
    signal -= signal.mean(axis=0)
    y = {
        "vector": signal[:, 0],
        "column": signal[:, :1],
        "matrix": signal,
        "binary": np.where(signal[:, 0] > 0, "yes", "no"),
        "multiclass": signal.argmax(axis=1) * 2 + 1,
        "multilabel": (signal > 0).astype(int),
    }[kind]
    if options.pop("weighted", False):
        options["fit_params"] = {"sample_weight": rng.integers(0, 3, n) + 0.5}
    dtype = options.pop("dtype", float)
    return Block(X[:n].astype(dtype), y[:n], X[n:].astype(dtype), **options)


def estimator(kind, **params):
    return (Ridge if kind in ("vector", "column", "matrix") else RidgeClassifier)(**params)


@pytest.fixture
def plain_fits(monkeypatch):
    """Count the settings that the family hands to the estimator itself."""
    count, real = [], ridge.fitted_values

    def fitted_values(*args):
        count.append(args[1])
        return real(*args)

    monkeypatch.setattr(ridge, "fitted_values", fitted_values)
    return count


def test_registered():
    assert registry.get("families", "ridge") is FAMILY


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.sampled_from([(40, 7), (12, 20), (15, 15), (30, 1), (200, 3)]),
    dtype=st.sampled_from(["f8", "f8", "f4", "i8"]),
    solver=st.sampled_from(["auto", "cholesky", "svd"]),
    intercept=st.booleans(),
    weighted=st.booleans(),
    want_train=st.booleans(),
    seed=st.integers(0, 50),
)
def test_as_plain_fits(as_plain, kind, shape, dtype, solver, intercept, weighted, want_train, seed):
    here = block(*shape, kind, seed, weighted=weighted, want_train=want_train, dtype=dtype)
    head = estimator(kind, fit_intercept=intercept, solver=solver)
    tolerance = 1e-3 if dtype == "f4" else 1e-9
    assert as_plain(FAMILY, head, ALPHAS, here, tolerance) == len(ALPHAS)


@settings(max_examples=30, deadline=None)
@given(
    defect=st.sampled_from(["constant", "twice", "nearly twice", "far away", "all the same"]),
    kind=st.sampled_from(["vector", "multiclass", "binary"]),
    exponent=st.integers(-12, 0),
    wide=st.booleans(),
    seed=st.integers(0, 20),
)
def test_defects_of_columns_are_answered_as_by_plain_fits(
    as_plain, defect, kind, exponent, wide, seed
):
    here = block(14 if wide else 40, 20 if wide else 6, kind, seed)
    rng = np.random.default_rng(seed)
    for X in (here.X_train, here.X_test):
        if defect == "constant":
            X[:, 2] = 7.0
        elif defect == "twice":
            X[:, 3] = X[:, 0]
        elif defect == "nearly twice":
            X[:, 3] = X[:, 0] * (1 + 1e-8 * rng.normal(size=len(X)))
        elif defect == "far away":
            X += 1e7
        else:
            X[:] = 1.0
    axis = [{"alpha": 10.0**exponent}, {"alpha": 1.0}]
    assert as_plain(FAMILY, estimator(kind), axis, here, 1e-8) == 2


def test_near_ties_of_classes_are_decided_by_the_estimator(as_plain, plain_fits):
    # Two classes of equal size whose rows mirror each other: the middle row is a tie.
    X = np.array([[1.0, 0.5], [-1.0, 0.5], [2.0, -0.5], [-2.0, -0.5]])
    for y, n_plain in (([0, 1, 0, 1], 3), ([0, 1, 0, 2], 0)):
        plain_fits.clear()
        here = Block(X, np.array(y), np.array([[0.0, 0.0], [1.0, 1.0]]))
        assert as_plain(FAMILY, RidgeClassifier(), ALPHAS, here) == 3
        assert len(plain_fits) == n_plain


def test_only_where_rounding_shows_settings_are_fitted_plainly(as_plain, plain_fits):
    here = block(kind="vector")
    as_plain(FAMILY, Ridge(), ALPHAS, here)
    assert not plain_fits
    here.X_train[:, 1] = here.X_train[:, 0] * (1 + 1e-9 * np.arange(40))
    axis = [{"alpha": a} for a in (0.0, 1e-14, 1.0, 10.0)]
    as_plain(FAMILY, Ridge(), axis, here)
    assert plain_fits
    assert set(plain_fits) <= {0.0, 1e-14}


@pytest.mark.parametrize("class_weight", ["balanced", {1: 2.0, 3: 0.5, 5: 1.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights(as_plain, class_weight, weighted):
    here = block(weighted=weighted)
    assert as_plain(FAMILY, RidgeClassifier(class_weight=class_weight), ALPHAS, here) == 3


def test_more_alphas_than_one_piece_holds(as_plain):
    many = [{"alpha": a} for a in np.logspace(-3, 3, 300)]
    pieces = list(FAMILY.answers(RidgeClassifier(), many, block()))
    assert [(piece.first, piece.test.n_settings) for piece in pieces] == [(0, 256), (256, 44)]
    assert as_plain(FAMILY, RidgeClassifier(), many[::25], block()) == 12


def test_rows_may_be_read_only_and_stay_as_they_are(as_plain):
    here = block(want_train=True)
    before = here.X_train.copy()
    for rows in (here.X_train, here.X_test):
        rows.flags.writeable = False
    assert as_plain(FAMILY, RidgeClassifier(copy_X=False), ALPHAS, here) == 3
    np.testing.assert_array_equal(here.X_train, before)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"positive": True}, "positive"),
        ({"solver": "lsqr"}, "iterative"),
        ({"fit_intercept": "yes"}, "fit_intercept"),
    ],
)
def test_estimators_without_closed_form_are_declined(change, reason):
    assert reason in FAMILY.declines(RidgeClassifier(**change), ALPHAS, block())


@pytest.mark.parametrize("alpha", [-1.0, np.nan, np.array([1.0, 2.0]), "auto", True, None])
def test_penalties_that_are_no_numbers_are_declined(alpha):
    assert "penalty" in FAMILY.declines(Ridge(), [*ALPHAS, {"alpha": alpha}], block(kind="vector"))


def test_blocks_that_are_not_plain_numbers_are_declined():
    good = block()
    X, y, T = good.X_train, good.y_train, good.X_test
    holes = X.copy()
    holes[0, 0] = np.nan
    for rows, targets, fit_params, word in [
        (sp.csr_array(X), y, {}, "sparse"),
        (holes, y, {}, "NaN"),
        (X.astype(object), y, {}, "no table of numbers"),
        (X, np.ones(len(y), dtype=int), {}, "one class"),
        (X, None, {}, "no targets"),
        (X, y, {"sample_weight": -np.ones(len(y))}, "weights"),
        (X, y, {"sample_weight": np.zeros(len(y))}, "weights"),
        (X, y, {"groups": y}, "groups"),
    ]:
        reason = FAMILY.declines(RidgeClassifier(), ALPHAS, Block(rows, targets, T, fit_params))
        assert word in reason, word
    assert "finite" in FAMILY.declines(Ridge(), ALPHAS, Block(X, [np.nan] * len(y), T))
