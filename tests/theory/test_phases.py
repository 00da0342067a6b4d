import json

import numpy as np
import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory import CorrelatedTasks, phase_diagram
from priorlift.theory.phase_result import PhaseDiagram, SimulatedErrors
from priorlift.theory.simulate import train_sources

SIZES = {"latent": 40, "inputs": 60, "width": 40, "n_source": 1500, "training": {"steps": 150}}


@pytest.fixture(scope="module")
def diagram():
    return phase_diagram("qF", [1, 0], [20, 80, 160], scratch={"steps": 60}, **SIZES)


def by_hand(gain, **kwargs):
    gain = np.asarray(gain, dtype=float)[None]
    values, n = np.arange(gain.shape[1]) / 2, 10 ** np.arange(1, 1 + gain.shape[2])
    zero = np.full_like(gain, 0.25)
    return PhaseDiagram("qt", values, n, 50, zero, zero + gain, {}, **kwargs)


def test_the_gain_has_the_sign_that_simulation_finds(diagram):
    done = diagram.simulated
    assert done.values.tolist() == [0]
    assert done.n.tolist() == [20, 160]
    same = phase_diagram("qF", [1], [20, 80, 160], scratch={"steps": 1}, **SIZES)
    measured = (same.simulated.errors["random"] - same.simulated.errors["transferred"]).mean(axis=0)
    assert same.simulated.n.tolist() == [20, 80, 160]  # a single value has room for all
    # Three standard errors of 3 x 4000 test rows and three training sets are about 0.05.
    np.testing.assert_allclose(same.gain[0], measured[0], atol=0.06)
    assert measured[0, 0] > 0.1
    np.testing.assert_allclose(diagram.gain[1], same.gain[0], atol=1e-12)


def test_an_unrelated_source_does_not_help(diagram):
    assert diagram.values.tolist() == [0, 1]
    assert (diagram.gain[0] < 0.02).all()
    assert (diagram.gain[1] > 0.05).all()
    assert (np.diff(diagram.transferred.mean(axis=0), axis=1) < 0).all()
    assert diagram.gain_error.shape == (2, 3)


def test_errors_are_those_of_the_covariate_model(diagram):
    networks = train_sources(40, 60, 40, [0, 1, 2], 1500, steps=150)
    task = CorrelatedTasks.draw(40, 60, qF=0.0, random_state=1).target
    model = task.model(networks.W[1].astype(float)).rescaled()
    expected = model.optimal_lambda(diagram.n / 40).error
    np.testing.assert_allclose(diagram.transferred[1, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "square", "square_labels"])
def test_every_loss_and_its_noise_reach_the_model(loss):
    noisy = {"loss": loss, "noise": 0.3, "flips": 0.0 if loss == "square" else 0.1}
    found = phase_diagram("qt", [0.5], [20, 80], lam=0.2, seeds=[1], **noisy, **SIZES)
    task = CorrelatedTasks.draw(40, 60, qt=0.5, random_state=1).target
    fresh = np.random.default_rng([1, 4]).normal(size=(40, 60))
    model = task.model(fresh, noise=noisy["noise"], flips=noisy["flips"]).rescaled()
    expected = model.solve(np.array([0.5, 2.0]), 0.2, loss).error
    np.testing.assert_allclose(found.random[0, 0], expected, rtol=1e-12)
    endless = model.optimal_lambda(np.array([1e6]), loss).error
    np.testing.assert_allclose(found.floors["random"][0], endless, rtol=1e-3)
    assert ("squared" in found.quantity) == (loss == "square")
    floors = found.to_dict()["floors"]
    assert floors == [{"qt": 0.5, **{m: pytest.approx(v[0, 0]) for m, v in found.floors.items()}}]


def test_the_border_is_where_the_gain_crosses_zero():
    found = by_hand([[-0.1, -0.1, -0.3], [0.1, 0.3, 0.3]])
    expected = [(10, 0.25), (100, 0.125), (1000, 0.25)]
    np.testing.assert_allclose(found.boundary, expected)
    along_n = by_hand([[0.2, -0.2]])
    np.testing.assert_allclose(along_n.boundary, [(10**1.5, 0.0)])
    assert by_hand([[0.1, 0.2]]).boundary.shape == (0, 2)
    assert by_hand([[0.1, 0.0]]).boundary.tolist() == [[100.0, 0.0]]


