"""What each type looks like in the query's own features, learned from shares of cells in types.

Two kinds of features have models: counts (genes, peaks) a multinomial, real values (proteins) a
Gaussian in the query's principal components. Both learn from sums over cells, so leaving a part of
the cells out is a subtraction.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.transfer.joint.count_model import log_likelihood, weighted_totals

Floats: TypeAlias = NDArray[np.float64]

N_COMPONENTS = 30
POOLED = 0.7
"""Share of the pooled covariance in each class's own."""
RIDGE = 1e-3
"""Added to a covariance's diagonal, times its mean."""


class CountFeatures:
    """Counts: each class is a profile, drawn towards the profile of all cells.

    Parameters
    ----------
    level : ndarray of shape (g,)
        Counts of all cells of the query.
    strength : float
        Counts a column that each class has beforehand, at the profile of all cells.
    weight : float
        Of the log-likelihood.
    """

    def __init__(self, level: Floats, strength: float, weight: float) -> None:
        self.background = (level + 0.1) / (level + 0.1).sum()
        self.strength = strength * len(level)
        self.weight = weight

    def sums(self, rows: Any, member: Floats) -> Floats:
        """Return what is learned from, shape (n_classes, g): counts of the classes."""
        return weighted_totals(rows, member)

    def learned(self, sums: Floats) -> Floats:
        """Return logarithms of the classes' profiles."""
        extra = sums.sum(axis=1, keepdims=True) + self.strength
        return np.asarray(np.log((sums + self.strength * self.background) / extra))

    def log_likelihood(self, rows: Any, learned: Floats) -> Floats:
        """Return weighted log-likelihoods, shape (n, n_classes)."""
        return self.weight * log_likelihood(rows, learned)


class GaussianFeatures:
    """Real values: each class is a Gaussian in principal components of the query.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        All cells of the query.
    weight : float
        Of the log-likelihood.
    """

    def __init__(self, values: Floats, weight: float) -> None:
        self.mean = values.mean(axis=0)
        spread = values.std(axis=0)
        scale = np.where(spread > 1e-9, 1.0 / np.maximum(spread, 1e-9), 0.0)
        standard = (values - self.mean) * scale
        _, vectors = np.linalg.eigh(standard.T @ standard)
        first = vectors[:, ::-1][:, : min(N_COMPONENTS, *values.shape)]
        # The sign of a vector is arbitrary; this one does not depend on the machine.
        first *= np.where(first.sum(axis=0) < 0, -1.0, 1.0)
        self.basis = scale[:, None] * first
        self.weight = weight

    def components(self, rows: Any) -> Floats:
        """Return principal components of rows."""
        return np.asarray((np.asarray(rows, dtype=float) - self.mean) @ self.basis)

    def sums(self, rows: Any, member: Floats) -> Floats:
        """Return numbers, sums and sums of products: shape (n_classes, 1 + d + d * d)."""
        f = self.components(rows)
        products = [((f * one[:, None]).T @ f).ravel() for one in member.T]
        return np.hstack([member.sum(axis=0)[:, None], member.T @ f, np.array(products)])

    def learned(self, sums: Floats) -> Floats:
        """Return logarithms of priors, means and whitening factors, as one array a class."""
        d = self.basis.shape[1]
        size = sums[:, :1] + 1e-9
        means = sums[:, 1 : d + 1] / size
        products = sums[:, d + 1 :].reshape(-1, d, d)
        own = products - size[:, :, None] * means[:, :, None] * means[:, None, :]
        total = float(size.sum())
        pooled = own.sum(axis=0) / total
        covariances = (1 - POOLED) * own / size[:, :, None] + POOLED * pooled
        ridge = RIDGE * max(float(np.trace(pooled)) / d, 1e-9)
        factors = np.linalg.cholesky(covariances + ridge * np.eye(d))
        whiten = np.linalg.inv(factors)
        log_size = np.log((size + 1.0) / (total + len(size)))
        return np.concatenate([log_size, means, whiten.reshape(len(size), -1)], axis=1)

    def log_likelihood(self, rows: Any, learned: Floats) -> Floats:
        """Return weighted log-likelihoods with the classes' sizes, shape (n, n_classes)."""
        d = self.basis.shape[1]
        f = self.components(rows)
        found = np.empty((len(f), len(learned)))
        for k, one in enumerate(learned):
            whiten = one[d + 1 :].reshape(d, d)
            away = (f - one[1 : d + 1]) @ whiten.T
            found[:, k] = one[0] + np.log(np.diag(whiten)).sum() - 0.5 * (away**2).sum(axis=1)
        return np.asarray(self.weight * (found - found.max(axis=1, keepdims=True)))
