import numpy as np
import pytest

import priorlift
from priorlift import Source, SourcePool
from priorlift.core.persistence import read_card
from priorlift.transfer import JointLabelTransferClassifier
from priorlift.transfer.joint import medoids, vote
from priorlift.transfer.joint.neighbours import normalised


def test_each_clump_of_a_class_has_one_cell_that_stands_for_it():
    draws = np.random.default_rng(0)
    centres = normalised(draws.normal(size=(6, 16)).astype(np.float32))
    clump = np.repeat(np.arange(6), [50, 20, 5, 40, 4, 60])
    rows = normalised(centres[clump] + draws.normal(0, 0.01, (179, 16)).astype(np.float32))
    kept, stands_for = medoids.chosen(rows, clump // 3, 0, most=3)
    assert clump[kept].tolist() == [0, 1, 2, 3, 4, 5]
    assert stands_for.tolist() == [50, 20, 5, 40, 4, 60]
    # No cell of the first clump is nearer to its mean.
    away = np.linalg.norm(rows[:50] - rows[:50].mean(axis=0), axis=1)
    assert kept[0] == away.argmin()


def test_a_small_class_stays_whole():
    rows = normalised(np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32))
    codes = np.repeat([0, 1], [260, 40])
    kept, stands_for = medoids.chosen(rows, codes, 0)
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(kept[codes[kept] == 1], np.arange(260, 300))
    assert 50 < (codes[kept] == 0).sum() <= medoids.MOST
    assert stands_for[codes[kept] == 0].sum() == 260


def test_an_anchor_that_stands_for_three_votes_as_three_do():
    codes, near = np.array([[0, 1, 1]]), np.array([[0.1, 0.2, 0.3]], dtype=np.float32)
    found = vote.shares(codes, near, 2, votes=np.array([[3.0, 1.0, 2.0]]))
    assert found.tolist() == [[0.5, 0.5]]


@pytest.fixture(scope="module")
def task():
    draws = np.random.default_rng(0)
    profiles = draws.dirichlet(np.full(60, 0.5), size=3)
    y = draws.integers(3, size=900)
    X = draws.poisson(40 * profiles[y]).astype(float)
    labels = np.array(["a", "b", "c"])[y]
    return X[600:], labels[600:], SourcePool([Source("s", X[:600], labels[:600])])


def fitted(task, **settings):
    X, _, pool = task
    model = JointLabelTransferClassifier(epochs=2, random_state=0, **settings)
    return model.fit(X, [None] * len(X), sources=pool)


def test_few_cells_of_a_source_are_kept_and_labels_are_nearly_the_same(task, tmp_path):
    X, truth, _ = task
    whole, thin = fitted(task), fitted(task, anchors="medoids", n_members=2)
    assert len(whole.model_.members[0].anchors) == 600
    for member in thin.model_.members:
        assert len(member.anchors) == len(member.stands_for) <= 3 * medoids.MOST
        assert member.stands_for.sum() == 600
    assert len(thin.model_.novelty.anchors) <= 3 * medoids.MOST
    assert (thin.transduction_ == whole.transduction_).mean() > 0.97
    assert (thin.predict(X) == truth).mean() > 0.9
    priorlift.save(thin, tmp_path / "thin.priorlift")
    assert read_card(tmp_path / "thin.priorlift")["parameters"]["anchors"] == "'medoids'"
    again = priorlift.load(tmp_path / "thin.priorlift")
    np.testing.assert_allclose(again.predict_proba(X), thin.predict_proba(X))
    np.testing.assert_allclose(again.novelty(X), thin.novelty(X))
