"""What goes wrong ends here: one line on stderr, an exit code, and never a traceback.

0 is success. 1 means that the command ran but failed: every fit failed, a worker died, a fault of
ours. 2 means that the input, the options or the run directory cannot be used. 130 means that the
user stopped it. `PRIORLIFT_DEBUG=1` shows the traceback as well.
"""

import errno
import json
import os
import sys
import traceback
from typing import Any

import typer

from priorlift.core.errors import (
    InputError,
    InputTypeError,
    MissingExtraError,
    PriorliftError,
    RunDirectoryError,
    UntrustedFileError,
    message,
)

OK, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 130
DEBUG = "PRIORLIFT_DEBUG"

_BAD_INPUT = (InputError, InputTypeError, MissingExtraError, RunDirectoryError, UntrustedFileError)
# The parent of every complaint about options, whether typer brings its own click or uses click's.
_UsageError: Any = typer.BadParameter.__mro__[1]
_FULL = (errno.ENOSPC, errno.EDQUOT)


def report_failure(error: BaseException, *, as_json: bool) -> int:
    """Write one line about an error and return the exit code that belongs to it.

    Parameters
    ----------
    error : BaseException
        What ended the command.
    as_json : bool
        Write `{"error": ...}` to stdout too, for machines.
    """
    if os.environ.get(DEBUG) == "1":
        traceback.print_exception(error, file=sys.stderr)
    code, text = explain(error)
    line = " ".join(text.split())
    print(f"error: {line}", file=sys.stderr)
    if as_json:
        about = {"type": type(error).__name__, "message": line, "exit_code": code}
        print(json.dumps({"error": about}))
    return code


def explain(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the text of an error.

    Parameters
    ----------
    error : BaseException
        Any error.
    """
    if isinstance(error, PriorliftError):
        return BAD_INPUT if isinstance(error, _BAD_INPUT) else FAILED, str(error)
    if isinstance(error, _UsageError):
        return BAD_INPUT, _usage(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return STOPPED, message(
            "stopped; what is recorded is kept", remedy="a study goes on with --resume"
        )
    if isinstance(error, MemoryError):
        return FAILED, message(
            "out of memory",
            cause=str(error) or None,
            remedy="use fewer rows or fewer --workers; a study goes on with --resume",
        )
    if isinstance(error, OSError):
        return BAD_INPUT, _about_the_system(error)
    return FAILED, message(
        f"unexpected {type(error).__name__}: {error}",
        cause="a fault in priorlift",
        remedy=f"run it again with {DEBUG}=1 and report what it shows",
    )


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "priorlift"
    return message(error.format_message(), remedy=f"{command} --help")


def _about_the_system(error: OSError) -> str:
    where = None if error.filename is None else str(error.filename)
    if error.errno in _FULL:
        return message(
            "the disk is full",
            where=where,
            remedy="free space; what is recorded is kept, a study goes on with --resume",
        )
    return message(
        error.strerror or str(error), where=where, remedy="check the path and its permissions"
    )
