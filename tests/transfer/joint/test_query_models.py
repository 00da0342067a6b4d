import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import multivariate_normal

from priorlift.transfer.joint import query_models
from priorlift.transfer.joint.query_models import CountFeatures, GaussianFeatures

DRAWS = np.random.default_rng(0)
COUNTS = DRAWS.poisson(1.0, size=(30, 6)).astype(float)
VALUES = DRAWS.normal(size=(40, 4)) @ DRAWS.normal(size=(4, 4)) + 3.0
KINDS = {
    "counts": (CountFeatures.of(COUNTS.sum(axis=0), 0.5, 0.7), COUNTS),
    "values": (GaussianFeatures.of(VALUES, 0.7), VALUES),
}


@pytest.mark.parametrize("kind", KINDS)
def test_sums_add_up_over_cells(kind):
    model, rows = KINDS[kind]
    member = np.random.default_rng(1).dirichlet(np.ones(3), size=len(rows))
    parts = model.sums(rows[:10], member[:10]) + model.sums(rows[10:], member[10:])
    np.testing.assert_allclose(model.sums(rows, member), parts)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_class_is_as_all_cells_are(kind):
    model, rows = KINDS[kind]
    member = np.zeros((len(rows), 2))
    member[:, 0] = 1.0
    found = model.log_likelihood(rows, model.learned(model.sums(rows, member)))
    assert np.isfinite(found).all()
    if kind == "counts":
        assert np.abs(found).max() < 0.2


def test_profiles_are_smoothed_shares():
    model = CountFeatures.of(COUNTS.sum(axis=0), 0.5, 0.7)
    member = np.random.default_rng(1).dirichlet(np.ones(3), size=len(COUNTS))
    log_t = model.learned(model.sums(sp.csr_matrix(COUNTS), member))
    background = (COUNTS.sum(axis=0) + 0.1) / (COUNTS.sum(axis=0) + 0.1).sum()
    for c in range(3):
        totals = sum(member[i, c] * COUNTS[i] for i in range(len(COUNTS)))
        expected = (totals + 3.0 * background) / (totals.sum() + 3.0)
        np.testing.assert_allclose(np.exp(log_t[c]), expected)


def test_gaussians_are_those_of_scipy_in_all_components(monkeypatch):
    monkeypatch.setattr(query_models, "POOLED", 0.0)
    monkeypatch.setattr(query_models, "RIDGE", 0.0)
    codes = np.arange(40) % 2
    member = np.eye(2)[codes]
    model = GaussianFeatures.of(VALUES, 1.0)
    found = model.log_likelihood(VALUES, model.learned(model.sums(VALUES, member)))
    expected = np.empty((40, 2))
    for c in range(2):
        own = VALUES[codes == c]
        law = multivariate_normal(own.mean(axis=0), np.cov(own.T, bias=True))
        expected[:, c] = law.logpdf(VALUES) + np.log(21 / 42)
    np.testing.assert_allclose(found, expected - expected.max(axis=1, keepdims=True), atol=1e-6)


def test_constant_and_few_values_are_no_trouble():
    for values in (np.ones((6, 3)), np.arange(3.0).reshape(1, 3), np.zeros((2, 1))):
        model = GaussianFeatures.of(values, 1.0)
        member = np.full((len(values), 2), 0.5)
        found = model.log_likelihood(values, model.learned(model.sums(values, member)))
        assert np.isfinite(found).all()
