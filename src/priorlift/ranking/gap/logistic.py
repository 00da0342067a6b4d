"""Logistic regressions on thousands of parts of the same rows, each to the estimator's tolerance.

All parts of one size are samples of the same rows, so their solutions lie near each other, and so
do the second derivatives there. One regression on all rows gives the start and the curvature; from
it a few steps of L-BFGS, for many parts at once, reach each part's own solution. Where they do not,
scikit-learn fits the part.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from priorlift.ranking.gap.descent import minimised
from priorlift.ranking.labels import Floats

MOST_PARAMETERS = 1_500
MOST_NUMBERS = 2_000_000
SAME_PENALTY = 1.3
MIN_KIND = 3
FREE = {"C", "tol", "max_iter", "random_state", "verbose", "n_jobs", "intercept_scaling"}


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """A fitted logistic regression without the checks of scikit-learn, for rows known to be fine.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        Codes of the classes.
    coefficients : ndarray of shape (d + 1, K)
        The last row is the intercept; K is 1 for two classes, else C.
    """

    classes_: NDArray[Any]
    coefficients: Floats

    def predict_proba(self, X: Floats) -> Floats:
        """Return the probabilities of the classes, shape (n, C)."""
        found = probabilities(X @ self.coefficients[:-1] + self.coefficients[-1])
        return found if len(self.classes_) > 2 else np.hstack([1.0 - found, found])

    def predict(self, X: Floats) -> NDArray[Any]:
        """Return the most probable class of each row, shape (n,)."""
        scores = X @ self.coefficients[:-1] + self.coefficients[-1]
        place = scores.argmax(axis=1) if len(self.classes_) > 2 else (scores[:, 0] > 0).astype(int)
        return np.asarray(self.classes_[place])


@dataclass(frozen=True, eq=False)
class _Start:
    """A solution on all rows of some classes, and the inverse of the curvature there."""

    coefficients: Floats
    inverse: Floats


class SubsetLogistic:
    """Fits an L2-regularised logistic regression on many parts of some rows at once.

    Parameters
    ----------
    estimator : LogisticRegression
        With the settings that `suits` asks for.
    X : ndarray of shape (n, d)
        Rows.
    y : ndarray of shape (n,)
        Codes of the classes.
    weight : ndarray of shape (n,)
        Weights of the rows.
    otherwise : callable
        Fits a part, from its rows, where the shared start does not lead to the solution.

    Attributes
    ----------
    n_shared, n_otherwise : int
        Fits that shared the work, and those that did not.

    Notes
    -----
    The objective is scikit-learn's for `solver="lbfgs"`: the mean loss plus the penalty over C
    times the weight. A fit ends where no partial derivative is above a quarter of `tol`. Steps are
    those of L-BFGS, halved until the objective falls, whose first guess of the curvature is that of
    the regression on all rows of the same classes under the same penalty; a step costs
    O(n_part d C + (d C)²), the curvature O(n (d C)²) once for each size of part. Our choice.
    """

    def __init__(
        self,
        estimator: LogisticRegression,
        X: Floats,
        y: NDArray[Any],
        weight: Floats,
        otherwise: Callable[[NDArray[np.intp]], Any],
    ) -> None:
        self.estimator = estimator
        self.X = np.hstack([X, np.ones((len(X), 1))])
        self.y = y
        self.weight = weight
        self.otherwise = otherwise
        self.n_shared = self.n_otherwise = 0
        self._starts: dict[tuple[int, ...], _Start] = {}

    @staticmethod
    def suits(estimator: Any, X: Any, y: NDArray[Any]) -> bool:
        """Tell whether an estimator on such rows can share work."""
        if type(estimator) is not LogisticRegression or not isinstance(X, np.ndarray):
            return False
        if X.ndim != 2 or X.dtype.kind != "f" or not np.isfinite(X).all():
            return False
        n_classes = len(np.unique(y))
        size = (X.shape[1] + 1) * (n_classes if n_classes > 2 else 1)
        own, usual = estimator.get_params(), LogisticRegression().get_params()
        plain = all(own[name] == usual[name] for name in own if name not in FREE)
        finite = np.isfinite(own["C"]) and own["C"] > 0
        return bool(plain and finite and size <= MOST_PARAMETERS)

    def fit_many(self, parts: Sequence[NDArray[np.intp]]) -> list[Any]:
        """Return a model fitted on each part, a `LinearClassifier` or what `otherwise` gives."""
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, rows in enumerate(parts):
            alike.setdefault(self._kind(rows), []).append(place)
        found: list[Any] = [None] * len(parts)
        for kind, places in alike.items():
            if len(kind) < MIN_KIND:
                continue
            longest = max(len(parts[place]) for place in places)
            together = max(1, MOST_NUMBERS // (longest * self.X.shape[1]))
            for first in range(0, len(places), together):
                chunk = places[first : first + together]
                models = self._solve([parts[place] for place in chunk], kind)
                for place, model in zip(chunk, models, strict=True):
                    found[place] = model
        self.n_shared += sum(model is not None for model in found)
        self.n_otherwise += sum(model is None for model in found)
        return [
            self.otherwise(rows) if model is None else model
            for rows, model in zip(parts, found, strict=True)
        ]

    def _kind(self, rows: NDArray[np.intp]) -> tuple[int, ...]:
        """Return what parts must have in common to be solved together: size of penalty, classes."""
        total = float(self.weight[rows].sum())
        if total <= 0:
            return ()
        size = round(np.log(total) / np.log(SAME_PENALTY))
        return (size, *np.flatnonzero(np.bincount(self.y[rows])).tolist())

    def _solve(
        self, parts: list[NDArray[np.intp]], kind: tuple[int, ...]
    ) -> list[LinearClassifier | None]:
        classes = np.array(kind[1:])
        start = self._start(kind)
        problems = _Problems.of(parts, self.X, self.y, self.weight, classes, self.estimator.C)
        shape = (len(parts), *start.coefficients.shape)
        first = np.broadcast_to(start.coefficients, shape).copy()
        found, solved = minimised(problems, first, start.inverse, self.estimator.tol / 4.0)
        return [
            LinearClassifier(classes, one) if done else None
            for one, done in zip(found, solved, strict=True)
        ]

    def _start(self, kind: tuple[int, ...]) -> _Start:
        """Return the solution on all rows of these classes under about this penalty."""
        if kind not in self._starts:
            penalty = 1.0 / (self.estimator.C * SAME_PENALTY ** kind[0])
            self._starts[kind] = self._solved(np.array(kind[1:]), penalty)
        return self._starts[kind]

    def _solved(self, classes: NDArray[Any], penalty: float) -> _Start:
        rows = np.flatnonzero(np.isin(self.y, classes) & (self.weight > 0))
        X, weight = self.X[rows], self.weight[rows]
        total = float(weight.sum())
        model = clone(self.estimator).set_params(C=1.0 / (penalty * total))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X[:, :-1], self.y[rows], sample_weight=weight)
        found = np.vstack([model.coef_.T, model.intercept_[None, :]])
        second = curvature(X, weight / total, probabilities(X @ found))
        ridge = np.full(found.shape, penalty)
        # Equal shifts of all intercepts change nothing; the curvature must not be singular there.
        ridge[-1] = 1e-6
        second.flat[:: found.size + 1] += ridge.ravel()
        factor = linalg.cho_factor(second, check_finite=False)
        return _Start(found, linalg.cho_solve(factor, np.eye(found.size), check_finite=False))


@dataclass(frozen=True, eq=False)
class _Problems:
    """Regressions on B parts: rows (B, n, d + 1), their shares of the weight, what is wanted."""

    X: Floats
    share: Floats
    wanted: Floats
    penalty: Floats

    @classmethod
    def of(
        cls,
        parts: list[NDArray[np.intp]],
        X: Floats,
        y: NDArray[Any],
        weight: Floats,
        classes: NDArray[Any],
        C: float,
    ) -> "_Problems":
        """Gather the rows of each part; shorter parts are filled up with rows of no weight."""
        longest = max(len(rows) for rows in parts)
        places = np.zeros((len(parts), longest), dtype=np.intp)
        share = np.zeros((len(parts), longest))
        for one, rows in enumerate(parts):
            places[one, : len(rows)] = rows
            share[one, : len(rows)] = weight[rows]
        total = share.sum(axis=1, keepdims=True)
        shown = classes[-1:] if len(classes) == 2 else classes
        wanted = (y[places][:, :, None] == shown).astype(float)
        penalty = np.ones((len(parts), X.shape[1], 1)) / (C * total[:, :, None])
        penalty[:, -1] = 0.0
        return cls(X[places], (share / total)[:, :, None], wanted, penalty)

    def take(self, chosen: NDArray[np.bool_]) -> "_Problems":
        """Return some of the problems."""
        return _Problems(
            self.X[chosen], self.share[chosen], self.wanted[chosen], self.penalty[chosen]
        )

    def value_and_slope(self, found: Floats) -> tuple[Floats, Floats]:
        """Return the objectives, shape (B,), and their derivatives, shape (B, d + 1, K)."""
        scores = self.X @ found
        if scores.shape[2] == 1:
            losses = np.logaddexp(0.0, scores) - self.wanted * scores
            chances = probabilities(scores)
        else:
            scores -= scores.max(axis=2, keepdims=True)
            chances = np.exp(scores)
            sums = chances.sum(axis=2, keepdims=True)
            chances /= sums
            losses = np.log(sums) - np.einsum("bnk,bnk->bn", self.wanted, scores)[:, :, None]
        punished = self.penalty * found
        value = (self.share * losses).sum(axis=(1, 2)) + 0.5 * (punished * found).sum(axis=(1, 2))
        chances -= self.wanted
        chances *= self.share
        return value, self.X.transpose(0, 2, 1) @ chances + punished


def probabilities(scores: Floats) -> Floats:
    """Turn scores, shape (..., K), into probabilities: a softmax, or for K = 1 a logistic curve."""
    if scores.shape[-1] == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -500.0, 500.0))))
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def curvature(X: Floats, share: Floats, chances: Floats) -> Floats:
    """Return the second derivatives of the mean loss by coefficients of shape (d, K), flattened."""
    d, k = X.shape[1], chances.shape[1]
    found = np.empty((d, k, d, k))
    for one in range(k):
        for other in range(one, k):
            mixed = chances[:, one] * (float(one == other) - chances[:, other])
            found[:, one, :, other] = X.T @ (X * (share * mixed)[:, None])
            found[:, other, :, one] = found[:, one, :, other]
    return found.reshape(d * k, d * k)
