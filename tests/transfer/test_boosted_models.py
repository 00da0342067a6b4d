"""Votes and medians decide as their definitions say, after every round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.dummy import DummyClassifier

from priorlift.transfer.boosted_models import (
    BoostedClassifier,
    BoostedRegressor,
    probabilities_of,
    weighted_median,
)

CLASSES = np.array(["a", "b", "c"])


class Says:
    """A learner that says the same of every row."""

    def __init__(self, label, probabilities=None):
        self.label = label
        self.classes_ = CLASSES
        if probabilities is not None:
            self.predict_proba = lambda X: np.tile(probabilities, (len(X), 1))

    def predict(self, X):
        return np.full(len(X), self.label)


@given(
    arrays(float, (3, 5), elements=st.floats(-10, 10)),
    arrays(float, 5, elements=st.floats(0.01, 5)),
)
def test_the_weighted_median_has_half_of_the_weight_on_each_side(values, weight):
    for row, median in zip(values, weighted_median(values, weight), strict=True):
        assert median in row
        assert weight[row <= median].sum() >= 0.5 * weight.sum() - 1e-9
        assert weight[row < median].sum() <= 0.5 * weight.sum() + 1e-9


def test_with_equal_weights_and_an_odd_number_it_is_the_median():
    values = np.random.default_rng(0).normal(size=(20, 7))
    np.testing.assert_array_equal(weighted_median(values, np.ones(7)), np.median(values, axis=1))


def test_votes_add_up_and_every_stage_is_seen():
    said = [Says("a"), Says("b"), Says("c"), Says("b")]
    model = BoostedClassifier(CLASSES, said, np.array([1.0, 0.9, 0.8, 0.5]))
    X = np.zeros((2, 1))
    assert [stage[0] for stage in model.staged_predict(X)] == ["a", "a", "a", "b"]
    assert model.predict(X).tolist() == ["b", "b"]
    *_, last = model.staged_predict_proba(X)
    np.testing.assert_array_equal(last, model.predict_proba(X))
    # Shares of 3.2 votes, with one more spread over the three classes.
    np.testing.assert_allclose(last[0], (np.array([1.0, 1.4, 0.8]) + 1 / 3) / 4.2)


@pytest.mark.parametrize(("n_rounds", "first"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (20, 10)])
def test_the_last_half_begins_where_dai_et_al_let_it(n_rounds, first):
    model = BoostedClassifier(CLASSES, [], [], last_half=True)
    assert list(model._voters(n_rounds)) == list(range(first - 1, n_rounds))


def test_probabilities_follow_the_vote_by_as_little_as_it_takes():
    said = [Says("a", [0.4, 0.35, 0.25]), Says("b", [0.05, 0.9, 0.05])]
    model = BoostedClassifier(CLASSES, said, np.array([1.0, 0.9]))
    found = model.predict_proba(np.zeros((1, 1)))[0]
    assert model.predict(np.zeros((1, 1))) == ["a"]
    assert found.sum() == pytest.approx(1)
    assert found.argmax() == 0
    assert found[0] - found[1] < 1e-6
    agreeing = BoostedClassifier(CLASSES, said, np.array([0.9, 1.0]))
    mean = (0.9 * np.array([0.4, 0.35, 0.25]) + [0.05, 0.9, 0.05]) / 1.9
    np.testing.assert_allclose(agreeing.predict_proba(np.zeros((1, 1)))[0], mean)


def test_votes_that_are_all_worthless_count_alike():
    said = [Says("a"), Says("b"), Says("b")]
    model = BoostedClassifier(CLASSES, said, np.array([-1.0, -3.0, 0.0]))
    assert model.predict(np.zeros((1, 1))) == ["b"]


def test_a_learner_that_knows_some_classes_gives_the_others_nothing():
    learner = DummyClassifier(strategy="prior").fit(np.zeros((3, 1)), np.array(["a", "c", "c"]))
    found = probabilities_of(CLASSES, learner, np.zeros((2, 1)))
    np.testing.assert_allclose(found, [[1 / 3, 0, 2 / 3]] * 2)


def test_regressors_decide_by_their_weighted_median():
    class Number(Says):
        pass

    model = BoostedRegressor([Number(3.0), Number(1.0), Number(2.0)], np.array([1.0, 1.0, 5.0]))
    X = np.zeros((2, 1))
    assert model.predict(X).tolist() == [2.0, 2.0]
    assert [stage[0] for stage in model.staged_predict(X)] == [3.0, 1.0, 2.0]
