"""A map of lifts colours what is settled and nothing else."""

import numpy as np
import pytest
from matplotlib.patches import PathPatch

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.lift_map import lift_map

TASKS = ["floods", "fires"]


def drawn(values, settled, columns=("a", "b")):
    return lift_map(TASKS, list(columns), values, settled, "accuracy")


def inks(figure):
    return {text.get_text(): text.get_color() for text in figure.axes[0].texts}


def filled(figure):
    return sum(
        len(patch.get_path().vertices) // 5
        for patch in figure.axes[0].patches
        if isinstance(patch, PathPatch) and patch.get_fill()
    )


def test_what_is_not_shown_has_no_colour_and_a_muted_number():
    figure = drawn([[0.2, 0.15], [-0.1, np.nan]], [[True, False], [True, False]])
    assert filled(figure) == 2
    assert inks(figure)["+0.20"] == style.INK
    assert inks(figure)["+0.15"] == style.MUTED, "the neutral cell"
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-1].startswith("not shown")
    assert any(label.startswith("below 0") for label in labels)


def test_a_map_without_any_proof_has_no_colour_at_all():
    figure = drawn([[0.2, 0.15], [-0.1, 0.3]], np.zeros((2, 2), dtype=bool))
    assert filled(figure) == 0
    assert len(figure.legends) == 1


def test_the_strongest_colour_is_that_of_the_largest_settled_lift():
    figure = drawn([[0.05, 0.9], [0.01, 0.9]], [[True, False], [True, False]])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "above 0, up to +0.05" in labels, "an unproved estimate must not wash out the others"


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(InputError, match="2 tasks and 2 columns"):
        drawn([[0.1]], [[True]])
