"""Forecasts of numbers: ridge on real labels, against formulas, simulations and real tables."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Ridge

from priorlift.core.errors import InputError
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.forecast_labels import task_of
from priorlift.theory.forecasts import forecast, labels_needed
from priorlift.theory.label_alignment import LabelAlignment
from priorlift.theory.pictures import LinearPicture, best_heads

P, GRID = 30, (40, 150, 600)
QUICK = {"n_grid": GRID, "n_bootstrap": 10}
UNIT, MEAN = 7.0, 50.0


def table(n=6000, reach=0.7, seed=0, heavy=False):
    """Rows of power-law columns, and numbers of which a linear rule explains a share."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_t(5, size=(n, P)) / np.sqrt(5 / 3) if heavy else rng.normal(size=(n, P))
    X = rows * np.arange(1, P + 1) ** -0.35 + 2.0
    linear = (X - 2.0) @ rng.normal(size=P)
    rest = rng.normal(size=n)
    return X, MEAN + UNIT * (
        np.sqrt(reach) * linear / linear.std() + np.sqrt(1 - reach) * rest / rest.std()
    )


def observed(X, y, n, C, draws=30, seed=1):
    """Root of the mean squared error of scikit-learn's ridge on n rows of the first half."""
    rng, half = np.random.default_rng(seed), len(y) // 2
    squared = []
    for _ in range(draws):
        chosen = rng.permutation(half)[:n]
        head = Ridge(alpha=1 / C).fit(X[chosen], y[chosen])
        squared.append(np.mean((head.predict(X[half:]) - y[half:]) ** 2))
    return np.sqrt(np.mean(squared))


@pytest.fixture(scope="module")
def rows():
    return table()


@pytest.fixture(scope="module")
def found(rows):
    X, y = rows
    return forecast(X, X[:400], y[:400], **QUICK)


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("reach", [0.3, 0.7, 0.95])
def test_real_ridge_errs_as_forecast(reach, heavy):
    X, y = table(reach=reach, heavy=heavy, seed=3)
    one = forecast(X, X[:400], y[:400], **QUICK)["features"]
    for n, error, C in zip(one.n, one.error, one.C, strict=True):
        # 400 labels leave the error of 0.95 uncertain by a twentieth, the others' by less.
        assert error == pytest.approx(observed(X, y, n, C), rel=0.13)
    assert one.floor == pytest.approx(UNIT * np.sqrt(1 - reach), rel=0.15)


def test_the_bands_hold_what_ridge_does_as_often_as_they_say():
    inside = []
    for seed in range(12):
        X, y = table(3000, seed=seed)
        one = forecast(X, X[:300], y[:300], (40, 600), n_bootstrap=40)["features"]
        for n, low, high, C in zip(one.n, one.low, one.high, one.C, strict=True):
            inside.append(low <= observed(X, y, n, C, draws=10) <= high)
    assert np.mean(inside) >= 0.65


def test_a_wide_band_is_warned_of_and_a_narrow_one_is_not(rows):
    X, y = rows
    few = forecast(X, X[:60], y[:60], **QUICK)["features"]
    many = forecast(X, X[:2000], y[:2000], **QUICK)["features"]
    widths = [(h - lo) / (2 * e) for e, lo, h in zip(few.error, few.low, few.high, strict=True)]
    said = [text for text in few.warnings if "the band reaches" in text]
    assert max(widths) > 0.1
    assert f"{100 * max(widths):.0f} % to either side" in said[0]
    assert not any("the band reaches" in text for text in many.warnings)


def test_the_plain_plug_in_would_be_far_off(rows):
    """What debiasing is for: squares of 60 labels' covariances see a rule in their noise."""
    X, y = rows
    directions = forecast(X, X[:60], y[:60], **QUICK, honesty=False)["features"]._pictures
    honest = directions[0].alignment
    pulls = (y[:60] - y[:60].mean()) / y[:60].std()
    centred = X[:60] - X.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    plain = ((centred @ vectors * pulls[:, None]).mean(axis=0) ** 2 / values).sum()
    assert abs(honest.reach - 0.7) < 0.5 * abs(plain - 0.7)


