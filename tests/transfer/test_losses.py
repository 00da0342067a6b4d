import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

from priorlift.transfer.losses import SMALLEST_PROBABILITY, paired_improvement, row_losses

DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=(40, 3))
Y = np.array(["a", "b", "c"])[DRAWS.integers(0, 3, 40)]


def test_the_mean_is_log_loss():
    model = LogisticRegression().fit(X, Y)
    expected = log_loss(Y, model.predict_proba(X), labels=model.classes_)
    assert row_losses(model, X, Y, "classification").mean() == pytest.approx(expected)


def test_an_unknown_label_costs_the_most():
    model = LogisticRegression().fit(X, Y)
    found = row_losses(model, X[:2], np.array(["z", Y[1]]), "classification")
    assert found[0] == pytest.approx(-np.log(SMALLEST_PROBABILITY))
    assert found[1] < found[0]


def test_zero_one_loss_where_asked_for_or_without_probabilities():
    for model, asked in ((LinearSVC().fit(X, Y), False), (LogisticRegression().fit(X, Y), True)):
        found = row_losses(model, X, Y, "classification", zero_one=asked)
        assert found.tolist() == (model.predict(X) != Y).astype(float).tolist()


def test_zero_one_loss_of_a_constant_counts_the_other_classes():
    model = DummyClassifier(strategy="constant", constant="a").fit(X, Y)
    assert row_losses(model, X, Y, "classification", zero_one=True).mean() == np.mean(Y != "a")


def test_squared_error():
    y = X[:, 0]
    model = DummyRegressor(strategy="constant", constant=2.0).fit(X, y)
    np.testing.assert_allclose(row_losses(model, X, y, "regression"), (y - 2.0) ** 2)


floats = st.floats(-100, 100)


@given(arrays(float, 12, elements=floats), arrays(float, 12, elements=floats))
def test_for_single_rows_it_is_the_mean_and_its_standard_error(reference, candidate):
    d = reference - candidate
    found = paired_improvement(reference, candidate, np.ones(12), np.arange(12))
    assert found[0] == pytest.approx(d.mean(), abs=1e-9)
    assert found[1] == pytest.approx(d.std(ddof=1) / np.sqrt(12), abs=1e-9)


@given(arrays(float, 6, elements=floats), st.integers(2, 5))
def test_copies_within_a_unit_are_no_evidence(differences, copies):
    once = paired_improvement(differences, np.zeros(6), np.ones(6), np.arange(6))
    repeated = paired_improvement(
        np.repeat(differences, copies),
        np.zeros(6 * copies),
        np.ones(6 * copies),
        np.repeat(np.arange(6), copies),
    )
    assert repeated == pytest.approx(once, abs=1e-9)


@given(arrays(float, 6, elements=floats), arrays(int, 6, elements=st.integers(1, 4)))
def test_a_weight_is_a_number_of_copies_of_one_unit(differences, weight):
    weighted = paired_improvement(differences, np.zeros(6), weight.astype(float), np.arange(6))
    units = np.repeat(np.arange(6), weight)
    copied = paired_improvement(
        differences[units], np.zeros(len(units)), np.ones(len(units)), units
    )
    assert weighted == pytest.approx(copied, abs=1e-9)


def test_one_unit_shows_nothing():
    found = paired_improvement(np.ones(3), np.zeros(3), np.ones(3), np.zeros(3))
    assert found == (1.0, float("inf"))
