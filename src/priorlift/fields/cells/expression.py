"""From an AnnData's matrix to rows of the shared genes: sparse, in blocks, checked on the way.

A block of cells is read, cut to the shared genes and kept as CSR in float32, in memory where the
AnnData is, in a scratch file where it lies on the disk; nothing of cells x genes is ever dense. The
AnnData is left untouched.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from priorlift.core.disk_rows import DiskRowsWriter
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.core.memory import available_memory, readable

COUNTS = "counts"
BLOCK = 1024
BYTES_PER_VALUE = 8
COPIES = 2
BYTES_PER_CELL = 2_000
"""Embeddings, probabilities and what is made of them on the way."""


@dataclass(frozen=True, eq=False)
class Expression:
    """Rows of one data set.

    Attributes
    ----------
    X : CSR matrix of float32, shape (n, n_genes)
        The shared genes, in their order.
    whole : bool
        Whether all values are whole numbers, as counts are.
    empty : ndarray of bool, shape (n,)
        Cells without any value above 0.
    """

    X: Any
    whole: bool
    empty: NDArray[np.bool_]


def layer_of(adata: Any, layer: str | None, where: str) -> str:
    """Return the name of the layer that is read: the given one, else "counts" or "X".

    Raises
    ------
    UnknownNameError
        The given one is not there.
    """
    if layer is None:
        return COUNTS if COUNTS in adata.layers else "X"
    if layer == "X" or layer in adata.layers:
        return layer
    error = UnknownNameError("layer", layer, ["X", *map(str, adata.layers)])
    raise InputError(str(error).rstrip("."), where=where)


def matrix_of(adata: Any, layer: str, where: str) -> Any:
    """Return a layer as it lies in memory or on the disk.

    Raises
    ------
    InputError
        It is empty, or on disk by columns, which cannot be read by cells.
    """
    matrix = adata.X if layer == "X" else adata.layers[layer]
    if matrix is None:
        raise InputError(
            "has no .X", where=where, remedy="name the layer that holds the values: layer=..."
        )
    on_disk = not sp.issparse(matrix) and getattr(matrix, "format", None) == "csc"
    if on_disk:
        raise InputError(
            "the file holds its matrix by genes (CSC), so cells cannot be read one by one",
            where=where,
            remedy="rewrite it once: adata = anndata.read_h5ad(path); adata.X = "
            "adata.X.tocsr(); adata.write_h5ad(path)",
        )
    return matrix


def stored_values(matrix: Any) -> int:
    """Return how many values a matrix stores, without reading it."""
    if sp.issparse(matrix):
        return int(matrix.nnz)
    if hasattr(matrix, "group"):
        return int(matrix.group["data"].shape[0])
    return int(np.prod(matrix.shape))


def lies_on_disk(matrix: Any) -> bool:
    """Tell whether a matrix is read from a file."""
    return not sp.issparse(matrix) and not isinstance(matrix, np.ndarray)


def require_memory(matrices: Sequence[Any], *, twice: bool = False) -> None:
    """Refuse matrices whose values would not fit in memory, or on the disk where they lie there.

    Parameters
    ----------
    matrices : sequence of array, sparse matrix, or data set on disk
        What will be read.
    twice : bool
        Whether what was read is written once more: cut by batches, or joined with other columns.

    Raises
    ------
    InputError
        The estimate is larger than what is available; the message gives both.
    """
    sizes = {True: 0, False: 0}
    for matrix in matrices:
        sizes[lies_on_disk(matrix)] += stored_values(matrix) * BYTES_PER_VALUE
    scratch, folder = sizes[True] * (1 + twice), tempfile.gettempdir()
    if scratch > (room := shutil.disk_usage(folder).free):
        raise InputError(
            f"the transfer writes {readable(scratch)} of scratch files, and {readable(room)} are "
            f"free in {folder}",
            remedy="set TMPDIR to a folder with more room, or pass fewer reference cells",
        )
    needed = sizes[False] * COPIES + sum(matrix.shape[0] for matrix in matrices) * BYTES_PER_CELL
    free = available_memory()
    if needed > free:
        raise InputError(
            f"the transfer needs about {readable(needed)} of memory, and {readable(free)} are "
            "available",
            remedy="pass fewer reference cells (a sample of each type does), or use a larger "
            "machine",
        )


def read_expression(
    matrix: Any, columns: NDArray[np.intp], where: str, *, negative: bool = False
) -> Expression:
    """Read rows of the shared genes.

    Parameters
    ----------
    matrix : array, sparse matrix, or a data set on disk, shape (n, n_vars)
        What `matrix_of` returned.
    columns : ndarray of int
        Positions of the shared genes.
    where : str
        Named in errors.
    negative : bool
        Whether values below 0 are fine.

    Raises
    ------
    InputError
        A value is missing, infinite or, unless allowed, negative.
    """
    if sp.issparse(matrix) and matrix.format != "csr":
        matrix = matrix.tocsr()
    writer = DiskRowsWriter(len(columns)) if lies_on_disk(matrix) else None
    parts, whole = [], True
    for start in range(0, matrix.shape[0], BLOCK):
        part = sp.csr_matrix(matrix[start : start + BLOCK])[:, columns].astype(np.float32)
        part.sum_duplicates()
        part.eliminate_zeros()
        _check_values(part, start, where, negative)
        whole = whole and bool((part.data == np.floor(part.data)).all())
        if writer is not None:
            writer.append(part)
        else:
            parts.append(part)
    if writer is not None:
        X = writer.rows()
        return Expression(X, whole, np.diff(X.indptr) == 0)
    X = sp.vstack(parts, format="csr") if len(parts) > 1 else parts[0]
    return Expression(X, whole, np.asarray(np.diff(X.indptr) == 0))


def _check_values(part: Any, start: int, where: str, negative: bool) -> None:
    if not np.isfinite(part.data).all():
        at = int(np.flatnonzero(~np.isfinite(part.data))[0])
        cell = start + int(np.searchsorted(part.indptr, at, side="right")) - 1
        raise InputError(
            "has values that are missing or infinite",
            where=f"{where}, cell {cell}",
            cause="a division by a depth of 0, or a logarithm of 0",
            remedy="take the counts: layer=..., or leave such cells out",
        )
    if not negative and part.data.size and part.data.min() < 0:
        raise InputError(
            f"has negative values ({part.data.min():.3g})",
            where=where,
            cause="it looks scaled, and zero is then no longer zero",
            remedy="pass layer= with counts or log values; "
            "`.raw` is not read unless you make an AnnData of it: adata.raw.to_adata()",
        )
