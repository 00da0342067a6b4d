"""What a score may look at: the target's rows as one source sees them.

A source is seen in two ways: through a linear head in its principal space, in closed form, and,
where one was trained, through the hidden layer of a small network. A pretrained model is seen by
its features alone, since it has neither rows nor labels. Two sources give two views of the same
rows. The rows are those the caller passed; no score can reach any others.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.pool import Task
from priorlift.ranking.labels import Floats, LabelColumns
from priorlift.ranking.linear_source import (
    LinearSource,
    PrincipalSpace,
    dense_columns,
    standardised,
)
from priorlift.ranking.ridge import Scatter, leave_one_out
from priorlift.ranking.scores.many import logmes
from priorlift.ranking.statistics import TaskStatistics

RANDOM_MAPS = 5
JUDGED_ROWS = 1_000
NO_ROWS = "a pretrained model has no labels or rows of its own"


@dataclass(frozen=True, eq=False)
class TargetView:
    """What all sources share: the target's rows, its labels, and random maps to compare with.

    Attributes
    ----------
    y : ndarray of shape (n,) or (n, k)
        Labels, none missing.
    task : {"classification", "regression"}
        What they are.
    rows : ndarray or CSR matrix of shape (n, d)
        The encoded rows; no columns (d = 0) where the inputs are raw and nothing encodes them.
    seed : int
        Of the random maps.
    random_features : ndarray of shape (n, w) or None
        The hidden layer of an untrained network of the same shape as the sources' networks; None
        where sources are seen through linear maps.
    """

    y: NDArray[Any]
    task: Task
    rows: Any
    seed: int
    random_features: Floats | None = None
    _random_logmes: dict[int, float] = field(default_factory=dict, repr=False)
    _errors_alone: WeakKeyDictionary[object, float] = field(
        default_factory=WeakKeyDictionary, repr=False
    )

    @cached_property
    def columns(self) -> Floats:
        """The labels as columns: one-hot for classes, standardised for a regression."""
        columns = dense_columns(LabelColumns.of(self.y, self.task))
        return standardised(columns) if self.task == "regression" else columns

    @cached_property
    def units(self) -> tuple[Floats, Floats]:
        """Mean and deviation of the label columns as they were given, each of shape (k,)."""
        columns = dense_columns(LabelColumns.of(self.y, self.task))
        return columns.mean(axis=0), columns.std(axis=0)

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The classes that occur, sorted."""
        return np.unique(self.y)

    def random_logme(self, width: int) -> float:
        """Return LogME of a random map of some width; computed once for all sources.

        Parameters
        ----------
        width : int
            Features of the map; ignored where there is an untrained network.
        """
        if width not in self._random_logmes:
            found = logmes(self._random_maps(width), self.columns)
            self._random_logmes[width] = float(found.mean())
        return self._random_logmes[width]

    def error_alone(self, space: PrincipalSpace | None, in_space: Floats) -> float:
        """Return the squared leave-one-out error of a ridge regression on the target alone.

        Parameters
        ----------
        space : PrincipalSpace or None
            Where the regression is; the error is computed once for each. None is the target's own.
        in_space : ndarray of shape (n, r)
            The target's rows there.
        """
        # Not by id: once a space is gone, the next may have its id.
        key = self if space is None else space
        if key not in self._errors_alone:
            scatter, judged = Scatter.of(in_space, self.columns), self.judged
            found = leave_one_out(scatter, in_space[judged], self.columns[judged])
            self._errors_alone[key] = float(found.errors)
        return self._errors_alone[key]

    @cached_property
    def judged(self) -> NDArray[np.intp] | slice:
        """The rows on which closed-form trials are judged: all, or a sample of 1,000."""
        n = len(self.columns)
        if n <= JUDGED_ROWS:
            return slice(None)
        draws = np.random.default_rng(derive_seed(self.seed, "judged rows"))
        return np.sort(draws.choice(n, JUDGED_ROWS, replace=False))

    @cached_property
    def variation(self) -> float:
        """Sum over the judged rows of the squared deviations of the label columns."""
        deviations = self.columns[self.judged] - self.columns.mean(axis=0)
        return float((deviations**2).sum())

    def _random_maps(self, width: int) -> Floats:
        if self.random_features is not None:
            return self.random_features[None]
        draws = np.random.default_rng(derive_seed(self.seed, "random maps", str(width)))
        if not self.rows.shape[1]:
            return draws.normal(size=(RANDOM_MAPS, self.rows.shape[0], width))
        directions = draws.normal(size=(self.rows.shape[1], RANDOM_MAPS * width))
        maps = np.asarray(self.rows @ directions).reshape(-1, RANDOM_MAPS, width)
        return np.asarray(maps.transpose(1, 0, 2))

    def for_models(self) -> "TargetView":
        """Return the view that pretrained models share: random maps are as wide as their features.

        Where there are no encoded rows to map, the maps are pure noise.
        """
        return TargetView(self.y, self.task, self.rows, self.seed)

    def take(self, rows: NDArray[np.intp]) -> "TargetView":
        """Return the view of a resample."""
        features = self.random_features
        taken = None if features is None else features[rows]
        return TargetView(self.y[rows], self.task, self.rows[rows], self.seed, taken)


