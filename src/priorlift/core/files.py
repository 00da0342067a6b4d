"""Read a table with whichever registered reader knows the file's ending."""

from pathlib import Path
from typing import Any

from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError


def suffixes() -> dict[str, str]:
    """Return the endings that some reader knows, each with the reader's name."""
    return {
        s: name
        for name in registry.names("readers")
        for s in registry.get("readers", name).suffixes
    }


def suffix(path: Path) -> str:
    """Return the longest known ending of a file's name; empty where there is none."""
    name = path.name.lower()
    return max((known for known in suffixes() if name.endswith(known)), key=len, default="")


def stem(path: Path) -> str:
    """Return a file's name without its known ending."""
    return path.name[: -len(suffix(path)) or None]


def read_table(path: Path) -> Any:
    """Read a file as a pyarrow table.

    Raises
    ------
    InputError
        No reader knows its ending, or the reader cannot read it.
    """
    known = suffixes()
    ending = suffix(path)
    if not ending:
        raise InputError(
            f"no reader knows the ending {path.suffix!r}",
            where=str(path),
            remedy=f"use {', '.join(sorted(known))}",
        )
    return registry.get("readers", known[ending])(path)


def require_column(table: Any, column: str, role: str, path: Path) -> None:
    """Refuse a table that lacks a column, naming the closest one.

    Raises
    ------
    InputError
        The column is missing.
    """
    if column not in table.column_names:
        error = UnknownNameError(f"{role} column", column, table.column_names)
        raise InputError(str(error).rstrip("."), where=str(path))
