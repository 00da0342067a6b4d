import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory import CovariateModel

P = 200
ISOTROPIC = CovariateModel(np.ones(P), np.full(P, 1 / P))


def power_law(reachable=1.0, p=P, seed=5, **kwargs):
    om = np.arange(1, p + 1) ** -0.7
    om /= om.mean()
    t = om * np.random.default_rng(seed).normal(size=p) ** 2 / p
    return CovariateModel(om, t, (t / om).sum() / reachable, **kwargs)


# lambda, alpha, error, V, q, m, train loss, train error
TABLE = [
    (0.01, 0.5, 0.322914, 67.588267, 5.671413, 1.257597, 0.037716, 0),
    (0.01, 2, 0.174781, 25.123298, 21.620546, 3.966268, 0.047826, 0),
    (0.01, 5, 0.084693, 8.405890, 45.332569, 6.496022, 0.055562, 0.000595),
    (0.1, 0.5, 0.322751, 7.561308, 1.241327, 0.588839, 0.182718, 0.000008),
    (0.1, 2, 0.179662, 3.976546, 4.145804, 1.720313, 0.182150, 0.007317),
    (0.1, 5, 0.096036, 2.027516, 8.519117, 2.786915, 0.164379, 0.015356),
    (1, 0.5, 0.329722, 0.912000, 0.085118, 0.148732, 0.490985, 0.014100),
    (1, 2, 0.205150, 0.725744, 0.379528, 0.492479, 0.439705, 0.045877),
    (1, 5, 0.124055, 0.528706, 1.021613, 0.934954, 0.376153, 0.044443),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}")
def test_isotropic_logistic_table_to_its_last_digit(row):
    lam, alpha, *values, train_error = row
    got = ISOTROPIC.solve(alpha, lam)
    found = [got.error, got.V, got.q, got.m, got.train_loss]
    assert found == pytest.approx(values, abs=0.5000001e-6)
    # The table's train error is a sum over nodes of a function that jumps between them; ours is
    # closed, and test_logistic_loss holds it to an adaptive integral.
    assert got.train_error == pytest.approx(train_error, abs=6e-3)


def test_optimal_regulariser_of_the_isotropic_case():
    alpha = np.array([1, 2, 5, 10, 20])
    best = ISOTROPIC.optimal_lambda(alpha, lambdas=np.geomspace(1e-4, 10, 26))
    np.testing.assert_allclose(best.error, [0.25444, 0.17459, 0.08398, 0.04360, 0.02202], atol=6e-6)
    np.testing.assert_allclose(best.lam, [0.025, 0.016, 0.004, 0.001, 2.5e-4], rtol=0.03)
    assert (alpha * best.error)[-1] == pytest.approx(0.4405, abs=1e-4)
    refined = ISOTROPIC.optimal_lambda(alpha)
    assert (refined.error <= best.error).all()
    near = ISOTROPIC.solve(alpha, refined.lam * np.array([[0.9], [1.1]]))
    assert (refined.error <= near.error).all()


def test_an_optimum_beyond_the_first_grid_is_found():
    """Labels that are nearly all noise want a large regulariser."""
    model = CovariateModel(np.ones(P), np.full(P, 1 / P), flips=0.45)
    best = model.optimal_lambda(0.5)
    assert best.lam > 30
    assert best.error <= model.solve(0.5, np.geomspace(1e-6, 1e8, 60)).error.min() + 1e-9
    assert model.optimal_lambda(0.5, bounds=(1e-4, 10)).lam == pytest.approx(10, rel=1e-6)


@pytest.mark.parametrize(("alpha", "error"), [(0.5, 0.336493), (2, 0.230823), (10, 0.120111)])
def test_hebb_limit_isotropic(alpha, error):
    closed = np.arccos((1 + np.pi / (2 * alpha)) ** -0.5) / np.pi
    assert closed == pytest.approx(error, abs=5e-7)
    assert ISOTROPIC.solve(alpha, 1e6).error == pytest.approx(closed, abs=4e-7)


