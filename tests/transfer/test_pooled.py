"""Pooled is what its name says: one model on stacked, weighted rows."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool
from priorlift.testing.problems import make_problem
from priorlift.transfer import PooledClassifier, PooledRegressor


def stacked(p, source_weight):
    """Rows of target and sources in fingerprint order, scaled like the target, with weights."""
    sources = p.pool.by_fingerprint()
    scaler = StandardScaler().fit(p.X)
    X = scaler.transform(np.vstack([p.X, *(s.X for s in sources)]))
    y = np.concatenate([p.y, *(s.y for s in sources)])
    weight = np.full(len(y), source_weight)
    weight[: len(p.y)] = 1.0
    return scaler, X, y, weight


@pytest.mark.parametrize("source_weight", [0.25, 1.0, 3.0])
def test_it_equals_logistic_regression_on_stacked_rows(source_weight):
    p = make_problem("classification")
    scaler, X, y, weight = stacked(p, source_weight)
    twin = LogisticRegression(max_iter=1000).fit(X, y, sample_weight=weight)
    model = PooledClassifier(source_weight=source_weight).fit(p.X, p.y, sources=p.pool)
    found = model.predict_proba(p.X_new)
    np.testing.assert_allclose(found, twin.predict_proba(scaler.transform(p.X_new)), atol=1e-6)


@pytest.mark.parametrize("source_weight", [0.25, 1.0])
def test_it_equals_the_closed_form_of_weighted_ridge(source_weight):
    p = make_problem("regression")
    scaler, X, y, weight = stacked(p, source_weight)
    centre = np.average(X, axis=0, weights=weight), np.average(y, weights=weight)
    A, b = X - centre[0], y - centre[1]
    coefficients = np.linalg.solve(A.T @ (weight[:, None] * A) + np.eye(4), A.T @ (weight * b))
    expected = (scaler.transform(p.X_new) - centre[0]) @ coefficients + centre[1]
    model = PooledRegressor(source_weight=source_weight).fit(p.X, p.y, sources=p.pool)
    np.testing.assert_allclose(model.predict(p.X_new), expected, rtol=1e-8, atol=1e-10)


def test_weightless_sources_leave_the_baseline():
    p = make_problem("regression")
    alone = PooledRegressor().fit(p.X, p.y).predict(p.X_new)
    gaps = [
        np.abs(
            PooledRegressor(source_weight=w).fit(p.X, p.y, sources=p.pool).predict(p.X_new) - alone
        ).max()
        for w in (1e-1, 1e-4, 1e-8)
    ]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-5


@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan")])
def test_a_weight_that_is_not_positive_is_refused(wrong):
    p = make_problem("classification")
    with pytest.raises(InputError, match="source_weight"):
        PooledClassifier(source_weight=wrong).fit(p.X, p.y, sources=p.pool)


def test_weights_of_the_sources_rows_count():
    p = make_problem("regression")
    source = p.pool["related"]
    doubled = Source("a", np.vstack([source.X, source.X]), np.tile(source.y, 2))
    weighted = Source("a", source.X, source.y, sample_weight=np.full(source.n_rows, 2.0))
    found, expected = (
        PooledRegressor().fit(p.X, p.y, sources=SourcePool([s])).predict(p.X_new)
        for s in (weighted, doubled)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_weights_reach_the_last_step_of_a_pipeline():
    p = make_problem("regression")
    inside = make_pipeline(StandardScaler(with_mean=False, with_std=False), Ridge())
    found = PooledRegressor(inside, source_weight=0.1).fit(p.X, p.y, sources=p.pool)
    expected = PooledRegressor(source_weight=0.1).fit(p.X, p.y, sources=p.pool)
    np.testing.assert_allclose(found.predict(p.X_new), expected.predict(p.X_new))


def test_a_learner_without_weights_is_refused_where_they_vary_and_used_where_not():
    p = make_problem("classification")
    with pytest.raises(InputError, match="KNeighborsClassifier cannot be fitted with"):
        PooledClassifier(KNeighborsClassifier(), source_weight=0.5).fit(p.X, p.y, sources=p.pool)
    model = PooledClassifier(KNeighborsClassifier(1)).fit(p.X, p.y, sources=p.pool)
    assert model.predict(p.X).tolist() == p.y.tolist()


def test_rows_of_other_classes_are_left_out():
    p = make_problem("classification")
    source = p.pool["related"]
    strange = np.where(np.arange(source.n_rows) % 3 == 0, 7, source.y)
    kept = strange != 7
    without, among = (
        PooledClassifier().fit(p.X, p.y, sources=SourcePool([Source("a", X, y)]))
        for X, y in ((source.X[kept], source.y[kept]), (source.X, strange))
    )
    np.testing.assert_array_equal(among.predict_proba(p.X_new), without.predict_proba(p.X_new))
    assert among.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("kind", [float, object, np.int8])
def test_labels_of_another_type_count_as_the_targets(kind):
    p = make_problem("classification")
    pool = SourcePool(Source(s.name, s.X, s.y.astype(kind)) for s in p.pool)
    found = PooledClassifier().fit(p.X, p.y, sources=pool)
    expected = PooledClassifier().fit(p.X, p.y, sources=p.pool)
    assert found.predict(p.X_new).dtype == p.y.dtype
    probabilities = expected.predict_proba(p.X_new)
    np.testing.assert_allclose(found.predict_proba(p.X_new), probabilities, atol=1e-6)


def test_numbers_that_look_like_classes_still_help_a_regression():
    p = make_problem("regression")
    counts = SourcePool([Source("counts", p.pool["related"].X, np.arange(40) % 3)])
    assert counts["counts"].task == "classification"
    assert np.isfinite(PooledRegressor().fit(p.X, p.y, sources=counts).predict(p.X_new)).all()


def test_preprocessing_on_all_rows_sees_the_sources_too():
    p = make_problem("classification")
    far = SourcePool([Source("far", p.pool["related"].X + 5.0, p.pool["related"].y)])
    scaler = {
        on: PooledClassifier(preprocess_on=on).fit(p.X, p.y, sources=far).preprocess_.scaler_.mean_
        for on in ("target", "all")
    }
    np.testing.assert_allclose(scaler["target"], p.X.mean(axis=0))
    everything = np.vstack([p.X, far["far"].X])
    np.testing.assert_allclose(scaler["all"], everything.mean(axis=0))
