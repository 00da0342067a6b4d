"""Conductance by captum: complete over a layer, one unit a channel, and every pass charged."""

import sys

import numpy as np
import pytest

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.ranking.attribution import conductance


@pytest.fixture
def convolution():
    torch = pytest.importorskip("torch")
    pytest.importorskip("captum")
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 2), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(12, 1)
    )


def test_equal_to_the_sum_along_the_path(convolution):
    import torch

    inputs, start = torch.randn(5, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    found = conductance(
        lambda x: convolution(x)[:, 0],
        {"first": convolution[0], "second": convolution[1]},
        inputs,
        start,
        steps=4,
        batch_size=2,
    )
    assert found.values.shape == (5, 6)
    assert found.passes == 2 * 5 * 5
    expected = np.zeros((5, 3))
    for k in range(4):
        now, then = convolution[0](k / 4 * inputs), convolution[0]((k + 1) / 4 * inputs)
        now = now.detach().requires_grad_()
        convolution[1:](now).sum().backward()
        expected += (now.grad * (then - now)).detach().numpy().mean(axis=(2, 3))
    np.testing.assert_allclose(found.values[:, :3], expected, atol=1e-5)


def test_more_steps_are_more_complete(convolution):
    import torch

    inputs, start = torch.randn(6, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    errors = [
        conductance(convolution, {"first": convolution[0]}, inputs, start, steps=steps).error
        for steps in (4, 64)
    ]
    assert errors[1] < 0.02
    assert errors[1] < errors[0]


def test_tokens_are_averaged():
    torch = pytest.importorskip("torch")
    pytest.importorskip("captum")
    layer = torch.nn.Linear(3, 5)
    inputs = torch.randn(4, 7, 3)
    found = conductance(lambda x: layer(x).sum((1, 2)), {"only": layer}, inputs, 0 * inputs[:1])
    assert found.values.shape == (4, 5)
    assert found.error < 1e-5
    change = (layer(inputs) - layer.bias).mean(dim=1).detach().numpy()
    np.testing.assert_allclose(found.values, change, atol=1e-5)


def test_missing_captum_and_missing_layers(monkeypatch, convolution):
    import torch

    with pytest.raises(InputError, match="no layer"):
        conductance(convolution, {}, torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3))
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError, match=r"priorlift\[attribution\]"):
        conductance(convolution, {}, None, None)
