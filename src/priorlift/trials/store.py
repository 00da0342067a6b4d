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
from typing import Any, Protocol, cast

from priorlift.core import arrays
from priorlift.core.errors import InputError, RunDirectoryError
from priorlift.pool import Fingerprints, Source, Target, TaskData
from priorlift.trials.files import clear_os_errors, sync_folder, temporary_name, write_atomic
from priorlift.trials.store_formats import READERS, writer_for

TASKS_IN_MEMORY = 64
_KEY = re.compile(r"[0-9A-Za-z_-]+")
_TASK_CLASSES: dict[str, type[TaskData]] = {"target": Target, "source": Source}


class StoreReader(Protocol):
    """What a task function reads a run's data from; `DataStore` is one."""

    def get_array(self, key: str) -> Any:
        """Give a value back, read-only."""
        ...

    def target(self, fingerprint: str, name: str | None = None) -> Target:
        """Give back a target by its fingerprint."""
        ...

    def source(self, fingerprint: str, name: str | None = None) -> Source:
        """Give back a source by its fingerprint."""
        ...


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
        write = writer_for(value)
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
        for name, read in READERS.items():
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

    def keys(self) -> list[str]:
        """Return the keys of all arrays, sorted."""
        if not self.directory.is_dir():
            return []
        folders = (entry.name for entry in self.directory.iterdir() if entry.is_dir())
        return sorted(name for name in folders if _KEY.fullmatch(name))

    def documents(self) -> dict[str, dict[str, Any]]:
        """Return what `put_task` wrote, by kind and fingerprint: "target-0123..."."""
        files = sorted(self.directory.glob("target-*.json"))
        files += sorted(self.directory.glob("source-*.json"))
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}

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
    return restored_task(kind, document, name, store.get_array)


def restored_task(
    kind: str, document: dict[str, Any], name: str | None, get_array: Callable[[str], Any]
) -> TaskData:
    """Make a target or source from its document and the arrays that it names.

    Parameters
    ----------
    kind : {"target", "source"}
        Which.
    document : dict
        As `put_task` writes it.
    name : str or None
        Its name, where it is not the document's.
    get_array : callable
        Gives a value by its key.
    """
    parts = {
        part: None if key is None else get_array(key) for part, key in document["keys"].items()
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
