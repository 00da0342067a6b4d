"""Fits that share work are the fits of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier

from priorlift.ranking.gap.descent import minimised
from priorlift.ranking.gap.logistic import SubsetLogistic


def rows(n_classes, n=160, d=5, seed=0):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, d)) * np.arange(1, d + 1)
    scores = X @ draws.normal(size=(d, n_classes)) + draws.normal(size=(n, n_classes))
    return X, scores.argmax(axis=1), draws.uniform(0.2, 2.0, size=n)


def refuse(part):
    raise AssertionError("this part should share the work")


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("C", [0.01, 1.0])
def test_shared_fits_are_those_of_scikit_learn(n_classes, C):
    X, y, weight = rows(n_classes)
    draws = np.random.default_rng(1)
    parts = [np.sort(draws.choice(160, size, replace=False)) for size in (30, 31, 100, 104) * 3]
    shared = SubsetLogistic(LogisticRegression(C=C, tol=1e-6), X, y, weight, refuse)
    for part, model in zip(parts, shared.fit_many(parts), strict=True):
        own = LogisticRegression(C=C, tol=1e-9, max_iter=10_000)
        own.fit(X[part], y[part], sample_weight=weight[part])
        assert model.predict_proba(X) == pytest.approx(own.predict_proba(X), abs=2e-4)
        assert (model.predict(X) == own.predict(X)).mean() > 0.99
        assert (model.classes_ == own.classes_).all()
    assert shared.n_shared == 12


def test_a_part_without_a_class_does_not_know_it():
    X, y, weight = rows(3)
    shared = SubsetLogistic(LogisticRegression(), X, y, weight, refuse)
    found = shared.fit_many([np.flatnonzero(y != 1), np.arange(160)])
    assert found[0].classes_.tolist() == [0, 2]
    assert found[0].predict_proba(X).shape == (160, 2)
    assert found[1].classes_.tolist() == [0, 1, 2]


def test_what_cannot_be_shared_is_fitted_otherwise():
    X, y, weight = rows(2)
    weight[:10] = 0.0
    shared = SubsetLogistic(LogisticRegression(), X, y, weight, lambda part: "otherwise")
    one_class = np.flatnonzero(y == 1)[:5]
    assert shared.fit_many([one_class, np.arange(10)]) == ["otherwise"] * 2
    assert shared.n_otherwise == 2


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(class_weight="balanced"),
        LogisticRegression(solver="saga"),
        LogisticRegression(C=np.inf),
        SGDClassifier(),
    ],
)
def test_other_settings_do_not_suit(estimator):
    X, y, _ = rows(2)
    assert SubsetLogistic.suits(LogisticRegression(C=3.0, max_iter=500), X, y)
    assert not SubsetLogistic.suits(estimator, X, y)
    assert not SubsetLogistic.suits(LogisticRegression(), np.ones((9, 2000)), y[:9])


def test_steps_are_halved_where_the_guess_of_the_curvature_is_far_off():
    class Bowls:
        def __init__(self, centres):
            self.centres = centres

        def value_and_slope(self, found):
            away = found - self.centres
            return np.logaddexp(away, -away).sum(axis=(1, 2)), np.tanh(away)

        def take(self, chosen):
            return Bowls(self.centres[chosen])

    centres = np.linspace(-4.0, 4.0, 12).reshape(3, 2, 2)
    found, solved = minimised(Bowls(centres), np.zeros((3, 2, 2)), 200.0 * np.eye(4), 1e-9)
    assert solved.all()
    assert found == pytest.approx(centres, abs=1e-8)
