"""Batches: every task in every step, every row once a round, whatever loads them."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.networks.batches import BalancedBatches, JoinedRows, TaskRows, in_order


def task(n, position=0, key="k"):
    X = np.arange(2.0 * n).reshape(n, 2) + 1000 * position
    return TaskRows(X, np.arange(n) % 3, np.ones(n, np.float32), position, key)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 12))
def test_each_step_has_every_task_and_each_round_every_row(sizes, batch_size):
    tasks = [task(n, i, str(i)) for i, n in enumerate(sizes)]
    batches = BalancedBatches(tasks, batch_size, seed=0)
    steps = list(batches)
    assert len(steps) == len(batches)
    for i, n in enumerate(sizes):
        rows = [step[i] for step in steps]
        assert {len(part) for part in rows} == {min(n, batch_size)}
        seen = np.bincount(np.concatenate(rows), minlength=n)
        assert seen.max() - seen.min() <= 1, "rows of a task are seen equally often"
    longest = int(np.argmax(sizes))
    assert set(np.concatenate([step[longest] for step in steps])) == set(range(max(sizes)))


def test_epochs_differ_and_seeds_decide():
    tasks = [task(20), task(7, 1, "other")]

    def epoch(number, seed=0, given=tasks):
        batches = BalancedBatches(given, 5, seed)
        batches.epoch = number
        return [[part.tolist() for part in step] for step in batches]

    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    assert epoch(0) != epoch(0, seed=1)
    swapped = [[b, a] for a, b in epoch(0)]
    assert epoch(0, given=tasks[::-1]) == swapped, "content seeds an order, not a position"


def test_a_batch_holds_inputs_labels_and_whose_they_are():
    tasks = [task(4), task(3, 1)]
    inputs, labels = JoinedRows(tasks)[np.array([2, 0]), np.array([1])]
    np.testing.assert_array_equal(inputs["X"], [[4, 5], [0, 1], [1002, 1003]])
    assert inputs["X"].dtype == np.float32
    np.testing.assert_array_equal(labels["y"], [2, 0, 1])
    np.testing.assert_array_equal(labels["task"], [0, 0, 1])


def test_sparse_rows_are_made_dense_one_batch_at_a_time():
    dense = task(6)
    sparse = TaskRows(sp.csr_matrix(dense.X), dense.y, dense.weight)
    np.testing.assert_array_equal(sparse.inputs(np.array([3, 1])), dense.X[[3, 1]])


def test_in_order_visits_each_row_once():
    tasks = [task(7), task(3, 1)]
    for i, n in enumerate((7, 3)):
        rows = np.concatenate([step[i] for step in in_order(tasks, 2)])
        np.testing.assert_array_equal(rows, np.arange(n))


def test_impossible_batches_are_refused():
    with pytest.raises(InputError, match="batch_size is 0"):
        BalancedBatches([task(3)], 0, 0)
    with pytest.raises(InputError, match="without rows"):
        JoinedRows([task(0)])
