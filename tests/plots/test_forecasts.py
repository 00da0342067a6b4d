"""The figure of forecasts draws each map's curve, band, floor and points."""

import pytest

from priorlift.core.errors import InputError
from priorlift.plots.forecasts import forecast_curves

CURVE = ([20, 100, 500], [0.3, 0.2, 0.15], [0.25, 0.17, 0.12], [0.35, 0.25, 0.2])


def test_curves_floors_points_and_the_target_are_drawn():
    figure = forecast_curves(
        {"a": CURVE, "b": CURVE}, {"a": 0.1, "b": 0.0}, {"a": ([50], [0.24], [0.02])}, target=0.2
    )
    axes = figure.axes[0]
    assert len(axes.collections) == 3  # two bands and one set of whiskers
    dotted = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [line.get_ydata()[0] for line in dotted] == [0.1]
    low, high = axes.get_ylim()
    assert low < 0.1
    assert high > 0.35
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["20", "100", "500"]


def test_an_error_of_nearly_nothing_leaves_the_axis_readable():
    curve = ([20, 100], [1e-30, 0.0], [0.0, 0.0], [0.01, 1e-20])
    low, high = forecast_curves({"a": curve}, {"a": 0.0}, {}).axes[0].get_ylim()
    assert 1e-5 < low < high


@pytest.mark.parametrize("unit", [1e-7, 1.0, 5e4])
def test_errors_of_any_unit_have_readable_ticks(unit):
    curve = tuple([unit * v for v in part] if place else part for place, part in enumerate(CURVE))
    axes = forecast_curves({"a": curve}, {"a": 0.1 * unit}, {}, quantity="metres").axes[0]
    low, high = axes.get_ylim()
    assert low <= 0.1 * unit
    assert high >= 0.35 * unit
    assert 2 <= sum(low <= tick <= high for tick in axes.get_yticks()) <= 12
    assert axes.get_ylabel() == "metres"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="no forecast"):
        forecast_curves({}, {}, {})
    with pytest.raises(InputError, match="length"):
        forecast_curves({"a": ([1, 2], [0.1], [0.1], [0.1])}, {}, {})
