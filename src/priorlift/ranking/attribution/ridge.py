"""Ridge heads of many tasks from one decomposition, and heads of permuted labels for nothing.

In the eigenbasis of the features' scatter matrix a ridge regression divides each coordinate of the
labels by eigenvalue plus penalty. The penalty is where the evidence is largest, as in LogME. Labels
in a random order have coordinates of which mean and covariance are known exactly, so a null head is
drawn in that basis and no row is looked at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from priorlift.core.arrays import fingerprint
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.ranking.attribution.heads import LinearHead
from priorlift.ranking.evidence import prior_ratio
from priorlift.ranking.labels import Floats
from priorlift.ranking.statistics import FeatureStatistics, Spectrum, TaskStatistics


@dataclass(frozen=True, eq=False)
class _Space:
    """Eigenvalues (r,) of the centred scatter matrix, largest first, and eigenvectors (d, r)."""

    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, features: FeatureStatistics) -> "_Space":
        values, vectors = linalg.eigh(features.inner(centre=True), driver="evd")
        size = max(features.n_rows, features.n_features)
        offset = features.n_rows * float(features.mean @ features.mean)
        noise = max(float(np.finfo(np.float64).eps), features.precision**2)
        floor = max(max(values[-1], 0.0) * size, offset * np.finfo(np.float64).eps) * noise
        values, vectors = values[values > floor], vectors[:, values > floor]
        if features.rows is not None:
            vectors = (features.rows - features.mean).T @ vectors / np.sqrt(values)
        return cls(values, vectors)


@dataclass(frozen=True, eq=False)
class RidgeHeads:
    """Ridge heads of T tasks.

    Attributes
    ----------
    statistics : tuple of TaskStatistics of length T
        What they are computed from. Tasks with one `features` object share its decomposition.
    heads : tuple of LinearHead of length T
        One column a class (one-hot regression), or the label column of a regression.
    penalties : tuple of ndarray of shape (k,)
        Of each task's columns.
    """

    statistics: tuple[TaskStatistics, ...]
    heads: tuple[LinearHead, ...]
    penalties: tuple[Floats, ...]
    spaces: dict[int, _Space]

    @classmethod
    def of(cls, statistics: Sequence[TaskStatistics]) -> "RidgeHeads":
        """Fit all heads.

        Parameters
        ----------
        statistics : sequence of TaskStatistics
            Of the tasks.

        Raises
        ------
        InputError
            The labels or the features of a task are constant, or a regression has several columns.

        Notes
        -----
        O(d³) once a feature matrix (O(n³) for n < d rows), then O(d² k) a task. The penalty is
        alpha / beta at the largest evidence, a column at a time.

        Examples
        --------
        >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [4.0, 1.0], [5.0, 0.0]])
        >>> ridge = RidgeHeads.of([TaskStatistics.of(X, [0, 0, 1, 1])])
        >>> ridge.heads[0].outputs(X).argmax(axis=1)
        array([0, 0, 1, 1])
        """
        for place, task in enumerate(statistics):
            _check(task, place)
        distinct = {id(task.features): task.features for task in statistics}
        spaces = {key: _Space.of(features) for key, features in distinct.items()}
        heads: dict[int, LinearHead] = {}
        penalties: dict[int, Floats] = {}
        for key, space in spaces.items():
            places = [i for i, task in enumerate(statistics) if id(task.features) == key]
            if len(space.values) == 0:
                raise InputError("the features are constant", where=f"task {places[0]}")
            group = [statistics[i] for i in places]
            moved = space.vectors.T @ np.concatenate([task.products for task in group], axis=1)
            ratio = prior_ratio(_spectrum(space, group, moved))
            weights = space.vectors @ (moved / (space.values[:, None] + ratio))
            ends = np.cumsum([len(task.totals) for task in group])[:-1]
            for i, own, t in zip(
                places, np.split(weights, ends, axis=1), np.split(ratio, ends), strict=True
            ):
                heads[i], penalties[i] = _head(statistics[i], own), t
        order = range(len(statistics))
        return cls(
            tuple(statistics),
            tuple(heads[i] for i in order),
            tuple(penalties[i] for i in order),
            spaces,
        )

    def permuted(
        self, n_draws: int = 8, random_state: RandomState = 0
    ) -> Iterator[tuple[LinearHead, ...]]:
        """Yield heads of the tasks with their labels permuted, T of them a draw.

        Parameters
        ----------
        n_draws : int, default=8
            Draws.
        random_state : int, RandomState or None
            Each task's draws derive from it and from the task's content.

        Notes
        -----
        If labels y are put in a random order, the products of centred features with them have mean
        zero and covariance F^T F times the labels' covariance of divisor n - 1, exactly. Our
        choice: they are drawn from the normal distribution of these moments, which permutations
        approach as n grows, and the task's own penalty is kept. O(d² k) a task and draw.
        """
        seed = base_seed(random_state)
        generators, roots = [], []
        for task in self.statistics:
            content = fingerprint(np.ascontiguousarray(task.products))
            generators.append(np.random.default_rng(derive_seed(seed, "permuted", content)))
            roots.append(_label_root(task))
        for _ in range(n_draws):
            drawn: dict[int, LinearHead] = {}
            for key, space in self.spaces.items():
                places = [i for i, s in enumerate(self.statistics) if id(s.features) == key]
                values = space.values[:, None]
                moved = [
                    np.sqrt(values)
                    * (generators[i].standard_normal((len(values), len(roots[i]))) @ roots[i])
                    / (values + self.penalties[i])
                    for i in places
                ]
                weights = space.vectors @ np.concatenate(moved, axis=1)
                ends = np.cumsum([part.shape[1] for part in moved])[:-1]
                for i, own in zip(places, np.split(weights, ends, axis=1), strict=True):
                    drawn[i] = _head(self.statistics[i], own)
            yield tuple(drawn[i] for i in range(len(self.statistics)))


def _check(task: TaskStatistics, place: int) -> None:
    where = f"task {place}"
    if task.task == "regression" and len(task.totals) > 1:
        raise InputError("it has several label columns", where=where, remedy="pick one of them")
    varied = task.squares - task.totals**2 / task.n_rows
    if not (varied > 1e-12 * np.maximum(task.squares, 1e-300)).all():
        raise InputError("the labels are constant", where=where, remedy="leave the task out")


def _spectrum(space: _Space, group: list[TaskStatistics], moved: Floats) -> Spectrum:
    n = group[0].n_rows
    squares = np.concatenate([task.squares - task.totals**2 / n for task in group])
    shares = np.square(moved) / space.values[:, None]
    return Spectrum(space.values, shares, np.maximum(squares, 0.0), n - 1)


def _head(task: TaskStatistics, weights: Floats) -> LinearHead:
    intercept = task.totals / task.n_rows - task.features.mean @ weights
    return LinearHead(weights, intercept, task.classes)


def _label_root(task: TaskStatistics) -> Floats:
    """Return the symmetric root of the label columns' covariance, of divisor n - 1."""
    covariance = np.diag(task.squares) - np.outer(task.totals, task.totals) / task.n_rows
    values, vectors = np.linalg.eigh(covariance / (task.n_rows - 1))
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
