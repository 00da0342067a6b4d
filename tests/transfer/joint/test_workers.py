"""Threads change how long a fit takes, and nothing that comes out of it."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift import Source, SourcePool
from priorlift.transfer import JointLabelTransferClassifier
from priorlift.transfer.joint.workers import ALONE, Workers


def counts(n, seed):
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, n)
    level = np.exp(np.random.default_rng(9).normal(size=(3, 80)))[y]
    return sp.csr_matrix(random.poisson(level).astype(np.float32)), y


@pytest.mark.parametrize("mode", ["published", "default"])
@pytest.mark.parametrize("n_jobs", [2, 4, -1])
def test_threads_change_no_bit(mode, n_jobs):
    X, truth = counts(300, 0)
    pool = SourcePool([Source(f"rna {i}", *counts(200, 1 + i)) for i in range(3)])
    y = np.where(np.arange(300) < 20, truth, -1)

    def fitted(n_jobs):
        model = JointLabelTransferClassifier(mode, epochs=2, n_jobs=n_jobs, random_state=0)
        return model.fit(X, y, sources=pool)

    one, many = fitted(None), fitted(n_jobs)
    assert (one.transduction_proba_ == many.transduction_proba_).all()
    assert (one.transform(X) == many.transform(X)).all()
    assert one.history_ == many.history_


def test_tasks_run_side_by_side_and_answers_keep_their_order():
    met = threading.Barrier(2, timeout=10)

    def wait(item):
        met.wait()
        return item

    with Workers(2) as workers:
        assert workers.map(wait, [1, 2]) == [1, 2]
    assert ALONE.map(str, [3, 1]) == ["3", "1"]


def test_an_error_of_a_task_comes_out_and_threads_end():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), Workers(2) as workers:
        workers.map(lambda item: 1 / item, [1, 0])
    assert threading.active_count() == before
