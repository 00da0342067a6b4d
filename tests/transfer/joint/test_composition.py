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


def test_sources_are_embedded_by_the_levels_of_the_fit():
    draws = np.random.default_rng(0)
    level = np.repeat([[6.0, 1.0], [1.0, 6.0]], 15, axis=1)
    y = np.repeat([0, 1], [80, 20])
    known = draws.poisson(level[y]).astype(float)
    X = draws.poisson(level[1 - y]).astype(float)
    model = JointLabelTransferClassifier(epochs=2, match_levels=True, random_state=0)
    model.fit(X, [None] * 100, sources=SourcePool([Source("s", known, y)]))
    anchors = model.model_.members[0].anchors
    np.testing.assert_allclose(model.transform_source(known, y), anchors, atol=1e-5)
    assert np.abs(model.transform_source(known) - anchors).max() > 1e-3
