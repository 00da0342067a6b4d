"""A study's page says the verdict first, and everything that a reader needs to judge it."""

import re
import tomllib
from dataclasses import replace

import pytest

from priorlift.report.study_page import study_context

SECTIONS = ("verdict", "claims", "warnings", "lifts", "curves", "ranking", "bill", "method")


@pytest.fixture(scope="module")
def context(result):
    return study_context(result)


def column(table, title):
    place = [c.title for c in table.columns].index(title)
    return [row[place] for row in table.rows]


def test_sections_come_in_the_order_of_their_importance(pages):
    places = [pages["study"].index(f'<h2 id="{name}"') for name in (*SECTIONS, "reproduce")]
    assert places == sorted(places)


def test_the_verdict_stands_before_everything_else_in_the_page(pages):
    main = pages["study"].split("<main", 1)[1]
    before, _ = main.split("Yes: frozen_features with digits 3 and 8 helps", 1)
    assert not re.search("<(p|table|svg|ul|dl)[ >](?!class=.sentence)", before)


def test_every_claim_stands_in_the_verdict_table_best_first(result, context):
    table = context["verdicts"]
    shown = {
        (m.text, s.text)
        for m, s in zip(column(table, "Method"), column(table, "Sources"), strict=True)
    }
    assert shown == {(v.method, v.sources) for v in result.verdicts}
    words = [cell.text for cell in column(table, "Verdict")]
    assert words == sorted(words, key=["helps", "hurts", "not shown"].index)
    helping = [
        lift.sort
        for lift, word in zip(column(table, "Lift"), words, strict=True)
        if word == "helps"
    ]
    assert helping == sorted(helping, reverse=True)


def test_the_verdict_is_told_by_sign_and_word(context):
    for cell in column(context["verdicts"], "Verdict"):
        assert cell.sign
        assert cell.mark == cell.text.replace(" ", "-")


def test_intervals_are_those_of_the_verdicts(result, context):
    verdict = max(result.verdicts, key=lambda v: v.against_same_class.estimate)
    table = context["verdicts"]
    unadjusted = next(c.title for c in table.columns if c.title.startswith("Unadjusted"))
    for title, interval in (
        ("Adjusted interval", verdict.adjusted_against_same_class),
        (unadjusted, verdict.against_same_class),
    ):
        assert column(table, title)[0].text == f"{interval.low:+.3f} to {interval.high:+.3f}"


def test_a_claim_without_an_interval_says_so_and_sorts_last(context):
    cells = [c for c in column(context["verdicts"], "Adjusted interval") if c.text == "no interval"]
    assert [cell.sort for cell in cells] == [""]


def test_possible_leakage_is_warned_of_first(context):
    assert [warning["leakage"] for warning in context["warnings"]] == [True, False]
    assert context["warnings"][0]["kind"] == "Duplicates"


def test_warnings_are_announced_beside_the_verdict(pages):
    assert '<a href="#warnings">2 warnings</a>' in pages["study"]
    assert '<a href="#warnings">1 warning</a>' in pages["bare"]


def test_a_study_that_was_cut_short_says_so_twice(bare, pages):
    assert [w["kind"] for w in study_context(bare)["warnings"]] == ["Not reproducible"]
    assert "Not reproducible as it stands" in pages["bare"]
    assert "Not reproducible" not in pages["study"]


def test_a_study_without_a_comparison_or_a_ranking_still_has_a_page(pages):
    assert "No comparison is complete." in pages["bare"]
    assert "run without a ranking" in pages["bare"]
    assert "one label budget only" in pages["bare"]


def test_the_settings_are_a_file_that_a_parser_reads(result, context):
    settings = tomllib.loads(context["reproduce"]["settings"])
    assert settings["budgets"] == list(result.plan.design.budgets)
    assert settings["methods"] == ["pooled", "frozen_features"]
    assert settings["seed"] == result.plan.seed
    assert "groups" not in settings


def test_the_settings_hold_any_name(hostile):
    plan = replace(hostile.plan, metric='a "quoted" \n metric')
    settings = tomllib.loads(study_context(replace(hostile, plan=plan))["reproduce"]["settings"])
    assert settings["metric"] == 'a "quoted" \n metric'


def test_formulas_in_use_are_explained_and_no_others(pages):
    assert "Crossed variance components" in pages["study"]
    assert "Bonett" not in pages["study"]


@pytest.mark.parametrize(
    "formula",
    [
        "row",
        "row_bonett_price",
        "nadeau_bengio",
        "crossed_components",
        "pigeonhole",
        "delong_components",
        "pigeonhole_metric",
    ],
)
def test_every_formula_of_an_interval_has_a_line(formula):
    from priorlift.report.page import _environment

    module = _environment().get_template("formulas.html.j2").module
    assert f"<dt>{formula}</dt>" not in module.formula(formula)
    assert "<dd>" in module.formula(formula)


def test_the_threshold_is_named_where_one_was_asked_for(result):
    plan = replace(result.plan, min_lift=0.02)
    meanings = dict(study_context(replace(result, plan=plan))["method"]["meanings"])
    assert "above 0.02" in meanings["helps"]
    assert "0.02" in meanings["equivalent"]


def test_the_bill_is_the_results_bill(result, context):
    fits = column(context["bill"], "Fits")
    assert [cell.sort or 0 for cell in fits] == [row.fits for row in result.bill]
    assert context["fits"] == "660 fits"


def test_what_was_skipped_is_listed_with_its_reason(context):
    assert [cell.text for cell in context["skipped"].rows[0]] == [
        "weather",
        "pooled",
        "no common column with the target",
    ]


def test_versions_fingerprints_and_trials_are_listed(pages, result):
    for word in ("3.11.9", result.plan.target_fingerprint, "3 done, 0 failed, 660 planned"):
        assert word in pages["study"]