def test_the_summary_counts_and_places():
    text = by_hand([[-0.1, -0.05], [0.25, -0.3]]).summary
    assert text == (
        "learned features err less than random ones at 1 of 4 points, by up to 0.250 (qt = 0.5, "
        "n = 10); they err more at 3, by up to 0.300 (qt = 0.5, n = 100)"
    )


def test_frames_and_json_hold_every_point(diagram):
    frame = diagram.to_frame()
    assert len(frame) == 6
    assert list(frame["gain"]) == pytest.approx(diagram.gain.ravel().tolist())
    document = json.loads(diagram.to_json())
    assert document["knob"] == "qF"
    assert document["settings"]["seeds"] == [0, 1, 2]
    there = [row["simulated_scratch"] is not None for row in document["rows"]]
    assert there == [True, False, True, False, False, False]


def test_a_single_source_has_no_spread():
    found = by_hand([[0.1, 0.2]])
    assert found.gain_error is None
    assert found._columns()[0]["gain_error"] is None


def test_curves_name_what_they_show(diagram):
    assert set(diagram.curves(1)) == {"learned on the source", "random"}
    both = diagram.curves(0.1)
    n, errors, spread = both["from scratch (simulated)"]
    assert n == [20.0, 160.0]
    assert len(errors) == len(spread) == 2


def test_figures():
    axes = by_hand([[-0.1, -0.1], [0.1, 0.3]]).plot().axes[0]
    assert "random" in axes.get_title(loc="left")
    alone = by_hand([[-0.1, 0.1]])
    assert "qt = 0" in alone.plot().axes[0].get_title(loc="left")
    done = SimulatedErrors(np.zeros(1), np.array([10]), {"scratch": np.full((1, 1, 1), 0.4)})
    labels = [t.get_text() for t in by_hand([[0.1, 0.1]], simulated=done).plot().legends[0].texts]
    assert labels == ["learned on the source", "random", "from scratch (simulated)"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": []}, "values is empty"),
        ({"values": [0.5, 2.0]}, "qF is 2"),
        ({"n": [1, 10]}, "no count of 2 or more"),
        ({"n": [10.5]}, "no count of 2 or more"),
        ({"width": 0}, "width is 0"),
        ({"lam": 0.0}, "lam is 0"),
        ({"seeds": []}, "seeds is"),
        ({"seeds": [1, 1]}, "seeds is"),
        ({"seeds": 0}, "seeds is 0"),
        ({"n_source": 1}, "n_source is 1"),
        ({"latent": 0}, "0 latent"),
        ({"knobs": {"qF": 0.5}}, "qF varies"),
        ({"knobs": {"eta": 1.5}}, "eta is 1.5"),
        ({"flips": 0.5}, "flips is 0.5"),
        ({"noise": -1.0}, "noise is -1"),
        ({"flips": 0.1, "loss": "square"}, "learns numbers"),
        ({"flips": 0.1, "scratch": True}, "from scratch is simulated"),
        ({"loss": "square_labels", "scratch": {}}, "from scratch is simulated"),
    ],
)
def test_bad_requests_are_refused_before_any_training(arguments, message, monkeypatch):
    def never(*_, **__):
        raise AssertionError("a source was trained")

    monkeypatch.setattr("priorlift.theory.phases.train_sources", never)
    with pytest.raises(InputError, match=message):
        phase_diagram(**{"latent": 10, "inputs": 12, "width": 8, **arguments})


@pytest.mark.parametrize(
    "arguments", [{"knob": "qf"}, {"knobs": {"etaa": 0.1}}, {"loss": "logistik"}]
)
def test_an_unknown_name_gets_the_closest_name(arguments):
    with pytest.raises(UnknownNameError, match="did you mean"):
        phase_diagram(**arguments)
