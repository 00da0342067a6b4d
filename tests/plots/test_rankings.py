"""Forests of predicted lifts, agreement of scores and maps of tasks show what they are given."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.text import Text

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.cell_map import LEVELS, MOST_PRINTED, levels
from priorlift.plots.rankings import predicted_lifts, score_agreement, task_map
from priorlift.plots.svg import to_svg

NAN = math.nan
VALUE = st.one_of(st.floats(-5, 5), st.just(NAN))


def texts(figure):
    """All texts of a figure, those of its legends included."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def forest(rows=2, chance=0.9, **measured):
    return predicted_lifts(
        [f"source {row}" for row in range(rows)],
        [0.1] * rows,
        [(0.0, 0.2)] * rows,
        [chance] * rows,
        "accuracy",
        **measured,
    )


def tasks(n):
    return [f"task {place}" for place in range(n)]


def square(n, value=0.1):
    values = np.full((n, n), value)
    values[np.diag_indices(n)] = NAN
    return values


def n_cells(figure):
    """Cells of a map: closed boxes in its paths."""
    paths = [p.get_path() for p in figure.axes[0].findobj(PathPatch) if p.get_fill()]
    return sum(int((path.codes == path.CLOSEPOLY).sum()) for path in paths)


@pytest.mark.parametrize("rows", [1, 3, 60])
def test_each_source_has_a_label_and_its_chance(rows):
    shown = texts(forest(rows))
    assert sum(text.startswith("source") for text in shown) == rows
    assert sum(text == "90 %" for text in shown) == rows
    assert "P(lift > 0)" in shown
    assert "lift in accuracy" in shown


def test_unknown_chances_are_not_invented():
    shown = texts(forest(chance=None))
    assert "P(lift > 0)" not in shown
    assert not any("%" in text for text in shown)


def test_what_was_measured_stands_beside_what_was_predicted():
    figure = forest(1, measured=[0.7], measured_intervals=[(0.6, 0.8)])
    points = {line.get_marker(): line.get_xdata()[0] for line in figure.axes[0].lines}
    assert (points["o"], points["s"]) == (0.1, 0.7)
    heights = {line.get_marker(): line.get_ydata()[0] for line in figure.axes[0].lines}
    assert heights["o"] < heights["s"], "apart, so that neither hides the other"
    assert {"predicted, its interval", "measured, its interval"} <= set(texts(figure))
    low, high = figure.axes[0].get_xlim()
    assert low < 0.0
    assert high > 0.8


def test_a_ranking_without_predictions_shows_the_measured_lifts_alone():
    figure = predicted_lifts(
        ["a"], [NAN], [(None, None)], [None], "", measured=[0.2], measured_intervals=[(0.1, 0.3)]
    )
    assert [line.get_marker() for line in figure.axes[0].lines if len(line.get_xdata()) == 1] == [
        "s"
    ]
    assert not figure.legends
    assert "lift" in texts(figure)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="one length"):
        predicted_lifts(["a"], [0.1, 0.2], [(0, 1)], [0.5], "accuracy")
    with pytest.raises(InputError, match="measured 2"):
        forest(1, measured=[0.1, 0.2])


@given(st.lists(st.tuples(VALUE, VALUE, st.one_of(st.floats(0, 1), st.none())), max_size=4))
@settings(max_examples=8)
def test_a_forest_of_anything_can_be_drawn(rows):
    predicted_lifts(
        tasks(len(rows)),
        [mean for mean, _, _ in rows],
        [(None, None)] * len(rows),
        [chance for _, _, chance in rows],
        "accuracy",
        measured=[lift for _, lift, _ in rows],
    ).draw_without_rendering()


def test_agreement_is_told_in_the_title_and_in_each_cell():
    figure = score_agreement(["logme", "nce"], [[1.0, 0.25], [0.25, 1.0]], 0.62)
    shown = texts(figure)
    assert "Kendall's W = 0.62" in shown
    assert shown.count("+0.25") == 2
    assert "+1.00" not in shown, "a score agrees with itself, which says nothing"
    assert "Kendall's W is not known" in texts(score_agreement(["a"], [[1.0]], None))


def test_a_map_has_a_cell_for_each_known_value():
    assert n_cells(task_map(tasks(4), tasks(4), square(4), "lift")) == 12
    assert n_cells(task_map(tasks(30), tasks(30), square(30), "lift")) == 870


