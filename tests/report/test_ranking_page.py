"""A ranking's page shows ties, disagreement and what could not be ranked."""

from dataclasses import replace

import numpy as np
import pytest

from priorlift.ranking.result import PredictedLift
from priorlift.report import render_page
from priorlift.report.agreement import rank_correlations
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


def predicted(ranking, *lifts):
    """Give the sources these predicted lifts and chances."""
    rows = tuple(
        replace(row, predicted=PredictedLift(mean, mean - 0.1, mean + 0.1, chance))
        for row, (mean, chance) in zip(ranking.rows, lifts, strict=True)
    )
    return replace(ranking, rows=rows, prediction="told")


def test_do_not_transfer_leads_where_nothing_is_expected_to_help(ranking):
    context = ranking_context(predicted(ranking, (-0.1, 0.2), (0.01, 0.4), (-0.2, 0.1)))
    assert context["sentence"] == "Do not transfer: no source is expected to help."
    assert ranking.summary in context["beside"], "the order by the scores is told, but second"


def test_what_is_expected_to_help_is_named_with_its_lift(ranking):
    made = predicted(ranking, (0.02, 0.6), (0.08, 0.9), (-0.2, 0.1))
    context = ranking_context(made)
    first, second, third = ranking.names
    sentence = context["sentence"]
    assert sentence.index(f"{second} (+0.080") < sentence.index(f"{first} (+0.020")
    assert third not in sentence
    table = context["ranking"]["table"]
    titles = [column.title for column in table.columns]
    cell = table.rows[0][titles.index("Predicted lift")]
    assert (cell.sort, cell.note) == (0.02, "\N{MINUS SIGN}0.080 to +0.120")
    assert table.rows[1][titles.index("P(lift > 0)")].sort == 0.9
    assert "told" in render_page(made)


def test_a_promise_is_not_shown_as_a_lift(ranking):
    rows = tuple(replace(r, predicted=PredictedLift(0.7, None, None, None)) for r in ranking.rows)
    made = replace(ranking, rows=rows, prediction="cold start: no outcomes")
    section = ranking_section(made)
    titles = [column.title for column in section["table"].columns]
    assert "Promise" in titles
    assert "Predicted lift" not in titles
    assert section["predicted"] is None
    assert "It is not a lift" in render_page(made)


def test_correlations_leave_out_what_is_missing_or_constant():
    values = np.array([[1.0, 4.0, 0.0], [2.0, 3.0, 0.0], [3.0, 1.0, 0.0], [4.0, np.nan, 0.0]])
    found = rank_correlations(values)
    assert found[0, 1] == found[1, 0] == -1.0
    assert np.isnan(found[2]).all()


def test_agreement_is_drawn_from_three_sources_on(ranking):
    assert ranking_section(ranking)["agreement_plot"] is not None
    assert ranking_section(replace(ranking, rows=ranking.rows[:2]))["agreement_plot"] is None


def test_what_is_known_beside_the_scores_is_shown(ranking):
    rows = tuple(replace(row, facts={"proximity": -0.25, "log_n": 1.0}) for row in ranking.rows)
    facts = ranking_section(replace(ranking, rows=rows))["facts"]
    assert [column.title for column in facts.columns] == ["Source", "Proximity"]
    assert ranking_section(ranking)["facts"] is None
