"""A ranking's page shows ties, disagreement and what could not be ranked."""

from dataclasses import replace

import pytest

from priorlift.report import render_page
from priorlift.report.ranking_page import ranking_context, ranking_section


def test_sources_stand_best_first_with_every_score_and_its_interval(ranking):
    table = ranking_section(ranking)["table"]
    titles = [c.title for c in table.columns]
    assert [row[0].text for row in table.rows] == list(ranking.names)
    cell = table.rows[0][titles.index("shrinkage_h")]
    assert (cell.text, cell.note) == ("0.800", "0.500 to 0.900")
    assert table.rows[0][titles.index("nce")].note == ""


def test_ties_with_the_best_are_named(ranking):
    table = ranking_section(ranking)["table"]
    place = [c.title for c in table.columns].index("Tie for best")
    assert [row[place].text for row in table.rows] == ["best, tied", "tied", "no"]


@pytest.mark.parametrize(
    ("w", "word"), [(0.95, "agree well"), (0.5, "agree in part"), (0.1, "disagree")]
)
def test_disagreement_between_scores_is_said(ranking, w, word):
    assert word in ranking_section(replace(ranking, kendall_w=w))["agreement"]


def test_one_score_has_nothing_to_disagree_with(ranking):
    assert "no second score" in ranking_section(replace(ranking, kendall_w=None))["agreement"]


def test_what_was_not_ranked_is_listed_with_its_reason(pages):
    assert "no common column with the target" in pages["ranking"]


def test_a_missing_score_is_explained(ranking):
    rows = (
        replace(ranking.rows[0], scores={"logme": 0.1}, missing={"nce": "labels do not overlap"}),
        *ranking.rows[1:],
    )
    page = render_page(replace(ranking, rows=rows))
    assert "No nce of digits 3 and 8: labels do not overlap" in page


def test_a_ranking_without_sources_or_resamples_has_a_page_too(ranking):
    rows = tuple(replace(row, low=None, high=None, intervals={}) for row in ranking.rows)
    assert "ties cannot be told" in render_page(replace(ranking, rows=rows, n_resamples=0))
    empty = replace(ranking, rows=(), n_resamples=0)
    assert ranking_section(empty)["plot"] is None
    assert "no source could be ranked" in render_page(empty)


def test_the_page_says_how_to_get_the_same_ranking(ranking):
    settings = dict(ranking_context(ranking)["settings"])
    assert settings["Hash of the scoring plan"] == ranking.plan.hash
    assert settings["Seed"] == "0"
