"""Scores of many settings at once are those of scikit-learn's scorers, one by one."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.metrics import get_scorer, make_scorer

from priorlift.search.answers import Predictions
from priorlift.search.scores import batched_scores
from priorlift.search.views import View

LABELS = ["accuracy", "balanced_accuracy", "f1_macro"]
VALUES = [
    *("r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error"),
]


def one_by_one(name, estimator, predictions, y):
    scorer = get_scorer(name)
    X = np.zeros((len(y), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            scorer(View(estimator, predictions, i), X, y) for i in range(predictions.n_settings)
        ]


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(LABELS),
    n=st.integers(1, 40),
    n_classes=st.integers(2, 12),
    seen=st.integers(1, 14),
    text=st.booleans(),
    narrow=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_labels(name, n, n_classes, seen, text, narrow, seed):
    rng = np.random.default_rng(seed)
    names = np.array([f"c{i:02d}" for i in range(14)]) if text else np.arange(14) * 3 - 5
    # Some true classes may be none that the estimator knows.
    y = names[rng.integers(0, seen, n)]
    labels = rng.integers(0, n_classes, (7, n)).astype(np.uint8 if narrow else np.intp)
    labels[0] = np.minimum(labels[0], 1)
    predictions = Predictions(names[:n_classes], labels=labels)
    found = batched_scores(get_scorer(name), predictions, y)
    if found is None:
        assert name != "accuracy"
    else:
        np.testing.assert_array_equal(
            found, one_by_one(name, RidgeClassifier(), predictions, y), strict=False
        )


def test_most_label_scores_are_known():
    rng = np.random.default_rng(0)
    predictions = Predictions(np.arange(3), labels=rng.integers(0, 3, (4, 30)))
    for name in LABELS:
        assert batched_scores(get_scorer(name), predictions, np.arange(30) % 3) is not None


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(VALUES), n=st.integers(1, 300), seed=st.integers(0, 10**6))
def test_values(name, n, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) * 10 ** rng.uniform(-3, 3) + rng.normal() * 5
    predictions = Predictions(values=y + rng.normal(size=(5, n)))
    found = batched_scores(get_scorer(name), predictions, y)
    if n < 2 and name == "r2":
        assert found is None
        return
    np.testing.assert_allclose(found, one_by_one(name, Ridge(), predictions, y), rtol=1e-12)


def test_r2_of_constant_targets():
    y = np.full(6, 2.0)
    predictions = Predictions(values=np.array([y, y + 1.0]))
    expected = one_by_one("r2", Ridge(), predictions, y)
    np.testing.assert_array_equal(batched_scores(get_scorer("r2"), predictions, y), expected)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(4, 50), ties=st.booleans(), proba=st.booleans(), seed=st.integers(0, 10**6))
def test_area_under_the_curve(n, ties, proba, seed):
    rng = np.random.default_rng(seed)
    y = np.array(["no", "yes"])[np.append(rng.integers(0, 2, n - 2), [0, 1])]
    values = rng.random((5, n))
    values = np.round(values, 1) if ties else values
    classes = np.array(["no", "yes"])
    predictions = (
        Predictions(classes, labels=values > 0.5, proba=np.stack([1 - values, values], axis=2))
        if proba
        else Predictions(classes, labels=values > 0.5, decision=values - 0.5)
    )
    found = batched_scores(get_scorer("roc_auc"), predictions, y)
    expected = one_by_one("roc_auc", RidgeClassifier(), predictions, y)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("y", [["yes"] * 4, ["no", "yes", "other", "no"], [0, 1, 1, 0]])
def test_areas_that_are_not_defined_are_left_to_scikit_learn(y):
    predictions = Predictions(np.array(["no", "yes"]), decision=np.arange(8.0).reshape(2, 4))
    assert batched_scores(get_scorer("roc_auc"), predictions, y) is None


def test_nan_and_what_is_unknown_are_left_to_scikit_learn():
    values = np.array([[1.0, np.nan]])
    assert batched_scores(get_scorer("r2"), Predictions(values=values), [1.0, 2.0]) is None
    assert batched_scores(get_scorer("r2"), Predictions(values=values[:, :1]), [np.nan]) is None
    labels = Predictions(np.array([0, 1]), labels=np.array([[0, 1]]))
    for name in ("f1", "matthews_corrcoef", "neg_log_loss"):
        assert batched_scores(get_scorer(name), labels, [0, 1]) is None
    own = make_scorer(lambda y, p: float((y == p).mean()))
    assert batched_scores(own, labels, [0, 1]) is None
    assert batched_scores(len, labels, [0, 1]) is None
    assert batched_scores(get_scorer("accuracy"), labels, ["0", "1"]) is None
    several = Predictions(np.array([0, 1]), values=np.ones((1, 2, 2), dtype=int))
    assert batched_scores(get_scorer("accuracy"), several, np.ones((2, 2), dtype=int)) is None
