"""The page of performance gaps says which source hurts, how surely, and which rows do."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.pool import Source, SourcePool
from priorlift.ranking.gap.performance import performance_gap
from priorlift.ranking.gap.result import GapResult
from priorlift.report import render_page, write_report
from priorlift.report.gap_page import gap_context
from priorlift.report.ranking_page import ranking_section

HOSTILE = "<script>alert('x')</script>"


def measured(n_permutations=20, regression=False):
    draws = np.random.default_rng(0)
    X = draws.normal(size=(180, 3))
    y = X[:, 0] if regression else np.where(X[:, 0] > 0, "ill", "well")
    other = -y if regression else np.where(X[:, 0] > 0, "well", "ill")
    pool = SourcePool(
        [Source("same", X[40:], y[40:]), Source(HOSTILE, X[40:], other[40:])],
        unusable={"weather": "no common column"},
    )
    model = Ridge() if regression else LogisticRegression()
    return performance_gap(
        model, X[:40], y[:40], pool, n_permutations=n_permutations, random_state=0
    )


@pytest.fixture(scope="module")
def gaps():
    return measured()


def test_verdict_gaps_and_rows_stand_on_the_page(gaps, tmp_path):
    context = gap_context(gaps)
    assert context["sentence"].startswith("Likely to hurt: ")
    first, second = context["tables"]
    assert [row[0].text for row in first.rows] == ["same", HOSTILE]
    assert [row[1].text for row in first.rows][1] == "hurts"
    assert "Pooling" not in [column.title for column in second.columns]
    worst = gaps.worst_rows(20)
    assert [row[1].sort for row in context["worst"].rows] == [row.row for row in worst]
    page = write_report(gaps, tmp_path).read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "no common column" in page
    assert render_page(GapResult.from_json(gaps.to_json())) == page


@pytest.mark.parametrize("regression", [False, True])
def test_without_permutations_there_is_a_page_too(regression):
    context = gap_context(measured(0, regression))
    assert "Grey bands" not in context["plots"][0][2].caption
    assert render_page(measured(0, regression))


def test_without_sources_there_is_a_page_that_says_so(gaps):
    page = render_page(replace(gaps, rows=()))
    assert "No source could be measured." in page
    assert "rows that hurt</h2>" not in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_fits_a_desk_and_a_phone_and_asks_for_nothing(gaps, browser_page, tmp_path, width):
    complaints, requests = [], []
    browser_page.on("console", lambda message: complaints.append(message.text))
    browser_page.on("dialog", lambda dialog: complaints.append(dialog.message))
    browser_page.on("request", lambda request: requests.append(request.url))
    browser_page.set_viewport_size({"width": width, "height": 800})
    browser_page.goto(write_report(gaps, tmp_path).as_uri())
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= width
    browser_page.locator("#worst-rows th button").nth(1).click()
    numbers = browser_page.evaluate(
        "[...document.querySelectorAll('#worst-rows tbody tr')].map(r => +r.cells[1].dataset.sort)"
    )
    assert numbers == sorted(numbers, reverse=True)
    assert not complaints
    assert len(requests) == 1


def test_a_ranking_by_the_gap_names_what_may_hurt(ranking):
    plan = replace(ranking.plan, scores=("performance_gap",))
    values = (0.1, -0.2, 0.0)
    rows = tuple(
        replace(row, scores={"performance_gap": value}, intervals={}, ranks={})
        for row, value in zip(ranking.rows, values, strict=True)
    )
    said = ranking_section(replace(ranking, plan=plan, rows=rows))["gap"]
    assert ranking.rows[1].name in said
    assert ranking.rows[0].name not in said
    assert ranking_section(ranking)["gap"] == ""
    assert json.loads(ranking.to_json())
