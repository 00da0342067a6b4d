"""TransRate, GBC and SFDA against loops over classes and rows, and in the traps they know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from priorlift.core.errors import InputError
from priorlift.ranking.scores import gbc, sfda, transrate
from priorlift.ranking.scores.separation import leading_components

SCORES = {
    "transrate": transrate,
    "gbc": gbc,
    "gbc spherical": lambda F, y: gbc(F, y, covariance="spherical"),
    "sfda": sfda,
    "sfda shrunken": lambda F, y: sfda(F, y, shrinkage=0.3),
}
ALL = pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
SHAPES = pytest.mark.parametrize(("n_rows", "n_features"), [(60, 5), (24, 40)])


def task(seed=0, n_rows=60, n_features=5, n_classes=3, spread=0.8):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


@SHAPES
def test_transrate_is_a_difference_of_log_determinants(n_rows, n_features):
    X, y = task(n_rows=n_rows, n_features=n_features)
    Z = X - X.mean(axis=0)
    Z = Z / np.sqrt(np.trace(Z @ Z.T))

    def rate(rows):
        return 0.5 * np.linalg.slogdet(np.eye(n_features) + rows.T @ rows / (len(rows) * 1e-4))[1]

    expected = rate(Z) - np.mean([rate(Z[y == c]) for c in range(3)])
    assert transrate(X, y) == pytest.approx(expected, rel=1e-9)


@SHAPES
@pytest.mark.parametrize("covariance", ["diagonal", "spherical"])
def test_gbc_is_a_sum_over_pairs_of_normal_classes(n_rows, n_features, covariance):
    X, y = task(n_rows=n_rows, n_features=n_features)
    Z = X - X.mean(axis=0)
    left, singular, _ = np.linalg.svd(Z, full_matrices=False)
    parts = (left * singular)[:, :4]
    parts = parts / np.sqrt((parts**2).mean())
    expected = 0.0
    for one in range(3):
        for two in range(3):
            if one == two:
                continue
            S, T = (np.diag(parts[y == c].var(axis=0)) for c in (one, two))
            if covariance == "spherical":
                S, T = (np.eye(4) * np.trace(M) / 4 for M in (S, T))
            gap = parts[y == one].mean(axis=0) - parts[y == two].mean(axis=0)
            middle = (S + T) / 2
            distance = gap @ np.linalg.solve(middle, gap) / 8 + 0.5 * np.log(
                np.linalg.det(middle) / np.sqrt(np.linalg.det(S) * np.linalg.det(T))
            )
            expected -= np.exp(-distance)
    assert gbc(X, y, n_components=4, covariance=covariance) == pytest.approx(expected, rel=1e-9)


def published_sfda(X, y, shrinkage):
    """The published algorithm with its generalised eigenproblem and loops, on scaled features."""
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    n, d, classes = len(X), X.shape[1], range(y.max() + 1)

    def posterior(rows):
        means = np.array([rows[y == c].mean(axis=0) for c in classes])
        within = sum(np.mean(y == c) * np.cov(rows[y == c].T, bias=True) for c in classes)
        strength = shrinkage
        if strength is None:
            strength = max(np.exp(-5 * np.linalg.eigvalsh(within)[-1]), 1e-10)
        shrunken = (1 - strength) * within + strength * np.trace(within) / d * np.eye(d)
        total = np.cov(rows.T, bias=True)
        total = (1 - strength) * total + strength * np.trace(total) / d * np.eye(d)
        vectors = linalg.eigh(total - shrunken, shrunken)[1]
        weights = means @ vectors @ vectors.T
        priors = np.array([np.mean(y == c) for c in classes])
        scores = rows @ weights.T - 0.5 * np.diag(means @ weights.T) + np.log(priors)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True), means, strength

    first, means, shrinkage = posterior(X)
    mixed = X.copy()
    for i in range(n):
        soft = np.exp(first[i]) / np.exp(first[i]).sum()
        others = np.mean([means[c] for c in classes if c != y[i]], axis=0)
        mixed[i] = soft[y[i]] * X[i] + (1 - soft[y[i]]) * others
    return np.mean(posterior(mixed)[0][np.arange(n), y])


@pytest.mark.parametrize("shrinkage", [None, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_sfda_equals_the_published_algorithm(seed, shrinkage):
    X, y = task(seed)
    expected = published_sfda(X, y, shrinkage)
    assert sfda(X, y, shrinkage=shrinkage) == pytest.approx(expected, abs=1e-9)


@ALL
@given(st.integers(0, 10**6), st.sampled_from([(50, 6), (20, 30)]), st.sampled_from([1e-3, 1e3]))
def test_scores_do_not_depend_on_scale_offset_order_or_names(score, seed, shape, scale):
    X, y = task(seed, *shape)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(shape[0]), generator.permutation(shape[1])
    expected = pytest.approx(score(X, y), rel=1e-5, abs=1e-7)
    assert score(scale * X + scale, y) == expected
    assert score(X[rows], y[rows]) == expected
    assert score(X[:, columns], y) == expected
    assert score(X, np.array(["z", "a", "k"])[y]) == expected
    assert score(X, 7 + 10 * y) == expected  # gaps in the ids


@ALL
@SHAPES
def test_single_precision_gives_the_same_scores(score, n_rows, n_features):
    X, y = task(n_rows=n_rows, n_features=n_features)
    single = X.astype(np.float32)
    assert score(single, y) == pytest.approx(score(X, y), rel=1e-4, abs=1e-6)


@ALL
@SHAPES
def test_constant_columns_change_nothing_and_duplicates_little(score, n_rows, n_features):
    X, y = task(n_rows=n_rows, n_features=n_features)
    padded = np.hstack([X, np.full((n_rows, 3), 0.1)])
    assert score(padded, y) == pytest.approx(score(X, y), rel=1e-6, abs=1e-9)
    assert np.isfinite(score(np.hstack([X, X]), y))


@pytest.mark.parametrize("score", [transrate, gbc])
def test_all_columns_twice_are_the_same_features(score):
    X, y = task()
    assert score(np.hstack([X, X]), y) == pytest.approx(score(X, y), rel=1e-9)


@ALL
@SHAPES
def test_single_row_classes_are_scored(score, n_rows, n_features):
    X, y = task(n_rows=n_rows, n_features=n_features)
    y[0] = 9
    assert np.isfinite(score(X, y))


def test_a_single_row_does_not_stand_apart_for_want_of_variance():
    X, y = task(n_classes=2, spread=0.0)
    y[0] = 9
    X[0] = X[1:].mean(axis=0)
    apart = X.copy()
    apart[0] += 10.0
    assert gbc(X, y) < -5.0
    assert gbc(apart, y) > -2.1  # the pair without signal is left


@ALL
def test_scores_rise_with_the_distance_of_the_classes(score):
    near, y = task(spread=0.2, n_rows=90)
    far, _ = task(spread=2.0, n_rows=90)
    assert score(far, y) > score(near, y)


@pytest.mark.parametrize("seed", range(3))
def test_gbc_does_not_prefer_noise_with_fewer_rows_than_features(seed):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 5, 200)
    centres = generator.normal(0.0, 0.6, (5, 64))
    signal = centres[y] + generator.normal(size=(200, 64))
    noise = generator.normal(size=(200, 1024))
    assert gbc(signal, y) > -1.0 > -7.0 > gbc(noise, y)
    assert sfda(noise, y) == pytest.approx(1.0)  # the trap: judged on the rows it was fitted on
    same_width = generator.normal(size=(200, 64))
    for score in (transrate, gbc, sfda):
        assert score(signal, y) > score(same_width, y)
    assert transrate(noise, y) > transrate(signal, y)  # the trap: it grows with the dimensions


def test_transrate_and_gbc_stay_in_their_ranges():
    X, y = task(spread=0.0, n_rows=900)
    assert -6.0 <= gbc(X, y) < -5.8
    assert gbc(1e6 * np.eye(3)[y] + X[:, :3], y) == pytest.approx(0.0, abs=1e-9)


def test_separated_points_are_the_best_there_is():
    y = np.arange(30) % 3
    assert sfda(np.eye(3)[y], y) == pytest.approx(1.0, abs=1e-6)
    assert gbc(np.eye(3)[y], y) == pytest.approx(0.0, abs=1e-9)


def test_rows_are_not_overwritten():
    X, y = task()
    before = X.copy()
    for score in SCORES.values():
        score(X, y)
    np.testing.assert_array_equal(X, before)


@ALL
def test_what_says_nothing_is_refused(score):
    X, y = task()
    with pytest.raises(InputError, match="constant"):
        score(X, np.zeros_like(y))
    with pytest.raises(InputError, match="constant"):
        score(np.ones_like(X), y)
    with pytest.raises(InputError, match="2 rows"):
        score(X[:2], [0, 1])
    with pytest.raises(InputError, match="all features are NaN"):
        score(np.full_like(X, np.nan), y)
    with pytest.raises(InputError, match=r"fewer than two rows a class.*regression"):
        score(X, X[:, 0])
    with pytest.raises(InputError, match="do not match"):
        score(X, y[:-1])


def test_options_are_checked():
    X, y = task()
    for call in (
        lambda: transrate(X, y, epsilon=0.0),
        lambda: gbc(X, y, covariance="full"),
        lambda: gbc(X, y, n_components=0),
        lambda: sfda(X, y, shrinkage=2.0),
    ):
        with pytest.raises(InputError, match="Remedy"):
            call()


def test_leading_components_are_a_tenth_of_the_rows():
    X, _ = task(n_rows=60, n_features=40)
    assert leading_components(X).shape == (60, 6)
    assert leading_components(X[:, :2]).shape == (60, 2)
