from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import get_scorer

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.study.metrics import METRICS, get_metric, predict_for

RNG = np.random.default_rng(1)
X = RNG.standard_normal((80, 3))
NAMES = {
    2: np.where(X[:, 0] + RNG.standard_normal(80) > 0, "well", "ill"),
    3: RNG.choice(["a", "b", "c"], 80),
}


def model_and_labels(metric, n_classes):
    if metric.task == "regression":
        y = X @ [1.0, 2.0, 0.0] + RNG.standard_normal(80)
        return LinearRegression().fit(X[:40], y[:40]), y
    y = NAMES[n_classes]
    return LogisticRegression().fit(X[:40], y[:40]), y


FOR_TWO_CLASSES = ("f1", "roc_auc", "average_precision")


@pytest.mark.parametrize(
    ("name", "n_classes"),
    [(name, n) for name in METRICS for n in (2, 3) if n == 2 or name not in FOR_TWO_CLASSES],
)
def test_scores_are_those_of_scikit_learn(name, n_classes):
    metric = METRICS[name]
    model, y = model_and_labels(metric, n_classes)
    classes = np.unique(y) if metric.task == "classification" else np.array([])
    prediction = predict_for(metric, model, X[40:], classes)
    truth = np.searchsorted(classes, y) if len(classes) else y
    if n_classes == 2 and name in (*FOR_TWO_CLASSES, "neg_brier_score"):
        # The second class is the positive one.
        model, y = LogisticRegression().fit(X[:40], truth[:40]), truth
    expected = get_scorer(name)(model, X[40:], y[40:])
    assert metric.whole(truth[40:], prediction) == pytest.approx(expected, rel=1e-12)
    if metric.rows is not None:
        assert metric.rows(truth[40:], prediction).mean() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_prediction_beats_a_poor_one(name):
    metric = METRICS[name]
    y = np.array([0, 1, 1, 0, 1, 0])
    good = {
        "labels": y,
        "positive": y * 1.0,
        "values": y * 1.0,
        "probabilities": np.eye(2)[y] * 0.9 + 0.05,
    }[metric.needs]
    bad = 1 - good
    assert metric.whole(y, good) > metric.whole(y, bad)


def test_balanced_accuracy_leaves_out_classes_that_are_not_in_the_test_rows():
    metric = METRICS["balanced_accuracy"]
    assert metric.whole(np.array([0, 0, 1, 1]), np.array([0, 2, 1, -1])) == 0.5


def test_accuracy_alone_is_a_proportion():
    assert [name for name, metric in METRICS.items() if metric.proportion] == ["accuracy"]


def test_defaults():
    assert get_metric(None, "classification").name == "accuracy"
    assert get_metric(None, "regression").name == "neg_mean_absolute_error"


def test_an_unknown_name_gets_the_closest_of_the_same_kind_of_task():
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        get_metric("acuracy", "classification")
    with pytest.raises(UnknownNameError, match="metric for regression 'accuracy'"):
        get_metric("accuracy", "regression")


@pytest.mark.parametrize("name", FOR_TWO_CLASSES)
def test_metrics_for_two_classes_refuse_three(name):
    assert get_metric(name, "classification", 2).name == name
    with pytest.raises(InputError, match="is for two classes, the target has 3"):
        get_metric(name, "classification", 3)


def test_probabilities_come_in_the_target_s_columns():
    classes = np.array(["a", "b", "c"])
    dummy = DummyClassifier(strategy="prior").fit(X[:4], ["a", "c", "c", "c"])
    found = predict_for(METRICS["neg_log_loss"], dummy, X[:2], classes)
    np.testing.assert_allclose(found, [[0.25, 0.0, 0.75]] * 2)


def test_probabilities_of_a_transfer_estimator_are_asked_for_by_class():
    asked = []

    def proba_for(X, classes):
        asked.append(list(classes))
        return np.tile([0.2, 0.8], (len(X), 1))

    model = SimpleNamespace(proba_for=proba_for)
    found = predict_for(METRICS["roc_auc"], model, X[:3], np.array([4, 9]))
    assert asked == [[4, 9]]
    np.testing.assert_array_equal(found, [0.8] * 3)


def test_a_label_that_the_target_does_not_have_is_a_miss():
    model = SimpleNamespace(predict=lambda X: np.array(["b", "aa", "z", "a"]))
    codes = predict_for(METRICS["accuracy"], model, X[:4], np.array(["a", "b"]))
    np.testing.assert_array_equal(codes, [1, -1, -1, 0])


def test_no_row_costs_an_infinite_log_loss():
    rows = METRICS["neg_log_loss"].rows(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", [n for n in METRICS if METRICS[n].needs != "probabilities"])
def test_ties_and_random_predictions_are_scored_as_in_scikit_learn(name):
    metric, rng = METRICS[name], np.random.default_rng(7)
    reference = {
        "accuracy": sk.accuracy_score,
        "balanced_accuracy": sk.balanced_accuracy_score,
        "f1": sk.f1_score,
        "f1_macro": lambda y, p: sk.f1_score(y, p, average="macro"),
        "roc_auc": sk.roc_auc_score,
        "average_precision": sk.average_precision_score,
        "neg_mean_absolute_error": lambda y, p: -sk.mean_absolute_error(y, p),
        "neg_mean_squared_error": lambda y, p: -sk.mean_squared_error(y, p),
        "r2": sk.r2_score,
    }[name]
    for n in (6, 15, 40):
        y = rng.permutation(np.arange(n) % 2)
        prediction = (
            rng.integers(0, 2, n) if metric.needs == "labels" else rng.integers(0, 4, n) / 4
        )
        assert metric.whole(y, prediction) == pytest.approx(reference(y, prediction), abs=1e-12)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "r2"])
def test_a_score_that_is_not_defined_is_nan(name):
    assert np.isnan(METRICS[name].whole(np.zeros(4), np.arange(4.0)))
