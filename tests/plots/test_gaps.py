"""The figure of gaps shows both sides, and the null where there is one."""

import math

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from priorlift.core.errors import InputError
from priorlift.plots.gaps import gap_sides
from priorlift.plots.svg import to_svg


def drawn(null=(-0.1, 0.1), rows=2, **changed):
    columns = {
        "on_target": [0.2] * rows,
        "target_intervals": [(0.1, 0.3)] * rows,
        "target_nulls": [null] * rows,
        "on_source": [0.4] * rows,
        "source_intervals": [(math.nan, None)] * rows,
        "source_nulls": [null] * rows,
    }
    labels = [f"source {row}" for row in range(rows)]
    return gap_sides(labels, **{**columns, **changed}, unit="$accuracy")


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize(("null", "bands"), [((-0.1, 0.1), 4), ((None, None), 0)])
def test_each_side_has_its_null(null, bands):
    figure = drawn(null)
    assert len(figure.findobj(PolyCollection)) == bands
    assert ("were they one domain" in texts(figure)) == bool(bands)


def test_values_stand_where_they_are_and_words_as_they_are():
    figure = drawn()
    (axes,) = figure.axes
    points = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    assert sorted(points) == [0.2, 0.2, 0.4, 0.4]
    assert axes.get_xlim()[0] < -0.1
    assert "lost by the other's model, in $accuracy" in texts(figure)
    assert "<svg" in to_svg(figure, "a", "b")


def test_a_missing_gap_leaves_its_row_empty_and_no_source_an_empty_figure():
    assert to_svg(drawn(on_target=[math.nan, 0.1]), "a", "b")
    assert to_svg(drawn(rows=0), "a", "b")


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(InputError, match="one length"):
        drawn(on_source=[0.1])
