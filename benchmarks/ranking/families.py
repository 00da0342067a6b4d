"""Families of related tasks on real data: who may be a source, who a target, and on which rows.

The rows of a family are parted once, by their content: a part for sources, a part for targets, and
of the latter a fixed test part. So no test row is ever seen by a source, a score or a fit, and
equal texts never stand on two sides.
"""

from dataclasses import dataclass

import numpy as np

from priorlift import Source, Target
from priorlift.core.seeds import derive_seed


@dataclass(frozen=True, eq=False)
class FamilyTask:
    """One task in both roles: rows that it offers as a source, rows on which it is a target."""

    name: str
    concept: str  # what is labelled
    domain: str  # on which kind of rows
    X_source: np.ndarray
    y_source: np.ndarray
    X_pool: np.ndarray
    y_pool: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def source(self, seed, most):
        """Return at most `most` of the source rows, another sample for each seed."""
        rows = sample(self.y_source, min(most, len(self.y_source)), f"source {self.name}", seed)
        return Source(self.name, self.X_source[rows], self.y_source[rows], task="classification")

    def target(self, size, seed):
        """Return `size` labelled rows of the target, another sample for each seed."""
        rows = sample(self.y_pool, size, f"target {self.name}", seed)
        return Target(self.name, self.X_pool[rows], self.y_pool[rows], task="classification")


@dataclass(frozen=True, eq=False)
class Family:
    """Tasks that are tried as sources of each other."""

    name: str
    tasks: tuple
    sizes: tuple
    source_rows: int

    @property
    def names(self):
        return [task.name for task in self.tasks]


def sample(y, size, what, seed):
    """Draw rows at random with each class's share kept, and at least two rows of each class."""
    generator = np.random.default_rng(derive_seed(seed, what, str(size)))
    chosen = []
    classes, counts = np.unique(y, return_counts=True)
    wanted = np.maximum(2, np.round(size * counts / len(y)).astype(int))
    wanted[counts.argmax()] += size - wanted.sum()
    for label, count in zip(classes, wanted, strict=True):
        rows = np.flatnonzero(y == label)
        chosen.append(generator.choice(rows, min(count, len(rows)), replace=False))
    return np.sort(np.concatenate(chosen))
