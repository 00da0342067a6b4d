import numpy as np
import pytest

from priorlift import Source, SourcePool
from priorlift.transfer import JointLabelTransferClassifier
from priorlift.transfer.joint import composition
from priorlift.transfer.joint.preparing import Preparation


def test_weighted_rows_have_the_shares_that_are_wanted():
    codes = np.repeat([0, 1, 2, -1], [600, 300, 100, 5])
    wanted = np.array([0.2, 0.3, 0.5])
    weight = composition.weights(codes, wanted)
    found = np.bincount(codes[codes >= 0], weight[codes >= 0]) / weight[codes >= 0].sum()
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert (weight[codes < 0] == 1).all()


@pytest.mark.parametrize("kind", ["lognorm", "binary"])
def test_a_row_of_weight_two_sets_levels_as_two_rows_do(kind):
    draws = np.random.default_rng(0)
    # One depth throughout: the median of depths is not weighted.
    X = draws.multinomial(100, np.full(12, 1 / 12), size=30).astype(float)
    X = np.hstack([X, draws.normal(size=(30, 3))])
    prepare = Preparation(kind, np.arange(12, 15), np.zeros(0, dtype=int), True, 15).fit(X)
    twice = prepare.source(np.vstack([X, X[:10]]))
    weighted = prepare.source(X).at_weights(np.where(np.arange(30) < 10, 2.0, 1.0))
    basis = draws.normal(size=(15, 4)).astype(np.float32)
    zero = np.zeros(4, dtype=np.float32)
    np.testing.assert_allclose(
        weighted.embed(basis, zero), twice.embed(basis, zero)[:30], atol=2e-3
    )


def two_types(n, of_first, seed):
    """Return counts of cells of two types whose profiles are each other's mirror image."""
    draws = np.random.default_rng(seed)
    level = np.repeat([[6.0, 1.0], [1.0, 6.0]], 15, axis=1)
    y = np.repeat([0, 1], [of_first, n - of_first])
    return draws.poisson(level[y] * draws.uniform(0.05, 0.2, size=(n, 1))).astype(float), y


def fitted(of_first, **settings):
    known, y = two_types(200, 160, 0)
    X, truth = two_types(200, of_first, 1)
    settings = {"epochs": 3, "count_weight": 0, "refine_rounds": 0} | settings
    model = JointLabelTransferClassifier(random_state=0, **settings)
    model.fit(X, [None] * 200, sources=SourcePool([Source("s", known, y)]))
    return model, known, y, truth


def test_sources_are_embedded_by_the_levels_of_the_fit():
    model, known, y, _ = fitted(40)
    anchors = model.model_.members[0].anchors
    np.testing.assert_allclose(model.transform_source(known, y), anchors, atol=1e-5)
    assert np.abs(model.transform_source(known) - anchors).max() > 1e-3


def test_levels_that_follow_the_composition_save_the_rarer_type():
    followed, _, _, truth = fitted(40)
    kept = fitted(40, match_levels=False)[0]
    assert kept.model_.composition is None
    right = [(model.transduction_ == truth).mean() for model in (kept, followed)]
    assert right[1] > right[0] + 0.1
    # The first stage, which ran again, is better already.
    assert (followed.stage1_ == truth).mean() > (kept.stage1_ == truth).mean() + 0.1


def test_levels_stay_where_shares_are_the_same():
    followed = fitted(155)[0]
    assert followed.model_.composition is None
    kept = fitted(155, match_levels=False)[0]
    np.testing.assert_array_equal(followed.transduction_proba_, kept.transduction_proba_)


def test_values_without_levels_have_nothing_to_follow():
    assert fitted(40, preprocess="binary")[0].model_.composition is None


def test_without_the_third_stage_the_first_follows():
    followed, known, y, _ = fitted(40, stage3=False)
    assert list(followed.history_) == ["stage 1"]
    anchors = followed.model_.members[0].anchors
    np.testing.assert_allclose(followed.transform_source(known, y), anchors, atol=1e-5)
