"""Keys: digests of what a step is, by content and never by `repr` or Python's `hash`.

Two steps share a fit only if their keys are equal, and a recorded unit of work is found again by
its key in another process, so a key must say all that a fit depends on: the exact type, every
parameter, the output container and the metadata requests. What has no content that can be read (an
open file, an object of a foreign class) is known by its identity inside one search; across
processes its pickle stands for it, or it is refused.
"""

import functools
import hashlib
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.own_code import own_code

Opaque = Callable[[Any], bytes]


def by_identity(value: Any) -> bytes:
    """Tell an opaque object by its place in memory; valid while the object lives."""
    return f"id:{id(value)}".encode()


def by_pickle(value: Any) -> bytes:
    """Tell an opaque object by its pickle, which another process can make again.

    Raises
    ------
    InputError
        It cannot be pickled.
    """
    import joblib

    try:
        return str(joblib.hash(value)).encode()
    except Exception as error:
        raise InputError(
            f"a {type(value).__name__} has no content that another process could recognise",
            cause=" ".join(str(error).split()) or type(error).__name__,
            remedy="use a class or function of an importable module, or search without run_dir",
        ) from error


def digest(value: Any, opaque: Opaque = by_identity) -> str:
    """Return 32 hexadecimal digits that stand for a parameter's or estimator's content.

    Parameters
    ----------
    value : object
        Anything that can be a parameter: plain values, arrays, containers, functions, estimators.
    opaque : {by_identity, by_pickle}
        What stands for an object whose content cannot be read.

    Notes
    -----
    O(size of the content). NumPy scalars equal the Python values that they hold; 1, 1.0 and True
    differ, because estimators may treat them differently.

    Examples
    --------
    >>> digest({"a": 1, "b": [2.0]}) == digest({"b": [2.0], "a": 1})
    True
    >>> digest(1) == digest(1.0)
    False
    """
    try:
        return _hashed(_pieces(value, opaque))
    except RecursionError:  # a function that closes over itself, a list that holds itself
        return _hashed(iter([b"recursive", opaque(value)]))


def _hashed(pieces: Iterator[bytes]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        # The length before each piece keeps neighbours apart: ("ab", "c") is not ("a", "bc").
        found.update(f"{len(piece)}:".encode())
        found.update(piece)
    return found.hexdigest()


def _pieces(value: Any, opaque: Opaque) -> Iterator[bytes]:
    if (isinstance(value, np.generic) and value.dtype.kind in "bi") or _is_float64(value):
        value = value.item()
    if value is None or type(value) in (bool, int):
        yield f"{type(value).__name__}:{value}".encode()
    elif type(value) is float:
        yield b"float:" + value.hex().encode()
    elif type(value) in (str, bytes):
        yield type(value).__name__.encode()
        yield value.encode("utf-8", "surrogatepass") if type(value) is str else value
    elif isinstance(value, np.ndarray | np.generic):
        yield from _array_pieces(np.asarray(value), opaque)
    elif sp.issparse(value):
        yield f"sparse:{type(value).__name__}:{arrays.fingerprint(value)}".encode()
    elif isinstance(value, type):
        yield f"type:{_name(value)}".encode()
    elif type(value) in (list, tuple, set, frozenset, dict):
        yield from _container_pieces(value, opaque)
    elif hasattr(value, "get_params"):
        yield from _estimator_pieces(value, opaque)
    else:
        yield from _other_pieces(value, opaque)


def _is_float64(value: Any) -> bool:
    return isinstance(value, np.float64)


def _array_pieces(value: np.ndarray, opaque: Opaque) -> Iterator[bytes]:
    yield f"array:{value.dtype.str}:{value.shape}".encode()
    if value.dtype.kind == "O":
        for item in value.ravel().tolist():
            yield from _pieces(item, opaque)
    else:
        yield np.ascontiguousarray(value).tobytes()


def _container_pieces(value: Any, opaque: Opaque) -> Iterator[bytes]:
    yield f"{type(value).__name__}:{len(value)}".encode()
    if isinstance(value, dict):
        pairs = [(digest(key, opaque), digest(item, opaque)) for key, item in value.items()]
        yield from (part.encode() for pair in sorted(pairs) for part in pair)
    elif isinstance(value, set | frozenset):
        yield from (part.encode() for part in sorted(digest(item, opaque) for item in value))
    else:
        for item in value:
            yield from _pieces(item, opaque)


def _estimator_pieces(value: Any, opaque: Opaque) -> Iterator[bytes]:
    if hasattr(type(value), "__sklearn_clone__") and not _has_default_clone(value):
        # Such an object decides itself what a copy is (a frozen estimator keeps its fit, say).
        yield b"own-clone:" + opaque(value)
        return
    yield f"estimator:{_name(type(value))}".encode()
    kind: Any = type(value)
    yield _own_code_of(kind).encode()
    try:
        params = value.get_params(deep=False)
    except TypeError:  # the kernels of Gaussian processes, a class where an instance belongs
        params = value.get_params()
    yield from _container_pieces(dict(params), opaque)
    for private in ("_sklearn_output_config", "_metadata_request", "_skl_callbacks"):
        held = getattr(value, "__dict__", {}).get(private)
        if held is not None:
            yield private.encode()
            yield from _private_pieces(held, opaque)


@functools.cache
def _own_code_of(kind: type) -> str:
    return own_code(kind)


def _has_default_clone(value: Any) -> bool:
    from sklearn.base import BaseEstimator

    default = getattr(BaseEstimator, "__sklearn_clone__", None)
    return getattr(type(value), "__sklearn_clone__", None) is default


def _private_pieces(held: Any, opaque: Opaque) -> Iterator[bytes]:
    if isinstance(held, Mapping):
        yield from _container_pieces(dict(held), opaque)
    elif hasattr(held, "_serialize"):
        yield from _pieces(held._serialize(), opaque)
    else:
        yield opaque(held)


def _other_pieces(value: Any, opaque: Opaque) -> Iterator[bytes]:
    if isinstance(value, types.FunctionType):
        yield f"function:{_name(value)}".encode()
        yield from _code_pieces(value.__code__, opaque)
        yield from _pieces(value.__defaults__, opaque)
        yield from _pieces(value.__kwdefaults__, opaque)
        for cell in value.__closure__ or ():
            yield from _pieces(cell.cell_contents, opaque)
    elif isinstance(value, types.MethodType):
        yield b"method"
        yield from _pieces(value.__self__, opaque)
        yield from _pieces(value.__func__, opaque)
    elif isinstance(value, types.BuiltinFunctionType | np.ufunc):
        yield f"builtin:{getattr(value, '__module__', '')}:{value.__name__}".encode()
    elif type(value) is functools.partial:
        yield b"partial"
        for part in (value.func, value.args, value.keywords):
            yield from _pieces(part, opaque)
    elif type(value) in (slice, range):
        yield type(value).__name__.encode()
        yield from _pieces((value.start, value.stop, value.step), opaque)
    elif isinstance(value, np.dtype):
        yield f"dtype:{value.str}".encode()
    else:
        yield f"opaque:{_name(type(value))}".encode()
        yield opaque(value)


def _code_pieces(code: types.CodeType, opaque: Opaque) -> Iterator[bytes]:
    yield code.co_code
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars)).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_pieces(constant, opaque)
        else:
            yield from _pieces(constant, opaque)


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
