"""The palette can be read by anyone, and figures leave no trace in the process."""

import subprocess
import sys

import pytest

from priorlift.plots import style


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("hue", [*style.HUES, style.INK, style.MUTED])
def test_every_hue_is_legible_on_white(hue):
    assert contrast(hue, "#ffffff") >= 4.5


def test_no_role_is_hidden_inside_another():
    assert len(set(style.ROLES)) == len(set(style.ROLES.values())) == len(style.ROLES)


def test_importing_plots_and_drawing_leave_pyplot_alone():
    code = (
        "import sys, priorlift.plots.lifts as lifts, priorlift.plots.svg\n"
        "assert 'matplotlib' not in sys.modules\n"
        "lifts.ranking_places(['a'], [1], [(1, 1)])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_long_label_becomes_at_most_three_short_lines():
    lines = style.wrapped("frozen_features ← " + "a very long name of a source " * 5)
    assert len(lines) == 3
    assert max(map(len, lines)) <= 20
    assert lines[-1].endswith("…")


@pytest.mark.parametrize("label", ["", " ", "a", "←", "a ← "])
def test_odd_labels_have_at_least_one_line(label):
    assert 1 <= len(style.wrapped(label)) <= 3
