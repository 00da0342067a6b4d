"""Sums over the eigenvalues of the features' covariance, at a cost that does not grow with p.

Everything that the theory asks of the features is a sum of powers of theta = om / (lam + Vh om)
over two measures: the eigenvalues themselves (each with weight 1/p) and the alignment t/om. As a
function of log(om) theta is a logistic curve, whose nearest singularities lie pi away from the
real line, so polynomial interpolation on panels of log(om) of width 1 is exact to rounding: many
eigenvalues are replaced by 14 Chebyshev points a panel. (Our choice; grouping neighbouring
eigenvalues by their mean, as is usual, errs by the square of the width.)
"""

from dataclasses import dataclass

import numpy as np

from priorlift.theory.quadrature import Array

PANEL_POINTS = 14
_ANGLES: Array = (np.arange(PANEL_POINTS) + 0.5).astype(np.float64) * (np.pi / PANEL_POINTS)
_CHEBYSHEV: Array = np.asarray(np.cos(_ANGLES), np.float64)
_SIGNS: Array = np.where(np.arange(PANEL_POINTS) % 2 == 0, 1.0, -1.0)
_BARYCENTRIC: Array = _SIGNS * np.sqrt(1 - _CHEBYSHEV**2)


@dataclass(frozen=True)
class Sums:
    """Powers of theta, summed: S over the eigenvalues (means), T over the alignment.

    Attributes
    ----------
    S1, S2, S3 : ndarray of shape (rows,)
        mean(theta^k).
    T1, T2, T3 : ndarray of shape (rows,)
        sum(t/om theta^k).
    """

    S1: Array
    S2: Array
    S3: Array
    T1: Array
    T2: Array
    T3: Array


@dataclass(frozen=True)
class SpectralMeasure:
    """Points and their weights under both measures.

    Parameters
    ----------
    points : ndarray of shape (k,)
        Positive eigenvalues, or what stands for them.
    weights : ndarray of shape (k, 2)
        Share of the eigenvalues, and of the alignment t/om.
    """

    points: Array
    weights: Array

    @property
    def mean(self) -> float:
        """Mean eigenvalue."""
        return float(self.weights[:, 0] @ self.points)

    def with_power(self, power: float) -> "SpectralMeasure":
        """Return the measure in units where the teacher's field has power 1."""
        return SpectralMeasure(self.points, self.weights / np.array([1.0, power]))

    @classmethod
    def of(cls, spectrum: Array, alignment: Array) -> "SpectralMeasure":
        """Condense eigenvalues and alignment.

        Parameters
        ----------
        spectrum : ndarray of shape (p,)
            Non-negative eigenvalues om.
        alignment : ndarray of shape (p,)
            Non-negative t; 0 where om is 0.

        Notes
        -----
        O(p) once. Afterwards a sum costs at most 14 points for each factor e that the spectrum
        spans.
        """
        positive = spectrum > 0
        points = spectrum[positive]
        share = np.full(len(points), 1.0 / len(spectrum))
        weights = np.stack([share, alignment[positive] / points], axis=1)
        distinct, which = np.unique(points, return_inverse=True)
        if len(distinct) < len(points):
            weights = np.stack([np.bincount(which, column) for column in weights.T], axis=1)
            points = distinct
        logs = np.log(points)
        panel_of, panel = np.unique(np.floor(logs), return_inverse=True)
        if len(points) <= PANEL_POINTS * len(panel_of):
            return cls(points, weights)
        basis = _lagrange(2.0 * (logs - np.floor(logs)) - 1.0)
        condensed = np.zeros((len(panel_of), PANEL_POINTS, 2))
        for measure in range(2):
            np.add.at(condensed[:, :, measure], panel, basis * weights[:, measure, None])
        centres = panel_of[:, None] + 0.5 * (_CHEBYSHEV + 1.0)
        return cls(np.exp(centres).ravel(), condensed.reshape(-1, 2))

    def sums(self, Vh: Array, lam: Array) -> Sums:
        """Return the sums for each row.

        Parameters
        ----------
        Vh, lam : ndarray of shape (rows,)
            Positive.
        """
        theta = 1.0 / (lam[:, None] / self.points + Vh[:, None])
        first = theta @ self.weights
        power = theta * theta
        second = power @ self.weights
        power *= theta
        third = power @ self.weights
        return Sums(first[:, 0], second[:, 0], third[:, 0], first[:, 1], second[:, 1], third[:, 1])


def _lagrange(x: Array) -> Array:
    """Values of the Lagrange polynomials of the Chebyshev points at x in [-1, 1]."""
    distance = x[:, None] - _CHEBYSHEV
    hit = distance == 0.0
    terms = _BARYCENTRIC / np.where(hit, 1.0, distance)
    basis = terms / terms.sum(axis=1, keepdims=True)
    exact = hit.any(axis=1)
    basis[exact] = hit[exact]
    return np.asarray(basis)
