"""Hidden-layer features are those of scikit-learn's network, and depend on the source alone."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from priorlift.encoders import HiddenLayerEncoder

draws = np.random.default_rng(0)
X = draws.normal(size=(60, 5))
HELD_OUT = draws.normal(size=(20, 5))
LABELS = {
    "two": np.where(X[:, 0] > 0, "ill", "well"),
    "three": np.digitize(X[:, 0], [-0.5, 0.5]),
}
VALUES = 10 + 3 * X[:, 0] - X[:, 1]


def network_of(kind, sizes=(8,), seed=0, **settings):
    return kind(
        hidden_layer_sizes=sizes,
        alpha=1e-3,
        max_iter=15,
        random_state=seed,
        solver="lbfgs",
        **settings,
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("sizes", [(8,), (6, 4)])
def test_it_predicts_what_scikit_learns_network_predicts(labels, sizes):
    y = LABELS[labels]
    reference = network_of(MLPClassifier, sizes).fit(X, y)
    encoder = HiddenLayerEncoder(hidden_layer_sizes=sizes, max_iter=15, random_state=0).fit(X, y)
    np.testing.assert_array_equal(encoder.predict_source(HELD_OUT), reference.predict(HELD_OUT))
    assert encoder.predict_source(X).dtype == y.dtype


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_regression_source_is_predicted_in_standard_deviations():
    encoder = HiddenLayerEncoder("regression", (8,), max_iter=15, random_state=0).fit(X, VALUES)
    reference = network_of(MLPRegressor).fit(X, (VALUES - VALUES.mean()) / VALUES.std())
    np.testing.assert_allclose(encoder.predict_source(HELD_OUT), reference.predict(HELD_OUT))
    shifted = HiddenLayerEncoder("regression", (8,), max_iter=15, random_state=0)
    shifted.fit(X, 7 * VALUES - 100)
    np.testing.assert_allclose(shifted.transform(X), encoder.transform(X), atol=1e-6)


@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_features_are_the_forward_pass_by_hand(convert):
    encoder = HiddenLayerEncoder(hidden_layer_sizes=(6, 4), max_iter=5, random_state=1)
    encoder.fit(convert(X), LABELS["two"])
    hidden = HELD_OUT
    for weights, biases in zip(encoder.weights_[:2], encoder.biases_[:2], strict=True):
        hidden = np.array(
            [
                [max(0.0, row @ w + b) for w, b in zip(weights.T, biases, strict=True)]
                for row in hidden
            ]
        )
    features = encoder.transform(convert(HELD_OUT))
    assert type(features) is np.ndarray
    np.testing.assert_allclose(features, hidden, atol=1e-12)


def test_it_learns_more_than_random_features_know():
    rows = np.random.default_rng(1).normal(size=(800, 5))
    y = rows[:, 0] * rows[:, 1] > 0
    learned = HiddenLayerEncoder(random_state=0, max_iter=200).fit(rows, y)
    assert (learned.predict_source(rows) == y).mean() > 0.95
    linear = LogisticRegression().fit(rows, y).score(rows, y)
    assert (
        LogisticRegression().fit(learned.transform(rows), y).score(learned.transform(rows), y)
        > linear + 0.3
    )


def test_random_features_depend_on_the_seed_alone():
    encoders = [HiddenLayerEncoder(random_state=seed).random(5) for seed in (0, 0, 1)]
    features = [encoder.transform(X) for encoder in encoders]
    np.testing.assert_array_equal(features[0], features[1])
    assert not np.array_equal(features[0], features[2])
    assert features[0].shape == (60, 64)
    bound = np.sqrt(6 / (5 + 64))
    assert np.abs(encoders[0].weights_[0]).max() <= bound
    # Uniform on [-bound, bound]: four standard errors of the mean and of the variance.
    assert abs(encoders[0].weights_[0].mean()) < 4 * bound / np.sqrt(3 * 320)
    assert abs(encoders[0].weights_[0].var() / (bound**2 / 3) - 1) < 4 * np.sqrt(0.8 / 320)


def test_random_features_predict_nothing():
    with pytest.raises(AttributeError, match="no head"):
        HiddenLayerEncoder(random_state=0).random(5).predict_source(X)
    with pytest.raises(NotFittedError):
        HiddenLayerEncoder().transform(X)


def test_fitting_again_forgets_and_repeats():
    encoder = HiddenLayerEncoder(hidden_layer_sizes=(8,), max_iter=5, random_state=0)
    first = encoder.fit(X, LABELS["two"]).transform(HELD_OUT)
    encoder.fit(X, LABELS["three"])
    assert not np.array_equal(encoder.transform(HELD_OUT), first)
    np.testing.assert_array_equal(encoder.fit(X, LABELS["two"]).transform(HELD_OUT), first)
    np.testing.assert_array_equal(clone(encoder).fit(X, LABELS["two"]).transform(HELD_OUT), first)


def test_weights_of_rows_count_and_no_row_is_kept():
    weight = np.where(LABELS["two"] == "ill", 1.0, 1e-6)
    encoder = HiddenLayerEncoder(hidden_layer_sizes=(8,), max_iter=400, random_state=0)
    encoder.fit(X, LABELS["two"], sample_weight=weight)
    assert set(encoder.predict_source(HELD_OUT)) == {"ill"}
    kept = [v for v in vars(encoder).values() if isinstance(v, np.ndarray) and len(v) == len(X)]
    assert kept == []


def test_a_constant_regression_source_is_no_division_by_zero():
    encoder = HiddenLayerEncoder("regression", (4,), max_iter=3, random_state=0).fit(X, np.ones(60))
    assert np.isfinite(encoder.transform(X)).all()
