"""What all boosting methods share: stacked rows, how a task measures misses, and capped weights.

The target's rows stand first, then those of each source in the order of fingerprints. A weight that
was given with a row counts as that many copies of it, in the first weights, in the cap, and in the
sum that a base learner's weights are scaled to.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.tree import DecisionTreeRegressor

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.pool import Task
from priorlift.transfer.base import Rows, TransferEstimator
from priorlift.transfer.boosted_models import BoostedClassifier, BoostedRegressor, codes_of
from priorlift.transfer.weighted_learner import WeightedLearner

SMALLEST_ERROR = 1e-6
SMALLEST_WEIGHT = 1e-300


@dataclass(frozen=True)
class Stack:
    """Rows of the target and of all sources, one below the other.

    Attributes
    ----------
    X : array or CSR matrix of shape (n, d)
        Features.
    y : ndarray of shape (n,)
        Labels.
    given : ndarray of shape (n,)
        Weights of the rows as they were given, all positive.
    parts : tuple of Rows
        The target, then the sources.
    """

    X: Any
    y: NDArray[Any]
    given: NDArray[np.float64]
    parts: tuple[Rows, ...]

    @property
    def target(self) -> slice:
        """Where the target's rows stand."""
        return slice(0, len(self.parts[0].y))

    @property
    def sources(self) -> tuple[slice, ...]:
        """Where each source's rows stand."""
        ends = np.cumsum([len(part.y) for part in self.parts]).tolist()
        return tuple(slice(ends[k], ends[k + 1]) for k in range(len(ends) - 1))

    @property
    def all_sources(self) -> slice:
        """Where the sources' rows stand."""
        return slice(len(self.parts[0].y), len(self.y))

    @property
    def total(self) -> float:
        """Sum of the given weights."""
        return float(self.given.sum())

    def first_weights(self, target_mass: float | None = None) -> NDArray[np.float64]:
        """Return weights of sum 1: alike for all rows, or so that the target has a given mass."""
        weight = self.given / self.given.sum()
        if target_mass is not None and self.sources:
            for rows, mass in ((self.target, target_mass), (self.all_sources, 1.0 - target_mass)):
                weight[rows] *= mass / weight[rows].sum()
        return np.asarray(weight)

    def masses(self, weight: NDArray[np.float64]) -> list[float]:
        """Return the sum of weights of the target and of each source."""
        return [float(weight[rows].sum()) for rows in (self.target, *self.sources)]


def stack(target: Rows, sources: tuple[Rows, ...]) -> Stack:
    """Stack rows; those of weight 0 are left out.

    Raises
    ------
    InputError
        A weight is negative, or all weights of the target are 0.
    """
    parts = [_of_positive_weight(rows) for rows in (target, *sources)]
    if not len(parts[0].y):
        raise InputError(
            "all sample weights of the target are zero", remedy="give some row a positive weight"
        )
    parts = [part for part in parts if len(part.y)]
    return Stack(
        arrays.stack_rows([part.X for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.sample_weight for part in parts]),
        tuple(parts),
    )


def _of_positive_weight(rows: Rows) -> Rows:
    weight = rows.sample_weight
    if (weight < 0).any():
        raise InputError(
            "a sample weight is negative",
            where=f"source {rows.name!r}" if rows.fingerprint else "the target",
            remedy="weights of 0 or more",
        )
    return rows if (weight > 0).all() else take(rows, np.flatnonzero(weight > 0))


def take(rows: Rows, which: NDArray[np.intp]) -> Rows:
    """Return some of the rows."""
    groups = None if rows.groups is None else rows.groups[which]
    X = arrays.take_rows(rows.X, which)
    weight = rows.sample_weight[which]
    return replace(rows, X=X, y=rows.y[which], sample_weight=weight, groups=groups)


