"""LogME and the H-scores against brute force, closed forms and the traps of public code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, optimize
from sklearn.covariance import ledoit_wolf_shrinkage

from priorlift.core.errors import InputError
from priorlift.ranking.scores import h_score, ledoit_wolf, logme, shrinkage_h_score
from priorlift.ranking.statistics import TaskStatistics


def task(seed=0, n_rows=80, n_features=10, n_classes=4, spread=0.8):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


def of(X, y, kind="classification"):
    return TaskStatistics.of(X, y, kind)


def density(F, y, log_alpha, log_beta):
    """Log density per row of y under w ~ N(0, I/alpha) and noise N(0, I/beta), written out."""
    covariance = np.exp(-log_beta) * np.eye(len(y)) + np.exp(-log_alpha) * F @ F.T
    distance = y @ np.linalg.solve(covariance, y) + np.linalg.slogdet(covariance)[1]
    return -0.5 * (distance / len(y) + np.log(2 * np.pi))


def largest_density(F, y):
    best = -np.inf
    for start in ((0.0, 0.0), (4.0, 1.0), (-3.0, 3.0)):
        found = optimize.minimize(lambda p: -density(F, y, *p), start, method="Nelder-Mead")
        best = max(best, -found.fun)
    return best


@pytest.mark.parametrize(("n_rows", "n_features"), [(40, 6), (18, 30)])
@pytest.mark.parametrize("centre", [True, False])
def test_logme_is_the_largest_gaussian_evidence(n_rows, n_features, centre):
    X, y = task(n_rows=n_rows, n_features=n_features, n_classes=2)
    basis = linalg.null_space(np.ones((1, n_rows))) if centre else np.eye(n_rows)
    F, columns = basis.T @ X, basis.T @ np.eye(2)[y]
    expected = np.mean([largest_density(F, column) for column in columns.T])
    assert logme(of(X, y), centre=centre) == pytest.approx(expected, abs=1e-6)


def published_logme(F, y):
    """LogME as in the ICML paper: dense, uncentred, MacKay's fixed point run to its end."""
    n, d = F.shape
    scores = []
    for column in np.eye(y.max() + 1)[y].T:
        alpha = beta = 1.0
        for _ in range(20_000):
            A = alpha * np.eye(d) + beta * F.T @ F
            m = beta * np.linalg.solve(A, F.T @ column)
            gamma = d - alpha * np.trace(np.linalg.inv(A))
            residual = np.sum((F @ m - column) ** 2)
            before, alpha, beta = alpha / beta, gamma / (m @ m), (n - gamma) / residual
            if abs(alpha / beta / before - 1.0) < 1e-13:
                break
        A = alpha * np.eye(d) + beta * F.T @ F
        value = d * np.log(alpha) + n * np.log(beta) - n * np.log(2 * np.pi)
        value -= np.linalg.slogdet(A)[1] + beta * residual + alpha * m @ m
        scores.append(value / (2 * n))
    return np.mean(scores)


@pytest.mark.parametrize("seed", range(3))
def test_logme_equals_the_published_form_where_that_is_right(seed):
    X, y = task(seed, n_rows=120, n_features=8, n_classes=3)
    assert logme(of(X, y), centre=False) == pytest.approx(published_logme(X, y), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_noise_does_not_outrank_signal_with_fewer_rows_than_features(seed):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 5, 200)
    centres = generator.normal(0.0, 0.6, (5, 64))
    signal = of(centres[y] + generator.normal(size=(200, 64)), y)
    noise = of(generator.normal(size=(200, 1024)), y)
    assert logme(signal, centre=False) == pytest.approx(-0.03, abs=0.08)
    assert logme(noise, centre=False) == pytest.approx(-0.61, abs=0.02)
    assert logme(signal) == pytest.approx(0.08, abs=0.08)
    assert logme(noise) == pytest.approx(-0.50, abs=0.02)
    assert shrinkage_h_score(signal) == pytest.approx(3.0, abs=0.25)
    assert shrinkage_h_score(noise) < 0.35
    assert h_score(signal) == pytest.approx(3.45, abs=0.15)
    assert h_score(noise) == pytest.approx(4.0, abs=1e-9)  # the trap: the most there is


