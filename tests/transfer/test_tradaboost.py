"""TrAdaBoost is the published rule, for two and more classes and for numbers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from priorlift.core.errors import InputError
from priorlift.core.persistence import load, save
from priorlift.pool import Source, SourcePool
from priorlift.testing.problems import make_problem
from priorlift.transfer import TrAdaBoostClassifier, TrAdaBoostRegressor
from priorlift.transfer.boosted_models import weighted_median

PLAIN = {"preprocess": None, "random_state": 0}


class Stump(DecisionTreeClassifier):
    """A stump that is the same under every seed."""

    def set_params(self, **parameters):
        parameters.pop("random_state", None)
        return super().set_params(**parameters)


def task(seed=0, n_source=80, n_target=30):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n_target + n_source + 100, 4))
    y = (X[:, 0] + 0.8 * X[:, 1] + 0.3 * draws.normal(size=len(X)) > 0).astype(int)
    T, S, E = np.split(np.arange(len(X)), [n_target, n_target + n_source])
    ys = np.where(X[S, 2] > 0, y[S], 1 - y[S])
    return X[T], y[T], X[S], ys, X[E], y[E]


def pool_of(X, y, name="source"):
    return SourcePool([Source(name, X, y)])


def twin(learner, Xs, ys, Xt, yt, n_rounds, X_new):
    """Dai et al. for labels 0 and 1: the product rule over the last half of the rounds."""
    X, y = np.vstack([Xs, Xt]), np.concatenate([ys, yt])
    n = len(ys)
    w = np.ones(len(y))
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / n_rounds))
    betas, said = [], []
    for _ in range(n_rounds):
        p = w / w.sum()
        h = clone(learner).fit(X, y, sample_weight=p * len(y))
        off = np.abs(h.predict(X) - y)
        eps = (w[n:] * off[n:]).sum() / w[n:].sum()
        eps = min(max(eps, 1e-6), 0.499)
        betas.append(eps / (1 - eps))
        w[:n] *= beta ** off[:n]
        w[n:] *= betas[-1] ** -off[n:]
        said.append(h.predict(X_new))
    half = range(int(np.ceil(n_rounds / 2)) - 1, n_rounds)
    left = np.prod([betas[t] ** -said[t].astype(float) for t in half], axis=0)
    right = np.prod([betas[t] ** -0.5 for t in half])
    return (left > right).astype(int), betas


@pytest.mark.parametrize("n_rounds", [1, 4, 7])
def test_it_is_the_published_rule(n_rounds):
    Xt, yt, Xs, ys, X_new, _ = task()
    stump = Stump(max_depth=1, random_state=0)
    model = TrAdaBoostClassifier(stump, n_rounds, **PLAIN).fit(Xt, yt, pool_of(Xs, ys))
    expected, betas = twin(stump, Xs, ys, Xt, yt, n_rounds, X_new)
    np.testing.assert_allclose(model.votes_, -np.log(betas), atol=1e-10)
    np.testing.assert_array_equal(model.predict(X_new), expected)


def regression_twin(learner, Xs, ys, Xt, yt, n_rounds):
    """Pardoe & Stone's update: weights after each round and betas; source rows first."""
    X, y = np.vstack([Xs, Xt]), np.concatenate([ys, yt])
    n = len(ys)
    w = np.full(len(y), 1 / len(y))
    beta = 1 / (1 + np.sqrt(2 * np.log(n) / n_rounds))
    weights, betas, learners = [], [], []
    for _ in range(n_rounds):
        h = clone(learner).fit(X, y, sample_weight=w * len(y))
        e = np.abs(h.predict(X) - y)
        e = e / e.max()
        eps = (w[n:] * e[n:]).sum() / w[n:].sum()
        if eps >= 0.5:
            break
        betas.append(eps / (1 - eps))
        learners.append(h)
        w[:n] *= beta ** e[:n]
        w[n:] *= betas[-1] ** -e[n:]
        w /= w.sum()
        weights.append(w.copy())
    return weights, betas, learners


def test_the_regression_form_is_the_published_rule():
    p = make_problem("regression")
    source = p.pool["shuffled"]
    model = TrAdaBoostRegressor(Ridge(), 6, **PLAIN)
    model.fit(p.X, p.y, sources=SourcePool([source]))
    weights, betas, learners = regression_twin(Ridge(), source.X, source.y, p.X, p.y, 6)
    np.testing.assert_allclose(model.votes_, -np.log(betas), atol=1e-9)
    n = source.n_rows
    found = model.weights_["shuffled"][1:]
    np.testing.assert_allclose(found, [w[:n].sum() for w in weights], atol=1e-9)
    first = int(np.ceil(len(betas) / 2)) - 1
    said = np.stack([learner.predict(p.X_new) for learner in learners[first:]], axis=1)
    expected = weighted_median(said, -np.log(betas[first:]))
    np.testing.assert_allclose(model.predict(p.X_new), expected, atol=1e-9)


