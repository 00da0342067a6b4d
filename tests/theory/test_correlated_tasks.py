import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.theory import CorrelatedTasks, make_correlated_tasks


def test_untouched_knobs_give_the_source():
    tasks = CorrelatedTasks.draw(30, 40, random_state=1)
    np.testing.assert_array_equal(tasks.target.F, tasks.source.F)
    np.testing.assert_array_equal(tasks.target.theta, tasks.source.theta)


@given(qF=st.floats(-1, 1), eta=st.floats(0, 1), qt=st.floats(-1, 1), delta=st.floats(-0.7, 1.5))
def test_every_setting_keeps_unit_variance_and_shares_the_source(qF, eta, qt, delta):
    tasks = CorrelatedTasks.draw(200, 150, qF=qF, eta=eta, qt=qt, delta=delta, random_state=4)
    plain = CorrelatedTasks.draw(200, 150, random_state=4)
    np.testing.assert_array_equal(tasks.source.F, plain.source.F)
    size = round((1 + delta) * 200)
    assert tasks.target.F.shape == (size, 150)
    assert tasks.target.theta.shape == (size,)
    assert tasks.target.F.std() == pytest.approx(1, abs=0.03)
    assert tasks.target.rho == pytest.approx(1, abs=6 * np.sqrt(2 / size))


def test_each_knob_does_what_it_says():
    source = CorrelatedTasks.draw(400, 50, random_state=2).source

    def target(**knobs):
        return CorrelatedTasks.draw(400, 50, random_state=2, **knobs).target

    perturbed = target(qF=0.6)
    assert np.corrcoef(perturbed.F.ravel(), source.F.ravel())[0, 1] == pytest.approx(0.6, abs=0.03)
    np.testing.assert_array_equal(perturbed.theta, source.theta)
    kept = (target(eta=0.25).F == source.F).all(axis=1)
    assert kept.sum() == 300
    more = (target(eta=0.5).F == source.F).all(axis=1)
    assert not (more & ~kept).any()
    turned = target(qt=-0.5)
    assert np.corrcoef(turned.theta, source.theta)[0, 1] == pytest.approx(-0.5, abs=0.15)
    np.testing.assert_array_equal(turned.F, source.F)
    np.testing.assert_array_equal(target(delta=-0.25).F, source.F[:300])
    np.testing.assert_array_equal(target(delta=0.25).F[:400], source.F)
    redrawn = target(eta=0.25, redraw_teacher=True).theta == source.theta
    np.testing.assert_array_equal(redrawn, kept)


def test_the_field_has_its_power_after_deletion():
    task = CorrelatedTasks.draw(100, 60, delta=-0.6, random_state=0).target
    x, nu = task.sample(40_000, np.random.default_rng(0))
    assert np.mean(nu**2) == pytest.approx(task.rho, rel=0.03)
    # Inputs keep their scale as well: E[erf(h / sqrt 2)^2] is 1/3 for unit variance.
    assert np.mean(x**2) == pytest.approx(1 / 3, rel=0.03)


@pytest.mark.parametrize(("name", "power"), [("erf", 1 / 3), ("sign", 1.0), ("tanh", 0.3943)])
def test_inputs_of_each_nonlinearity(name, power):
    task = CorrelatedTasks.draw(200, 100, nonlinearity=name, random_state=0).source
    x, _ = task.sample(4000, np.random.default_rng(0))
    assert np.mean(x**2) == pytest.approx(power, rel=0.04)
    W = np.random.default_rng(1).normal(size=(20, 100))
    model = task.model(W)
    assert 0 < model.reachable < 1


def test_tasks_for_the_rest_of_the_library():
    source, target, tasks = make_correlated_tasks(300, 50, qF=0.8, flips=0.1, random_state=7)
    assert source.task == target.task == "classification"
    assert set(np.unique(source.y)) == {-1, 1}
    assert source.X.shape == (300, 100)
    again = make_correlated_tasks(300, 50, qF=0.8, flips=0.1, random_state=7)
    assert again[0].fingerprint == source.fingerprint
    assert again[1].fingerprint == target.fingerprint
    other = make_correlated_tasks(300, 50, qF=0.8, flips=0.1, random_state=8)
    assert other[1].fingerprint != target.fingerprint
    related = make_correlated_tasks(300, 50, qF=0.2, flips=0.1, random_state=7)
    assert related[0].fingerprint == source.fingerprint
    assert tasks.qF == 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"qF": 1.2}, "qF is 1.2"),
        ({"qt": -2}, "qt is -2"),
        ({"eta": -0.1}, "eta is -0.1"),
        ({"delta": -1}, "delta is -1"),
        ({"latent": 0}, "0 latent"),
        ({"flips": 0.7}, "flips is 0.7"),
        ({"nonlinearity": "relu"}, "unknown nonlinearity"),
        ({"n_target": 0}, "0 target rows"),
    ],
)
def test_knobs_out_of_range(arguments, message):
    with pytest.raises(InputError, match=message):
        make_correlated_tasks(**arguments)
