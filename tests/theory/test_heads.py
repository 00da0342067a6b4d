import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.theory.heads import logistic_heads, ridge_heads


def problems(n, p, seed=0):
    rng = np.random.default_rng(seed)
    v = rng.normal(size=(3, n, p))
    return v, np.where(v @ rng.normal(size=p) + rng.normal(size=(3, n)) > 0, 1.0, -1.0)


@pytest.mark.parametrize(("n", "p"), [(20, 50), (80, 30)])
def test_heads_are_those_of_scikit_learn(n, p):
    v, y = problems(n, p)
    lam = np.array([0.01, 0.3, 10.0])
    logistic, ridge = logistic_heads(v, y, lam), ridge_heads(v, y, lam)
    for k in range(3):
        twin = LogisticRegression(C=1 / lam[k], fit_intercept=False, tol=1e-12, max_iter=10_000)
        twin.fit(v[k] / np.sqrt(p), y[k])
        np.testing.assert_allclose(logistic[k], twin.coef_[0], atol=2e-4 * np.abs(twin.coef_).max())
        twin = Ridge(lam[k], fit_intercept=False).fit(v[k] / np.sqrt(p), y[k])
        np.testing.assert_allclose(ridge[k], twin.coef_, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("lam", [1e-6, 1e-3, 1e5])
def test_the_slope_vanishes(n, lam):
    v, y = problems(n, 60)
    w = logistic_heads(v, y, np.full(3, lam))
    signed = y[:, :, None] * v / np.sqrt(60)
    f = 1 / (1 + np.exp((signed @ w[:, :, None])[:, :, 0]))
    slope = lam * w - np.einsum("kn,knp->kp", f, signed)
    assert np.abs(slope).max() < 1e-7 * max(1, lam)
