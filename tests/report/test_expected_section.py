"""The page of a study shows expected labels saved beside measured ones, or why there are none."""

from dataclasses import replace

import pytest

from priorlift.report import numbers, render_page
from priorlift.report.expected_section import expected_section
from priorlift.study.target_forecast import TargetForecast


@pytest.fixture(scope="module")
def section(result):
    return expected_section(result)


def rows_of(table):
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row, strict=True)) for row in table.rows]


def test_every_claim_stands_with_expected_beside_measured(result, section):
    measured = {(s.method, s.sources, s.labels.budget): s.labels for s in result.labels_saved}
    rows = rows_of(section["claims"])
    assert len(rows) == len(result.expected_saved) == len(measured)
    for row, one in zip(rows, result.expected_saved, strict=True):
        labels = measured[row["Method"].text, row["Sources"].text, one.budget]
        assert row["Labels saved, measured"].sort == labels.saved
        assert row["Labels saved, measured"].text.startswith("more than") == labels.beyond
        assert row["Labels saved, expected"].sort == ("" if one.saved is None else one.saved)
        assert row["Needed without, expected"].note


def test_a_claim_below_the_floor_never_gets_its_number(result, section):
    for row, one in zip(rows_of(section["claims"]), result.expected_saved, strict=True):
        below = one.error <= result.forecast.floor
        assert (row["Labels saved, expected"].text == "never") == below
    assert any(one.needed is None for one in result.expected_saved)
    assert any(one.needed is not None for one in result.expected_saved)


def test_the_curve_has_what_was_measured_at_the_budgets_alone(result, section):
    column = f"Measured, {result.plan.reference}"
    found = {row["Labels"].sort: row[column].text for row in rows_of(section["curve"])}
    assert {n for n, text in found.items() if text != numbers.NONE} == set(
        result.plan.design.budgets
    )
    assert found[50] == f"{1 - 0.885:.3f}"


def test_the_section_stands_between_the_curves_and_the_ranking_with_its_warnings(pages):
    page = pages["study"]
    places = [page.index(f'<h2 id="{name}"') for name in ("curves", "expected", "ranking")]
    assert places == sorted(places)
    part = page[places[1] : places[2]]
    for text in (
        "Expected labels saved, a forecast:",
        "held-out rows are too few to see a difference",
        "160 labelled rows",
        "the rows that judge were not looked at",
        "<svg",
    ):
        assert text in part


def test_a_refusal_is_one_sentence_and_no_figure(result):
    reason = "the target has 10 classes, and <b>no</b>"
    page = render_page(replace(result, forecast=TargetForecast(reason=reason)))
    start = page.index('<h2 id="expected"')
    part = page[start : page.index("</section>", start)]
    assert "No forecast of labels saved: the target has 10 classes, and &lt;b&gt;no" in part
    assert part.count("<p>") == 1
    assert "<svg" not in part


def test_a_study_that_asked_for_none_has_no_section(result):
    page = render_page(replace(result, forecast=None))
    assert 'id="expected"' not in page
    assert '"#expected"' not in page


def test_cross_validation_says_whose_rows_were_left_out(bare):
    page = render_page(bare)
    assert "in the first fold" in page
    assert "the rows that judge that fold were not looked at" in page