def test_values_are_printed_as_long_as_there_is_room():
    few = texts(task_map(tasks(3), tasks(3), square(3, -0.12), "lift"))
    assert few.count("\N{MINUS SIGN}0.12") == 6
    n = MOST_PRINTED + 1
    many = task_map(tasks(n), tasks(n), square(n, -0.12), "lift")
    assert "\N{MINUS SIGN}0.12" not in texts(many)
    assert any("dash" in text for text in texts(many)), "the sign is told without colour"
    dashes = [p for p in many.axes[0].findobj(PathPatch) if not p.get_fill()]
    assert len(dashes[0].get_path().vertices) == 2 * n * (n - 1)


def test_what_is_small_is_printed_with_the_digits_it_needs():
    assert "+0.012" in texts(task_map(["t"], ["a"], [[0.0123]], "lift"))
    assert "0" in texts(task_map(["t"], ["a", "b"], [[0.0, 0.5]], "lift"))


def test_steps_are_symmetric_and_only_zero_is_no_step():
    values = np.linspace(-1, 1, 41)
    found = levels(values, 1.0)
    np.testing.assert_array_equal(found, -levels(-values, 1.0))
    assert set(found) == set(range(-LEVELS, LEVELS + 1))
    assert found[20] == 0
    assert (np.abs(np.delete(found, 20)) >= 1).all()
    assert (np.diff(found) >= 0).all()


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("paper", "ink", "blue", "orange"),
    [
        ("#ffffff", "#1a1a1b", style.BLUE, style.VERMILION),
        ("#14171c", "#e8eaed", "#7cc0f5", "#ffa469"),
    ],
    ids=["light", "dark"],
)
def test_values_are_legible_on_the_strongest_cells(paper, ink, blue, orange):
    from matplotlib.colors import to_rgb

    figure = task_map(["t"], ["a", "b"], [[-0.5, 0.5]], "lift")
    alpha = max(p.get_facecolor()[3] for p in figure.axes[0].findobj(PathPatch))
    for colour in (blue, orange):
        cell = [
            alpha * c + (1 - alpha) * p for c, p in zip(to_rgb(colour), to_rgb(paper), strict=True)
        ]
        high, low = sorted((luminance(cell), luminance(to_rgb(ink))), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("n", [3, 20])
def test_chosen_cells_are_marked(n):
    axes = task_map(tasks(n), tasks(n), square(n), "lift", chosen=[(0, 2), (1, 0)]).axes[0]
    frames = [p for p in axes.patches if isinstance(p, Rectangle)]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(frames) + len(dots) == 2
    assert bool(dots) == (n > MOST_PRINTED)


def test_names_are_drawn_as_they_are_and_long_ones_cut():
    figure = task_map(["$x^2$", "y" * 40], ["_a"], [[0.1], [NAN]], "$z$")
    figure.draw_without_rendering()
    assert {"$x^2$", "_a", "$z$"} <= set(texts(figure))
    assert max(len(text) for text in texts(figure) if text.startswith("y")) == 22


@pytest.mark.parametrize("n", [26, 30])
def test_names_in_the_map_of_many_tasks_do_not_touch(n):
    figure = task_map(tasks(n), tasks(n), square(n), "lift")
    figure.draw_without_rendering()
    box = figure.axes[0].get_window_extent()
    points = 72 / figure.dpi
    assert box.width * points / n > style.SMALL + 2
    assert box.height * points / n > style.SMALL + 2


def test_the_map_of_many_tasks_stays_a_small_file():
    figure = task_map(tasks(40), tasks(40), square(40), "lift")
    assert len(to_svg(figure, "map", "of tasks")) < 250_000


@given(st.integers(0, 14), st.integers(0, 14), st.data())
@settings(max_examples=8)
def test_a_map_of_anything_can_be_drawn(n, m, data):
    cells = st.one_of(VALUE, st.just(math.inf))
    values = data.draw(st.lists(cells, min_size=n * m, max_size=n * m))
    task_map(tasks(n), tasks(m), np.reshape(values, (n, m)), "lift").draw_without_rendering()


def test_a_matrix_of_another_shape_is_refused():
    with pytest.raises(InputError, match="2 rows and 1 columns"):
        task_map(["a", "b"], ["c"], [[1.0]], "lift")
    with pytest.raises(InputError, match="shape"):
        score_agreement(["a", "b"], [1.0, 2.0], None)
