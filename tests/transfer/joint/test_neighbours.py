"""Neighbours beside a brute-force twin, and votes beside loops."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from priorlift.transfer.joint import neighbours, vote


def unit(rng, n, d=8):
    return neighbours.normalised(rng.normal(size=(n, d)).astype(np.float32))


@pytest.mark.parametrize(("n", "m", "k"), [(1, 1, 1), (7, 30, 30), (50, 2_000, 5), (9, 400, 30)])
@pytest.mark.parametrize("values", [1 << 23, 700])
def test_they_are_those_of_brute_force(n, m, k, values, monkeypatch):
    """Blocks of a few rows give what one block gives."""
    monkeypatch.setattr(neighbours, "BLOCK_VALUES", values)
    rng = np.random.default_rng(n)
    query, anchors = unit(rng, n), unit(rng, m)
    found, distances = neighbours.nearest(query, anchors, k)
    exact = NearestNeighbors(n_neighbors=min(k, m), algorithm="brute").fit(anchors)
    theirs, _ = exact.kneighbors(query)
    assert distances == pytest.approx(theirs, abs=2e-3)
    squared = ((query[:, None, :] - anchors[found]) ** 2).sum(axis=2)
    assert np.sqrt(squared) == pytest.approx(theirs, abs=1e-5)
    assert all(len(set(row)) == len(row) for row in found)


def test_of_equally_near_ones_the_lower_index_goes_first():
    anchors = np.eye(3, dtype=np.float32)[[0, 1, 1, 1, 2]]
    found, _ = neighbours.nearest(np.eye(3, dtype=np.float32)[1:2], anchors, 3)
    assert found.tolist() == [[1, 2, 3]]


def test_a_zero_embedding_stays_zero_and_has_neighbours():
    rows = neighbours.normalised(np.zeros((1, 4), dtype=np.float32))
    assert (rows == 0).all()
    found, distances = neighbours.nearest(rows, np.eye(4, dtype=np.float32), 2)
    assert found.shape == (1, 2)
    assert np.isfinite(distances).all()


def test_votes_are_counts():
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(20, 30))
    found = vote.shares(codes, np.ones((20, 30), dtype=np.float32), 4)
    expected = [[np.mean(row == k) for k in range(4)] for row in codes]
    assert found == pytest.approx(np.array(expected))


def test_of_a_tie_the_smallest_class_wins_by_count_and_the_nearer_by_distance():
    codes = np.array([[2, 2, 1, 1]])
    distances = np.array([[0.1, 0.1, 0.9, 0.9]], dtype=np.float32)
    assert vote.shares(codes, distances, 3).argmax() == 1
    assert vote.shares(codes, distances, 3, "distance").argmax() == 2


def test_a_balanced_vote_hears_a_rare_class():
    codes = np.array([[0] * 16 + [1] * 14])
    distances = np.full((1, 30), 0.5, dtype=np.float32)
    sizes = np.array([4_000.0, 14.0])
    assert vote.shares(codes, distances, 2, "distance", sizes).argmax() == 0
    assert vote.shares(codes, distances, 2, "class_balanced", sizes).argmax() == 1


def test_faiss_finds_the_same(monkeypatch):
    pytest.importorskip("faiss", reason="the extra neighbors is not installed")
    rng = np.random.default_rng(0)
    query, anchors = unit(rng, 40), unit(rng, 3_000)
    anchors[7] = anchors[2_000]
    mine, distances = neighbours.nearest(query, anchors, 30)
    monkeypatch.setattr(neighbours, "MANY", 1_000)
    found, theirs = neighbours.nearest(query, anchors, 30)
    assert (found == mine).mean() > 0.999
    assert theirs == pytest.approx(distances, abs=2e-3)
    monkeypatch.setattr(neighbours, "_faiss", lambda: None)
    assert (neighbours.nearest(query, anchors, 30)[0] == mine).all()


def test_a_row_among_its_own_anchors_is_left_out():
    rng = np.random.default_rng(0)
    anchors = unit(rng, 40)
    rows = np.concatenate([anchors[[3, 11]], unit(rng, 2)])
    found, distances = neighbours.nearest(rows, anchors, 6)
    own = np.array([3, 11, -1, -1])
    left, apart = neighbours.without(found, distances, own)
    expected, theirs = neighbours.nearest(rows, anchors, 5)
    np.testing.assert_array_equal(left[2:], expected[2:])
    np.testing.assert_array_equal(apart[2:], theirs[2:])
    np.testing.assert_array_equal(left[:2], found[:2, 1:])