def capped(weight: NDArray[np.float64], cap: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale weights to sum 1, none above its cap: min(s * weight, cap) with the s that it takes.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Positive.
    cap : ndarray of shape (n,)
        Positive, with a sum of at least 1.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    Water-filling (our choice). The authors' code caps once and scales once more, after which a
    weight can exceed the cap again; where no weight reaches the cap, both are the same. O(n) a
    pass, and few passes.

    Examples
    --------
    >>> capped(np.array([8.0, 1.0, 1.0]), np.full(3, 0.5)).tolist()
    [0.5, 0.25, 0.25]
    """
    weight = weight / weight.sum()
    full = np.zeros(len(weight), dtype=bool)
    while True:
        over = (weight > cap) & ~full
        if not over.any():
            return np.asarray(weight)
        full |= over
        weight = np.where(full, cap, weight)
        if full.all():
            return np.asarray(cap / cap.sum())
        left = 1.0 - cap[full].sum()
        weight[~full] *= left / weight[~full].sum()


def multiplied(
    weight: NDArray[np.float64], exponent: NDArray[np.float64], cap: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Multiply weights by exp(exponent), scale them to sum 1 and keep them below their caps."""
    grown = np.maximum(weight * np.exp(exponent - exponent.max()), SMALLEST_WEIGHT)
    return np.asarray(grown / grown.sum()) if cap is None else capped(grown, cap)


class Classes:
    """How boosting measures classifiers: 0/1 misses, and the vote of SAMME (Zhu et al., 2009).

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The target's classes.
    """

    task: ClassVar[Task] = "classification"

    def __init__(self, classes: NDArray[Any]) -> None:
        self.classes = classes

    @property
    def limit(self) -> float:
        """The error of guessing, from which on a learner has no positive vote."""
        return 1.0 - 1.0 / len(self.classes)

    def misses(self, learner: Any, X: Any, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return 1 where a learner errs, else 0."""
        return np.asarray(learner.predict(X) != y, dtype=float)

    def vote(self, error: float) -> float:
        """Return log((1 - error) / error) + log(C - 1); for two classes AdaBoost's log-odds."""
        error = min(max(error, SMALLEST_ERROR), 1.0 - SMALLEST_ERROR)
        return float(np.log((1.0 - error) / error) + np.log(len(self.classes) - 1))

    def model(self, learners: list[Any], votes: list[float], last_half: bool = False) -> Any:
        """Return the learners as one classifier."""
        return BoostedClassifier(self.classes, learners, np.array(votes), last_half)

    def codes(self, learner: Any, X: Any) -> NDArray[np.intp]:
        """Return the position of the predicted class of each row."""
        return codes_of(self.classes, learner.predict(X))


class Numbers:
    """How boosting measures regressors: misses relative to the largest (Drucker, ICML 1997).

    Parameters
    ----------
    loss : {"linear", "square", "exponential"}
        e = r, r ** 2 or 1 - exp(-r), with r = |h(x) - y| / max |h(x) - y|.
    """

    task: ClassVar[Task] = "regression"
    limit: ClassVar[float] = 0.5

    def __init__(self, loss: str = "linear") -> None:
        if loss not in ("linear", "square", "exponential"):
            raise InputError(f"loss is {loss!r}", remedy='"linear", "square" or "exponential"')
        self.loss = loss

    def misses(self, learner: Any, X: Any, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return how far off each row is, between 0 and 1; the largest miss is 1."""
        off = np.abs(np.asarray(learner.predict(X), dtype=float).ravel() - y)
        off = off / off.max() if off.max() > 0 else off
        if self.loss == "linear":
            return np.asarray(off)
        return np.asarray(off**2 if self.loss == "square" else 1.0 - np.exp(-off))

    def vote(self, error: float) -> float:
        """Return log((1 - error) / error)."""
        error = min(max(error, SMALLEST_ERROR), 1.0 - SMALLEST_ERROR)
        return float(np.log((1.0 - error) / error))

    def model(self, learners: list[Any], votes: list[float], last_half: bool = False) -> Any:
        """Return the learners as one regressor."""
        return BoostedRegressor(learners, np.array(votes), last_half)


@dataclass
class Trace:
    """What happened in each round.

    Attributes
    ----------
    rows : Stack
        What is boosted on.
    learners, votes, errors : list
        The learner of each round, its vote and its weighted error.
    masses : list of list of float
        The weight of the target and of each source before each round, and after the last.
    weight : ndarray of shape (n,)
        The weights after the last round.
    """

    rows: Stack
    weight: NDArray[np.float64]
    learners: list[Any] = field(default_factory=list)
    votes: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    masses: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Note the first weights."""
        self.masses.append(self.rows.masses(self.weight))

    def add(self, learner: Any, vote: float, error: float) -> None:
        """Note a round."""
        self.learners.append(learner)
        self.votes.append(vote)
        self.errors.append(error)

    def move(self, weight: NDArray[np.float64]) -> None:
        """Note the weights after a round."""
        self.weight = weight
        self.masses.append(self.rows.masses(weight))

    def by_source(self, values: list[Any]) -> dict[str, NDArray[np.float64]]:
        """Turn one list of values a round into one array a source."""
        return {
            part.name: np.array([found[place] for found in values])
            for place, part in enumerate(self.rows.parts[1:])
        }


class Boosting(TransferEstimator):
    """Base of the boosting estimators: a base learner, rounds, and a look at each of them."""

    estimator: Any
    n_estimators: int

    def _learner(self) -> WeightedLearner:
        if not self.n_estimators >= 1:
            raise InputError(f"n_estimators is {self.n_estimators!r}", remedy="1 or more rounds")
        base = self._default_learner() if self.estimator is None else self.estimator
        learner = WeightedLearner(base, self._task, self._seed)
        self.resamples_ = learner.resamples
        return learner

    def _default_learner(self) -> BaseEstimator:
        if self._task == "classification":
            # Every round goes on from where the last one ended, so that few iterations do.
            return LogisticRegression(max_iter=50)
        return DecisionTreeRegressor(max_depth=6, min_samples_leaf=2)

    def _kind(self) -> Any:
        if self._task == "classification":
            return Classes(self.classes_)
        return Numbers(getattr(self, "loss", "linear"))

    def _keep_trace(self, trace: Trace) -> None:
        self.errors_ = np.array(trace.errors)
        self.weights_ = {
            part.name: np.array([masses[place] for masses in trace.masses])
            for place, part in enumerate(trace.rows.parts)
        }

    def _keep_model(self, model: Any) -> None:
        self.model_ = model
        self.estimators_ = model.estimators
        self.votes_ = np.asarray(model.votes)

    def staged_predict(self, X: Any) -> Iterator[NDArray[Any]]:
        """Yield what the model predicts after each round.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.

        Yields
        ------
        ndarray of shape (n,)
            The last one is what `predict` returns.
        """
        features = self._model_input(X)
        yield from self.model_.staged_predict(features)

    def staged_score(
        self, X: Any, y: Any, sample_weight: NDArray[np.float64] | None = None
    ) -> Iterator[float]:
        """Yield accuracy, or R2 of a regressor, after each round.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.
        y : array-like of shape (n,)
            True labels.
        sample_weight : array-like of shape (n,), optional
            Weights of the rows.

        Yields
        ------
        float
        """
        score = accuracy_score if self._task == "classification" else r2_score
        for predicted in self.staged_predict(X):
            yield float(score(y, predicted, sample_weight=sample_weight))


class BoostingClassifier(Boosting):
    """What boosting classifiers have beyond regressors."""

    def staged_predict_proba(self, X: Any) -> Iterator[NDArray[np.float64]]:
        """Yield the class probabilities after each round.

        Parameters
        ----------
        X : frame, array or sparse matrix of n rows
            Columns as in `fit`.

        Yields
        ------
        ndarray of shape (n, n_classes)
            The last one is what `predict_proba` returns.
        """
        features = self._model_input(X)
        yield from self.model_.staged_predict_proba(features)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out the warnings of base learners that stop before they converge: rounds are many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
