"""Every built-in score passes the suite; scores that rank nothing do not."""

import numpy as np
import pytest

from priorlift.core import registry
from priorlift.ranking.scores import LOGME, NCE, SHRINKAGE_H, Score
from priorlift.testing import ScoreConformance

TESTS = [name for name in dir(ScoreConformance) if name.startswith("test_")]


def suite_of(score):
    suite = ScoreConformance()
    suite.make_score = lambda: score
    return suite


class TestLogme(ScoreConformance):
    def make_score(self):
        return LOGME


class TestNce(ScoreConformance):
    def make_score(self):
        return NCE


class TestShrinkageH(ScoreConformance):
    def make_score(self):
        return SHRINKAGE_H


def test_every_registered_score_is_tested_here():
    tested = {suite().make_score().name for suite in ScoreConformance.__subclasses__()}
    assert {registry.get("scores", name).name for name in registry.names("scores")} <= tested


def test_a_score_that_ignores_the_source_is_caught():
    score = Score("size", "", ("classification",), lambda view: float(len(view.y)))
    with pytest.raises(AssertionError, match="the related source is first"):
        suite_of(score).test_it_prefers_a_related_source_to_a_shuffled_one()


def test_a_score_that_likes_noise_is_caught():
    score = Score("backwards", "", ("classification",), lambda view: -LOGME(view))
    with pytest.raises(AssertionError, match="is first in 0 of 6"):
        suite_of(score).test_it_prefers_a_related_source_to_a_shuffled_one()


def test_a_score_that_depends_on_the_order_of_rows_is_caught():
    score = Score("first row", "", ("classification",), lambda view: float(view.features[0].sum()))
    with pytest.raises(AssertionError, match="instead of"):
        suite_of(score).test_order_of_rows_and_sources_does_not_matter()


def test_a_score_without_tasks_is_caught():
    score = Score("nothing", "", (), lambda view: float(np.nan))
    with pytest.raises(AssertionError, match="tasks are"):
        suite_of(score).test_it_offers_what_the_registry_asks_for()
