"""Weights arrive at the base learner, as weights or as draws that lose no class."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from priorlift.core.errors import InputError
from priorlift.transfer.weighted_learner import WeightedLearner

DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(60, 3))
Y = (X[:, 0] + 0.5 * DRAWS.normal(size=60) > 0).astype(int)
WEIGHT = DRAWS.random(60)


class Recording(KNeighborsClassifier):
    seen = None

    def fit(self, X, y):
        type(self).seen = y
        return super().fit(X, y)


def test_weights_are_scaled_to_the_total():
    found = WeightedLearner(LogisticRegression(), "classification", 0).fit(X, Y, WEIGHT, 60.0)
    twin = LogisticRegression().fit(X, Y, sample_weight=WEIGHT * 60 / WEIGHT.sum())
    np.testing.assert_allclose(found.coef_, twin.coef_)


def test_a_warm_start_ends_at_the_same_optimum_and_keeps_the_parameters():
    base = LogisticRegression(tol=1e-8, max_iter=1000)
    learner = WeightedLearner(base, "classification", 0)
    first = learner.fit(X, Y, np.ones(60), 60.0)
    cold, warm = (learner.fit(X, Y, WEIGHT, 60.0, warm=start) for start in (None, first))
    np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-5)
    assert {**warm.get_params(), "random_state": None} == base.get_params()
    near = learner.fit(X, Y, WEIGHT * (1 + 1e-6 * X[:, 0]), 60.0, warm=cold)
    assert near.n_iter_[0] < cold.n_iter_[0]


def test_a_warm_start_from_other_classes_is_a_cold_one():
    learner = WeightedLearner(LogisticRegression(), "classification", 0)
    other = learner.fit(X, np.where(X[:, 1] > 0, 5, 7), np.ones(60), 60.0)
    found, expected = (learner.fit(X, Y, WEIGHT, 60.0, warm=w) for w in (other, None))
    np.testing.assert_array_equal(found.coef_, expected.coef_)


def test_a_class_is_never_lost_in_a_draw():
    y = np.where(np.arange(60) == 7, 2, Y)
    weight = np.where(y == 2, 1e-6, 1.0)
    learner = WeightedLearner(Recording(1), "classification", 0)
    assert learner.resamples
    for k in range(20):
        learner.fit(X, y, weight, 60.0, str(k))
        assert set(Recording.seen) == {0, 1, 2}


def test_draws_follow_the_weights_and_the_seed():
    weight = np.where(np.arange(60) < 30, 3.0, 1.0)
    learner = WeightedLearner(KNeighborsClassifier(1), "classification", 0)
    rows = np.concatenate([learner._drawn(Y, weight, str(k)) for k in range(200)])
    # 12,000 draws: the share has a standard error of 0.004.
    assert np.mean(rows < 30) == pytest.approx(0.75, abs=0.02)
    np.testing.assert_array_equal(learner._drawn(Y, weight, "a"), learner._drawn(Y, weight, "a"))
    assert (learner._drawn(Y, weight, "a") != learner._drawn(Y, weight, "b")).any()


def test_equal_weights_need_no_draw():
    WeightedLearner(Recording(1), "classification", 0).fit(X, Y, np.full(60, 0.2), 60.0)
    np.testing.assert_array_equal(Recording.seen, Y)


def test_a_pipeline_passes_weights_on_or_is_refused():
    weighted = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2))
    found = WeightedLearner(weighted, "classification", 0).fit(X, Y, WEIGHT, 60.0)
    scaled = StandardScaler().fit_transform(X)
    twin = DecisionTreeClassifier(max_depth=2, random_state=0).fit(scaled, Y, WEIGHT)
    np.testing.assert_array_equal(found.predict(X), twin.predict(scaled))
    without = make_pipeline(StandardScaler(), KNeighborsClassifier(1))
    with pytest.raises(InputError, match="sample weights"):
        WeightedLearner(without, "classification", 0).fit(X, Y, WEIGHT, 60.0)


def test_one_class_left_is_a_constant():
    weight = np.where(Y == 1, 1.0, 1e-12)
    learner = WeightedLearner(LogisticRegression(), "classification", 0)
    found = learner.fit(X, Y, weight, 60.0)
    assert found.predict(X).tolist() == [1] * 60
    assert found.predict_proba(X).tolist() == [[1.0]] * 60
