"""The two stages: sources lose weight step by step, and validation chooses the step."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool
from priorlift.transfer import TwoStageTrAdaBoostRegressor


def task(shift, seed=0):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(440, 6))
    y = X[:, :4].sum(axis=1) + 0.3 * draws.normal(size=440)
    ys = y[40:240] if shift == "same" else -3 * y[40:240]
    return X[:40], y[:40], SourcePool([Source("source", X[40:240], ys)]), X[240:], y[240:]


def fitted(shift, **parameters):
    Xt, yt, pool, X_new, y_new = task(shift)
    model = TwoStageTrAdaBoostRegressor(Ridge(), 4, 5, random_state=0, **parameters)
    return model.fit(Xt, yt, sources=pool), model.score(X_new, y_new)


def test_the_targets_share_rises_in_equal_steps():
    model, _ = fitted("same")
    first = 40 / 240
    steps = [first + t / 4 * (1 - first) for t in range(5)]
    np.testing.assert_allclose(model.target_shares_[:4], steps[:4], atol=1e-6)
    # The last step wants all weight on the target; rows that are met exactly keep a little.
    assert model.target_shares_[4] > 0.95


def test_validation_keeps_a_good_source_and_drops_a_bad_one():
    good, score = fitted("same")
    bad, score_of_bad = fitted("reversed")
    assert bad.step_ > good.step_
    assert bad.step_ == int(np.argmin(bad.losses_))
    assert bad.losses_[0] > 2 * bad.losses_[bad.step_]
    assert min(score, score_of_bad) > 0.8


def test_in_the_second_stage_only_target_rows_change_weight():
    Xt, yt, pool, X_new, _ = task("same")
    model = TwoStageTrAdaBoostRegressor(Ridge(), 3, 2, preprocess=None, random_state=0)
    model.fit(Xt[:1], yt[:1], sources=pool)  # one row: no validation, and no row to shift to
    assert model.step_ == 0
    assert len(model.losses_) == 0
    X, y = np.vstack([Xt[:1], pool["source"].X]), np.r_[yt[:1], pool["source"].y]
    once = Ridge().fit(X, y).predict(X_new)
    np.testing.assert_allclose(model.predict(X_new), once, atol=1e-9)


def test_without_sources_it_is_adaboost_r2():
    Xt, yt, _, X_new, y_new = task("same")
    model = TwoStageTrAdaBoostRegressor(Ridge(), 4, random_state=0).fit(Xt, yt)
    assert len(model.losses_) == 0
    np.testing.assert_allclose(model.target_shares_, [1.0])
    assert model.score(X_new, y_new) > 0.8


@pytest.mark.parametrize("name", ["n_steps", "n_splits"])
def test_wrong_parameters_are_named(name):
    Xt, yt, pool, _, _ = task("same")
    with pytest.raises(InputError, match=f"{name} is 1"):
        TwoStageTrAdaBoostRegressor(**{name: 1}).fit(Xt, yt, sources=pool)
