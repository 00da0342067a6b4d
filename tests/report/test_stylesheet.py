"""Colours of the page are legible in both schemes, by the thresholds of WCAG 2 (level AA)."""

import re
from pathlib import Path

import pytest

from priorlift import report

CSS = (Path(report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
TEXT = ("ink", "muted", "link", "helps", "hurts", "equivalent", "not-shown")


def variables(block):
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


LIGHT = variables(CSS[: CSS.index("@media")])
DARK = LIGHT | variables(CSS[CSS.index("@media") : CSS.index("box-sizing")])


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("surface", ["paper", "surface"])
@pytest.mark.parametrize("role", TEXT)
def test_text_is_legible(scheme, surface, role):
    assert contrast(scheme[role], scheme[surface]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_warnings_and_the_focus_ring_can_be_seen(scheme):
    assert contrast(scheme["ink"], scheme["warn-surface"]) >= 4.5
    assert contrast(scheme["link"], scheme["warn-surface"]) >= 4.5
    assert contrast(scheme["focus"], scheme["paper"]) >= 3


def test_every_hue_of_a_plot_is_legible_in_the_dark():
    hues = {name: colour for name, colour in DARK.items() if name.startswith("plot-")}
    assert len(hues) >= 8
    for name, colour in hues.items():
        if name != "plot-grid":
            assert contrast(colour, DARK["paper"]) >= 4.5, name


def test_nothing_moves_for_those_who_ask_for_stillness():
    assert "animation" not in CSS
    assert "transition" not in CSS
    smooth = CSS.index("scroll-behavior: smooth")
    assert "prefers-reduced-motion: no-preference" in CSS[smooth - 80 : smooth]
