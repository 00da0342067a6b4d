"""Moments of rows about an origin: they add up over blocks and move to another origin exactly.

A Gram matrix of rows far from zero loses digits, so blocks are summed about a provisional mean;
moving the origin to the true mean afterwards is algebra and needs no second look at the rows.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows z = x - origin.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    origin : ndarray of shape (d,)
        The point from which the rows are measured.
    sums : ndarray of shape (d,)
        Sum of z.
    gram : ndarray of shape (d, d)
        Sum of the outer products of z with itself.
    cubes : ndarray of shape (d,)
        Sum of ||z||² z; only there so that `fourth` can be moved.
    fourth : float
        Sum of ||z||⁴.
    """

    n_rows: int
    origin: Floats
    sums: Floats
    gram: Floats
    cubes: Floats
    fourth: float

    @classmethod
    def of(cls, rows: Floats, origin: Floats) -> "Moments":
        """Sum the rows of one block, in O(n d²).

        Parameters
        ----------
        rows : ndarray of shape (n, d)
            The block.
        origin : ndarray of shape (d,)
            The point from which to measure.
        """
        z = rows - origin
        squares = np.einsum("ij,ij->i", z, z)
        return cls(
            n_rows=len(z),
            origin=origin,
            sums=z.sum(axis=0),
            gram=z.T @ z,
            cubes=squares @ z,
            fourth=float(squares @ squares),
        )

    @property
    def mean(self) -> Floats:
        """The mean of the rows, shape (d,)."""
        return self.origin + self.sums / self.n_rows

    def project(self, directions: Floats) -> "Moments":
        """Return the moments of rows mapped to z P, in O(d² w); centre them first.

        Parameters
        ----------
        directions : ndarray of shape (d, w)
            P.

        Notes
        -----
        Means and the Gram matrix are exact. Fourth powers of z P cannot be had from those of z, so
        `fourth` is that of an elliptical distribution, whose ratio to the normal's value,
        n [(tr S)² + 2 tr S²] with S the covariance, is the same in all projections; the ratio is
        taken from z. `cubes` is 0, which is an elliptical distribution's.
        """
        gram = directions.T @ (self.gram @ directions)
        normal = _normal_fourth(self.gram, self.n_rows)
        kurtosis = self.fourth / normal if normal > 0.0 else 1.0
        return Moments(
            n_rows=self.n_rows,
            origin=self.origin @ directions,
            sums=self.sums @ directions,
            gram=0.5 * (gram + gram.T),
            cubes=np.zeros(directions.shape[1]),
            fourth=kurtosis * _normal_fourth(gram, self.n_rows),
        )

    def about(self, origin: Floats) -> "Moments":
        """Return the moments about another origin, in O(d²).

        Parameters
        ----------
        origin : ndarray of shape (d,)
            The new origin.
        """
        step = origin - self.origin
        if not step.any():
            return self
        length = float(step @ step)
        along = float(self.sums @ step)
        total = float(np.trace(self.gram))
        outer = np.outer(self.sums - 0.5 * self.n_rows * step, step)
        pulled = self.gram @ step
        cubes = (
            self.cubes
            - total * step
            - 2.0 * pulled
            + (2.0 * along - self.n_rows * length) * step
            + length * self.sums
        )
        fourth = (
            self.fourth
            + 4.0 * float(step @ pulled)
            + self.n_rows * length**2
            - 4.0 * float(self.cubes @ step)
            + 2.0 * length * total
            - 4.0 * length * along
        )
        return Moments(
            n_rows=self.n_rows,
            origin=origin,
            sums=self.sums - self.n_rows * step,
            gram=self.gram - outer - outer.T,
            cubes=cubes,
            fourth=fourth,
        )

    def centred(self) -> "Moments":
        """Return the moments about the true mean, where `sums` is exactly 0."""
        return replace(self.about(self.mean), sums=np.zeros_like(self.sums))

    def __add__(self, other: "Moments") -> "Moments":
        """Add the moments of other rows, measured from this object's origin."""
        moved = other if np.array_equal(other.origin, self.origin) else other.about(self.origin)
        return Moments(
            n_rows=self.n_rows + moved.n_rows,
            origin=self.origin,
            sums=self.sums + moved.sums,
            gram=self.gram + moved.gram,
            cubes=self.cubes + moved.cubes,
            fourth=self.fourth + moved.fourth,
        )


def _normal_fourth(gram: Floats, n_rows: int) -> float:
    """Return the sum of ||z||⁴ to expect of n normal rows with this Gram matrix."""
    return float((np.trace(gram) ** 2 + 2.0 * np.vdot(gram, gram)) / n_rows)
