import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.linear_head import STRENGTHS, WITHOUT_VALIDATION, fit_linear_head


def data(task, noise, seed=0):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(40, 6))
    signal = 2 * X[:, 0] + noise * draws.normal(size=40)
    return X, (signal > 0).astype(int) if task == "classification" else signal


@pytest.mark.parametrize("noise", [0.1, 20.0])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_penalty_is_that_of_a_search_by_hand(task, noise):
    X, y = data(task, noise)
    splits = inner_splits(y, None, task, 0, 4)

    def loss(strength):
        losses = []
        for train, test in splits:
            linear = LogisticRegression(C=strength, max_iter=300)
            if task == "regression":
                linear = Ridge(alpha=1 / strength)
            model = make_pipeline(StandardScaler(), linear).fit(X[train], y[train])
            if task == "regression":
                losses.append(np.mean((model.predict(X[test]) - y[test]) ** 2))
            else:
                losses.append(log_loss(y[test], model.predict_proba(X[test]), labels=[0, 1]))
        return np.average(losses, weights=[len(test) for _, test in splits])

    best = min(STRENGTHS, key=loss)
    found = fit_linear_head(X, y, np.ones(40), task, splits)[-1]
    strength = found.C if task == "classification" else 1 / found.alpha
    assert strength == pytest.approx(best)


def test_noise_is_penalised_more_than_signal():
    alphas = []
    for noise in (0.1, 50.0):
        X, y = data("regression", noise)
        splits = inner_splits(y, None, "regression", 0)
        alphas.append(fit_linear_head(X, y, np.ones(40), "regression", splits)[-1].alpha)
    assert alphas[0] < alphas[1]


def test_without_splits_the_penalty_is_fixed():
    X, y = data("classification", 1.0)
    assert fit_linear_head(X, y, np.ones(40), "classification", [])[-1].C == WITHOUT_VALIDATION


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_weights_work_with_routing_on_and_off(task):
    X, y = data(task, 1.0)
    weight = np.linspace(0.5, 2.0, 40)
    splits = inner_splits(y, None, task, 0)
    heads = []
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            heads.append(fit_linear_head(X, y, weight, task, splits).predict(X))
    np.testing.assert_array_equal(*heads)


def test_rows_without_weight_do_not_count():
    X, y = data("regression", 0.5)
    weight = np.r_[np.ones(30), np.zeros(10)]
    spoiled = np.r_[y[:30], np.full(10, 1e6)]
    splits = inner_splits(y, None, "regression", 0)
    found, expected = (
        fit_linear_head(X, values, weight, "regression", splits).predict(X)
        for values in (spoiled, y)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)
