"""Integrated gradients: equal to sums along the path and to captum, and complete."""

import itertools

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.ranking.attribution import HiddenHead, LinearHead, attribute


def linear(classes, seed=0, d=7):
    draws = np.random.default_rng(seed)
    return LinearHead(draws.normal(size=(d, classes)), draws.normal(size=classes))


def network(sizes, seed=0):
    draws = np.random.default_rng(seed)
    shapes = list(itertools.pairwise(sizes))
    weights = tuple(draws.normal(size=shape) for shape in shapes)
    return HiddenHead(weights, tuple(draws.normal(size=shape[1]) for shape in shapes))


HEADS = {
    "linear-1": linear(1),
    "linear-2": linear(2),
    "linear-4": linear(4),
    "one-layer-1": network((7, 6, 1)),
    "one-layer-3": network((7, 6, 3)),
    "two-layer-2": network((7, 6, 5, 2)),
    "three-layer-3": network((7, 6, 5, 4, 3)),
}


def margins(head, rows, chosen):
    outputs = head.outputs(rows)
    if outputs.shape[1] == 1:
        return outputs[:, 0]
    own = outputs[np.arange(len(rows)), chosen]
    return own - (outputs.sum(axis=1) - own) / (outputs.shape[1] - 1)


def chosen_classes(head, rows):
    outputs = head.outputs(rows)
    return np.ones(len(rows), int) if outputs.shape[1] == 2 else outputs.argmax(axis=1)


def riemann(head, probes, start, steps=2000):
    """Gradients by central differences at midpoints, no formula of the head used."""
    chosen, total, h = chosen_classes(head, probes), np.zeros_like(probes), 1e-6
    for step in range(steps):
        points = start + (step + 0.5) / steps * (probes - start)
        for j in range(probes.shape[1]):
            shift = h * np.eye(probes.shape[1])[j]
            rise = margins(head, points + shift, chosen) - margins(head, points - shift, chosen)
            total[:, j] += rise / (2 * h)
    return (probes - start) * total / steps


@pytest.mark.parametrize("name", list(HEADS))
def test_equal_to_a_sum_along_the_path(name):
    probes = np.random.default_rng(1).normal(size=(9, 7))
    found = attribute(HEADS[name], probes, tolerance=1e-4)
    exact = name.startswith("linear")
    expected = riemann(HEADS[name], probes, probes.mean(axis=0), steps=2 if exact else 600)
    bound = 1e-7 if exact else 0.02 * np.abs(expected).max()
    np.testing.assert_allclose(found.values, expected, atol=bound)


@pytest.mark.parametrize("name", list(HEADS))
def test_a_row_adds_up_to_the_change_of_the_margin(name):
    probes = np.random.default_rng(2).normal(size=(40, 7))
    start = np.full(7, 0.3)
    head = HEADS[name]
    found = attribute(head, probes, start)
    chosen = chosen_classes(head, probes)
    change = margins(head, probes, chosen) - margins(head, np.tile(start, (40, 1)), chosen)
    error = np.abs(found.values.sum(axis=1) - change).sum() / np.abs(change).sum()
    assert error == pytest.approx(found.error, abs=1e-12)
    assert error <= (0.01 if found.steps else 1e-12)
    assert (found.passes > 0) == (found.steps > 0)


def test_steps_are_doubled_until_complete_and_all_are_charged():
    probes = np.random.default_rng(3).normal(size=(20, 7))
    rough = attribute(HEADS["three-layer-3"], probes, steps=1, tolerance=np.inf)
    fine = attribute(HEADS["three-layer-3"], probes, steps=1, tolerance=1e-3)
    assert rough.steps == 1
    assert rough.passes == 20
    assert fine.steps > 8
    assert fine.error <= 1e-3 < rough.error
    assert fine.passes == 20 * (2 * fine.steps - 1)


@pytest.mark.parametrize("name", ["linear-4", "one-layer-1", "two-layer-2"])
def test_parity_with_captum(name):
    torch = pytest.importorskip("torch")
    attr = pytest.importorskip("captum.attr")
    head = HEADS[name]
    weights = head.weights if isinstance(head, HiddenHead) else (head.weights,)
    biases = head.biases if isinstance(head, HiddenHead) else (head.intercept,)
    layers = []
    for w, b in zip(weights, biases, strict=True):
        layer = torch.nn.Linear(*w.shape).double()
        layer.weight.data, layer.bias.data = torch.tensor(w.T), torch.tensor(b)
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    probes = np.random.default_rng(4).normal(size=(12, 7))
    chosen = torch.tensor(chosen_classes(head, probes))

    def forward(rows):
        outputs = model(rows)
        if outputs.shape[1] == 1:
            return outputs[:, 0]
        classes = chosen.repeat(len(rows) // len(chosen))
        own = outputs.gather(1, classes[:, None])[:, 0]
        return own - (outputs.sum(1) - own) / (outputs.shape[1] - 1)

    start = torch.tensor(probes.mean(axis=0))[None]
    reference = attr.IntegratedGradients(forward).attribute(
        torch.tensor(probes), baselines=start, n_steps=400, method="riemann_middle"
    )
    found = attribute(head, probes, tolerance=1e-4).values
    scale = np.abs(found).max()
    np.testing.assert_allclose(
        found, reference.numpy(), atol=1e-9 if name[0] == "l" else 0.01 * scale
    )


@pytest.mark.parametrize("name", ["linear-2", "one-layer-3"])
def test_float32_agrees_with_float64(name):
    probes = np.random.default_rng(5).normal(size=(15, 7)).astype(np.float32)
    single = attribute(HEADS[name], probes).values
    double = attribute(HEADS[name], probes.astype(np.float64)).values
    np.testing.assert_allclose(single, double, atol=1e-4)


def test_what_cannot_be_attributed_is_refused():
    probes = np.random.default_rng(6).normal(size=(5, 7))
    with pytest.raises(InputError, match="same of all probes"):
        attribute(LinearHead(np.zeros((7, 2)), np.ones(2)), probes)
    with pytest.raises(InputError, match="same of all probes"):
        attribute(linear(2), np.ones((5, 7)))
    with pytest.raises(InputError, match="do not fit"):
        attribute(linear(2), probes[:, :-1])
    probes[2, 3] = np.nan
    with pytest.raises(InputError, match="NaN"):
        attribute(linear(2), probes)
