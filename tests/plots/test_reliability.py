"""Points stand where shares are, arms never point inwards, and the diagonal is drawn."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.plots.reliability import reliability_points

WORDS = {"said_name": "said", "happened_name": "right", "title": "title", "below": "120 cells"}


def drawn(said, happened, low, high):
    return reliability_points(said, happened, low, high, **WORDS)


def test_points_and_arms_stand_where_shares_and_intervals_are():
    figure = drawn([0.2, 0.6, 0.95], [0.3, 0.5, 1.0], [0.1, 0.4, 0.9], [0.5, 0.7, 1.0])
    axes = figure.axes[0]
    diagonal, points = axes.lines[:2]
    np.testing.assert_allclose(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_allclose(points.get_xydata(), [[0.2, 0.3], [0.6, 0.5], [0.95, 1.0]])
    arms = axes.collections[0].get_segments()
    np.testing.assert_allclose(
        [arm[:, 1] for arm in arms], [[0.1, 0.5], [0.4, 0.7], [0.9, 1.0]], atol=1e-12
    )
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("said", "right")
    assert axes.get_aspect() == 1.0


def test_a_share_of_one_whose_interval_is_rounded_down_is_drawn():
    figure = drawn([0.99], [1.0], [0.9], [1.0 - 1e-12])
    assert len(figure.axes[0].collections[0].get_segments()) == 1


def test_sequences_of_different_lengths_are_refused():
    with pytest.raises(InputError):
        drawn([0.2, 0.6], [0.3], [0.1], [0.5])
