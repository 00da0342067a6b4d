"""Thousands of small linear fits at once, for benchmarks that need the truth by brute force.

L2-penalised logistic regression (C = 1) by Newton's method and ridge classification (alpha = 1),
the intercept free, equal to scikit-learn's `LogisticRegression()` and `RidgeClassifier()` (checked
by `check_against_scikit_learn`). A batch shares rows: `X` of shape (D, N, p) holds D data sets, and
masks of shape (D, M, N) say which rows each of M fits a data set sees. A source's rows are added
to every fit of the batch.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

NEWTON_STEPS = 25
TOLERANCE = 1e-5


@dataclass(frozen=True)
class FixedSource:
    """Rows that every pooled fit sees, with what can be computed from them once."""

    A: np.ndarray  # (S, p + 1), a column of ones last
    y: np.ndarray  # (S,) class codes
    outer: np.ndarray  # (S, (p + 1)^2)

    @classmethod
    def of(cls, X, y):
        A = with_ones(X)
        return cls(A, y, outer_products(A))

    @cached_property
    def logistic(self):
        """Coefficients of a fit on these rows alone, where pooled fits start."""
        return _logistic(self.A[None], self.y[None], np.ones((1, 1, len(self.y))), None)


def with_ones(X):
    return np.concatenate([X, np.ones((*X.shape[:-1], 1))], axis=-1)


def outer_products(A):
    return (A[..., :, None] * A[..., None, :]).reshape(*A.shape[:-1], -1)


def fit(learner, X, y, mask=None, source=None, n_classes=2):
    """Coefficients of shape (D, M, p + 1, C); C is 1 for two classes (score of class 1)."""
    A = with_ones(X)
    mask = np.ones((len(X), 1, X.shape[1])) if mask is None else mask.astype(float)
    if learner == "logistic":
        start = 0.0 if source is None else source.logistic
        return _logistic(A, y, mask, source, start)[..., None]
    return _ridge(A, y, mask, source, n_classes)


def _penalty(p):
    diagonal = np.ones(p)
    diagonal[-1] = 0.0
    return diagonal


def _weighted_gram(A, outer, weights):
    """Sum over rows of weight * row row', for weights of shape (D, M, N)."""
    p = A.shape[-1]
    if outer is None:  # one fit a data set
        return ((A * weights[:, 0, :, None]).swapaxes(1, 2) @ A)[:, None]
    return (weights @ outer).reshape(*weights.shape[:2], p, p)


def _logistic(A, y, mask, source, start=0.0):
    p = A.shape[-1]
    outer = outer_products(A) if mask.shape[1] > 1 else None
    coef = np.zeros((*mask.shape[:2], p)) + start
    penalty = _penalty(p)
    source_hessian = 0.0
    for step_index in range(NEWTON_STEPS):
        probability = expit(coef @ A.swapaxes(1, 2))
        gradient = (mask * (probability - y[:, None, :])) @ A + penalty * coef
        hessian = _weighted_gram(A, outer, mask * probability * (1 - probability))
        if source is not None:
            flat = expit(coef.reshape(-1, p) @ source.A.T)
            gradient += ((flat - source.y) @ source.A).reshape(coef.shape)
            if step_index in (0, 2):  # an old one costs steps, not accuracy
                source_hessian = ((flat * (1 - flat)) @ source.outer).reshape(hessian.shape)
        hessian += source_hessian + np.diag(penalty + 1e-9)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        coef -= step
        if np.abs(step).max() < TOLERANCE:
            break
    return coef


def _ridge(A, y, mask, source, n_classes):
    p = A.shape[-1]
    outer = outer_products(A) if mask.shape[1] > 1 else None
    gram = _weighted_gram(A, outer, mask) + np.diag(_penalty(p) + 1e-9)
    moments = np.stack([(mask * t[:, None, :]) @ A for t in _targets(y, n_classes)], axis=-1)
    if source is not None:
        gram = gram + source.outer.sum(axis=0).reshape(p, p)
        moments = moments + np.stack([t @ source.A for t in _targets(source.y, n_classes)], axis=-1)
    return np.linalg.solve(gram, moments)


def _targets(y, n_classes):
    if n_classes == 2:
        return [2.0 * y - 1]
    return [2.0 * (y == c) - 1 for c in range(n_classes)]


def scores(coef, X):
    """Scores of shape (D, M, N, C) of coefficients (D, M, p + 1, C) on rows (D, N, p)."""
    return np.einsum("dnp,dmpc->dmnc", with_ones(X), coef, optimize=True)


def predict(scores_):
    """Class codes from scores."""
    if scores_.shape[-1] == 1:
        return (scores_[..., 0] > 0).astype(int)
    return scores_.argmax(axis=-1)


def check_against_scikit_learn(seed=0):
    """Largest difference in coefficients over a few fits; raises if it is not rounding."""
    from sklearn.linear_model import LogisticRegression, RidgeClassifier

    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(3, 30, 4)), rng.integers(2, size=(3, 30))
    mask = rng.random((3, 2, 30)) < 0.8
    source_X, source_y = rng.normal(size=(50, 4)), rng.integers(2, size=50)
    worst = 0.0
    models = {
        "logistic": LogisticRegression(tol=1e-10, max_iter=10_000),
        "ridge": RidgeClassifier(),
    }
    for learner, model in models.items():
        for source in (None, FixedSource.of(source_X, source_y)):
            ours = fit(learner, X, y, mask, source)[..., 0]
            for d in range(3):
                for m in range(2):
                    rows, labels = X[d][mask[d, m]], y[d][mask[d, m]]
                    if source is not None:
                        rows = np.concatenate([rows, source_X])
                        labels = np.concatenate([labels, source_y])
                    model.fit(rows, labels)
                    theirs = np.append(model.coef_.ravel(), model.intercept_)
                    worst = max(worst, float(np.abs(ours[d, m] - theirs).max()))
    if worst > 1e-4:
        raise AssertionError(f"the batched fits differ from scikit-learn's by {worst:.1e}")
    return worst