def test_the_picture_is_the_closed_form_but_for_the_intercept():
    """Isotropic ridge: Marchenko-Pastur, and the noise of what cannot be seen."""
    p, reach, n, lam = 200, 0.6, 400, 0.8
    alignment = LabelAlignment(np.ones(p), np.full(p, reach / p), 1.0, None, n, reach)
    alpha = (n - 1) / p
    b = lam + alpha - 1
    V = (-b + np.sqrt(b * b + 4 * lam)) / (2 * lam)
    share = alpha * V**2 / (1 + V) ** 2
    squared = (reach * lam**2 * V**2 + (1 - reach)) / (1 - share)
    made = LinearPicture(alignment).errors(np.array([n / p]), np.array([lam]))[0]
    assert made == pytest.approx(np.sqrt(squared * (1 + 1 / n)), rel=1e-9)
    assert LinearPicture(alignment).floor == pytest.approx(np.sqrt(1 - reach))


def test_the_best_ridge_is_noise_by_signal_where_directions_are_equal():
    p, reach = 200, 0.6
    alignment = LabelAlignment(np.ones(p), np.full(p, reach / p), 1.0, None, 400, reach)
    lams = np.geomspace(0.05, 10, 60)
    best = best_heads(LinearPicture(alignment), np.array([1.0, 4.0]), lams)[1]
    np.testing.assert_allclose(best, (1 - reach) / reach, rtol=0.06)


def test_labels_in_other_units_give_the_same_forecast_in_them(rows, found):
    X, y = rows
    other = forecast(X, X[:400], 1e-6 * y[:400] - 3.0, **QUICK)
    for name in ("error", "low", "high"):
        ours, theirs = (np.array(getattr(one["features"], name)) for one in (found, other))
        np.testing.assert_allclose(theirs, 1e-6 * ours, rtol=1e-6)
    assert pytest.approx(found["features"].C) == other["features"].C
    assert other["features"].check[0].observed == pytest.approx(
        1e-6 * found["features"].check[0].observed
    )


def test_labels_needed_lie_on_the_curve_in_units(found):
    one = found["features"]
    assert abs(labels_needed(found, one.error[1])["features"].n - GRID[1]) <= 2
    assert one.labels_needed(0.9 * one.floor).unreachable
    assert found.labels_saved("features", "features", 100) == pytest.approx(0, abs=2)
    with pytest.raises(InputError, match="standard deviation of the labels"):
        one.labels_needed(2.0 * UNIT)
    assert found.task == "regression"
    assert found.classes == ()
    assert "root of the mean squared error" in found.predicts
    assert json.loads(found.to_json())["task"] == "regression"


@pytest.mark.parametrize("name", ["diabetes", "digits"])
def test_real_tables_are_forecast_within_a_tenth(name):
    """Floors of real data: the plain plug-in errs by more; in the median 2 to 4 % are measured."""
    if name == "diabetes":
        X, y = load_diabetes(return_X_y=True)
        known, grid = 221, (25, 60, 150)
    else:
        pixels = load_digits().data
        X, y = pixels[:, :32], pixels[:, 32:].sum(axis=1)
        known, grid = 300, (25, 60, 150, 500)
    off = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(y))
        Z, z = X[order] / (X.std(axis=0) + 1e-12), y[order]
        few = (Z[:known], z[:known])
        one = forecast(Z, *few, grid, n_bootstrap=4, task="regression")["features"]
        for n, error, C in zip(one.n, one.error, one.C, strict=True):
            off.append(error / observed(Z, z, min(n, len(z) // 2), C, draws=10) - 1)
    assert np.median(np.abs(off)) < 0.07
    assert np.max(np.abs(off)) < 0.2


def test_numbers_that_no_feature_tells_stay_at_their_spread():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2000, 10)), rng.normal(size=2000)
    one = forecast(X, X[:300], y[:300], **QUICK)["features"]
    assert np.isfinite([*one.error, *one.low, *one.high, one.floor]).all()
    assert min(one.error) > 0.9 * y[:300].std()


def test_a_rule_that_is_no_line_is_a_rest_like_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 12))
    y = 2.0 * X[:, 0] + X[:, 1] ** 2 - 1.0 + X[:, 2] * X[:, 3]
    one = forecast(X, X[:400], y[:400], (50, 400), n_bootstrap=4)["features"]
    assert one.reach == pytest.approx(4 / 7, abs=0.12)
    for n, error, C in zip(one.n, one.error, one.C, strict=True):
        assert error == pytest.approx(observed(X, y, n, C), rel=0.15)


