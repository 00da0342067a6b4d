"""Send a search to other processes: once, by content, and with a clear word if that fails."""

import pickle
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from priorlift.core.errors import InputError

# The last search that this process has opened; a worker serves one search at a time.
_opened: dict[str, Any] = {}


class Shipped:
    """An object that travels between processes as bytes and is opened once in each.

    Parameters
    ----------
    content : object
        What is sent; functions defined in a notebook or script are sent by value.
    key : str
        Digest of the content, by which a process knows that it has opened it already.
    """

    def __init__(self, content: Any, key: str) -> None:
        self._content = content
        self._packed: bytes | None = None
        self.key = key

    def open(self) -> Any:
        """Return the content; the same object at every call in a process."""
        if self._content is not None:
            return self._content
        if self.key not in _opened:
            assert self._packed is not None
            _opened.clear()
            _opened[self.key] = pickle.loads(self._packed)
        return _opened[self.key]

    def pack(self, parts: Mapping[str, Any]) -> None:
        """Make the bytes now, before any process is started.

        Parameters
        ----------
        parts : mapping of str to object
            By name, what to look at if the whole cannot be sent.

        Raises
        ------
        InputError
            Something cannot be sent; the message names it.
        """
        try:
            self._packed = _packed(self._content)
        except Exception as error:
            raise _unsendable(parts, error) from error

    def __getstate__(self) -> dict[str, Any]:
        if self._packed is None:
            self._packed = _packed(self._content)
        return {"_content": None, "_packed": self._packed, "key": self.key}


def _packed(content: Any) -> bytes:
    try:
        cloudpickle = import_module("cloudpickle")
    except ImportError:  # joblib before 1.6 brings its own copy
        cloudpickle = import_module("joblib.externals.cloudpickle")
    return bytes(cloudpickle.dumps(content))


def _unsendable(parts: Mapping[str, Any], error: Exception) -> InputError:
    for name, part in parts.items():
        try:
            _packed(part)
        except Exception as found:
            return InputError(
                f"a {type(part).__name__} cannot be sent to another process",
                where=name,
                cause=" ".join(str(found).split()) or type(found).__name__,
                remedy='define it in a module, or use runner="serial"',
            )
    return InputError(
        "the search cannot be sent to another process",
        cause=" ".join(str(error).split()) or type(error).__name__,
        remedy='use runner="serial"',
    )
