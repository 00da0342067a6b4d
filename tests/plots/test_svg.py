"""An SVG of ours scales, speaks, follows the page's colours and refers to nothing outside."""

import re
from xml.etree import ElementTree

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from priorlift.plots import style
from priorlift.plots.lifts import lift_forest, ranking_places
from priorlift.plots.svg import printable, to_svg

NS = "{http://www.w3.org/2000/svg}"


def forest(label="pooled ← a"):
    return lift_forest([label], [0.1], [(0.0, 0.2)], [(-0.1, 0.3)], ["helps"], "accuracy")


@pytest.fixture(scope="module")
def svg():
    return to_svg(forest(), "The title", "What <it> shows & says")


def test_it_scales_with_the_page(svg):
    root = ElementTree.fromstring(svg)
    assert root.get("viewBox")
    assert root.get("width") is None
    assert root.get("height") is None


def test_it_has_a_text_alternative(svg):
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    named = {e.get("id"): e.text for e in root if e.tag in (f"{NS}title", f"{NS}desc")}
    assert [named[name] for name in root.get("aria-labelledby").split()] == [
        "The title",
        "What <it> shows & says",
    ]


def test_it_refers_to_nothing_outside(svg):
    assert set(re.findall(r"https?://[^\"' ]+", svg)) == {"http://www.w3.org/2000/svg"}
    assert "<!DOCTYPE" not in svg
    assert "<style" not in svg
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]+)"', svg))


def test_what_it_refers_to_inside_exists(svg):
    ids = re.findall(r'\bid="([^"]+)"', svg)
    used = re.findall(r'href="#([^"]+)"', svg) + re.findall(r"url\(#([^)]+)\)", svg)
    assert used
    assert set(used) <= set(ids)
    assert len(ids) == len(set(ids))


def test_colours_follow_the_page(svg):
    plain = re.sub(r"var\([^)]*\)", "", svg)
    assert "currentColor" in plain
    for colour in style.ROLES:
        assert colour not in plain
    assert not re.findall(r"(?:fill|stroke): #", plain)


def test_text_stays_text_in_the_fonts_of_the_reader(svg):
    assert ">pooled</text>" in svg
    assert "DejaVu" not in svg
    assert "system-ui" in svg


def test_equal_figures_give_equal_bytes(svg):
    assert to_svg(forest(), "The title", "What <it> shows & says") == svg


def test_two_figures_can_stand_in_one_page(svg):
    other = to_svg(ranking_places(["a"], [1.0], [(1, 2)]), "Ranking", "")
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (svg, other)]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_the_same_figure_can_be_drawn_for_a_narrow_page():
    figure = forest()
    before = tuple(figure.get_size_inches())
    narrow = ElementTree.fromstring(to_svg(figure, "t", "d", width=4.75))
    assert float(narrow.get("viewBox").split()[2]) == pytest.approx(4.75 * 72)
    assert tuple(figure.get_size_inches()) == before


@given(st.text(max_size=30))
@settings(max_examples=15)
def test_any_name_gives_well_formed_markup(name):
    root = ElementTree.fromstring(to_svg(forest(name), name, name))
    assert {e.tag for e in root.iter()} <= {
        f"{NS}{tag}"
        for tag in ("svg", "g", "path", "defs", "use", "text", "clipPath", "rect", "title", "desc")
    }


def test_markup_in_a_name_is_text():
    svg = to_svg(forest("<script>alert(1)</script>"), "</title><b>", "]]>")
    assert "<script" not in svg
    assert "<b>" not in svg


@given(st.text())
def test_what_is_printable_is_kept(text):
    assert all(a == b or b == "�" for a, b in zip(text, printable(text), strict=True))
    assert printable(printable(text)) == printable(text)
