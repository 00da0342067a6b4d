"""Principal components cut from one fit, against one fit for each number of components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA, KernelPCA
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from priorlift.search import SharedSearchCV
from priorlift.search.families.pca import fit_largest, shared_fit_key


@settings(max_examples=40, deadline=None)
@given(
    solver=st.sampled_from(["full", "covariance_eigh", "auto"]),
    shape=st.sampled_from([(60, 6), (9, 12), (30, 30)]),
    dtype=st.sampled_from(["f8", "f8", "f4"]),
    defect=st.booleans(),
    seed=st.integers(0, 99),
)
def test_cuts_are_the_fits_of_their_own(solver, shape, dtype, defect, seed):
    rng = np.random.default_rng(seed)
    n, p = shape
    X = (rng.normal(size=(n + 5, p)) * np.linspace(1, 3, p) + 2).astype(dtype)
    if defect:
        X[:, 0] = 1.5
    train, test = X[:n], X[n:]
    counts = [1, 3, 2, None, 0.5, 0.95, min(n, p)]
    estimators = [PCA(c, svd_solver=solver, whiten=c == 2) for c in counts]
    assert len({shared_fit_key(e) for e in estimators}) == 1
    cut = fit_largest(estimators, train, test)
    if n < p and solver == "covariance_eigh":
        assert cut is None
        return
    assert cut is not None
    close = {"rtol": 0, "atol": 1e-9 if dtype == "f8" else 2e-3}
    for estimator in estimators:
        fitted, Z_train, Z_test = cut.slice(estimator)
        alone = clone(estimator)
        np.testing.assert_allclose(Z_train, alone.fit_transform(train), **close)
        np.testing.assert_allclose(Z_test, alone.transform(test), **close)
        np.testing.assert_allclose(fitted.transform(test), alone.transform(test), **close)
        assert fitted.n_components_ == alone.n_components_
        learned = {name for name in vars(alone) if name.endswith("_") or name.startswith("_fit")}
        for name in learned:
            mine, theirs = getattr(fitted, name), getattr(alone, name)
            if isinstance(theirs, str):
                assert mine == theirs
            else:
                np.testing.assert_allclose(mine, theirs, err_msg=name, **close)


@pytest.mark.parametrize(
    "estimator",
    [
        PCA(2, svd_solver="randomized"),
        PCA(2, svd_solver="arpack"),
        PCA("mle"),
        PCA(0),
        PCA(True),
        PCA(2, copy=False),
        PCA(2).set_output(transform="pandas"),
        KernelPCA(2),
    ],
)
def test_others_have_no_fit_in_common(estimator):
    assert shared_fit_key(estimator) is None


def test_what_cannot_be_cut_is_fitted_alone():
    X = np.random.default_rng(0).normal(size=(600, 80))
    assert fit_largest([PCA(2), PCA(3)], X, X) is None  # "auto" would draw here
    assert fit_largest([PCA(2), PCA(79)], X, X) is None
    assert fit_largest([PCA(2, svd_solver="full"), PCA(81, svd_solver="full")], X, X) is None
    assert fit_largest([PCA(2, svd_solver="full")], X.astype(int), X) is None
    assert fit_largest([PCA(2, svd_solver="full")], X.tolist(), X) is None


def test_a_search_fits_once_for_all_counts(small):
    model = Pipeline([("pca", PCA(svd_solver="full")), ("head", GaussianNB())])
    search = SharedSearchCV(model, {"pca__n_components": [1, 2, 3, 4, 5]}, cv=3).fit(*small)
    assert search.shared_work_.transformer_fits == 3
    assert search.shared_work_.transformer_fits_alone == 15
