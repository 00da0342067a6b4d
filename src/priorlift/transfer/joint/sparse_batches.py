"""Cells as sparse rows, from the data set to the gradient, never as an array of cells x genes.

A linear encoder needs two products of a batch: rows times weights on the way in, and rows
transposed times a gradient on the way back. `Batch` has both. The matrix stays as it was given, in
memory or on the disk; ones or logarithms are made of its values a batch at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from priorlift.transfer.joint.workers import ALONE, Workers

DENSE_ABOVE = 0.1
"""A batch of a higher density is made dense before it is multiplied: that is then quicker."""

BLOCK = 1024
"""Rows read, converted or embedded at a time."""


@dataclass(frozen=True)
class LogScale:
    """How stored values become standardised logarithms.

    Parameters
    ----------
    factor : ndarray of float32, shape (n,), or None
        Brings each row to one depth before log(1 + value); None where values are logarithms.
    scale : ndarray of float32, shape (g,)
        One over the spread of each column.
    most : ndarray of float32, shape (g,)
        Scaled values above it are cut.
    """

    factor: NDArray[np.float32] | None
    scale: NDArray[np.float32]
    most: NDArray[np.float32]


class ReadRows:
    """Rows of a CSR matrix that are made binary, or logarithms, when they are read.

    Nothing is copied until then, so the matrix may lie on the disk.

    Parameters
    ----------
    X : CSR matrix of shape (n, g)
        Values as they were given.
    logs : LogScale, optional
        What becomes of them; without it 1 where they are above 0.
    """

    def __init__(self, X: Any, logs: LogScale | None = None) -> None:
        self.X = sp.csr_matrix(X) if not sp.issparse(X) else X
        self.logs = logs
        self.shape = self.X.shape
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, rows: Any) -> Any:
        """Return rows as a float32 CSR matrix."""
        block = self.X[rows]
        if self.logs is None:
            data = (block.data > 0).astype(np.float32)
        else:
            data = self._logarithms(block, rows)
        return sp.csr_matrix((data, block.indices, block.indptr), shape=block.shape)

    def _logarithms(self, block: Any, rows: Any) -> NDArray[np.float32]:
        data, logs = block.data.astype(np.float32), self.logs
        if logs is None:
            return np.asarray(data)
        if logs.factor is not None:
            data *= np.repeat(logs.factor[rows], np.diff(block.indptr))
            np.log1p(data, out=data)
        data *= logs.scale[block.indices]
        return np.asarray(np.minimum(data, logs.most[block.indices], out=data))


@dataclass(frozen=True)
class Cells:
    """Prepared rows of one data set.

    Parameters
    ----------
    genes : ReadRows, CSR matrix or ndarray of shape (n, g)
        Values of genes.
    extra : ndarray of float32, shape (n, p)
        Values of further columns, proteins say; p may be 0.
    centre : ndarray of float32, shape (g,), or None
        Subtracted from each row of `genes`, without making it dense.
    counts : CSR matrix or ndarray of shape (n, g), or None
        Counts of genes as they were given, where they are counts.
    own : CSR matrix of shape (n, r), or None
        Counts in columns that only the query has, peaks say.
    at_weights : callable or None
        Prepares the same rows anew, without counts, by levels over rows that are weighted, shape
        (n,). None where there are no levels of their own.
    """

    genes: Any
    extra: NDArray[np.float32]
    centre: NDArray[np.float32] | None = None
    counts: Any = None
    own: Any = None
    at_weights: Callable[[NDArray[np.float64]], "Cells"] | None = None

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

    def taken(self, rows: NDArray[np.intp]) -> "Cells":
        """Return the values of some rows, in memory; their counts are left out."""
        return Cells(self.genes[rows], self.extra[rows], self.centre)

    def embed(
        self, W: NDArray[np.float32], b: NDArray[np.float32], workers: Workers = ALONE
    ) -> NDArray[np.float32]:
        """Return the embedding of all rows, by blocks."""
        parts = workers.map(lambda at: self.batch(at).product(W) + b, blocks(self.n_rows))
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

    def gradient(self, slope: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows transposed times a gradient of shape (n, d), shape (width, d)."""
        out = np.asarray(self.genes.T @ slope)
        if self.centre is not None:
            out -= np.outer(self.centre, slope.sum(axis=0))
        if self.extra.shape[1]:
            out = np.concatenate([out, self.extra.T @ slope])
        return out


def blocks(n: int) -> Iterator[slice]:
    """Yield slices that cover n rows."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))
