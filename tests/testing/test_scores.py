"""Every built-in score passes the suite; scores that rank nothing do not."""

import numpy as np
import pytest

from priorlift.core import registry
from priorlift.pool import Source, SourcePool
from priorlift.ranking.rank import rank_sources
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


class TestHScore(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "h_score")


class TestTransrate(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "transrate")


class TestGbc(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "gbc")


class TestSfda(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "sfda")


class TestLeep(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "leep")


class TestNLeep(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "n_leep")


class TestParc(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "parc")


class TestLabelCka(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "label_cka")


class TestKnn(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "knn")


class TestFeatureGain(ScoreConformance):
    def make_score(self):
        return registry.get("scores", "feature_gain")


class InputsAlone(ScoreConformance):
    """For a score that never sees the source's labels: two sources of the same rows are equal."""

    def test_it_prefers_a_related_source_to_a_shuffled_one(self):
        for task in self.make_score().tasks:
            related, noise = self._values(self._ranked(task, 0)).values()
            assert related == noise


class TestNegMmd(InputsAlone):
    def make_score(self):
        return registry.get("scores", "neg_mmd")


class TestNegProxyADistance(InputsAlone):
    def make_score(self):
        return registry.get("scores", "neg_proxy_a_distance")


class TestProximity(InputsAlone):
    def make_score(self):
        return registry.get("scores", "proximity")


class EncodedRows(ScoreConformance):
    """For a score that looks at the encoded rows along lines: the signal has to lie on one."""

    def test_it_prefers_a_related_source_to_a_shuffled_one(self):
        right = 0
        for seed in range(6):
            draws = np.random.default_rng(seed)
            X = draws.normal(size=(460, 5))
            y = (X[:, 0] + 0.3 * draws.normal(size=460) > 0.0).astype(int)
            related = Source("related", X[160:], y[160:])
            noise = Source("noise", X[160:], draws.permutation(y[160:]))
            pool, scores = SourcePool([related, noise]), [self.make_score()]
            found = rank_sources(X[:160], y[:160], pool, scores=scores, n_bootstrap=0)
            right += found.best == "related"
        assert right >= 5


class TestNegOtDistance(EncodedRows):
    def make_score(self):
        return registry.get("scores", "neg_ot_distance")


class TestTask2Vec(EncodedRows):
    def make_score(self):
        return registry.get("scores", "task2vec")


class TestAgreement(EncodedRows):
    def make_score(self):
        return registry.get("scores", "agreement")


class TestPoolingGain(EncodedRows):
    def make_score(self):
        return registry.get("scores", "pooling_gain")


class TestPerformanceGap(EncodedRows):
    def make_score(self):
        return registry.get("scores", "performance_gap")


def suites(of=ScoreConformance):
    for suite in of.__subclasses__():
        yield from suites(suite)
        if "make_score" in vars(suite):
            yield suite


def test_every_registered_score_is_tested_here():
    tested = {suite().make_score().name for suite in suites()}
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
