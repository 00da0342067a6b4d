"""Learning curves come with the labels that they save, in words and in numbers."""

from dataclasses import replace

import pytest

from priorlift.report.curves_section import curve_sections
from priorlift.study.labels_saved import LabelsSaved
from priorlift.study.results import Saved


@pytest.fixture(scope="module")
def sections(result):
    return curve_sections(result)


def test_each_claiming_method_has_a_part(sections):
    assert [section["method"] for section in sections] == ["pooled", "frozen_features"]


def test_labels_saved_have_a_row_a_source_and_a_column_a_budget(sections):
    table = sections[0]["saved"]
    assert len(table.rows) == 4
    assert [c.title for c in table.columns[1:]] == [f"with {n} labels" for n in (10, 20, 50)]
    assert table.rows[0][1].text == "more than 40"
    assert table.rows[0][1].note == "3 to more than 40"


def test_a_sentence_says_what_is_saved_where_labels_are_dearest(sections):
    assert sections[1]["sentence"].startswith(
        "With 10 labels and digits 3 and 8, frozen_features scores as high as with more than 50 "
        "labels and no sources: more than 40 labels saved"
    )


def sentence_for(result, labels):
    only = (Saved("digits 3 and 8", "pooled", labels),)
    return curve_sections(replace(result, labels_saved=only))[0]["sentence"]


def test_a_saving_whose_interval_reaches_zero_is_not_claimed(result):
    assert "not shown" in sentence_for(result, LabelsSaved(10, 14, 4, -6, 12))
    assert "not shown" not in sentence_for(result, LabelsSaved(10, 14, 4, 1, 12))


def test_a_source_that_costs_labels_is_not_praised(result):
    assert "no source saves" in sentence_for(result, LabelsSaved(20, 10, -10, -10, 5, below=True))


def test_numbers_hold_every_point_of_the_method(result, sections):
    for section in sections:
        points = [p for p in result.curves if p.method == section["method"]]
        assert len(section["numbers"].rows) == len(points)


def test_the_text_alternative_names_the_scores_at_the_largest_budget(sections):
    assert "At 50 labels: digits 3 and 8 0.89" in sections[0]["plot"].wide