def test_a_rule_without_any_noise_has_a_forecast_or_a_warning():
    X, y = table(reach=1.0)
    one = forecast(X, X[:400], y[:400], **QUICK)["features"]
    assert np.isfinite([*one.error, *one.low, *one.high]).all()
    right = all(
        abs(error / observed(X, y, n, C) - 1) < 0.2
        for n, error, C in zip(one.n, one.error, one.C, strict=True)
    )
    assert right or any("held-out rows say" in text for text in one.warnings)


def test_the_theory_needs_no_noise_of_its_own():
    """What features cannot see counts as noise: one model says both."""
    om = np.linspace(2.0, 0.1, 50)
    t = 0.6 * om / om.sum() * om.mean()
    unseen = CovariateModel(om, t, rho=1.0).solve([2.0], 0.3, loss="square").error
    seen = float((t / om).sum())
    noisy = CovariateModel(om, t, rho=seen, noise=1.0 - seen).solve([2.0], 0.3, loss="square").error
    np.testing.assert_allclose(unseen, noisy, rtol=1e-12)


def test_labels_are_numbers_where_one_has_a_fraction_or_where_it_is_said():
    assert task_of([1.0, 2.5]) == "regression"
    assert task_of([1.0, 2.0]) == task_of(["a", "b"]) == "classification"
    assert task_of([1, 2], "regression") == "regression"
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    counts = np.round(20 + 5 * X[:, 0] + rng.normal(size=400))
    with pytest.raises(InputError, match='task="regression"'):
        forecast(X, X, counts, **QUICK)
    assert forecast(X, X, counts, **QUICK, task="regression").task == "regression"
    signs = np.where(X[:, 0] > np.median(X[:, 0]), 1.0, -1.0)
    assert forecast(X, X, signs, **QUICK, task="regression")["features"].picture == "linear"


X0, Y0 = table(200)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"y": np.full(200, 2.5)}, "standard deviation of 0"),
        ({"y": np.where(np.arange(200) == 7, np.inf, Y0)}, r"y\[7\]"),
        ({"y": np.where(np.arange(200) == 7, np.nan, Y0)}, r"y\[7\]: a label is missing"),
        ({"y": ["a", "b"] * 100, "task": "regression"}, "labels are not numbers"),
        ({"task": "regresion"}, "did you mean 'regression'"),
        ({"picture": "field"}, "one of classes"),
        ({"y": Y0[:50]}, "200 labelled rows and 50 labels"),
    ],
)
def test_bad_input_is_named(arguments, said):
    given = {"features_unlabelled": X0, "features_labelled": X0, "y": Y0, **QUICK, **arguments}
    with pytest.raises(InputError, match=said):
        forecast(**given)


def test_labels_that_say_far_more_than_all_are_too_few():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(800, 20))
    # One far row with a far label makes every direction that it lies in look explained.
    few = 6.0 * rng.normal(size=(12, 20))
    with pytest.raises(InputError, match=r"above 1.*not enough labels: 12"):
        forecast(X, few, few @ np.ones(20) + 0.5, **QUICK, honesty=False)
