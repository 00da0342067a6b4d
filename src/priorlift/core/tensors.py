"""Arrays of a network, which a saved model keeps as safetensors beside the rest.

An estimator holds its weights in a `Tensors`. While it is saved, each `Tensors` gives its arrays to
the file's `tensors.safetensors` and leaves only their names in `model.skops`; while it is loaded,
it takes them back. Pickled or copied, it is an ordinary object.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, MissingExtraError

_store: ContextVar[dict[str, NDArray[Any]] | None] = ContextVar("tensors", default=None)


@dataclass(frozen=True)
class Tensors:
    """Named arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Under the names that a module's `state_dict` gives them.
    """

    arrays: Mapping[str, NDArray[Any]]

    def __getstate__(self) -> dict[str, Any]:
        """Return the arrays, or their names in the file that is being written."""
        store = _store.get()
        if store is None:
            return {"arrays": dict(self.arrays)}
        # skops asks an object for its state more than once.
        prefix = _prefix_of(self.arrays, store)
        store.update({f"{prefix}/{name}": value for name, value in self.arrays.items()})
        return {"prefix": prefix, "names": list(self.arrays)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the arrays, or find them in the file that is being read."""
        if "arrays" in state:
            found = state["arrays"]
        else:
            store = _store.get() or {}
            wanted = {name: f"{state['prefix']}/{name}" for name in state["names"]}
            lacking = [name for name, key in wanted.items() if key not in store]
            if lacking:
                raise InputError(f"lacks the tensor {lacking[0]!r}")
            found = {name: store[key] for name, key in wanted.items()}
        object.__setattr__(self, "arrays", found)


def _prefix_of(arrays: Mapping[str, NDArray[Any]], store: Mapping[str, NDArray[Any]]) -> str:
    """Return under what number arrays stand in a file, or the next one that is free."""
    numbers = sorted({int(name.split("/", 1)[0]) for name in store})
    for number in numbers:
        if all(store.get(f"{number}/{name}") is value for name, value in arrays.items()):
            return str(number)
    return str(len(numbers))


@contextlib.contextmanager
def tensors_apart(given: dict[str, NDArray[Any]]) -> Iterator[dict[str, NDArray[Any]]]:
    """Collect the arrays of every `Tensors` that is written, or give them to those that are read.

    Parameters
    ----------
    given : dict
        Empty to collect.
    """
    token = _store.set(given)
    try:
        yield given
    finally:
        _store.reset(token)


def to_bytes(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as a safetensors file.

    Raises
    ------
    MissingExtraError
        safetensors is not installed.
    """
    ready = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    return bytes(_safetensors().save(ready))


def from_bytes(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file; torch is not needed.

    Raises
    ------
    MissingExtraError
        safetensors is not installed.
    """
    return dict(_safetensors().load(content))


def _safetensors() -> Any:
    try:
        import safetensors.numpy as found
    except ModuleNotFoundError as error:
        raise MissingExtraError("safetensors", "nets") from error
    return found
