"""What the features of one task contribute to the scores, shared by all label sets over them.

With at least as many rows as features that is the Gram matrix (d x d); with fewer, the rows
themselves, which are then fewer numbers, and their kernel matrix (n x n). Both give the same
figures.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.ranking.eigenbasis import EigenBasis
from priorlift.ranking.labels import Floats
from priorlift.ranking.moments import Moments
from priorlift.ranking.row_sums import dense


class FeatureStatistics:
    """What the features alone contribute, shared by all label sets over the same rows.

    Parameters
    ----------
    moments : Moments or None
        Moments of the rows; None when the rows are kept.
    rows : ndarray of shape (n, d) or None
        The rows themselves, when there are fewer of them than features.
    precision : float
        Machine epsilon of the type in which the features arrived.
    """

    def __init__(self, moments: Moments | None, rows: Floats | None, precision: float) -> None:
        self.moments = moments
        self.rows = rows
        self.precision = precision

    @classmethod
    def of(cls, blocks: Iterable[NDArray[Any]]) -> "FeatureStatistics":
        """Read blocks of rows once.

        Parameters
        ----------
        blocks : iterable of array of shape (m, d)
            float32, float64 or sparse; the widths agree.
        """
        kept: list[Floats] = []
        moments: Moments | None = None
        precision = float(np.finfo(np.float64).eps)
        for block in blocks:
            rows, precision = dense(block), max(precision, epsilon_of(block))
            if moments is not None:
                moments = moments + Moments.of(rows, moments.origin)
                continue
            kept.append(rows)
            if sum(map(len, kept)) >= rows.shape[1]:
                moments, kept = _fold(np.concatenate(kept)), []
        if moments is None and not kept:
            raise InputError("there are no rows to score")
        return cls(moments, None if moments else np.concatenate(kept), precision)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows) if self.rows is not None else self._moments.n_rows

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.rows.shape[1] if self.rows is not None else len(self._moments.origin))

    @cached_property
    def mean(self) -> Floats:
        """Mean of the rows, shape (d,)."""
        return self.rows.mean(axis=0) if self.rows is not None else self._moments.mean

    @cached_property
    def centred(self) -> Moments:
        """Moments about the mean; only where the rows are not kept."""
        return self._moments.centred()

    @cached_property
    def fourth(self) -> float:
        """Sum of ||x - mean||⁴ over the rows."""
        if self.rows is None:
            return self.centred.fourth
        squares = np.square(self.rows - self.mean).sum(axis=1)
        return float(squares @ squares)

    @cached_property
    def trace(self) -> float:
        """Trace of the centred scatter matrix."""
        if self.rows is None:
            return float(np.trace(self.centred.gram))
        return float(np.square(self.rows - self.mean).sum())

    @cached_property
    def frobenius(self) -> float:
        """Squared Frobenius norm of the centred scatter matrix."""
        matrix = self.centred.gram if self.rows is None else self.inner(centre=True)
        return float(np.vdot(matrix, matrix))

    def inner(self, *, centre: bool) -> Floats:
        """Return the kernel matrix (n, n) where the rows are kept, else the Gram matrix (d, d)."""
        if self.rows is not None:
            rows = self.rows - self.mean if centre else self.rows
            return rows @ rows.T
        centred = self.centred
        if centre:
            return centred.gram
        return centred.gram + centred.n_rows * np.outer(centred.origin, centred.origin)

    def basis(self, *, centre: bool) -> EigenBasis:
        """Return the eigenbasis of `inner`, cut at the numerical rank; O(m³) once."""
        return self._centred_basis if centre else self._raw_basis

    @property
    def has_basis(self) -> bool:
        """Whether the centred eigenbasis is known already."""
        return "_centred_basis" in self.__dict__

    def project(self, directions: Floats) -> "FeatureStatistics":
        """Return the statistics of rows x P, without a look at the rows unless they are kept.

        Parameters
        ----------
        directions : ndarray of shape (d, w)
            P.

        Notes
        -----
        O(d² w). From moments all is exact but the sum of fourth powers, see `Moments.project`; from
        kept rows all is, in O(n d w).
        """
        if self.rows is None:
            return FeatureStatistics(self.centred.project(directions), None, self.precision)
        projected = FeatureStatistics.of([self.rows @ directions])
        projected.precision = self.precision
        return projected

    @cached_property
    def _centred_basis(self) -> EigenBasis:
        return self._decompose(centre=True)

    @cached_property
    def _raw_basis(self) -> EigenBasis:
        return self._decompose(centre=False)

    def _decompose(self, *, centre: bool) -> EigenBasis:
        found = EigenBasis.of(self.inner(centre=centre))
        # Rounding the input to its type moves an eigenvalue by about epsilon², summing it by
        # epsilon.
        noise = max(float(np.finfo(np.float64).eps), self.precision**2)
        cut = max(found.values[0], 0.0) * max(self.n_rows, self.n_features) * noise
        # A constant offset that centring removes leaves rounding of the order of epsilon² · n ·
        # mean².
        offset = self.n_rows * float(self.mean @ self.mean) if centre else 0.0
        return found.above(max(cut, offset * noise * np.finfo(np.float64).eps))

    @property
    def _moments(self) -> Moments:
        assert self.moments is not None
        return self.moments


def epsilon_of(block: Any) -> float:
    """Return the machine epsilon of the block's type, 0 for integers."""
    kind = np.dtype(block.dtype)
    return float(np.finfo(kind).eps) if kind.kind == "f" else 0.0


def _fold(rows: Floats) -> Moments:
    return Moments.of(rows, rows.mean(axis=0))
