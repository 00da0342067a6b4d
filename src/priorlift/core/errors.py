"""Errors in one voice: what is wrong and where, the likely cause, the remedy.

Every error that priorlift raises on purpose is one of the classes below. The command line turns an
`InputError` into one line and exit code 2, so a message must make sense without a traceback.
"""

import difflib
from collections.abc import Iterable
from typing import Any


def message(
    what: str, *, where: str | None = None, cause: str | None = None, remedy: str | None = None
) -> str:
    """Compose an error message of one line.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence without its full stop.
    where : str, optional
        File, row, column or key at which it is wrong.
    cause : str, optional
        The likely cause.
    remedy : str, optional
        What the reader can do about it.

    Returns
    -------
    str
        The composed line.

    Examples
    --------
    >>> message("label column 'y' is missing", where="a.csv", remedy="name it with --label")
    "a.csv: label column 'y' is missing. Remedy: name it with --label."
    """
    line = f"{where}: {what}" if where else what
    parts = [line]
    if cause:
        parts.append(f"Likely cause: {cause}")
    if remedy:
        parts.append(f"Remedy: {remedy}")
    return ". ".join(part.rstrip(".") for part in parts) + "."


class PriorliftError(Exception):
    """Base of all errors that priorlift raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong.
    where, cause, remedy : str, optional
        As in `message`.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        cause: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message(what, where=where, cause=cause, remedy=remedy))

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses compose the message from other arguments; between processes it travels whole.
        return _rebuilt, (type(self), str(self))


def _rebuilt(kind: type[PriorliftError], text: str) -> PriorliftError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error


class InputError(PriorliftError, ValueError):
    """The input cannot be used; exit code 2 on the command line."""


class InputTypeError(PriorliftError, TypeError):
    """The input has the wrong type, a list where a `SourcePool` is needed, say; exit code 2."""


class UnknownNameError(InputError):
    """A name that nothing is registered under; the message gives the closest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        folded = {known_name.casefold(): known_name for known_name in names}
        close = difflib.get_close_matches(name.casefold(), folded, n=1)
        remedy = f"did you mean {folded[close[0]]!r}? " if close else ""
        super().__init__(
            f"unknown {kind} {name!r}", remedy=f"{remedy}known: {', '.join(names) or 'none'}"
        )


class MissingExtraError(PriorliftError, ImportError):
    """An optional dependency is not installed; the message names the command that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package!r}, which is not installed",
            remedy=f'pip install "priorlift[{extra}]"',
        )


class RunDirectoryError(PriorliftError, OSError):
    """A run directory is locked, full, unwritable or of another study; exit code 2."""


class UntrustedFileError(PriorliftError):
    """A saved model asks for types that priorlift does not trust; nothing was loaded."""


class NotRunnableError(PriorliftError):
    """Every combination of a study was skipped or failed; exit code 1."""