def test_logme_of_noise_is_the_null_model():
    generator = np.random.default_rng(1)
    y = np.arange(400) % 2
    null = 0.5 * (np.log(399 / 100) - 1 - np.log(2 * np.pi))
    found = logme(of(generator.normal(size=(400, 3)), y))
    assert null <= found < null + 0.02
    orthogonal = np.tile([[1.0], [1.0], [-1.0], [-1.0]], (100, 1))
    assert logme(of(orthogonal, y)) == pytest.approx(null, abs=1e-9)


def test_logme_of_a_perfect_feature_is_large_and_finite():
    y = np.arange(60) % 2
    perfect = logme(of(y[:, None].astype(float), y))
    assert np.isfinite(perfect)
    assert perfect > 5.0


@given(st.integers(0, 10**6), st.sampled_from([(12, 20), (50, 8)]), st.sampled_from([1e-3, 1e3]))
def test_scores_do_not_depend_on_scale_order_or_names(seed, shape, scale):
    X, y = task(seed, n_rows=shape[0], n_features=shape[1], n_classes=3)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(shape[0]), generator.permutation(shape[1])
    renamed = np.array(["z", "a", "k"])[y]
    for score in (logme, lambda s: logme(s, centre=False), h_score, shrinkage_h_score):
        expected = pytest.approx(score(of(X, y)), rel=1e-7, abs=1e-7)
        assert score(of(scale * X, y)) == expected
        assert score(of(X[rows], y[rows])) == expected
        assert score(of(X[:, columns], y)) == expected
        assert score(of(X, renamed)) == expected
        assert score(of(X, 7 + 10 * y)) == expected  # gaps in the ids


@given(st.integers(0, 10**6), st.floats(-50, 50))
def test_centred_scores_do_not_depend_on_an_offset(seed, offset):
    X, y = task(seed, n_rows=40)
    for score in (logme, h_score, shrinkage_h_score):
        assert score(of(X + offset, y)) == pytest.approx(score(of(X, y)), rel=1e-6)


def test_logme_is_free_of_units_in_a_regression():
    X, _ = task()
    y = X @ np.arange(10.0) + np.random.default_rng(0).normal(size=80)
    first, second = logme(of(X, y, "regression")), logme(of(X, 1e3 * y, "regression"))
    assert second == pytest.approx(first - np.log(1e3), abs=1e-8)
    two = logme(of(X, np.column_stack([y, 1e3 * y]), "regression"))
    assert two == pytest.approx((first + second) / 2, abs=1e-8)


def test_logme_ranks_the_features_that_explain_a_regression_first():
    X, _ = task()
    y = X[:, 0] + 0.1 * np.random.default_rng(0).normal(size=80)
    assert logme(of(X[:, :3], y, "regression")) > logme(of(X[:, 3:], y, "regression")) + 1.0


@pytest.mark.parametrize("n_rows", [12, 60])
def test_single_row_classes_are_scored(n_rows):
    X, y = task(n_rows=n_rows, n_features=20, n_classes=2)
    y[0] = 9
    for score in (logme, h_score, shrinkage_h_score):
        assert np.isfinite(score(of(X, y)))


@pytest.mark.parametrize("score", [logme, h_score, shrinkage_h_score])
def test_one_class_is_refused(score):
    X, y = task()
    with pytest.raises(InputError, match="constant"):
        score(of(X, np.zeros_like(y)))


