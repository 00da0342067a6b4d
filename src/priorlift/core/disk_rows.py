"""Sparse rows that lie on the disk and are read a few at a time, as a CSR matrix like any other.

Rows are read from the file, not through a mapping of it: a system may map megabytes around each row
that is looked at, and they would count as memory of the process. So a process that works by blocks
of rows takes as much memory for a million rows as for a thousand.
"""

import contextlib
import mmap
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

LOCK = threading.Lock()

BLOCK = 1024
"""Rows that are read, cut or joined at a time."""


class DiskRows(sp.csr_matrix):
    """A CSR matrix over files. Taking rows reads these alone; anything else reads all of it.

    Columns of all rows, `X[:, columns]`, are copied to files of their own, a block of rows at a
    time. Make one with `DiskRowsWriter`.
    """

    _files: tuple[IO[bytes], IO[bytes]]

    def __getitem__(self, key: Any) -> Any:
        """Return rows as a CSR matrix in memory; columns of all rows as one on the disk."""
        if isinstance(key, tuple) and len(key) == 2:
            rows, columns = key
            if isinstance(rows, slice) and rows == slice(None):
                return _copied(part[:, columns] for part in _parts(self))
            return self[rows][:, columns]
        rows = np.atleast_1d(np.arange(self.shape[0])[key])
        starts, ends = self.indptr[rows].astype(np.int64), self.indptr[rows + 1].astype(np.int64)
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(ends - starts)])
        parts = [np.empty(indptr[-1], dtype=part.dtype) for part in (self.data, self.indices)]
        # Rows that follow each other are read at once.
        breaks = np.flatnonzero(starts[1:] != ends[:-1]) + 1
        firsts = np.concatenate([np.zeros(1, dtype=np.int64), breaks])[: len(rows)]
        lasts = np.concatenate([breaks, [len(rows)]])[: len(firsts)]
        for file, part in zip(self._files, parts, strict=True):
            _read(file, part, indptr[firsts], indptr[lasts], starts[firsts])
        kind = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
        data, indices = parts
        return sp.csr_matrix((data, indices, indptr.astype(kind)), shape=(len(rows), self.shape[1]))

    def release(self) -> None:
        """Let go of what was read through `data` and `indices`; the next read brings it back."""
        for part in (self.data, self.indices):
            mapped = _mapped(part)
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                with contextlib.suppress(OSError, ValueError):
                    mapped.madvise(mmap.MADV_DONTNEED)


def _read(
    file: IO[bytes],
    into: NDArray[Any],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> None:
    """Fill stretches of an array from a file; several threads may do so at a time."""
    if not len(into):
        return
    size, room = into.itemsize, into.view(np.uint8).data
    stretches = ((size * part).tolist() for part in (begins, ends, starts))
    for begin, end, start in zip(*stretches, strict=True):
        while begin < end:
            got = _read_at(file, room[begin:end], start)
            if not got:
                raise OSError("a scratch file ended before its rows")
            begin, start = begin + got, start + got


def _read_at(file: IO[bytes], into: memoryview, start: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [into], start)
    with LOCK:  # a system without it has one position a file
        file.seek(start)
        return int(file.readinto(into))  # type: ignore[attr-defined]


def _mapped(values: Any) -> mmap.mmap | None:
    while values is not None:
        if isinstance(values, mmap.mmap):
            return values
        values = getattr(values, "base", None)
    return None


class DiskRowsWriter:
    """Appends blocks of rows to scratch files that vanish with the matrix.

    Parameters
    ----------
    n_columns : int
        Columns of every block.
    """

    def __init__(self, n_columns: int) -> None:
        self._n_columns = n_columns
        self._data: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  (it lives with the matrix)
        self._indices: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._lengths: list[NDArray[np.int64]] = []

    def append(self, rows: Any) -> None:
        """Write rows, a CSR matrix."""
        self._data.write(rows.data.astype(np.float32, copy=False).tobytes())
        self._indices.write(rows.indices.astype(np.int32, copy=False).tobytes())
        self._lengths.append(np.diff(rows.indptr).astype(np.int64))

    def rows(self) -> Any:
        """Return what was written; a plain CSR matrix where that is nothing."""
        lengths = np.concatenate([np.zeros(0, dtype=np.int64), *self._lengths])
        indptr = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        shape = (len(lengths), self._n_columns)
        if not indptr[-1]:
            return sp.csr_matrix(shape, dtype=np.float32)
        data = np.memmap(self._data, dtype=np.float32, mode="r")
        indices = np.memmap(self._indices, dtype=np.int32, mode="r")
        kind = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
        made = DiskRows(shape, dtype=np.float32)
        # Through the constructor scipy would look at all of it.
        made.data, made.indices, made.indptr = data, indices, indptr.astype(kind)
        made._files = (self._data, self._indices)
        made.has_canonical_format = True
        return made


def taken(X: Any, rows: NDArray[np.intp]) -> Any:
    """Return rows of a CSR matrix: on the disk where it lies there, in memory otherwise.

    Parameters
    ----------
    X : CSR matrix of shape (n, g)
        In memory or on the disk.
    rows : ndarray of int
        Positions.
    """
    if not isinstance(X, DiskRows):
        return X[rows]
    return _copied(X[rows[start : start + BLOCK]] for start in range(0, len(rows), BLOCK))


def side_by_side(parts: Sequence[Any]) -> Any:
    """Return the columns of several matrices of the same rows, on the disk where one lies there.

    Parameters
    ----------
    parts : sequence of CSR matrices or arrays, each of shape (n, g_i)
        In their order.
    """
    if not any(isinstance(part, DiskRows) for part in parts):
        return sp.hstack([sp.csr_matrix(part) for part in parts], format="csr")
    blocks = (
        [sp.csr_matrix(part[start : start + BLOCK]) for part in parts]
        for start in range(0, parts[0].shape[0], BLOCK)
    )
    return _copied(sp.hstack(block, format="csr") for block in blocks)


def _parts(X: Any) -> Iterator[Any]:
    for start in range(0, X.shape[0], BLOCK):
        yield X[start : start + BLOCK]


def _copied(blocks: Iterable[Any]) -> Any:
    writer = None
    for block in blocks:
        writer = writer or DiskRowsWriter(block.shape[1])
        block.sum_duplicates()
        writer.append(block)
    return sp.csr_matrix((0, 0), dtype=np.float32) if writer is None else writer.rows()
