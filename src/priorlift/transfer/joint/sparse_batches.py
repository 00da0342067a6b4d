"""Cells as sparse rows, from the data set to the gradient, never as an array of cells x genes.

A linear encoder needs two products of a batch: rows times weights on the way in, and rows
transposed times a gradient on the way back. `Batch` has both. Rows are kept packed: binary ones as
the places of their ones alone, two bytes a value, counts with a byte more; their logarithms are
taken a batch at a time.
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


class PackedRows:
    """Sparse rows in two or three bytes a value: places of ones, or places and counts.

    Parameters
    ----------
    indices : ndarray of uint16 or int32
        Columns of the values, row after row.
    indptr : ndarray of int64, shape (n + 1,)
        Where each row begins.
    n_columns : int
        Number of columns.
    values : ndarray of uint8, uint16 or float32, or None
        As they were given; None for ones.
    logs : LogScale, optional
        What becomes of them when rows are read.
    """

    def __init__(
        self,
        indices: NDArray[Any],
        indptr: NDArray[np.int64],
        n_columns: int,
        values: NDArray[Any] | None = None,
        logs: LogScale | None = None,
    ) -> None:
        self.indices = indices
        self.indptr = indptr
        self.shape = (len(indptr) - 1, n_columns)
        self.values = values
        self.logs = logs
        self.dtype = np.dtype(np.float32)

    @property
    def nnz(self) -> int:
        """Number of stored values."""
        return len(self.indices)

    @classmethod
    def of(cls, X: Any, logs: LogScale | None = None) -> "PackedRows":
        """Keep where X is above 0, and with `logs` how much; X is dense or CSR, read by blocks."""
        kind = np.uint16 if X.shape[1] <= np.iinfo(np.uint16).max + 1 else np.int32
        counts, places, amounts = [np.zeros(1, dtype=np.int64)], [], []
        held = np.dtype(np.uint8)
        for start in range(0, X.shape[0], BLOCK):
            block = X[start : start + BLOCK]
            if sp.issparse(block):
                block = sp.csr_matrix(block)
                rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
                use = block.data > 0
                rows, columns, data = rows[use], block.indices[use], block.data[use]
            else:
                block = np.asarray(block)
                rows, columns = np.nonzero(block > 0)
                data = block[rows, columns]
            counts.append(np.bincount(rows, minlength=block.shape[0]).astype(np.int64))
            places.append(columns.astype(kind))
            if logs is not None:
                held = max(held, _smallest_kind(data), key=lambda kind: kind.itemsize)
                amounts.append(data.astype(held))
        values = None if logs is None else np.concatenate([part.astype(held) for part in amounts])
        indptr = np.cumsum(np.concatenate(counts))
        return cls(np.concatenate(places), indptr, X.shape[1], values, logs)

    def __getitem__(self, rows: Any) -> Any:
        """Return rows as a float32 CSR matrix."""
        picked = np.arange(self.shape[0])[rows]
        lengths = self.indptr[picked + 1] - self.indptr[picked]
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        where = np.repeat(self.indptr[picked] - indptr[:-1], lengths) + np.arange(indptr[-1])
        columns = self.indices[where].astype(np.int32)
        if self.values is None or self.logs is None:
            data = np.ones(len(columns), dtype=np.float32)
        else:
            data = self._scaled(
                self.values[where].astype(np.float32), columns, picked, lengths, self.logs
            )
        return sp.csr_matrix((data, columns, indptr), shape=(len(picked), self.shape[1]))

    @staticmethod
    def _scaled(
        data: NDArray[np.float32],
        columns: NDArray[np.int32],
        rows: NDArray[np.intp],
        lengths: NDArray[np.int64],
        logs: LogScale,
    ) -> NDArray[np.float32]:
        if logs.factor is not None:
            data = np.log1p(data * np.repeat(logs.factor[rows], lengths))
        data = data * logs.scale[columns]
        return np.asarray(np.minimum(data, logs.most[columns]))


def _smallest_kind(data: NDArray[Any]) -> "np.dtype[Any]":
    """Return the least type that holds values exactly, float32 where they are no counts."""
    if data.dtype.kind == "f" and (data != np.floor(data)).any():
        return np.dtype(np.float32)
    largest = data.max(initial=0)
    for kind in (np.uint8, np.uint16):
        if largest <= np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.float32)


@dataclass(frozen=True)
class Cells:
    """Prepared rows of one data set.

    Parameters
    ----------
    genes : PackedRows, CSR matrix or ndarray of shape (n, g)
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