@dataclass(frozen=True, eq=False)
class SourceView:
    """The target as one source sees it: the argument of every registered score.

    Attributes
    ----------
    name : str
        Of the source.
    target : TargetView
        What all sources share.
    linear : LinearSource or None
        The source in closed form; None for a pretrained model.
    in_space : ndarray of shape (n, r)
        The target's rows in the source's principal space, or, for a model, in their own.
    network : tuple of two ndarrays, or None
        Hidden layer (n, w) and class probabilities (n, C), or None for a regression, of a network
        trained on the source; None where there is no network. For a model, its features and None.
    sample : tuple of an ndarray or CSR matrix (m, d) and an ndarray (m,), or None
        Encoded rows of the source, a sample of them where there are many, and their labels; None
        for a model.
    """

    name: str
    target: TargetView
    linear: LinearSource | None
    in_space: Floats
    network: tuple[Floats, Floats | None] | None
    sample: tuple[Any, NDArray[Any]] | None

    @property
    def y(self) -> NDArray[Any]:
        """The target's labels, shape (n,) or (n, k)."""
        return self.target.y

    @property
    def task(self) -> Task:
        """The target's task."""
        return self.target.task

    @property
    def rows(self) -> Any:
        """The target's encoded rows, shape (n, d)."""
        return self.target.rows

    @property
    def closed_form(self) -> LinearSource:
        """The source in closed form.

        Raises
        ------
        InputError
            The source is a pretrained model.
        """
        if self.linear is None:
            raise InputError(NO_ROWS)
        return self.linear

    @property
    def source_rows(self) -> Any:
        """Encoded rows of the source, a sample of them where there are many, shape (m, d).

        Raises
        ------
        InputError
            The source is a pretrained model.
        """
        if self.sample is None:
            raise InputError(NO_ROWS)
        return self.sample[0]

    @property
    def source_y(self) -> NDArray[Any]:
        """The labels of `source_rows`, shape (m,).

        Raises
        ------
        InputError
            The source is a pretrained model.
        """
        if self.sample is None:
            raise InputError(NO_ROWS)
        return self.sample[1]

    @property
    def source_classes(self) -> NDArray[Any]:
        """The source's classes, sorted, in the order of the columns of `proba`.

        Raises
        ------
        InputError
            The source is a regression, or a pretrained model.
        """
        classes = self.closed_form.labels.classes
        if classes is None:
            raise InputError("the source is a regression, its head predicts no classes")
        return classes

    @cached_property
    def features(self) -> Floats:
        """The target's rows in the features that the source has learned, shape (n, w).

        The hidden layer of its network, or its directions in the principal space; of a pretrained
        model, the principal components of its features.
        """
        if self.network is not None:
            return self.network[0]
        return np.asarray(self.in_space @ self.closed_form.directions)

    @cached_property
    def proba(self) -> Floats | None:
        """Probabilities of the source's classes, shape (n, C); None for a regression or a model."""
        if self.linear is None or self.linear.labels.classes is None:
            return None
        if self.network is not None:
            return self.network[1]
        return self.linear.probabilities(self.in_space)

    @property
    def source_proba(self) -> Floats:
        """Probabilities of the source's classes, shape (n, C).

        Raises
        ------
        InputError
            The source is a regression, or a pretrained model.
        """
        _ = self.source_classes  # raises where there are none
        if self.proba is None:
            raise InputError("the source's network gives no probabilities")
        return self.proba

    @property
    def source_labels(self) -> NDArray[Any]:
        """The classes that the source's head predicts for the target's rows, shape (n,).

        Raises
        ------
        InputError
            The source is a regression, or a pretrained model.
        """
        return np.asarray(self.source_classes[self.source_proba.argmax(axis=1)])

    @property
    def error_alone(self) -> float:
        """Squared leave-one-out error of the target alone, in the source's principal space."""
        space = None if self.linear is None else self.linear.space
        return self.target.error_alone(space, self.in_space)

    @cached_property
    def statistics(self) -> TaskStatistics:
        """Statistics of the labels and the source's features; computed once."""
        return TaskStatistics.of(self.features, self.y, self.task)

    def take(self, rows: NDArray[np.intp], target: TargetView) -> "SourceView":
        """Return the view of a resample of the rows, whose target view is shared by all sources."""
        network = None
        if self.network is not None:
            hidden, proba = self.network
            network = (hidden[rows], None if proba is None else proba[rows])
        return SourceView(self.name, target, self.linear, self.in_space[rows], network, self.sample)
