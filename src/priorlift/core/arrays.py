"""One way to look at every kind of X: arrays, SciPy-sparse matrices, data frames, raw collections.

A data frame is anything that narwhals reads eagerly (pandas, polars, a pyarrow table); none of those
libraries is imported here. A raw collection (texts, images) is anything else with a first axis.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import narwhals as nw
import numpy as np
import scipy.sparse as sp
from narwhals.dependencies import is_into_dataframe, is_into_series
from numpy.typing import NDArray

Kind: TypeAlias = Literal["dense", "sparse", "frame", "raw"]

BLOCK_ROWS = 4096


def is_frame(X: Any) -> bool:
    """Tell whether X is a pandas, polars or pyarrow table."""
    return bool(is_into_dataframe(X))


def kind_of(X: Any) -> Kind:
    """Return which of the four kinds of input X is."""
    if sp.issparse(X):
        return "sparse"
    if is_frame(X):
        return "frame"
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "fiub":
        return "dense"
    return "raw"


def n_rows(X: Any) -> int:
    """Return the length of the first axis of X."""
    if is_frame(X):
        return len(nw.from_native(X, eager_only=True))
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def n_columns(X: Any) -> int | None:
    """Return the length of the second axis of X, None for a raw collection."""
    if is_frame(X):
        return len(nw.from_native(X, eager_only=True).columns)
    shape = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) == 2 else None


def column_names(X: Any) -> tuple[str, ...] | None:
    """Return the names of a frame's columns; None where X has none or they are not strings."""
    if not is_frame(X):
        return None
    columns = getattr(X, "columns", None)
    if columns is not None and not all(isinstance(name, str) for name in columns):
        if not hasattr(X, "schema"):
            return None
    return tuple(nw.from_native(X, eager_only=True).columns)


def take_rows(X: Any, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Any:
    """Return the given rows of X, in their order, as the same kind of object.

    Parameters
    ----------
    X : array, sparse matrix, frame or raw collection
        What to take from.
    rows : integer or boolean ndarray, or slice
        Which rows; boolean masks have one value for each row.
    """
    if isinstance(rows, slice):
        rows = np.arange(n_rows(X))[rows]
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    if is_frame(X):
        return nw.from_native(X, eager_only=True)[rows.tolist()].to_native()
    if sp.issparse(X):
        return X.tocsr()[rows]
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    return X[rows]


def stack_rows(parts: Sequence[Any]) -> Any:
    """Stack the rows of several X of one kind; frames must have the same columns."""
    if len(parts) == 1:
        return parts[0]
    if any(sp.issparse(part) for part in parts):
        return sp.vstack([sp.csr_matrix(part) for part in parts], format="csr")
    if all(is_frame(part) for part in parts):
        first = nw.from_native(parts[0], eager_only=True)
        frames = [first] + [_in_library_of(first, part) for part in parts[1:]]
        return nw.concat(frames, how="vertical").to_native()
    return np.concatenate([np.asarray(part) for part in parts])


def _in_library_of(first: Any, part: Any) -> Any:
    frame = nw.from_native(part, eager_only=True)
    if frame.implementation is not first.implementation:
        frame = nw.from_dict(frame.to_dict(as_series=False), backend=first.implementation)
    return frame.select([frame.get_column(name).cast(first.schema[name]) for name in first.columns])


def select_columns(X: Any, names: Sequence[str]) -> Any:
    """Return the named columns of a frame, in the given order."""
    return nw.from_native(X, eager_only=True).select(list(names)).to_native()


def to_vector(values: Any) -> NDArray[Any]:
    """Return labels or groups of any container as a NumPy array; None stays None in an object array."""
    if is_frame(values):
        frame = nw.from_native(values, eager_only=True)
        columns = [to_vector(frame.get_column(name)) for name in frame.columns]
        return np.stack(columns, axis=1)
    if is_into_series(values):
        values = nw.from_native(values, series_only=True).to_list()
    elif hasattr(values, "to_pylist"):
        values = values.to_pylist()
    if isinstance(values, list | tuple) and any(value is None for value in values):
        vector = np.empty(len(values), dtype=object)
        vector[:] = values
        return vector
    return np.asarray(values)


def missing_mask(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where labels are missing: NaN or None (2-D labels: in any column).

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, k)
        Labels of any dtype.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    if values.dtype.kind in "fc":
        mask = np.isnan(values)
    elif values.dtype.kind == "O":
        flat = [value is None or (isinstance(value, float) and value != value) for value in values.ravel()]
        mask = np.asarray(flat, dtype=bool).reshape(values.shape)
    else:
        mask = np.zeros(values.shape, dtype=bool)
    return mask.any(axis=1) if mask.ndim == 2 else mask


def fingerprint(X: Any) -> str:
    """Hash the content of X: equal values give equal hashes, whatever the memory layout.

    Parameters
    ----------
    X : array, sparse matrix, frame, raw collection or None
        A memory-mapped array is read by blocks of 4,096 rows, never whole.

    Returns
    -------
    str
        32 hexadecimal digits.

    Notes
    -----
    O(size of X). Column names and dtypes count as content; a frame hashes alike in pandas, polars
    and pyarrow.
    """
    digest = hashlib.blake2b(digest_size=16)
    for piece in _pieces(X):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(X: Any) -> Iterator[bytes]:
    if X is None:
        yield b"none"
    elif sp.issparse(X):
        csr = X.tocsr()
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        yield f"sparse{csr.shape}{csr.dtype.str}".encode()
        for part in (csr.indptr.astype("<i8"), csr.indices.astype("<i8"), csr.data):
            yield from _array_pieces(np.asarray(part))
    elif is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        for name in frame.columns:
            yield f"column{name}".encode()
            yield from _array_pieces(_column_values(frame.get_column(name)))
    else:
        yield from _array_pieces(X if hasattr(X, "shape") else to_vector(X))


def _column_values(column: Any) -> NDArray[Any]:
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=float)
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_list()
    return values


def _array_pieces(values: Any) -> Iterator[bytes]:
    yield f"{tuple(values.shape)}".encode()
    for start in range(0, values.shape[0], BLOCK_ROWS):
        block = np.asarray(values[start : start + BLOCK_ROWS])
        if block.dtype.kind in "OUST":
            for value in block.ravel().tolist():
                text = "" if value is None or value != value else f"{type(value).__name__}:{value}"
                yield f"{len(text)}:{text}".encode()
        else:
            little = block.astype(block.dtype.newbyteorder("<"), copy=False)
            if little.dtype.kind == "f":
                little = np.where(np.isnan(little), np.nan, little + 0.0)
            yield little.dtype.str.encode()
            yield np.ascontiguousarray(little).tobytes()
