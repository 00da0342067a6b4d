import numpy as np
import pytest
import scipy.sparse as sp

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study import memory


def target_of(X):
    return Target("t", X, np.arange(X.shape[0]) % 2)


def test_the_estimate_grows_with_rows_sources_and_workers():
    target, pool = target_of(np.zeros((1000, 128))), SourcePool()
    one = memory.memory_estimate_mb(target, pool, 1)
    rows_mb = 1000 * 128 * 8 / 2**20
    assert one == pytest.approx(memory.WORKER_MB + 3 * rows_mb)
    assert memory.memory_estimate_mb(target, pool, 4) == pytest.approx(4 * one)
    more = SourcePool([Source("s", np.zeros((2000, 128)), np.arange(2000) % 2)])
    assert memory.memory_estimate_mb(target, more, 1) == pytest.approx(one + 6 * rows_mb)


def test_a_sparse_matrix_counts_what_it_stores():
    sparse = sp.eye(1000, 100_000, format="csr")
    assert memory.memory_estimate_mb(target_of(sparse), SourcePool(), 1) < memory.WORKER_MB + 1


def test_what_cannot_fit_is_refused_with_both_numbers(monkeypatch):
    target = target_of(np.zeros((4, 2)))
    monkeypatch.setattr(memory, "available_memory", lambda: 400 * 2**20)
    memory.check_memory(target, SourcePool(), 2)
    numbers = r"needs about 471.9 MB .* with 3 workers, 419.4 MB are available"
    with pytest.raises(InputError, match=numbers):
        memory.check_memory(target, SourcePool(), 3)
