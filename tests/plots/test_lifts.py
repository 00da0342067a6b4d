"""Figures show what they are given, for any number of rows and with gaps in the data."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from priorlift.core.errors import InputError
from priorlift.plots.lifts import VERDICTS, learning_curves, lift_forest, ranking_places

NAN = math.nan
ENDS = st.one_of(
    st.tuples(st.floats(-5, 0), st.floats(0, 5)), st.just((NAN, NAN)), st.just((None, None))
)


def texts(figure):
    """All texts of a figure, those of its legends included."""
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def forest(rows, verdict="helps", ends=(0.0, 0.2)):
    return lift_forest(
        labels=[f"pooled ← source {row}" for row in range(rows)],
        estimates=[0.1] * rows,
        intervals=[ends] * rows,
        adjusted=[ends] * rows,
        verdicts=[verdict] * rows,
        metric="accuracy",
    )


@pytest.mark.parametrize("rows", [1, 2, 60])
def test_a_forest_has_a_label_and_a_verdict_for_each_row(rows):
    shown = texts(forest(rows))
    assert sum(text.startswith("← source") for text in shown) == rows
    assert sum(text.endswith("helps") for text in shown) == rows


def test_rows_of_a_forest_do_not_overlap_when_there_are_many():
    assert forest(60).get_size_inches()[1] - forest(1).get_size_inches()[1] > 59 * 0.4


@pytest.mark.parametrize("verdict", sorted(VERDICTS))
def test_a_verdict_is_told_by_word_sign_and_marker_not_by_colour_alone(verdict):
    figure = forest(1, verdict)
    sign, marker, _ = VERDICTS[verdict]
    assert f"{sign} {verdict}" in texts(figure)
    assert marker in [line.get_marker() for line in figure.axes[0].lines]


def test_signs_markers_and_colours_of_verdicts_all_differ():
    for column in zip(*VERDICTS.values(), strict=True):
        assert len(set(column)) == len(VERDICTS)


def test_a_missing_interval_is_said():
    assert "no interval" in texts(forest(1, "not shown", (NAN, NAN)))
    assert "no interval" not in texts(forest(1, "not shown", (-0.1, 0.2)))


def test_zero_and_every_interval_lie_within_the_axis():
    low, high = forest(2, ends=(0.05, 0.4)).axes[0].get_xlim()
    assert low < 0
    assert high > 0.4


@given(st.lists(st.tuples(st.floats(-5, 5), ENDS, ENDS), max_size=4))
@settings(max_examples=10)
def test_a_forest_of_anything_can_be_drawn(rows):
    figure = lift_forest(
        [f"row {i}" for i in range(len(rows))],
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        ["not shown"] * len(rows),
        "accuracy",
    )
    figure.draw_without_rendering()


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="one length"):
        lift_forest(["a"], [0.1, 0.2], [(0, 1)], [(0, 1)], ["helps"], "accuracy")


def curves(budgets, spread=0.01):
    scores = np.linspace(0.5, 0.9, len(budgets))
    return learning_curves(
        {"(no sources)": (budgets, scores, [spread] * len(budgets))},
        ["(no sources)"],
        "accuracy",
        "pooled",
    )


def ticks(figure):
    axis = figure.axes[0].xaxis
    return dict(
        zip([t.get_text() for t in axis.get_ticklabels()], axis.get_ticklocs(), strict=True)
    )


def test_budgets_stand_on_a_logarithmic_scale():
    place = ticks(curves([10, 20, 40]))
    assert place["20"] - place["10"] == pytest.approx(place["40"] - place["20"])


def test_budget_zero_stands_left_of_all_others():
    place = ticks(curves([0, 10, 20]))
    assert place["0"] < place["10"] < place["20"]


@pytest.mark.parametrize("budgets", [[0], [10], [0, 1], list(range(5, 100, 5))])
def test_any_budgets_can_be_drawn_and_the_largest_is_named(budgets):
    figure = curves(budgets)
    figure.draw_without_rendering()
    assert str(budgets[-1]) in ticks(figure)
    assert len(ticks(figure)) <= 10


def test_points_are_joined_in_the_order_of_their_budgets():
    figure = learning_curves({"a": ([20, 10], [0.8, 0.6], [0.1, NAN])}, [], "accuracy", "m")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.6, 0.8])


def test_a_series_is_told_by_marker_and_dash_too():
    figure = learning_curves(
        {name: ([1, 2], [0.1, 0.2], [0.0, 0.0]) for name in ("base", "reference", "a", "b")},
        ["base", "reference"],
        "accuracy",
        "m",
    )
    looks = [(line.get_marker(), line._dash_pattern) for line in figure.axes[0].lines]
    assert len({marker for marker, _ in looks}) == 4
    assert looks[0][1] != looks[1][1]
    assert looks[2][1][1] is None


def test_names_that_begin_with_an_underscore_or_hold_formulas_are_drawn_as_they_are():
    figure = learning_curves({"_a $x^2$": ([1], [0.1], [0.0])}, [], "accuracy", "$y$")
    figure.draw_without_rendering()
    assert {"_a $x^2$", "$y$"} <= set(texts(figure))
    assert not any(t.get_parse_math() for t in figure.legends[0].get_texts())


def test_sources_are_ranked_from_top_to_bottom():
    figure = ranking_places(["first", "second"], [1.0, 2.0], [(1, 2), (None, None)])
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top, "row 0 is on top"
    assert {"first", "second"} <= set(texts(figure))


def test_a_ranking_of_sixty_keeps_its_ticks_few():
    figure = ranking_places([str(i) for i in range(60)], range(1, 61), [(NAN, NAN)] * 60)
    assert len(figure.axes[0].get_xticks()) <= 9
