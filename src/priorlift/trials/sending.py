"""Say which part of a run cannot be sent to another process, before any process is started."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from priorlift.core.errors import InputError


def check_sendable(parts: Mapping[str, Any]) -> None:
    """Check that each part can be sent; functions of a notebook or script travel by value.

    Parameters
    ----------
    parts : mapping of str to object
        What is to be sent, by the name that a message gives it.

    Raises
    ------
    InputError
        A part cannot be sent; the message names it.
    """
    for name, part in parts.items():
        try:
            packed(part)
        except Exception as error:
            raise InputError(
                f"a {type(part).__name__} cannot be sent to another process",
                where=name,
                cause=" ".join(str(error).split()) or type(error).__name__,
                remedy="define it in a module without open files, locks or connections, or use "
                "--runner serial",
            ) from error


def packed(content: Any) -> bytes:
    """Return an object as bytes that `pickle.loads` opens in another process."""
    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:  # joblib before 1.6 brings its own copy
        cloudpickle = import_module("joblib.externals.cloudpickle")
    return bytes(cloudpickle.dumps(content))
