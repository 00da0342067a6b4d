"""The network: one projection for all tasks, weights from a seed, clear errors about encoders."""

import numpy as np
import pytest
import torch
from torch import nn

from priorlift.core.errors import InputError
from priorlift.networks.modules import Layout, MultitaskNetwork, build_network

LAYOUT = Layout(3, (5, 4), 6, 2, 7)
X = np.ones((2, 3))


def test_shapes():
    z, logits = build_network(LAYOUT, None, X, 0)(torch.ones(9, 3))
    assert z.shape == (9, 6)
    assert logits.shape == (9, 2, 7)


def test_all_heads_see_one_projection():
    network = build_network(LAYOUT, None, X, 0)
    z, logits = network(torch.ones(9, 3))
    for place, head in enumerate(network.heads):
        torch.testing.assert_close(logits[:, place], head(z))
    assert [name for name, _ in network.named_children()] == ["encoder", "projection", "heads"]


def test_a_seed_decides_and_the_callers_random_state_stays():
    state = torch.random.get_rng_state()
    first, second, other = (build_network(LAYOUT, None, X, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.encoder[0].weight, second.encoder[0].weight)
    assert not torch.equal(first.encoder[0].weight, other.encoder[0].weight)
    more_tasks = build_network(Layout(3, (5, 4), 6, 5, 7), None, X, 0)
    assert torch.equal(more_tasks.heads[0].weight, first.heads[0].weight)


def test_an_encoder_is_copied_and_its_output_flattened():
    given = nn.Conv2d(1, 2, 3)
    network = build_network(LAYOUT, given, np.ones((2, 1, 5, 6)), 0)
    assert network.encoder is not given
    assert torch.equal(network.encoder.weight, given.weight)
    assert network.projection[0].in_features == 2 * 3 * 4
    assert network(torch.ones(4, 1, 5, 6))[1].shape == (4, 2, 7)


class Gives(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, X):
        return self.output


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        (nn.Linear(4, 2), "cannot take inputs of shape"),
        (nn.Linear, "encoder is a type"),
        (Gives(torch.ones(1, 3)), r"gives \(1, 3\) for 2 inputs"),
        (Gives({"a": 1}), "gives a dict"),
        (Gives(torch.full((2, 3), torch.nan)), "NaN or infinite before any training"),
    ],
    ids=["shape", "class", "rows", "object", "NaN"],
)
def test_encoders_that_cannot_work_are_named(encoder, says):
    with pytest.raises(InputError, match=says):
        build_network(LAYOUT, encoder, X, 0)


def test_outputs_do_not_depend_on_other_tasks_heads():
    network = MultitaskNetwork(nn.Identity(), 3, 6, 2, 7)
    z, logits = network(torch.ones(1, 3))
    with torch.no_grad():
        network.heads[1].weight += 1
    again, changed = network(torch.ones(1, 3))
    torch.testing.assert_close(again, z)
    torch.testing.assert_close(changed[:, 0], logits[:, 0])
