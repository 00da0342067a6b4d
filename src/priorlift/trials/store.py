"""The data of a run: each array once on disk, known by its fingerprint, memory-mapped.

Workers receive fingerprints and open the arrays themselves, read-only, so that ten processes share
one copy of a matrix in the page cache. Nothing is stored as a pickle and nothing that is read is
executed.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from priorlift.core import arrays
from priorlift.core.errors import InputError, RunDirectoryError
from priorlift.pool import Fingerprints, Source, Target, TaskData
from priorlift.trials.files import clear_os_errors, sync_folder, temporary_name, write_atomic

TASKS_IN_MEMORY = 64
_KEY = re.compile(r"[0-9A-Za-z_-]+")
_TASK_CLASSES: dict[str, type[TaskData]] = {"target": Target, "source": Source}
_CSR_PARTS = ("data", "indices", "indptr")


class DataStore:
    """Arrays and tasks in a folder, each kept once under its fingerprint.

    Parameters
    ----------
    directory : path-like
        The folder; made when something is first put in.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory).absolute()

    def put_array(self, key: str, value: Any) -> None:
        """Keep a value under a key; if the key is there already, nothing is written.

        Parameters
        ----------
        key : str
            The value's fingerprint.
        value : ndarray, CSR matrix or array, data frame
            Dense arrays keep their dtype and memory order; object arrays may hold str, bool, int,
            float and None; other sparse formats become CSR; a frame becomes an Arrow table.

        Raises
        ------
        InputError
            The value is of a kind that cannot be stored.
        RunDirectoryError
            The disk is full or the folder cannot be written.
        """
        if key in self:
            return
        write = _writer_for(value)
        with (
            clear_os_errors("the run's data cannot be stored", self.directory),
            self._new_folder(self._folder(key)) as folder,
        ):
            write(folder)

    def get_array(self, key: str) -> Any:
        """Give a value back, read-only and memory-mapped where its kind allows.

        Parameters
        ----------
        key : str
            As put.

        Returns
        -------
        ndarray, csr_matrix, csr_array or pyarrow.Table
            Frames of any library come back as a `pyarrow.Table`.

        Raises
        ------
        RunDirectoryError
            Nothing is stored under the key.
        """
        folder = self._folder(key)
        for name, read in _READERS.items():
            if (folder / name).exists():
                return read(folder)
        raise _lacks(key, self.directory)

    def __contains__(self, key: str) -> bool:
        return self._folder(key).is_dir()

    def put_task(self, task: TaskData) -> str:
        """Keep a target or source; parts that another task put in already are shared.

        Parameters
        ----------
        task : Target or Source
            What to keep.

        Returns
        -------
        str
            Its fingerprint.
        """
        path = _task_path(self.directory, type(task).__name__.lower(), task.fingerprint)
        if path.exists():
            return task.fingerprint
        keys = {part: self._put_part(task, part) for part in ("X", "y", "groups", "sample_weight")}
        unlabeled = task.unlabeled.item() if hasattr(task.unlabeled, "item") else task.unlabeled
        document = {
            "name": task.name,
            "task": task.task,
            "unlabeled": unlabeled,
            "licence": task.licence,
            "description": task.description,
            "fingerprints": asdict(task.fingerprints),
            "keys": keys,
        }
        write_atomic(path, json.dumps(document, sort_keys=True, indent=1).encode())
        return task.fingerprint

    def target(self, fingerprint: str, name: str | None = None) -> Target:
        """Give back a target by its fingerprint, without hashing its content again.

        Parameters
        ----------
        fingerprint : str
            What `put_task` returned.
        name : str, optional
            Its name, where it is not the one under which it was first put in.
        """
        return cast("Target", _load_task("target", self.directory, fingerprint, name))

    def source(self, fingerprint: str, name: str | None = None) -> Source:
        """Give back a source by its fingerprint; parameters as for `target`."""
        return cast("Source", _load_task("source", self.directory, fingerprint, name))

    def remove_leftovers(self) -> None:
        """Remove what a crash left half-written; only for the process that holds the run's lock."""
        for leftover in self.directory.glob(".tmp-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _put_part(self, task: TaskData, part: str) -> str | None:
        value = getattr(task, part)
        if value is None:
            return None
        known = part in ("X", "y", "groups") and not (part == "y" and task.unlabeled is not None)
        key = getattr(task.fingerprints, part) if known else arrays.fingerprint(value)
        try:
            self.put_array(key, value)
        except InputError as error:
            kind = type(task).__name__.lower()
            where = f"{kind} {task.name!r}, {part}"
            raise InputError(str(error).rstrip("."), where=where) from None
        return str(key)

    def _folder(self, key: str) -> Path:
        return self.directory / _checked(key)

    @contextlib.contextmanager
    def _new_folder(self, final: Path) -> Iterator[Path]:
        """Give a folder to fill, which takes its final name only when all of it is on the disk."""
        temporary = temporary_name(final)
        temporary.mkdir(parents=True)
        try:
            yield temporary
            for file in temporary.iterdir():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
            _rename_unless_there(temporary, final)
            sync_folder(self.directory)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@lru_cache(maxsize=TASKS_IN_MEMORY)
def _load_task(kind: str, directory: Path, fingerprint: str, name: str | None) -> TaskData:
    store = DataStore(directory)
    path = _task_path(directory, kind, fingerprint)
    if not path.exists():
        raise _lacks(f"{kind} {fingerprint}", directory)
    document = json.loads(path.read_text(encoding="utf-8"))
    parts = {
        part: None if key is None else store.get_array(key)
        for part, key in document["keys"].items()
    }
    return _TASK_CLASSES[kind].restore(
        Fingerprints(**document["fingerprints"]),
        name or document["name"],
        parts.pop("X"),
        parts.pop("y"),
        **parts,
        **{key: document[key] for key in ("task", "unlabeled", "licence", "description")},
    )


def _task_path(directory: Path, kind: str, fingerprint: str) -> Path:
    return directory / f"{kind}-{_checked(fingerprint)}.json"


def _lacks(what: str, directory: Path) -> RunDirectoryError:
    return RunDirectoryError(
        f"the run's data lacks {what}",
        where=str(directory),
        cause="the folder was changed or copied in part",
        remedy="start again with another --out",
    )


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a fingerprint")
    return key


def _rename_unless_there(temporary: Path, final: Path) -> None:
    try:
        os.rename(temporary, final)
    except OSError:
        if not final.is_dir():
            raise
        # Another process stored the same content meanwhile: equal by construction, so theirs stays.


def _writer_for(value: Any) -> Callable[[Path], None]:
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


_READERS: dict[str, Callable[[Path], Any]] = {
    "dense.npy": lambda folder: _read_dense(folder / "dense.npy"),
    "csr.json": _read_csr,
    "frame.arrow": _read_frame,
    "objects.json": _read_objects,
}
