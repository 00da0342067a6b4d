"""Pages of many tasks, of verifications and of searches say what to do and how sure that is."""

from dataclasses import replace

import pytest

from priorlift.ranking.task_ranking import TaskRanking
from priorlift.report import render_page
from priorlift.report.spending_page import spending_context
from priorlift.report.task_page import task_context
from priorlift.report.verification_page import verification_context


def column(table, title):
    place = [c.title for c in table.columns].index(title)
    return [row[place] for row in table.rows]


def test_the_sentence_counts_whom_a_source_helps(tasks):
    sentence = task_context(tasks)["sentence"]
    assert sentence == (
        "A source is expected to help 3 of 4 targets; for the other 1: do not transfer."
    )


def test_each_target_has_its_source_its_lift_and_the_runner_up(tasks):
    table = task_context(tasks)["table_of_best"]
    first, _, third = tasks["third"].names
    assert column(table, "Learn from")[0].text == third, "the largest expected lift"
    assert column(table, "Predicted lift")[0].sort == 0.05
    assert column(table, "Runner-up")[0].text == first
    assert column(table, "Learn from")[1].text == "do not transfer"


def test_targets_on_which_scores_disagree_are_named(tasks):
    assert "third (0.10)" in task_context(tasks)["disagreements"]
    agreed = {name: replace(r, kendall_w=0.9) for name, r in tasks.rankings.items()}
    assert task_context(TaskRanking(agreed, {}, 1.0))["disagreements"] == ""


def test_without_a_model_the_order_is_called_a_promise(unpredicted):
    context = task_context(unpredicted)
    assert "a promise from the scores" in context["sentence"]
    titles = [c.title for c in context["table_of_best"].columns]
    assert "Predicted lift" not in titles
    assert "Promise" in context["map"].title


def test_what_was_left_out_is_grouped_by_its_reason(tasks):
    page = render_page(tasks)
    assert "regression: it is a task of another kind" in page
    assert page.count("no common column with the target") == 1


def test_a_recommended_source_that_hurt_is_named(verification):
    context = verification_context(verification)
    assert context["harmful"] == "digits turned by 90°"
    assert column(context["compared"], "Verdict of the study")[1].text == "hurts"
    order = dict(context["order"])
    assert order["Weighted tau of the order with the measured lifts"] == "0.42"
    assert order["Weighted tau, lifts not told from 0 as ties"] == "not known"
    assert context["share"].startswith("10")


def test_a_verification_without_predictions_shows_measured_lifts_alone(verification):
    found = verification
    rows = tuple(replace(row, predicted=None, recommended=None) for row in found.rows)
    context = verification_context(replace(found, rows=rows, order="consensus", coverage=None))
    assert "Predicted lift" not in [c.title for c in context["compared"].columns]
    assert "Circles" not in context["plot"].caption


def test_the_bill_says_what_was_measured_and_what_was_not(spending):
    context = spending_context(spending)
    known = dict(
        zip(
            [cell.text for cell in column(context["bill"], "What")],
            [cell.text for cell in column(context["bill"], "Known how")],
            strict=True,
        )
    )
    assert known["Seconds of untrained pairs"] == "extrapolated"
    assert known["Seconds of trained pairs"] == "measured"
    assert known["Score lost"] == "not known"


def test_no_transfer_is_a_choice_and_a_failed_fit_is_told(spending):
    context = spending_context(spending)
    assert column(context["chosen"], "Source")[1].text == "no transfer"
    assert column(context["history"], "Why")[-1].note == "it did not converge"
    assert ("Max seconds", "none") in context["settings"]
    assert "Not reproducible" in render_page(spending)


@pytest.mark.parametrize("n", [1, 2])
def test_few_targets_have_a_page_too(tasks, n):
    few = dict(list(tasks.rankings.items())[:n])
    assert "<svg" in render_page(TaskRanking(few, {}, 0.1))
