"""Coordinates in the eigenbasis of a symmetric matrix, without ever forming the eigenvectors.

A symmetric matrix is reduced to a tridiagonal one by Householder reflections Q, and the tridiagonal
one has eigenvectors S; those of the matrix are Q S. Scores ask only for (Q S)^T b with a few b, so
the reflections are applied to b, and the product Q S, about a third of all the work, is left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from priorlift.ranking.labels import Floats


@dataclass(frozen=True, eq=False)
class EigenBasis:
    """Eigenvalues, and what turns a vector into its coordinates.

    Attributes
    ----------
    values : ndarray of shape (r,)
        The eigenvalues kept, largest first.
    inner : ndarray of shape (m, r)
        Eigenvectors S of the tridiagonal matrix, in the order of `values`.
    reflectors : ndarray of shape (m - 1, m - 1)
        Householder vectors of Q, as LAPACK stores them.
    factors : ndarray of shape (m - 1,)
        Their factors.
    """

    values: Floats
    inner: Floats
    reflectors: Floats
    factors: Floats

    @classmethod
    def of(cls, matrix: Floats) -> "EigenBasis":
        """Decompose a symmetric matrix of shape (m, m), in O(m³)."""
        size = len(matrix)
        if size == 1:
            return cls(matrix[0], np.ones((1, 1)), np.empty((0, 0)), np.empty(0))
        work = int(lapack.dsytrd_lwork(size, lower=1)[0])
        reduced, diagonal, beside, factors, _ = lapack.dsytrd(matrix, lower=1, lwork=work)
        values, inner = linalg.eigh_tridiagonal(
            diagonal, beside, check_finite=False, lapack_driver="stevd"
        )
        reflectors = np.asfortranarray(reduced[1:, :-1])
        return cls(values[::-1], inner[:, ::-1], reflectors, factors)

    def above(self, floor: float) -> "EigenBasis":
        """Return the part of the basis whose eigenvalues exceed `floor`."""
        kept = int((self.values > floor).sum())
        return EigenBasis(self.values[:kept], self.inner[:, :kept], self.reflectors, self.factors)

    def coordinates(self, columns: Floats) -> Floats:
        """Return the coordinates of k vectors along the eigenvectors, in O(m² k).

        Parameters
        ----------
        columns : ndarray of shape (m, k)
            The vectors.

        Returns
        -------
        ndarray of shape (r, k)
        """
        turned = np.array(columns, dtype=np.float64, order="F")
        if len(self.factors):
            turned[1:] = self._reflect(turned[1:])
        return np.asarray(self.inner.T @ turned)

    def _reflect(self, columns: Floats) -> Floats:
        work = lapack.dormqr("L", "T", self.reflectors, self.factors, columns, -1)[1]
        found = lapack.dormqr(
            "L", "T", self.reflectors, self.factors, columns, max(int(work[0]), 1)
        )
        return np.asarray(found[0])
