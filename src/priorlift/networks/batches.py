"""Domain-balanced batches: each step sees one batch of every task, whatever the tasks' sizes.

The longest task sets the length of an epoch; shorter ones go round several times, each time in a
new order. Orders derive from the seed, the epoch and the task's content, never from a position or
from the process that loads the rows, so any number of loading workers gives the same batches.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed

MISSING = -1
"""The code of a missing label: the row trains no head."""

Picked: TypeAlias = tuple[NDArray[np.intp], ...]
Batch: TypeAlias = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class TaskRows:
    """Rows of one task, ready for a network.

    Parameters
    ----------
    X : array of shape (n, ...) or sparse matrix
        Inputs of the module; only rows that are in a batch are made dense and float32.
    y : ndarray of int, shape (n,)
        Codes of classes, -1 where the label is missing.
    weight : ndarray of shape (n,)
        Weights of the rows; of mean 1 for a task to count like another.
    position : int
        Which head is this task's own.
    key : str
        Content that seeds the order of the rows: a fingerprint.
    """

    X: Any
    y: NDArray[np.int64]
    weight: NDArray[np.float32]
    position: int = 0
    key: str = ""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    def inputs(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return rows as the dense float32 array that a module takes."""
        X = arrays.take_rows(self.X, rows)
        X = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
        return np.ascontiguousarray(X, dtype=np.float32)


class JoinedRows:
    """Rows of several tasks as one data set whose items are whole batches.

    Parameters
    ----------
    tasks : sequence of TaskRows
        At least one, all with rows.
    """

    def __init__(self, tasks: Sequence[TaskRows]) -> None:
        if not tasks or any(task.n_rows == 0 for task in tasks):
            raise InputError("a task without rows cannot be trained on", remedy="leave it out")
        self.tasks = tuple(tasks)

    def __getitem__(self, picked: Picked) -> Batch:
        """Return the inputs and the labels of a batch: the picked rows of each task, in order."""
        parts = [(task, rows) for task, rows in zip(self.tasks, picked, strict=True) if len(rows)]
        return (
            {"X": np.concatenate([task.inputs(rows) for task, rows in parts])},
            {
                "y": np.concatenate([task.y[rows] for task, rows in parts]),
                "task": np.concatenate([np.full(len(r), t.position, np.int64) for t, r in parts]),
                "weight": np.concatenate(
                    [np.asarray(task.weight[rows], dtype=np.float32) for task, rows in parts]
                ),
            },
        )


class BalancedBatches:
    """The batches of one epoch: index arrays, one for each task.

    Parameters
    ----------
    tasks : sequence of TaskRows
        What is trained on.
    batch_size : int
        Rows of each task in a step; a task with fewer rows gives all of them.
    seed : int
        Seeds the orders.

    Raises
    ------
    InputError
        `batch_size` is not positive.
    """

    def __init__(self, tasks: Sequence[TaskRows], batch_size: int, seed: int) -> None:
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}", remedy="1 or more")
        self.tasks = tuple(tasks)
        self.sizes = tuple(min(batch_size, task.n_rows) for task in tasks)
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of steps in an epoch: enough for each row of the longest task."""
        return max(math.ceil(t.n_rows / b) for t, b in zip(self.tasks, self.sizes, strict=True))

    def __iter__(self) -> Iterator[Picked]:
        """Yield the steps of the epoch that `epoch` names."""
        n_steps = len(self)
        orders = [
            _order(task, size * n_steps, derive_seed(self.seed, "order", task.key, str(self.epoch)))
            for task, size in zip(self.tasks, self.sizes, strict=True)
        ]
        for step in range(n_steps):
            yield tuple(
                order[step * size : (step + 1) * size]
                for order, size in zip(orders, self.sizes, strict=True)
            )


def _order(task: TaskRows, length: int, seed: int) -> NDArray[np.intp]:
    """Return permutations of a task's rows, one after another, cut to a length."""
    draws = np.random.default_rng(seed)
    rounds = math.ceil(length / task.n_rows)
    return np.concatenate([draws.permutation(task.n_rows) for _ in range(rounds)])[:length]


def in_order(tasks: Sequence[TaskRows], batch_size: int = 1024) -> list[Picked]:
    """Return batches that visit each row once, in order: for validation."""
    n_steps = max(math.ceil(task.n_rows / batch_size) for task in tasks)
    starts = range(0, n_steps * batch_size, batch_size)
    return [
        tuple(np.arange(min(start, t.n_rows), min(start + batch_size, t.n_rows)) for t in tasks)
        for start in starts
    ]
