"""Sparse rows that lie on the disk and are read a few at a time, as a CSR matrix like any other.

What is read stays in the system's file cache, but not in the memory of the process: after so many
bytes the pages are let go, so a process that works by blocks of rows takes as much memory for a
million rows as for a thousand.
"""

import contextlib
import mmap
import tempfile
from typing import IO, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

RELEASE_AFTER = 1 << 26
"""Bytes read between two releases of pages: 64 MB."""


class DiskRows(sp.csr_matrix):
    """A CSR matrix over mapped files. Rows are taken by index; anything else reads all of it.

    Make one with `DiskRowsWriter`.
    """

    _read = 0

    def __getitem__(self, key: Any) -> Any:
        """Return rows as a CSR matrix in memory."""
        rows = sp.csr_matrix(super().__getitem__(key))
        self._read += rows.nnz * (self.data.itemsize + self.indices.itemsize)
        if self._read > RELEASE_AFTER:
            self.release()
        return rows

    def release(self) -> None:
        """Let go of the pages that were read; the next read brings them back."""
        self._read = 0
        for part in (self.data, self.indices):
            mapped = _mapped(part)
            if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
                with contextlib.suppress(OSError, ValueError):
                    mapped.madvise(mmap.MADV_DONTNEED)


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
        self._data: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (it lives with the matrix)
        self._indices: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
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
        for file in (self._data, self._indices):
            file.flush()
        data = np.memmap(self._data, dtype=np.float32, mode="r")
        indices = np.memmap(self._indices, dtype=np.int32, mode="r")
        kind = np.int32 if indptr[-1] <= np.iinfo(np.int32).max else np.int64
        made = DiskRows(shape, dtype=np.float32)
        # Through the constructor scipy would look at all of it.
        made.data, made.indices, made.indptr = data, indices, indptr.astype(kind)
        made.has_canonical_format = True
        return made
