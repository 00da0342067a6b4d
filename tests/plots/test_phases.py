"""A phase map draws the border between gain and loss, and only where there is one."""

import pytest

from priorlift.core.errors import InputError
from priorlift.plots.phases import phase_map
from priorlift.plots.svg import to_svg


def drawn(gain, rows=("1", "0")):
    return phase_map(list(rows), [10, 100], gain, title="gain", below="rows")


def keys(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_border_lies_where_the_gain_is_zero():
    figure = drawn([[0.3, 0.3], [-0.1, -0.1]])
    assert keys(figure)[-1] == "the border, where it is 0"
    (lines,) = figure.axes[0].collections
    heights = lines.get_paths()[0].vertices[:, 1]
    assert heights == pytest.approx(0.75)
    assert "currentColor" in to_svg(figure, "a", "b")


@pytest.mark.parametrize("gain", [[[0.3, 0.2], [0.1, 0.1]], [[0.0, 0.0], [0.0, 0.0]]])
def test_there_is_none_where_nothing_changes_sign(gain):
    assert not drawn(gain).axes[0].collections


def test_one_row_of_cells_has_no_border():
    assert not drawn([[0.1, -0.1]], rows=["1"]).axes[0].collections


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(InputError, match="2 rows and 2 columns"):
        drawn([[0.1]])
