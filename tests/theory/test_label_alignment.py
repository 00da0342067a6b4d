"""Spectrum and alignment from rows: without bias, refused where they cannot be had."""

from dataclasses import replace

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.label_alignment import SIGN_GAUGE, Directions, LabelAlignment
from priorlift.theory.pictures import FieldPicture

P = 50
OM = np.arange(1, P + 1) ** -0.8
OM = OM / OM.mean()


def teacher(seed):
    """Return s with R^2 = 1 / 1.2, as in the specification's table."""
    s = OM * np.random.default_rng(seed).normal(size=P) / np.sqrt(P)
    return s * np.sqrt(1 / 1.2 / (s * s / OM).sum())


def rows(n, s, seed, real=False):
    rng = np.random.default_rng([seed, 1])
    v = rng.normal(size=(n, P)) * np.sqrt(OM)
    nu = v @ (s / OM) + np.sqrt(1 - 1 / 1.2) * rng.normal(size=n)
    return v, nu if real else np.where(nu > 0, 1.0, -1.0)


def known():
    """Directions of endless unlabelled rows."""
    return Directions(np.zeros(P), np.eye(P), OM, 1.0, 10**6)


def test_debiased_forecasts_are_close_where_the_plain_estimate_is_far_off():
    alpha, lam = np.array([0.5, 2.0, 8.0]), 0.1
    errors = {"true": [], "debiased": [], "plain": []}
    reaches = []
    for seed in range(6):
        s = teacher(seed)
        v, y = rows(4 * P, s, seed)
        found = LabelAlignment.of(known(), v, y)
        reaches.append(found.field_reach())
        plain = SIGN_GAUGE * ((y[:, None] * v).mean(axis=0)) ** 2
        plain *= min(1.0, 0.999 / (plain / OM).sum())
        errors["true"].append(CovariateModel(OM, s * s).solve(alpha, lam).error)
        try:
            errors["debiased"].append(FieldPicture(found).errors(alpha, np.full(3, lam)))
        except InputError:
            errors["debiased"].append([np.nan] * 3)
        errors["plain"].append(CovariateModel(OM, plain).solve(alpha, lam).error)
    true, debiased, plain = (np.nanmean(errors[key], axis=0) for key in errors)
    assert abs(np.mean(reaches) - 1 / 1.2) < 0.1
    assert abs(debiased[1] / true[1] - 1) < 0.10
    assert abs(debiased[2] / true[2] - 1) < 0.25
    assert plain[2] / true[2] - 1 < -0.35


def test_squares_have_no_bias():
    s = teacher(0)
    raw = []
    for seed in range(300):
        v, y = rows(40, s, seed)
        raw.append(LabelAlignment.of(known(), v, y).raw_reach)
    # R^2 of balanced signs is 2/pi of the field's; the mean's standard error is 0.02.
    assert np.mean(raw) == pytest.approx(1 / 1.2 / SIGN_GAUGE, abs=0.08)


def test_real_labels_take_their_own_gauge():
    s = teacher(1)
    v, nu = rows(40_000, s, 1, real=True)
    found = LabelAlignment.of(known(), v, nu)
    assert found.share is None
    assert found.raw_reach == pytest.approx(1 / 1.2, abs=0.04)


def test_other_draws_of_real_labels_scatter_as_other_rows_do():
    s = teacher(2)
    truth = [
        LabelAlignment.of(known(), *rows(300, s, seed, real=True)).raw_reach for seed in range(200)
    ]
    found = LabelAlignment.of(known(), *rows(3000, s, 1000, real=True))
    found = replace(found, n_rows=300)
    rng = np.random.default_rng(0)
    drawn = [found.resampled(rng).raw_reach for _ in range(1000)]
    assert np.std(drawn) == pytest.approx(np.std(truth), rel=0.2)
    # With the covariance of signs the scatter would be far too small.
    signs = replace(found, share=0.5)
    assert np.std([signs.resampled(rng).raw_reach for _ in range(1000)]) < 0.75 * np.std(truth)


def test_the_standard_error_near_one_is_that_of_the_scatter():
    s = teacher(2) * np.sqrt(1.2)
    found = []
    for seed in range(200):
        v, _ = rows(300, s, seed)
        found.append(LabelAlignment.of(known(), v, v @ (s / OM)))
    assert found[0].reach_error() == pytest.approx(np.std([f.raw_reach for f in found]), rel=0.2)


def test_directions_give_back_the_rows_spectrum_and_leave_out_what_does_not_vary():
    rng = np.random.default_rng(0)
    X = np.column_stack([5.0 * rng.normal(size=400) + 3.0, rng.normal(size=400), np.ones(400)])
    directions = Directions.of(X)
    assert directions.p == 2
    assert directions.spectrum.mean() == pytest.approx(1.0)
    along = directions.coordinates(X)
    np.testing.assert_allclose(along.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(along.T @ along / 400, np.diag(directions.spectrum), atol=1e-12)


def test_other_draws_scatter_as_other_labels_do():
    s = teacher(2)
    truth = [LabelAlignment.of(known(), *rows(300, s, seed)).raw_reach for seed in range(200)]
    found = LabelAlignment.of(known(), *rows(3000, s, 1000))
    found = LabelAlignment(
        found.spectrum, found.squares, found.variance, found.share, 300, found.raw_reach
    )
    rng = np.random.default_rng(0)
    drawn = [found.resampled(rng).raw_reach for _ in range(200)]
    assert np.std(drawn) == pytest.approx(np.std(truth), rel=0.3)


def test_few_and_unequal_labels_are_warned_of():
    v, _ = rows(100, teacher(0), 0)
    y = np.where(np.arange(100) < 20, 1.0, -1.0)
    said = " ".join(LabelAlignment.of(known(), v, y).cautions())
    assert "fewer than 250" in said
    assert "20 % of the labels" in said
    assert not LabelAlignment.of(known(), *rows(400, teacher(0), 0)).cautions()


@pytest.mark.parametrize(
    ("y", "said"),
    [(np.ones(60), "all labels are equal"), (np.r_[1.0, -np.ones(59)], "one labelled row")],
)
def test_labels_that_give_no_alignment_are_refused(y, said):
    v, _ = rows(60, teacher(0), 0)
    with pytest.raises(InputError, match=said):
        LabelAlignment.of(known(), v, y)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (np.zeros((20, 3)), "no feature varies"),
        (np.random.default_rng(0).normal(size=(5, 9)), "5 rows for 9 features"),
        (np.full((20, 3), np.nan), "missing or infinite"),
        (np.zeros(4), "shape"),
        (np.array([["a", "b"]]), "not numbers"),
    ],
)
def test_rows_that_give_no_spectrum_are_refused(features, said):
    with pytest.raises(InputError, match=said):
        Directions.of(features)


def test_a_field_that_would_see_more_than_all_is_refused():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(400) < 0.5, 1.0, -1.0)
    v = rng.normal(size=(400, P)) * np.sqrt(OM)
    v[:, 0] = 6.0 * y + v[:, 0]
    directions = Directions.of(v)
    alignment = LabelAlignment.of(directions, directions.coordinates(v), y)
    with pytest.raises(InputError, match="above 1"):
        FieldPicture(alignment)