def test_hebb_limit_anisotropic():
    model = power_law(0.8)
    om, t, rho = model.spectrum, model.alignment, model.rho
    alpha = np.array([0.5, 2, 10])
    kappa = np.sqrt(2 / (np.pi * rho))
    power = alpha * (om**2).mean() + kappa**2 * alpha**2 * (t * om).sum()
    closed = np.arccos(kappa * alpha * t.sum() / np.sqrt(rho * power)) / np.pi
    for loss in ("logistic", "square_labels"):
        np.testing.assert_allclose(model.solve(alpha, 1e8, loss).error, closed, atol=2e-7)


@pytest.mark.parametrize("loss", ["logistic", "square_labels"])
def test_endless_labels_reach_the_floor(loss):
    model = power_law(0.7)
    assert model.solve(1e5, 0.1, loss).error == pytest.approx(model.error_floor, abs=1e-4)


def test_random_labels():
    model = CovariateModel(np.ones(P), np.zeros(P))
    got = model.solve([1, 1.8, 2.2, 3], 1e-4)
    assert got.converged.all()
    np.testing.assert_allclose(got.error, 0.5, atol=1e-12)
    np.testing.assert_allclose(got.train_loss, [0.0024, 0.0322, 0.3602, 0.4859], atol=1e-4)
    np.testing.assert_allclose(got.train_error[2:], [0.157, 0.241], atol=6e-3)
    separable = model.solve([1.0, 1.8, 2.2], 1e-7).train_loss
    assert (separable[:2] < 1e-3).all()
    assert separable[2] > 0.35


@given(
    c=st.floats(0.01, 100),
    alpha=st.floats(0.1, 20),
    lam=st.floats(1e-3, 10),
    loss=st.sampled_from(["logistic", "square_labels"]),
)
def test_scale_gauges(c, alpha, lam, loss):
    base = power_law(0.9)
    got = base.solve(alpha, lam, loss, tolerance=1e-12)
    teacher = CovariateModel(base.spectrum, c * c * base.alignment, c * c * base.rho)
    other = teacher.solve(alpha, lam, loss, tolerance=1e-12)
    for name in ("error", "V", "q", "train_loss", "test_loss", "train_error"):
        assert getattr(other, name) == pytest.approx(getattr(got, name), rel=1e-10, abs=1e-12)
    features = CovariateModel(c * base.spectrum, c * base.alignment, base.rho)
    scaled = features.solve(alpha, c * lam, loss, tolerance=1e-12)
    assert scaled.error == pytest.approx(got.error, abs=1e-11)
    assert scaled.train_loss == pytest.approx(got.train_loss, rel=1e-10)
    rescaled = features.rescaled()
    assert rescaled.spectrum.mean() == pytest.approx(1)
    again = rescaled.solve(alpha, c * lam / features.spectrum.mean(), loss)
    assert again.error == pytest.approx(got.error, abs=1e-8)


def test_rotations_change_nothing():
    base = power_law(0.9, p=60)
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    Omega = rotation @ np.diag(base.spectrum) @ rotation.T
    s = rotation @ (np.sqrt(base.alignment) * rng.choice([-1, 1], 60))
    model = CovariateModel.from_covariances(Omega, s, base.rho)
    assert model.solve(1.5, 0.1).error == pytest.approx(base.solve(1.5, 0.1).error, abs=1e-10)


def test_latent_coordinates_that_nothing_uses_change_nothing():
    rng = np.random.default_rng(3)
    Phi, theta = rng.normal(size=(40, 60)) / 8, rng.normal(size=40)
    Omega, errors = Phi.T @ Phi + 0.3 * np.eye(60), []
    for k in (40, 400):
        padded, wide = np.zeros((k, 60)), np.zeros(k)
        padded[:40], wide[:40] = Phi, theta * np.sqrt(k / 40)
        model = CovariateModel.from_covariances(
            Omega, padded.T @ wide / np.sqrt(k), wide @ wide / k
        )
        errors.append(float(model.solve(2.0, 0.1).error))
    assert errors[1] == pytest.approx(errors[0], abs=1e-11)


