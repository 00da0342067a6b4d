"""One way to look at every kind of X: arrays, SciPy-sparse matrices, data frames, raw collections.

A data frame is anything that narwhals reads eagerly (pandas, polars, a pyarrow table); none of
those libraries is imported here. A raw collection (texts, images) is all else with a first axis.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import narwhals as nw
import numpy as np
import scipy.sparse as sp
from narwhals.dependencies import is_into_dataframe, is_into_series
from numpy.typing import NDArray

from priorlift.core.disk_rows import DiskRows
from priorlift.core.errors import InputError

Kind: TypeAlias = Literal["dense", "sparse", "frame", "raw"]

RELEASE_PIECES = 2_000
BLOCK_ROWS = 4096


def is_frame(X: Any) -> bool:
    """Tell whether X is a pandas, polars or pyarrow table."""
    return not isinstance(X, np.ndarray) and bool(is_into_dataframe(X))


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
    shape: Any = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) == 2 else None


def column_names(X: Any) -> tuple[str, ...] | None:
    """Return the names of a frame's columns; None where X has none or they are not strings."""
    if not is_frame(X):
        return None
    if not hasattr(X, "schema") and not all(isinstance(name, str) for name in X.columns):
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
    if isinstance(X, DiskRows) and np.array_equal(rows, np.arange(X.shape[0])):
        return X
    if is_frame(X):
        return nw.from_native(X, eager_only=True)[rows.tolist()].to_native()
    if sp.issparse(X):
        return X.tocsr()[rows]
    if isinstance(X, list | tuple):
        return [X[row] for row in rows]
    return X[rows]


def stack_rows(parts: Sequence[Any]) -> Any:
    """Stack the rows of several X of one kind; frames must have the same columns.

    Raises
    ------
    InputError
        A column holds numbers in one frame and something else in another.
    """
    if len(parts) == 1:
        return parts[0]
    if any(sp.issparse(part) for part in parts):
        return sp.vstack([sp.csr_matrix(part) for part in parts], format="csr")
    if all(is_frame(part) for part in parts):
        first = nw.from_native(parts[0], eager_only=True)
        frames = [first] + [_in_library_of(first, part) for part in parts[1:]]
        return nw.concat(_in_common_types(frames), how="vertical").to_native()
    return np.concatenate([np.asarray(part) for part in parts])


def _in_library_of(first: Any, part: Any) -> Any:
    frame = nw.from_native(part, eager_only=True)
    if frame.implementation is not first.implementation:
        columns = {
            name: [None if is_missing(value) else value for value in values]
            for name, values in frame.to_dict(as_series=False).items()
        }
        frame = nw.from_dict(columns, backend=first.implementation)
    return frame.select(list(first.columns))


def _in_common_types(frames: list[Any]) -> list[Any]:
    for name in frames[0].columns:
        types = {frame.schema[name] for frame in frames}
        common = _common_type(name, types) if len(types) > 1 else None
        if common is not None:
            frames = [frame.with_columns(frame[name].cast(common)) for frame in frames]
    return frames


def _common_type(name: str, types: set[Any]) -> Any:
    # A column without values has no type yet; pandas alone has objects, and joins them as they are.
    types = types - {nw.Unknown()}
    if len(types) == 1:
        return types.pop()
    if nw.Object() in types:
        return None
    if all(kind.is_numeric() or kind == nw.Boolean for kind in types):
        return nw.Float64()
    if all(kind.is_temporal() for kind in types):
        return nw.Datetime("us")
    if any(kind.is_numeric() for kind in types):
        raise InputError(
            "is numbers in one table and something else in another",
            where=f"column {name!r}",
            remedy="clean the values, or make the column text everywhere",
        )
    return nw.String()


def column_values(X: Any, name: str) -> list[Any]:
    """Return one column of a frame as a list of Python values."""
    return list(nw.from_native(X, eager_only=True).get_column(name).to_list())


def select_columns(X: Any, names: Sequence[str]) -> Any:
    """Return the named columns of a frame, in the given order."""
    return nw.from_native(X, eager_only=True).select(list(names)).to_native()


def is_missing(value: Any) -> bool:
    """Tell whether one value is missing: None, NaN, or what pandas writes for them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(value != value)


def to_vector(values: Any) -> NDArray[Any]:
    """Return labels or groups of any container as a NumPy array.

    Among numbers NaN stays NaN; a missing value of any other kind is None in an object array.
    """
    if isinstance(values, np.ndarray):
        return values
    if is_into_series(values):
        values = nw.from_native(values, series_only=True).to_list()
    elif is_frame(values):
        values = nw.from_native(values, eager_only=True).to_numpy()
    elif hasattr(values, "to_pylist"):
        values = values.to_pylist()
    if not isinstance(values, list | tuple):
        return np.asarray(values)
    missing = [is_missing(value) for value in values]
    if any(missing) and not all(isinstance(value, float | int | np.number) for value in values):
        return _objects(None if gone else v for v, gone in zip(values, missing, strict=True))
    try:
        return np.asarray(values)
    except ValueError:
        return _objects(values)


def _objects(values: Iterable[Any]) -> NDArray[Any]:
    given = list(values)
    vector = np.empty(len(given), dtype=object)
    # Element by element: NumPy would unpack values that are sequences themselves.
    for position, value in enumerate(given):
        vector[position] = value
    return vector


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python value that a reader expects in a message."""
    return value.item() if isinstance(value, np.generic) else value


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
        flat = [is_missing(value) for value in values.ravel()]
        mask = np.asarray(flat, dtype=bool).reshape(values.shape)
    else:
        mask = np.zeros(values.shape, dtype=bool)
    return np.asarray(mask.any(axis=1) if mask.ndim == 2 else mask, dtype=bool)


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
        on_disk = isinstance(csr, DiskRows)
        if not on_disk and (not csr.has_canonical_format or not csr.data.all()):
            csr = csr.copy()
            csr.sum_duplicates()
            csr.eliminate_zeros()
        yield f"sparse{csr.shape}{csr.dtype.str}".encode()
        for part, kind in ((csr.indptr, "<i8"), (csr.indices, "<i8"), (csr.data, None)):
            for number, piece in enumerate(_array_pieces(np.asarray(part), kind)):
                yield piece
                if on_disk and not number % RELEASE_PIECES:
                    csr.release()
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


def _array_pieces(values: Any, kind: str | None = None) -> Iterator[bytes]:
    yield f"{tuple(values.shape)}".encode()
    for start in range(0, values.shape[0], BLOCK_ROWS):
        block = np.asarray(values[start : start + BLOCK_ROWS], dtype=kind)
        if block.dtype.kind in "OUST":
            for value in block.ravel().tolist():
                text = "" if is_missing(value) else _text_of(value)
                yield f"{len(text)}:{text}".encode(errors="surrogatepass")
        else:
            little = block.astype(block.dtype.newbyteorder("<"), copy=False)
            if little.dtype.kind == "f":
                little = np.where(np.isnan(little), np.nan, little + 0.0)
            yield little.dtype.str.encode()
            yield np.ascontiguousarray(little).tobytes()


def _text_of(value: Any) -> str:
    # A moment is a Timestamp in pandas and a datetime elsewhere; both write themselves alike.
    if hasattr(value, "isoformat"):
        return f"time:{value.isoformat()}"
    return f"{type(value).__name__}:{value}"
