"""What each type looks like in the query's own features, learned from shares of cells in types.

Two kinds of features have models: counts (genes, peaks) a multinomial, real values (proteins) a
Gaussian in the query's principal components. Both learn from sums over cells, so leaving a part of
the cells out is a subtraction.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class CountFeatures:
    """Counts: each class is a profile, drawn towards the profile of all cells.

    Parameters
    ----------
    background : ndarray of shape (g,)
        The profile of all cells.
    strength : float
        Counts that each class has beforehand, at that profile.
    weight : float
        Of the log-likelihood.
    """

    background: Floats
    strength: float
    weight: float

    @classmethod
    def of(cls, level: Floats, strength: float, weight: float) -> "CountFeatures":
        """Make it of the counts of all cells, shape (g,), and of a strength a column."""
        return cls((level + 0.1) / (level + 0.1).sum(), strength * len(level), weight)

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


@dataclass(frozen=True)
class GaussianFeatures:
    """Real values: each class is a Gaussian in principal components of the query.

    Parameters
    ----------
    mean : ndarray of shape (p,)
        Of all cells.
    basis : ndarray of shape (p, d)
        From columns to principal components of standardised columns.
    weight : float
        Of the log-likelihood.
    """

    mean: Floats
    basis: Floats
    weight: float

    @classmethod
    def of(cls, values: Floats, weight: float) -> "GaussianFeatures":
        """Make it of the values of all cells, shape (n, p)."""
        mean, spread = values.mean(axis=0), values.std(axis=0)
        scale = np.where(spread > 1e-9, 1.0 / np.maximum(spread, 1e-9), 0.0)
        standard = (values - mean) * scale
        _, vectors = np.linalg.eigh(standard.T @ standard)
        first = vectors[:, ::-1][:, : min(N_COMPONENTS, *values.shape)]
        # The sign of a vector is arbitrary; this one does not depend on the machine.
        first *= np.where(first.sum(axis=0) < 0, -1.0, 1.0)
        return cls(mean, scale[:, None] * first, weight)

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
