"""What a score may look at: the target's rows as one source sees them.

The features are the hidden layer of a network trained on the source, so two sources give two views
of the same rows. The rows are those the caller passed; no score can reach any others.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.encoders import HiddenLayerEncoder
from priorlift.pool import Source, Task
from priorlift.ranking.labels import Floats
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.scores import logme
from priorlift.ranking.statistics import TaskStatistics


@dataclass(frozen=True, eq=False)
class TargetView:
    """What all sources share: the target's labels, and its rows under a random map.

    Attributes
    ----------
    y : ndarray of shape (n,) or (n, k)
        Labels, none missing.
    task : {"classification", "regression"}
        What they are.
    random_features : ndarray of shape (n, width)
        The hidden layer of an untrained network of the same shape as the sources' networks.
    """

    y: NDArray[Any]
    task: Task
    random_features: Floats

    @cached_property
    def statistics(self) -> TaskStatistics:
        """Statistics of the labels and the random features."""
        return TaskStatistics.of(self.random_features, self.y, self.task)

    @cached_property
    def random_logme(self) -> float:
        """LogME of the random features; computed once for all sources."""
        return logme(self.statistics)

    def take(self, rows: NDArray[np.intp]) -> "TargetView":
        """Return the view of a resample."""
        return TargetView(self.y[rows], self.task, self.random_features[rows])


@dataclass(frozen=True, eq=False)
class SourceView:
    """The target as one source sees it: the argument of every registered score.

    Attributes
    ----------
    name : str
        Of the source.
    target : TargetView
        What all sources share.
    features : ndarray of shape (n, width)
        The target's rows in the source's learned features.
    predicted : ndarray of shape (n,) or None
        The source head's classes for the target's rows; None for a regression source.
    """

    name: str
    target: TargetView
    features: Floats
    predicted: NDArray[Any] | None

    @property
    def y(self) -> NDArray[Any]:
        """The target's labels, shape (n,) or (n, k)."""
        return self.target.y

    @property
    def task(self) -> Task:
        """The target's task."""
        return self.target.task

    @property
    def source_labels(self) -> NDArray[Any]:
        """The source head's predicted classes, shape (n,).

        Raises
        ------
        InputError
            The source is a regression.
        """
        if self.predicted is None:
            raise InputError("the source is a regression, its head predicts no classes")
        return self.predicted

    @cached_property
    def statistics(self) -> TaskStatistics:
        """Statistics of the labels and the source's features; computed once."""
        return TaskStatistics.of(self.features, self.y, self.task)

    def take(self, rows: NDArray[np.intp], target: TargetView) -> "SourceView":
        """Return the view of a resample of the rows, whose target view is shared by all sources."""
        predicted = None if self.predicted is None else self.predicted[rows]
        return SourceView(self.name, target, self.features[rows], predicted)


def random_view(X: Any, y: NDArray[Any], plan: ScoringPlan) -> TargetView:
    """Return the target's view under an untrained network with the plan's settings.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
        Encoded rows.
    y : ndarray of shape (n,) or (n, k)
        Their labels.
    plan : ScoringPlan
        Settings and seed.
    """
    seed = derive_seed(plan.seed, "random features")
    encoder = _encoder(plan, plan.task, seed).random(X.shape[1])
    return TargetView(y, plan.task, encoder.transform(X))


def source_view(
    source: Source, X_source: Any, X: Any, target: TargetView, plan: ScoringPlan
) -> SourceView:
    """Train a small network on a source and look at the target through its hidden layer.

    Parameters
    ----------
    source : Source
        Where the labels come from; its fingerprint seeds the network, so its place does not matter.
    X_source : ndarray or CSR matrix of shape (m, d)
        The source's labelled rows, encoded like the target's.
    X : ndarray or CSR matrix of shape (n, d)
        The target's encoded rows.
    target : TargetView
        Labels of the target.
    plan : ScoringPlan
        Settings and seed, the same for all sources.

    Raises
    ------
    InputError
        The source's labels cannot be learned from.
    """
    task = source.task or plan.task
    y = _source_labels(source, task)
    seed = derive_seed(plan.seed, source.fingerprint)
    if len(y) > plan.max_source_rows:
        chosen = np.random.default_rng(seed).choice(len(y), plan.max_source_rows, replace=False)
        chosen.sort()
        X_source, y = X_source[chosen], y[chosen]
    varied = np.unique(y)
    if len(varied) < 2:
        raise InputError("its labels are constant, there is nothing to learn from it")
    encoder = _encoder(plan, task, seed).fit(X_source, y)
    predicted = encoder.predict_source(X) if task == "classification" else None
    return SourceView(source.name, target, encoder.transform(X), predicted)


def _encoder(plan: ScoringPlan, task: Task, seed: int) -> HiddenLayerEncoder:
    return HiddenLayerEncoder(
        task=task,
        hidden_layer_sizes=plan.hidden_layer_sizes,
        alpha=plan.alpha,
        max_iter=plan.max_iter,
        random_state=seed,
    )


def _source_labels(source: Source, task: Task) -> NDArray[Any]:
    if source.y.ndim != 1:
        raise InputError("it has 2-D labels", remedy="pick one column of y")
    y = source.y[source.labelled]
    if len(y) < 2:
        raise InputError("it has fewer than two labelled rows")
    if task == "classification":
        return np.asarray(y.tolist()) if y.dtype.kind == "O" else y
    try:
        return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("its labels are not numbers, the target's are") from None