def test_collapsed_features_need_a_regulariser_far_below_the_first_grid():
    """One direction holds nearly all variance; the teacher lies in the small ones as well."""
    om = np.r_[100.0, np.full(99, 1e-5)]
    t = np.r_[0.3 * om[0], 0.6 * om[1:] / 99]
    model = CovariateModel(om, t).rescaled()
    best = model.optimal_lambda(8.0)
    assert best.lam < 1e-5
    assert best.error < model.solve(8.0, np.geomspace(1e-4, 10, 30)).error.min() - 0.02


def test_every_corner_converges():
    alpha, lam = np.geomspace(0.01, 300, 8)[:, None], np.geomspace(1e-8, 1e4, 9)
    for model in (ISOTROPIC, power_law(), power_law(0.5), power_law(0.9, flips=0.2)):
        got = model.solve(alpha, lam)
        assert got.converged.all()
        assert got.iterations.max() <= 30
        for name in ("error", "V", "q", "m", "train_loss", "train_error", "test_loss"):
            assert np.isfinite(getattr(got, name)).all()


def test_newton_finds_the_fixed_point_of_the_plain_iteration():
    from priorlift.theory.logistic_loss import data_side

    model = power_law(0.8, flips=0.1)
    om, t = model.spectrum, model.alignment / model.rho
    got = model.solve(2.0, 0.05, tolerance=1e-12)
    V, q, m = 1.0, 0.01, 0.001
    for _ in range(2000):
        state = np.array([[np.log(V), np.log(q), np.arctanh(m / np.sqrt(q))]])
        Vh, qh, M = data_side(state, np.array([2.0]), 0.1).values[0]
        D = 0.05 + Vh * om
        V, q, m = (
            np.mean(om / D),
            qh * np.mean(om**2 / D**2) + M**2 * np.sum(t * om / D**2),
            M * np.sum(t / D),
        )
    assert [got.V, got.q, got.m] == pytest.approx([V, q, m * np.sqrt(model.rho)], rel=1e-10)


def test_too_few_iterations_are_reported():
    with pytest.warns(UserWarning, match="3 of 3 points did not converge"):
        got = ISOTROPIC.solve([0.5, 2, 5], 1e-3, max_iterations=2)
    assert not got.converged.any()
    assert np.isfinite(got.error).all()


def test_probit_noise_is_a_part_of_the_field_that_no_feature_sees():
    plain = power_law(0.6)
    seen = plain.rho * 0.6
    noisy = CovariateModel(plain.spectrum, plain.alignment, seen, noise=plain.rho - seen)
    for loss in ("logistic", "square_labels", "square"):
        one, other = plain.solve(2.0, 0.1, loss), noisy.solve(2.0, 0.1, loss)
        assert other.label_error == pytest.approx(one.error, rel=1e-9)
        assert other.test_loss == pytest.approx(one.test_loss, rel=1e-9)
    assert noisy.solve(2.0, 0.1).error < plain.solve(2.0, 0.1).error
    assert noisy.solve(1e5, 0.1).error == pytest.approx(0, abs=3e-3)


def test_flipped_labels():
    model = CovariateModel(np.ones(P), np.full(P, 1 / P), flips=0.1)
    assert model.solve(2, 0.1).error == pytest.approx(0.2531, abs=5.1e-5)
    assert model.solve(5, 0.1).error == pytest.approx(0.1705, abs=5.1e-5)
    more = CovariateModel(np.ones(P), np.full(P, 1 / P), flips=0.2).solve(2, 1)
    assert more.error == pytest.approx(0.3050, abs=5.1e-5)
    assert more.label_error == pytest.approx(0.2 + 0.6 * 0.3050, abs=5.1e-5)


def test_features_of_a_known_field():
    rng = np.random.default_rng(2)
    p, rows = 30, 60_000
    root = rng.normal(size=(p, p)) / np.sqrt(p)
    v = rng.normal(size=(rows, p)) @ root + 3.0
    beta = rng.normal(size=p) / np.sqrt(p)
    nu = (v - 3.0) @ beta + 0.5 * rng.normal(size=rows)
    Omega = root.T @ root
    exact = CovariateModel.from_covariances(Omega, Omega @ beta, float(beta @ Omega @ beta + 0.25))
    sampled = CovariateModel.from_features(v, nu)
    assert sampled.reachable == pytest.approx(exact.reachable, abs=0.01)
    assert sampled.solve(2.0, 0.1).error == pytest.approx(exact.solve(2.0, 0.1).error, abs=0.003)


