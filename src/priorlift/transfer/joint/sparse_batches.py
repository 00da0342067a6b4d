"""Cells as sparse rows, from the data set to the gradient, never as an array of cells x genes.

A linear encoder needs two products of a batch: rows times weights on the way in, and rows
transposed times a gradient on the way back. `Batch` has both. Binary rows are kept as the places of
their ones alone, two bytes a value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

DENSE_ABOVE = 0.1
"""A batch of a higher density is made dense before it is multiplied: that is then quicker."""

BLOCK = 2048
"""Rows read, converted or embedded at a time."""


class BinaryRows:
    """Rows of zeros and ones as the places of the ones.

    Parameters
    ----------
    indices : ndarray of uint16 or int32
        Columns of the ones, row after row.
    indptr : ndarray of int64, shape (n + 1,)
        Where each row begins.
    n_columns : int
        Number of columns.
    """

    def __init__(self, indices: NDArray[Any], indptr: NDArray[np.int64], n_columns: int) -> None:
        self.indices = indices
        self.indptr = indptr
        self.shape = (len(indptr) - 1, n_columns)
        self.dtype = np.dtype(np.float32)

    @property
    def nnz(self) -> int:
        """Number of ones."""
        return len(self.indices)

    @classmethod
    def of(cls, X: Any) -> "BinaryRows":
        """Keep where X is above 0; X is dense or CSR and read by blocks of rows."""
        kind = np.uint16 if X.shape[1] <= np.iinfo(np.uint16).max + 1 else np.int32
        counts, places = [np.zeros(1, dtype=np.int64)], []
        for start in range(0, X.shape[0], BLOCK):
            block = X[start : start + BLOCK]
            if sp.issparse(block):
                block = sp.csr_matrix(block)
                rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
                use = block.data > 0
                rows, columns = rows[use], block.indices[use]
            else:
                rows, columns = np.nonzero(np.asarray(block) > 0)
            counts.append(np.bincount(rows, minlength=block.shape[0]).astype(np.int64))
            places.append(columns.astype(kind))
        return cls(np.concatenate(places), np.cumsum(np.concatenate(counts)), X.shape[1])

    def __getitem__(self, rows: Any) -> Any:
        """Return rows as a float32 CSR matrix."""
        picked = np.arange(self.shape[0])[rows]
        lengths = self.indptr[picked + 1] - self.indptr[picked]
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        where = np.repeat(self.indptr[picked] - indptr[:-1], lengths) + np.arange(indptr[-1])
        columns = self.indices[where].astype(np.int32)
        ones = np.ones(len(columns), dtype=np.float32)
        return sp.csr_matrix((ones, columns, indptr), shape=(len(picked), self.shape[1]))


@dataclass(frozen=True)
class Cells:
    """Prepared rows of one data set.

    Parameters
    ----------
    genes : BinaryRows, CSR matrix or ndarray of shape (n, g)
        Values of genes.
    extra : ndarray of float32, shape (n, p)
        Values of further columns, proteins say; p may be 0.
    centre : ndarray of float32, shape (g,), or None
        Subtracted from each row of `genes`, without making it dense.
    counts : CSR matrix or ndarray of shape (n, g), or None
        Counts of genes as they were given, where they are counts.
    own : CSR matrix of shape (n, r), or None
        Counts in columns that only the query has, peaks say.
    """

    genes: Any
    extra: NDArray[np.float32]
    centre: NDArray[np.float32] | None = None
    counts: Any = None
    own: Any = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.genes.shape[0])

    @property
    def width(self) -> int:
        """Number of columns, further ones included."""
        return int(self.genes.shape[1] + self.extra.shape[1])

    def batch(self, rows: Any) -> "Batch":
        """Return some rows, ready to be multiplied."""
        genes = self.genes[rows]
        if sp.issparse(genes) and genes.nnz > DENSE_ABOVE * genes.shape[0] * genes.shape[1]:
            genes = genes.toarray()
        elif not sp.issparse(genes):
            genes = np.asarray(genes, dtype=np.float32)
        return Batch(genes, self.extra[rows], self.centre)

    def embed(self, W: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embedding of all rows, by blocks."""
        parts = [self.batch(block).product(W) + b for block in blocks(self.n_rows)]
        return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True)
class Batch:
    """A few rows and the two products that training a linear encoder needs."""

    genes: Any
    extra: NDArray[np.float32]
    centre: NDArray[np.float32] | None = None

    def product(self, W: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows times weights, shape (n, d)."""
        g = self.genes.shape[1]
        out = np.asarray(self.genes @ W[:g])
        if self.centre is not None:
            out = out - self.centre @ W[:g]
        if self.extra.shape[1]:
            out = out + self.extra @ W[g:]
        return out

    def gradient(self, slope: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Add rows transposed times a gradient of shape (n, d) to `out` of shape (width, d)."""
        g = self.genes.shape[1]
        out[:g] += self.genes.T @ slope
        if self.centre is not None:
            out[:g] -= np.outer(self.centre, slope.sum(axis=0))
        if self.extra.shape[1]:
            out[g:] += self.extra.T @ slope


def blocks(n: int) -> Iterator[slice]:
    """Yield slices that cover n rows."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))
