"""Rows on the disk are those that were written, and reading them takes no memory for long."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.disk_rows import DiskRows, DiskRowsWriter, side_by_side, taken


def written(X, block=7):
    writer = DiskRowsWriter(X.shape[1])
    for start in range(0, X.shape[0], block):
        writer.append(X[start : start + block])
    return writer.rows()


@pytest.fixture
def X():
    return sp.random(50, 30, 0.2, format="csr", random_state=0, dtype=np.float32)


def test_rows_are_those_that_were_written(X):
    rows = written(X)
    assert isinstance(rows, DiskRows)
    for key in (
        slice(3, 20),
        np.array([4, 4, 0, 49]),
        slice(0, None, 10),
        slice(3, 3),
        X.indptr[1:] > 40,
    ):
        found = rows[key]
        assert type(found) is sp.csr_matrix
        assert (found != X[key]).nnz == 0
    assert (rows != X).nnz == 0


def test_nothing_is_an_empty_matrix():
    found = written(sp.csr_matrix((5, 3), dtype=np.float32))
    assert found.shape == (5, 3)
    assert found.nnz == 0


def test_resident_memory_does_not_grow_with_what_is_read():
    status = "/proc/self/status"
    try:
        open(status).close()
    except OSError:
        pytest.skip("needs /proc")

    def resident():
        with open(status) as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

    block = sp.random(500, 2_000, 0.5, format="csr", random_state=0, dtype=np.float32)
    writer = DiskRowsWriter(2_000)
    for _ in range(60):
        writer.append(block)
    rows = writer.rows()  # 240 MB
    before = resident()
    draws = np.random.default_rng(0)
    for start in range(0, rows.shape[0], 500):
        rows[start : start + 500]
        rows[draws.integers(0, rows.shape[0], 50)]
    assert resident() - before < 10_000
    assert rows.data.sum() > 0
    assert resident() - before > 60_000
    rows.release()
    assert resident() - before < 10_000


def test_threads_may_read_at_a_time(X):
    rows = written(X)
    draws = np.random.default_rng(0)
    wanted = [draws.integers(0, 50, 30) for _ in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(rows.__getitem__, wanted))
    assert all((part != X[key]).nnz == 0 for part, key in zip(found, wanted, strict=True))


def test_columns_rows_and_joins_stay_on_the_disk(X):
    rows = written(X)
    columns = np.array([7, 2, 29])
    for found, expected in (
        (rows[:, columns], X[:, columns]),
        (rows[:, 3:9], X[:, 3:9]),
        (taken(rows, np.array([40, 3, 3])), X[[40, 3, 3]]),
        (side_by_side([rows, X]), sp.hstack([X, X], format="csr")),
        (side_by_side([X.toarray(), rows]), sp.hstack([X, X], format="csr")),
    ):
        assert isinstance(found, DiskRows)
        assert (found != expected).nnz == 0
        assert (found[5 % found.shape[0]] != expected[5 % found.shape[0]]).nnz == 0
    assert (rows[np.array([3, 9]), 4:] != X[[3, 9], 4:]).nnz == 0


def test_what_is_in_memory_stays_there(X):
    assert type(taken(X, np.array([1, 0]))) is sp.csr_matrix
    joined = side_by_side([X, X.toarray()])
    assert type(joined) is sp.csr_matrix
    assert (joined != sp.hstack([X, X])).nnz == 0
