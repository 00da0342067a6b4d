"""The page of a multitask network says who learned from whom, and that this is no lift."""

from dataclasses import replace

import numpy as np
import pytest

from priorlift.report import render_page, write_report
from priorlift.report.relation_page import relation_context
from priorlift.transfer import TaskRelation

NAMES = ("target", "ward A", "ward B")
ALPHA = np.array([[0.6, 0.38, 0.02], [0.3, 0.7, 0.0], [0.0, 0.0, 1.0]])
GAP = np.array([[0.0, 0.1, 1.2], [0.1, 0.0, 1.4], [1.2, 1.4, 0.0]])
FOUND = TaskRelation(NAMES, ALPHA, GAP + 0.3, GAP, GAP * 2, "learned")


def test_the_sentence_names_what_the_target_learns_from():
    said = relation_context(FOUND)["sentence"]
    assert said == (
        "The head of target takes 60 % from its own rows and most of the rest from ward A (38 %)."
    )
    alone = replace(FOUND, alpha=np.eye(3))
    assert "its own rows alone" in relation_context(alone)["sentence"]
    assert "with 2 sources" in relation_context(replace(FOUND, kind="fixed"))["sentence"]


def test_both_maps_and_every_pair_are_there():
    context = relation_context(FOUND)
    assert len(context["pairs"].rows) == 9
    for name in ("alpha", "gap"):
        assert "ward B" in context[name].wide
    page = render_page(FOUND)
    assert "not a lift" in page
    assert "0.38" in page


def test_one_task_has_a_page_too(tmp_path):
    one = TaskRelation(("target",), *(np.ones((1, 1)) for _ in range(4)), "learned")
    assert "was learned alone" in write_report(one, tmp_path).read_text()


@pytest.mark.parametrize("n", [45])
def test_of_many_tasks_the_first_are_drawn(n):
    names = ("target", *(f"task {i}" for i in range(1, n)))
    many = TaskRelation(names, *(np.full((n, n), 1 / n) for _ in range(4)), "uniform")
    assert "first 40 tasks" in relation_context(many)["alpha"].caption
