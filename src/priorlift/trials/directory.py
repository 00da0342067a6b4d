"""A run directory: one folder that holds all of a run, used by one process at a time."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from priorlift.core.errors import InputError, RunDirectoryError
from priorlift.trials.files import clear_os_errors, write_atomic
from priorlift.trials.journal import Journal
from priorlift.trials.store import DataStore

JOURNAL = "journal.sqlite"
LOCK = "run.lock"
STORE = "data"


class RunDirectory:
    """A run's folder: its lock, its journal, its data and its text files.

    Parameters
    ----------
    path : path-like
        The folder; made if it is not there.
    resume : bool
        Go on with the trials that are recorded in it; without them it is an ordinary start.

    Attributes
    ----------
    path : Path
        The folder.
    journal : Journal
        The records.
    store : DataStore
        The arrays and tasks.

    Raises
    ------
    InputError
        The folder holds recorded trials and `resume` is False, or holds files of something else.
    RunDirectoryError
        Another process uses it, or it cannot be written.

    Notes
    -----
    Use it in a `with` statement: leaving it closes the journal and releases the lock. A process
    that is killed releases the lock too.
    """

    def __init__(self, path: str | Path, *, resume: bool = False) -> None:
        self.path = Path(path)
        with clear_os_errors("the run directory cannot be used", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._lock = _locked(self.path / LOCK, self.path)
        try:
            self.journal = Journal(self.path / JOURNAL)
            if not resume:
                self._refuse_recorded()
            self.store = DataStore(self.path / STORE)
            self._remove_leftovers()
        except BaseException:
            self.close()
            raise

    def write_text_atomic(self, name: str, text: str) -> Path:
        """Write a text file; a crash or a full disk leaves an earlier one as it was.

        Parameters
        ----------
        name : str
            File name inside the run directory.
        text : str
            Its content, written as UTF-8.
        """
        return self.write_bytes_atomic(name, text.encode("utf-8"))

    def write_bytes_atomic(self, name: str, content: bytes) -> Path:
        """Write a file of bytes, as `write_text_atomic` does."""
        path = self.path / name
        if not path.resolve().is_relative_to(self.path.resolve()):
            raise ValueError(f"{name!r} leaves the run directory")
        write_atomic(path, content)
        return path

    def close(self) -> None:
        """Close the journal and release the lock; a second call does nothing."""
        if hasattr(self, "journal"):
            self.journal.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refuse_foreign(self) -> None:
        names = {entry.name for entry in self.path.iterdir() if entry.name[0] != "."}
        if names and not names & {JOURNAL, LOCK}:
            raise InputError(
                "the folder holds other files and is no run directory",
                where=str(self.path),
                remedy="use another --out",
            )

    def _refuse_recorded(self) -> None:
        recorded = sum(self.journal.counts().values())
        if recorded:
            raise InputError(
                f"the folder holds a run of {recorded} recorded trials",
                where=str(self.path),
                remedy="go on with --resume, or use another --out",
            )

    def _remove_leftovers(self) -> None:
        self.store.remove_leftovers()
        for leftover in self.path.glob(".tmp-*"):
            with contextlib.suppress(OSError):
                leftover.unlink()


@contextlib.contextmanager
def run_directory(out: str | Path | None, *, resume: bool) -> Iterator[RunDirectory]:
    """Open a run's folder for the length of a `with` statement; without `out` a temporary one.

    Parameters
    ----------
    out : path-like or None
        The folder.
    resume : bool
        As in `RunDirectory`; a temporary folder has nothing to resume.
    """
    if out is not None:
        with RunDirectory(out, resume=resume) as directory:
            yield directory
        return
    with (
        tempfile.TemporaryDirectory(prefix="priorlift-") as folder,
        RunDirectory(Path(folder) / "run") as directory,
    ):
        yield directory


def _locked(path: Path, directory: Path) -> IO[str]:
    file = path.open("a+", encoding="ascii")
    try:
        _lock(file)
    except BlockingIOError:
        owner = _owner(path)
        file.close()
        raise RunDirectoryError(
            f"the run directory is in use by process {owner}",
            where=str(directory),
            remedy="wait for it to end, or use another --out",
        ) from None
    except BaseException:
        file.close()
        raise
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _owner(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="ascii") or "(unknown)"
    return "(unknown)"


if os.name == "nt":

    def _lock(file: IO[str]) -> None:
        import msvcrt

        # A byte far behind the text, so that another process can still read the owner's number.
        file.seek(2**20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError as error:
            raise BlockingIOError(*error.args) from error

else:

    def _lock(file: IO[str]) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