def test_summaries():
    model = power_law(0.8)
    curve = model.concentration()
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == pytest.approx(model.reachable) == pytest.approx(0.8)
    assert ISOTROPIC.effective_dimension == pytest.approx(P)
    assert ISOTROPIC.error_floor == pytest.approx(0, abs=1e-4)
    assert "2/2 converged" in repr(model.solve([1, 2], 0.1))
    assert list(model.solve([1, 2], 0.1).to_frame()["alpha"]) == [1, 2]


def test_grids_broadcast():
    grid = ISOTROPIC.solve(np.array([[0.5], [2.0]]), [0.01, 0.1, 1.0])
    assert grid.error.shape == (2, 3)
    assert grid.error[1, 1] == pytest.approx(ISOTROPIC.solve(2.0, 0.1).error, abs=1e-10)
    assert ISOTROPIC.solve(2.0, 0.1).error.shape == ()
    assert ISOTROPIC.solve([], 0.1).error.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0.1), "alpha is 0"),
        ((1.0, -0.1), "lam is -0.1"),
        ((np.inf, 0.1), "alpha is inf"),
        ((1.0, np.nan), "lam is nan"),
        (([1.0, 2.0], [0.1, 0.2, 0.3]), "do not broadcast"),
    ],
)
def test_points_that_make_no_sense(arguments, message):
    with pytest.raises(InputError, match=message):
        ISOTROPIC.solve(*arguments)


def test_an_unknown_loss_gets_the_closest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'logistic'"):
        ISOTROPIC.solve(1.0, 0.1, "logistc")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CovariateModel([1, 1], [1.0]), "spectrum has 2 values and alignment 1"),
        (lambda: CovariateModel([1, -1], [0, 0]), r"spectrum\[1\] is -1"),
        (lambda: CovariateModel([1, np.nan], [0, 0]), "not finite"),
        (lambda: CovariateModel([0, 0], [0, 0]), "every eigenvalue is 0"),
        (lambda: CovariateModel([1, 1], [0.6, 0.6]), r"R\^2 is above 1"),
        (lambda: CovariateModel([1, 0], [0.1, 0.6]), "where the spectrum is 0"),
        (lambda: CovariateModel([1, 1], [0, 0], rho=0), "rho is 0"),
        (lambda: CovariateModel([1, 1], [0, 0], noise=-1), "noise is -1"),
        (lambda: CovariateModel([1, 1], [0, 0], flips=0.5), "flips is 0.5"),
        (lambda: CovariateModel([], []), "shape"),
        (
            lambda: CovariateModel.from_covariances([[1, 2], [2, 1]], [0, 0]),
            "not positive semi-definite",
        ),
        (lambda: CovariateModel.from_covariances([[1, 2], [0, 1]], [0, 0]), "not symmetric"),
        (lambda: CovariateModel.from_covariances(np.eye(2), [1, 2, 3]), "s has shape"),
        (lambda: CovariateModel.from_covariances(np.diag([1, 0]), [0, 1]), "no variance"),
        (lambda: CovariateModel.from_features(np.eye(3), np.ones(3)), "3 rows for 3 features"),
        (lambda: CovariateModel([1], [1], flips=0.1).solve(1, 1, "square"), "flips"),
        (lambda: ISOTROPIC.optimal_lambda(1.0, lambdas=[]), "lambdas is empty"),
        (lambda: ISOTROPIC.optimal_lambda(1.0, bounds=(1, 0.1)), "bounds"),
    ],
)
def test_bad_input_names_the_quantity(build, message):
    with pytest.raises(InputError, match=message):
        build()


def test_neither_torch_nor_scikit_learn_is_loaded():
    import subprocess
    import sys

    code = (
        "import sys; from priorlift.theory import CovariateModel, Solution;"
        "CovariateModel([1.0], [1.0]).solve(1.0, 0.1);"
        "print([name for name in ('torch', 'sklearn', 'pandas') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