def test_the_soft_variant_is_its_formula():
    Xt, yt, Xs, ys, _, _ = task()
    X, y, m = np.vstack([Xt, Xs]), np.concatenate([yt, ys]), len(yt)
    w, votes = np.ones(len(y)), []
    for _ in range(5):
        h = LogisticRegression(tol=1e-10, max_iter=2000).fit(X, y, w / w.sum() * len(y))
        e = 1 - h.predict_proba(X)[np.arange(len(y)), y]
        eps = (w[:m] * e[:m]).sum() / w[:m].sum()
        votes.append(-np.log(eps / (2 - eps)))
        w[m:] *= (1 / (1 + np.sqrt(2 * np.log(len(ys)) / 5))) ** e[m:]
        w[:m] *= np.exp(votes[-1] * e[:m])
    base = LogisticRegression(tol=1e-10, max_iter=2000)
    model = TrAdaBoostClassifier(base, 5, variant="soft", **PLAIN)
    model.fit(Xt, yt, sources=pool_of(Xs, ys))
    np.testing.assert_allclose(model.votes_, votes, rtol=1e-4)


def test_rows_on_which_the_model_errs_fade():
    Xt, yt, Xs, half, _, _ = task(n_source=300, n_target=60)
    right = (Xs[:, 0] + 0.8 * Xs[:, 1] > 0).astype(int)
    wrong = right != half
    pool = SourcePool(
        [Source("right", Xs[~wrong], right[~wrong]), Source("wrong", Xs[wrong], half[wrong])]
    )
    model = TrAdaBoostClassifier(random_state=0).fit(Xt, yt, sources=pool)
    kept = {name: trace[-1] / trace[0] for name, trace in model.weights_.items()}
    assert kept["wrong"] < 0.5 * kept["right"]


@pytest.mark.parametrize("base", [KNeighborsClassifier(3), LinearSVC(), None])
def test_several_classes_and_any_base_learner(base):
    draws = np.random.default_rng(0)
    y = draws.integers(3, size=400)
    X = draws.normal(size=(400, 3)) + 2 * np.eye(3)[y]
    model = TrAdaBoostClassifier(base, 6, random_state=0)
    model.fit(X[:40], y[:40], sources=pool_of(X[40:200], y[40:200]))
    assert model.score(X[200:], y[200:]) > 0.7
    probabilities = model.predict_proba(X[200:])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), model.predict(X[200:]))


def test_a_perfect_learner_in_round_one_is_no_trouble():
    X = np.array([[0.0], [1.0], [0.1], [0.9]])
    model = TrAdaBoostClassifier(Stump(), 5, **PLAIN)
    model.fit(X, [0, 1, 0, 1], sources=pool_of(X, np.array([0, 1, 0, 1])))
    np.testing.assert_allclose(model.votes_, np.log((1 - 1e-6) / 1e-6))
    assert model.score(X, [0, 1, 0, 1]) == 1


def test_every_round_can_be_looked_at(tmp_path):
    Xt, yt, Xs, ys, X_new, y_new = task()
    model = TrAdaBoostClassifier(n_estimators=5, random_state=0).fit(Xt, yt, pool_of(Xs, ys))
    again = load(save(model, tmp_path / "model.priorlift"))
    stages = list(again.staged_predict(X_new))
    assert len(stages) == 5
    np.testing.assert_array_equal(stages[-1], model.predict(X_new))
    *_, last = model.staged_score(X_new, y_new)
    assert last == model.score(X_new, y_new)


def test_wrong_parameters_are_named():
    p = make_problem("classification")
    with pytest.raises(InputError, match="variant is 'loud'"):
        TrAdaBoostClassifier(variant="loud").fit(p.X, p.y, sources=p.pool)
    with pytest.raises(InputError, match="gives no probabilities"):
        TrAdaBoostClassifier(LinearSVC(), variant="soft").fit(p.X, p.y, sources=p.pool)
    with pytest.raises(InputError, match="loss is 'cubic'"):
        TrAdaBoostRegressor(loss="cubic").fit(p.X, np.arange(24.0), sources=p.pool)