@pytest.mark.parametrize("shape", [(30, 6), (12, 40)])
def test_shrinkage_h_is_adjusted_by_its_mean_over_orders_of_the_labels(shape):
    draws = np.random.default_rng(0)
    X, y = draws.normal(size=shape) * draws.uniform(0.2, 3.0, shape[1]), np.arange(shape[0]) % 3
    y[0] = 1
    orders = [shrinkage_h_score(X, draws.permutation(y)) for _ in range(3_000)]
    plain, adjusted = shrinkage_h_score(X, y), shrinkage_h_score(X, y, adjusted=True)
    expected = (plain - 2.0 * adjusted) / (1.0 - adjusted)
    assert expected == pytest.approx(np.mean(orders), abs=4.0 * np.std(orders) / 3_000**0.5)


def test_adjusted_wide_noise_is_no_better_than_narrow_noise():
    draws = np.random.default_rng(0)
    y = np.arange(100) % 4
    found = {
        d: [shrinkage_h_score(draws.normal(size=(100, d)), y, adjusted=True) for _ in range(40)]
        for d in (5, 400)
    }
    for values in found.values():
        assert np.mean(values) == pytest.approx(0.0, abs=4.0 * np.std(values) / 40**0.5)


def test_features_that_fit_any_labels_say_nothing():
    X = np.eye(12)
    assert shrinkage_h_score(X, np.arange(12) % 3, adjusted=True) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("score", [h_score, shrinkage_h_score])
def test_h_scores_refuse_a_regression(score):
    X, _ = task()
    with pytest.raises(InputError, match="regression"):
        score(of(X, X[:, 0], "regression"))


@pytest.mark.parametrize(("n_rows", "n_features"), [(60, 5), (20, 40)])
def test_shrinkage_is_that_of_scikit_learn(n_rows, n_features):
    X, y = task(n_rows=n_rows, n_features=n_features)
    assert ledoit_wolf(of(X, y)) == pytest.approx(ledoit_wolf_shrinkage(X), rel=1e-9)


@pytest.mark.parametrize(("n_rows", "n_features"), [(60, 5), (20, 40)])
@pytest.mark.parametrize("decomposed", [True, False])
def test_h_scores_equal_their_dense_forms(n_rows, n_features, decomposed):
    X, y = task(n_rows=n_rows, n_features=n_features)
    covariance = np.cov(X.T, bias=True)
    means = np.stack([X[y == c].mean(axis=0) for c in range(4)]) - X.mean(axis=0)
    between = means.T @ (np.bincount(y)[:, None] / n_rows * means)
    a = ledoit_wolf_shrinkage(X)
    shrunken = (1 - a) * covariance + a * np.trace(covariance) / n_features * np.eye(n_features)
    statistics = of(X, y)
    if decomposed:
        statistics.spectrum()
    expected = (1 - a) * np.trace(np.linalg.solve(shrunken, between))
    assert shrinkage_h_score(statistics) == pytest.approx(expected, rel=1e-9)
    plain = np.trace(np.linalg.pinv(covariance, rcond=1e-10) @ between)
    assert h_score(statistics) == pytest.approx(plain, rel=1e-8)


def test_statistics_and_rows_give_the_same_scores():
    X, y = task()
    for score in (logme, h_score, shrinkage_h_score, ledoit_wolf):
        assert score(X, y) == score(of(X, y))
    assert logme(X, X[:, 0], task="regression") == logme(of(X, X[:, 0], "regression"))
    assert ledoit_wolf(X) == ledoit_wolf(X, y)
    with pytest.raises(InputError, match="labels already"):
        logme(of(X, y), y)
    with pytest.raises(InputError, match="no labels"):
        logme(X)


@pytest.mark.parametrize("score", [logme, h_score, shrinkage_h_score])
def test_what_says_nothing_is_refused(score):
    X, y = task()
    with pytest.raises(InputError, match="2 rows"):
        score(X[:2], [0, 1])
    with pytest.raises(InputError, match="all features are NaN"):
        score(np.full_like(X, np.nan), y)
    with pytest.raises(InputError, match=r'fewer than two rows a class.*task="regression"'):
        score(X, X[:, 0])
