"""A page is one file that asks for nothing, escapes everything and is written whole or not."""

import base64
import hashlib
import itertools
import re
from html.parser import HTMLParser

import pytest

import priorlift
from priorlift.core.errors import InputTypeError, RunDirectoryError
from priorlift.report import page as page_module
from priorlift.report import render_page, write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """Collects elements and complains about tags that do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.words, self.errors = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append(tag)

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def outlines(pages):
    return {name: Outline(text) for name, text in pages.items()}


NAMES = (
    *("study", "hostile", "bare", "ranking", "tasks", "hostile tasks"),
    *("verification", "hostile verification", "spending", "hostile spending"),
    *("relation", "hostile relation", "sweep", "hostile sweep"),
)


@pytest.mark.parametrize("name", NAMES)
def test_markup_nests_and_identifiers_are_unique(outlines, name):
    outline = outlines[name]
    assert not outline.errors
    assert not outline.open
    ids = [attrs["id"] for _, attrs in outline.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_inside_the_page_has_an_end(outlines, name):
    outline = outlines[name]
    ids = {attrs["id"] for _, attrs in outline.elements if "id" in attrs}
    used = [attrs["href"][1:] for attrs in outline.all("a") + outline.all("use")]
    for _, attrs in outline.elements:
        used += attrs.get("aria-labelledby", "").split()
    assert used
    assert set(used) <= ids


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_for(pages, outlines, name):
    assert set(re.findall(r"https?://[^\"'\s<]+", pages[name])) <= {"http://www.w3.org/2000/svg"}
    for _, attrs in outlines[name].elements:
        assert "src" not in attrs
        assert attrs.get("href", "#")[:1] == "#" or attrs["href"] == "data:,"
    assert "@import" not in pages[name]
    assert not re.findall(r"url\((?!#plot-)", pages[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_policy_allows_the_one_script_and_no_request(pages, outlines, name):
    policy = next(
        attrs["content"]
        for attrs in outlines[name].all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    scripts = re.findall(r"<script>(.*?)</script>", pages[name], flags=re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


@pytest.mark.parametrize("name", NAMES)
def test_headings_come_in_order(outlines, name):
    levels = [int(tag[1]) for tag, _ in outlines[name].elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_captioned_and_their_headers_scoped(pages, outlines, name):
    outline = outlines[name]
    tables = outline.all("table")
    assert tables
    assert len(tables) == len(outline.all("caption"))
    assert all(attrs.get("scope") in ("col", "row") for attrs in outline.all("th"))
    for body in re.findall(r"<tbody.*?</tbody>", pages[name], flags=re.DOTALL):
        for row in re.findall(r"<tr.*?</tr>", body, flags=re.DOTALL):
            assert 'scope="row"' in row


@pytest.mark.parametrize("name", NAMES)
def test_every_plot_speaks(outlines, name):
    plots = outlines[name].all("svg")
    assert all(attrs["role"] == "img" and attrs["aria-labelledby"] for attrs in plots)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("hostile ")])
def test_names_of_tasks_cannot_become_markup(pages, outlines, name):
    assert "<script>alert" not in pages[name]
    assert len(outlines[name].all("script")) == 1
    for shown in ("<script>alert(1)</script>", "$x^2$ {{ 7*7 }} �"):
        assert shown in outlines[name].text


def test_names_cannot_become_markup(pages, outlines):
    text, outline = pages["hostile"], outlines["hostile"]
    assert "<script>alert" not in text
    assert "<img" not in text
    assert not outline.all("img")
    assert len(outline.all("script")) == 1
    assert not any(name.startswith("on") for _, attrs in outline.elements for name in attrs)
    assert "<script>alert(1)</script>" in outline.text
    assert "</title><img src=x onerror=alert(2)>" in outline.text


def test_names_are_shown_as_they_are(outlines):
    assert "\"'& $x^2$ {{ 7*7 }} �" in outlines["hostile"].text
    assert "\x00" not in outlines["hostile"].text


def test_equal_results_give_equal_pages(pages, ranking):
    assert render_page(ranking) == render_page(ranking)


def test_the_front_door_writes_it(ranking, tmp_path):
    path = tmp_path / "a folder" / "page.html"
    assert priorlift.write_report(ranking, path) == path
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_folder_gets_a_file_of_the_usual_name(ranking, tmp_path):
    assert write_report(ranking, str(tmp_path)) == tmp_path / "report.html"


def test_a_failure_leaves_the_earlier_page_as_it_was(ranking, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("earlier")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RunDirectoryError, match="disk is full"):
        write_report(ranking, path)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_anything_else_is_refused_before_a_file_is_touched(tmp_path):
    with pytest.raises(InputTypeError, match="no report of a dict"):
        write_report({}, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_templates_escape_by_default():
    assert page_module._environment().from_string("{{ x }}").render(x="<") == "&lt;"
