"""Rows that are read give the values that dense arithmetic gives."""

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.disk_rows import DiskRowsWriter
from priorlift.transfer.joint import sparse_batches
from priorlift.transfer.joint.preparing import CLIP, Preparation
from priorlift.transfer.joint.sparse_batches import ReadRows

NONE = np.zeros(0, dtype=np.intp)


def counts(n=50, g=30, seed=0, most=4.0):
    return np.random.default_rng(seed).poisson(most * np.linspace(0.05, 1, g), (n, g)).astype(float)


def prepared(kind, X):
    return Preparation(kind, NONE, NONE, False, X.shape[1]).fit(X).query(X)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_binary_rows_are_where_values_are_above_zero(make, monkeypatch):
    monkeypatch.setattr(sparse_batches, "BLOCK", 7)
    X = counts()
    X[3] = 0.0
    rows = ReadRows(make(X))
    assert (rows[:].toarray() == (X > 0)).all()
    picked = np.array([4, 4, 0, 3])
    assert (rows[picked].toarray() == (X > 0)[picked]).all()


@pytest.mark.parametrize("make", [np.asarray, sp.csr_matrix])
def test_log_counts_are_those_of_dense_arithmetic(make, monkeypatch):
    monkeypatch.setattr(sparse_batches, "BLOCK", 7)
    X = counts()
    X[3] = 0.0
    depth = X.sum(axis=1)
    level = np.median(depth[depth > 0])
    logs = np.log1p(X * (level / np.where(depth > 0, depth, 1.0))[:, None])
    expected = np.minimum((logs - logs.mean(axis=0)) / logs.std(axis=0), CLIP)
    cells = prepared("lognorm", make(X))
    found = cells.genes[:].toarray() - cells.centre
    assert found == pytest.approx(expected, abs=1e-5)
    W = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    assert cells.batch(np.arange(50)).product(W) == pytest.approx(expected @ W, abs=1e-3)


def test_what_is_no_count_is_taken_for_logarithms():
    X = np.log1p(counts())
    cells = prepared("lognorm", X)
    expected = np.minimum((X - X.mean(axis=0)) / X.std(axis=0), CLIP)
    assert cells.genes[:].toarray() - cells.centre == pytest.approx(expected, abs=1e-5)


def test_rows_on_the_disk_are_prepared_as_those_in_memory():
    X = sp.csr_matrix(counts())
    writer = DiskRowsWriter(30)
    writer.append(X[:20])
    writer.append(X[20:])
    on_disk = writer.rows()
    for kind in ("binary", "lognorm", "tfidf", "counts"):
        mine, theirs = prepared(kind, X), prepared(kind, on_disk)
        assert (mine.genes[:] != theirs.genes[:]).nnz == 0
    given = prepared("lognorm", on_disk).genes.X
    assert given is on_disk
