"""TransferBoost moves whole sources by what they do to the target."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB

from priorlift.pool import Source, SourcePool
from priorlift.transfer import TransferBoostClassifier


def task(n_sources=2, seed=0):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(430, 5))
    y = np.sign(X[:, :3].sum(axis=1) + 0.5 * draws.normal(size=430)).astype(int)
    sources = [Source("same", X[30:130], y[30:130]), Source("flipped", X[130:230], -y[130:230])]
    return X[:30], y[:30], SourcePool(sources[:n_sources]), X[230:], y[230:]


def twin(learner, pool, Xt, yt, n_rounds):
    """The formulas of the module for labels -1 and 1: votes and transferabilities."""
    sources = pool.by_fingerprint()
    blocks = [(Xt, yt), *((s.X, s.y) for s in sources)]
    w = [np.ones(len(y)) for _, y in blocks]
    votes, gains = [], []

    def fit(which):
        X, y = (np.concatenate([blocks[k][i] for k in which]) for i in (0, 1))
        return clone(learner).fit(X, y, sample_weight=np.concatenate([w[k] for k in which]))

    def error(h):
        return w[0][h.predict(Xt) != yt].sum() / w[0].sum()

    for _ in range(n_rounds):
        total = sum(v.sum() for v in w)
        w = [v / total for v in w]
        h = fit(range(len(blocks)))
        eps = sum(v[h.predict(X) != y].sum() for v, (X, y) in zip(w, blocks, strict=True))
        a = 0.5 * np.log((1 - eps) / eps)
        alone = error(fit([0]))
        gain = [alone - error(fit([0, k + 1])) for k in range(len(sources))]
        w = [
            v * np.exp(-a * y * h.predict(X) + t)
            for v, (X, y), t in zip(w, blocks, [0.0, *gain], strict=True)
        ]
        votes.append(a)
        gains.append(gain)
    return votes, np.array(gains)


@pytest.mark.parametrize("n_sources", [1, 2])
def test_it_is_its_formula(n_sources):
    Xt, yt, pool, _, _ = task(n_sources)
    model = TransferBoostClassifier(GaussianNB(), 5, preprocess=None, random_state=0)
    model.fit(Xt, yt, sources=pool)
    votes, gains = twin(GaussianNB(), pool, Xt, yt, 5)
    np.testing.assert_allclose(model.votes_, votes, atol=1e-9)
    for place, source in enumerate(pool.by_fingerprint()):
        np.testing.assert_allclose(model.transferability_[source.name], gains[:, place], atol=1e-9)


def test_a_flipped_source_is_told_from_a_good_one():
    Xt, yt, pool, _, _ = task()
    model = TransferBoostClassifier(n_estimators=5, random_state=0).fit(Xt, yt, sources=pool)
    assert model.transferability_["flipped"][0] < -0.2 < model.transferability_["same"][0]


def test_without_sources_it_boosts_the_target():
    Xt, yt, _, X_new, y_new = task()
    model = TransferBoostClassifier(n_estimators=5, random_state=0).fit(Xt, yt)
    assert model.transferability_ == {}
    assert model.score(X_new, y_new) > 0.7
