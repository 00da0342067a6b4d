"""Multi-source TrAdaBoost takes the source that helps."""

import numpy as np
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB

from priorlift.pool import Source, SourcePool
from priorlift.transfer import MultiSourceTrAdaBoostClassifier


def task(seed=0):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(430, 5))
    y = (X[:, :3].sum(axis=1) + 0.5 * draws.normal(size=430) > 0).astype(int)
    pool = SourcePool(
        [
            Source("same", X[30:130], y[30:130]),
            Source("shuffled", X[130:230], draws.permutation(y[130:230])),
        ]
    )
    return X[:30], y[:30], pool, X[230:], y[230:]


def twin(learner, pool, Xt, yt, n_rounds):
    """Yao & Doretto's loop for labels -1 and 1: names of the chosen sources, alphas, learners."""
    sources = pool.by_fingerprint()
    w = {s.name: np.ones(s.n_rows) for s in sources}
    w_t = np.ones(len(yt))
    n_s = sum(s.n_rows for s in sources)
    alpha_s = 0.5 * np.log(1 + np.sqrt(2 * np.log(n_s) / n_rounds))
    chosen, alphas, learners = [], [], []
    for _ in range(n_rounds):
        total = w_t.sum() + sum(v.sum() for v in w.values())
        w_t, w = w_t / total, {name: v / total for name, v in w.items()}
        best = None
        for s in sources:
            both = np.concatenate([w_t, w[s.name]])
            h = clone(learner).fit(
                np.vstack([Xt, s.X]), np.concatenate([yt, s.y]), sample_weight=both
            )
            eps = w_t[h.predict(Xt) != yt].sum() / w_t.sum()
            if best is None or eps < best[0]:
                best = (eps, s.name, h)
        eps, name, h = best
        eps = min(max(eps, 1e-6), 0.499)
        alphas.append(0.5 * np.log((1 - eps) / eps))
        chosen.append(name)
        learners.append(h)
        w_t = w_t * np.exp(alphas[-1] * np.abs(h.predict(Xt) - yt))
        for s in sources:
            w[s.name] = w[s.name] * np.exp(-alpha_s * np.abs(h.predict(s.X) - s.y))
    return chosen, alphas, learners


def test_it_is_the_rule_of_yao_and_doretto():
    Xt, yt, pool, X_new, _ = task()
    pool = SourcePool(Source(s.name, s.X, 2 * s.y - 1) for s in pool)
    model = MultiSourceTrAdaBoostClassifier(GaussianNB(), 6, preprocess=None, random_state=0)
    model.fit(Xt, 2 * yt - 1, sources=pool)
    chosen, alphas, learners = twin(GaussianNB(), pool, Xt, 2 * yt - 1, 6)
    assert model.chosen_ == chosen
    np.testing.assert_allclose(model.votes_, 2 * np.array(alphas), atol=1e-9)
    said = sum(a * h.predict(X_new) for a, h in zip(alphas, learners, strict=True))
    np.testing.assert_array_equal(model.predict(X_new), np.sign(said))


def test_the_source_that_helps_is_taken():
    Xt, yt, pool, X_new, y_new = task()
    model = MultiSourceTrAdaBoostClassifier(n_estimators=10, random_state=0)
    model.fit(Xt, yt, sources=pool)
    assert model.chosen_[0] == "same"
    assert model.weights_["same"][1] > 1.1 * model.weights_["shuffled"][1]
    assert model.score(X_new, y_new) > 0.8


def test_without_sources_it_boosts_the_target():
    Xt, yt, _, X_new, y_new = task()
    model = MultiSourceTrAdaBoostClassifier(n_estimators=5, random_state=0).fit(Xt, yt)
    assert model.chosen_ == []
    assert model.score(X_new, y_new) > 0.7
