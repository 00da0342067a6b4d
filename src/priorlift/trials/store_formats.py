"""How a value lies in its folder: one file or a few of a plain format for each kind of value.

Dense arrays are NPY files, sparse ones three of them, data frames Arrow files, and object arrays
JSON. Nothing is a pickle, and all but the last can be memory-mapped.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from priorlift.core import arrays
from priorlift.core.errors import InputError

_CSR_PARTS = ("data", "indices", "indptr")


def writer_for(value: Any) -> Callable[[Path], None]:
    """Return what writes a value into a folder.

    Raises
    ------
    InputError
        The value is of a kind that cannot be stored.
    """
    if sp.issparse(value):
        return lambda folder: _write_csr(folder, value)
    if arrays.is_frame(value):
        return lambda folder: _write_frame(folder, value)
    if not isinstance(value, np.ndarray):
        raise InputError(
            f"a {type(value).__name__} cannot be stored in a run directory",
            remedy="encode it first, or pass an array or a data frame",
        )
    if value.dtype.kind in "OT":
        text = json.dumps({"shape": value.shape, "items": _plain_items(value)})
        return lambda folder: _write_text(folder / "objects.json", text)
    return lambda folder: _save(folder / "dense.npy", value)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _save(path: Path, array: np.ndarray) -> None:
    np.save(path, array, allow_pickle=False)


def _write_csr(folder: Path, value: Any) -> None:
    csr = value.tocsr()
    if not csr.has_canonical_format:
        # A reader cannot sort its memory-mapped parts in place, so they are stored sorted.
        csr = csr.copy()
        csr.sum_duplicates()
    for part in _CSR_PARTS:
        _save(folder / f"{part}.npy", getattr(csr, part))
    facts = {"shape": csr.shape, "matrix": isinstance(value, sp.spmatrix)}
    _write_text(folder / "csr.json", json.dumps(facts))


def _write_frame(folder: Path, value: Any) -> None:
    import pyarrow as pa

    names = arrays.column_names(value)
    if names is None:
        raise InputError(
            "a column's name is not a string",
            remedy="rename the columns with strings, or pass frame.to_numpy()",
        )
    try:
        table = nw.from_native(value, eager_only=True).to_arrow().select(list(names))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"a column mixes types ({' '.join(str(error).split())})",
            remedy="give each column one type, str or float say",
        ) from error
    # pandas leaves a note on its index there; only the columns are content.
    table = table.replace_schema_metadata(None).unify_dictionaries()
    with pa.ipc.new_file(str(folder / "frame.arrow"), table.schema) as writer:
        writer.write_table(table)


def _plain_items(value: np.ndarray) -> list[Any]:
    items = [
        item.item() if isinstance(item, np.generic) else item for item in value.ravel().tolist()
    ]
    for item in items:
        if not (item is None or isinstance(item, str | bool | int | float)):
            raise InputError(
                f"an object array holds a {type(item).__name__}, which cannot be stored",
                remedy="use numbers, strings and None",
            )
    return items


def _read_dense(path: Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:  # an empty array cannot be mapped
        array: np.ndarray = np.load(path, allow_pickle=False)
        array.setflags(write=False)
        return array


def _read_csr(folder: Path) -> Any:
    facts = json.loads((folder / "csr.json").read_text(encoding="utf-8"))
    parts = tuple(_read_dense(folder / f"{part}.npy") for part in _CSR_PARTS)
    kind = sp.csr_matrix if facts["matrix"] else sp.csr_array
    csr = kind(parts, shape=tuple(facts["shape"]), copy=False)
    csr.has_canonical_format = True
    return csr


def _read_frame(folder: Path) -> Any:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(folder / "frame.arrow"))).read_all()


def _read_objects(folder: Path) -> np.ndarray:
    document = json.loads((folder / "objects.json").read_text(encoding="utf-8"))
    array = np.empty(len(document["items"]), dtype=object)
    array[:] = document["items"]
    array = array.reshape(document["shape"])
    array.setflags(write=False)
    return array


READERS: dict[str, Callable[[Path], Any]] = {
    "dense.npy": lambda folder: _read_dense(folder / "dense.npy"),
    "csr.json": _read_csr,
    "frame.arrow": _read_frame,
    "objects.json": _read_objects,
}
