"""Look at a file before it is read: that it is there, is what its name says, and fits in memory."""

import stat
from pathlib import Path

from priorlift.core.errors import InputError
from priorlift.core.memory import available_memory, readable

SAVE_AS_CSV = 'open it in the program that made it and save it as "CSV UTF-8"'

# First bytes of what is most often named .csv by mistake: what it is, and what to do.
MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP or Excel (.xlsx) file", SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0", "an old Excel (.xls) file", SAVE_AS_CSV),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
    (b"\x1f\x8b", "a gzip file", "give it the ending .csv.gz, or unpack it with gunzip"),
    (b"\x89HDF", "an HDF5 file", "export the table as CSV or Parquet"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV or Parquet"),
    (b"\x93NUMPY", "a NumPy file", "pass the array to priorlift in Python"),
    (b"%PDF", "a PDF file", "export the table as CSV"),
    (b"<!DOCTYPE", "a web page", "download the file itself, not the page that shows it"),
    (b"<html", "a web page", "download the file itself, not the page that shows it"),
)


def check_file(path: Path) -> int:
    """Return the size of a file that can be read.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        In bytes, at least 1.

    Raises
    ------
    InputError
        It does not exist, is no regular file, may not be read, or is empty.
    """
    where = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError("is a folder, not a file", where=where, remedy="name one file in it")
        if not stat.S_ISREG(status.st_mode):
            raise InputError("is not a regular file", where=where, remedy="copy it to a file first")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise InputError("there is no such file", where=where, remedy=_nearby(path)) from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if status.st_size == 0:
        raise InputError(
            "is empty",
            where=where,
            cause="an interrupted download or export",
            remedy="write it again",
        )
    return status.st_size


def unreadable(path: Path, error: Exception) -> InputError:
    """Return the error for a file that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return InputError(
        f"cannot be read ({reason})", where=str(path), remedy="check its permissions and its disk"
    )


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"check the path; the folder {str(folder)!r} does not exist either"
    return f"check the spelling; the folder {str(folder)!r} exists"


def check_magic(start: bytes, path: Path, *, expected: bytes = b"") -> None:
    """Refuse a file whose first bytes say that it is something else.

    Parameters
    ----------
    start : bytes
        The first bytes of the file.
    path : Path
        Named in the error.
    expected : bytes
        A beginning that is fine here.

    Raises
    ------
    InputError
        The file is of a known other kind; the message says which.
    """
    for magic, kind, remedy in MAGIC:
        if magic != expected and start.lower().startswith(magic.lower()):
            raise InputError(
                f"looks like {kind}, whatever its name", where=str(path), remedy=remedy
            )


def require_memory(estimate: int, path: Path, max_bytes: int | None) -> None:
    """Refuse a table that would not fit in memory.

    Parameters
    ----------
    estimate : int
        Bytes that reading the table takes, about.
    path : Path
        Named in the error.
    max_bytes : int or None
        The limit; by default the memory that is available.

    Raises
    ------
    InputError
        The estimate is larger; the message gives both numbers.
    """
    limit = available_memory() if max_bytes is None else max_bytes
    if estimate > limit:
        raise InputError(
            f"needs about {readable(estimate)} of memory, and {readable(limit)} are available",
            where=str(path),
            remedy="take fewer rows or columns, or use a machine with more memory",
        )
