"""Files that are the old one or the new one, never half of each, and clear errors about them."""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from priorlift.core.errors import PriorliftError, RunDirectoryError

_CAUSES = {
    errno.ENOSPC: ("the disk is full", "free space, then go on with --resume"),
    errno.EDQUOT: ("the quota is used up", "free space, then go on with --resume"),
    errno.EFBIG: ("the file would pass the size limit", "raise the limit, or use another --out"),
    errno.EACCES: ("no permission", "make the folder writable, or use another --out"),
    errno.EPERM: ("no permission", "make the folder writable, or use another --out"),
    errno.EROFS: ("the file system is read-only", "use another --out"),
}


@contextlib.contextmanager
def clear_os_errors(what: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `RunDirectoryError` that names the cause and the remedy.

    Parameters
    ----------
    what : str
        What could not be done.
    path : Path
        Where.
    """
    try:
        yield
    except PriorliftError:
        raise
    except OSError as error:
        cause, remedy = _CAUSES.get(
            error.errno or 0, (error.strerror or str(error), "use another --out")
        )
        raise RunDirectoryError(what, where=str(path), cause=cause, remedy=remedy) from error


def temporary_name(path: Path) -> Path:
    """Return a name beside `path`, hidden and used by nobody else."""
    return path.with_name(f".tmp-{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that a crash or a full disk leaves the earlier one as it was.

    Parameters
    ----------
    path : Path
        The file; its folder is made if needed.
    content : bytes
        All of it.

    Raises
    ------
    RunDirectoryError
        It cannot be written; the earlier file is intact.
    """
    temporary = temporary_name(path)
    with clear_os_errors("the file cannot be written; an earlier one is intact", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the platform can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
