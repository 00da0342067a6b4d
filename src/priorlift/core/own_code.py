"""A digest of the code of a user's own classes and functions, which change without a new version.

What a fit depends on is told by names and parameters, and by versions for what is installed. A
class of a notebook, a script or a package in development has no version that counts, so its code
stands for it: its methods and plain class attributes, its own bases, and the functions and classes
of the user's own that they name. What code reads beside these (module constants, files) is not
seen; an attribute of a class that changes while it runs makes the class another one.
"""

import functools
import hashlib
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

# Their versions are told apart from this, wherever a result is keyed.
_VERSIONED = frozenset(("priorlift", "sklearn", "numpy", "scipy"))
_PLAIN = (bool, int, float, complex, str, bytes, tuple, frozenset)
_INSTALLED = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def own_code(thing: Any) -> str:
    """Return a digest of the code of a class or function, or "" where a version tells it.

    Parameters
    ----------
    thing : type or function
        What might be the user's own.

    Returns
    -------
    str
        32 hexadecimal digits; of the module's version where the code is that of an installed
        package; "" for Python, NumPy, SciPy, scikit-learn and priorlift.

    Notes
    -----
    O(size of the code). Line numbers and comments do not matter; docstrings and the minor version
    of Python do.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> def double(x):
    ...     return 2 * x
    >>> double.__module__ = "notebook"
    >>> own_code(Ridge), len(own_code(double))
    ('', 32)
    """
    pieces = list(_pieces(thing, set()))
    if not pieces:
        return ""
    found = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        found.update(f"{len(piece)}:{piece}".encode())
    return found.hexdigest()


def _pieces(thing: Any, seen: set[int]) -> Iterator[str]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    version = _version_of(getattr(thing, "__module__", None) or "")
    if version is not None:
        if version:
            yield version
    elif isinstance(thing, type):
        for base in thing.__mro__[1:]:
            yield from _pieces(base, seen)
        yield thing.__qualname__
        for name, member in sorted(vars(thing).items(), key=lambda item: item[0]):
            for function in _functions_of(member):
                yield name
                yield from _pieces(function, seen)
            if isinstance(member, _PLAIN) and not name.startswith("__"):
                yield from (name, _plain(member))
    elif isinstance(thing, types.FunctionType):
        yield from _code_pieces(thing.__code__)
        yield from map(_plain, (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).items()))
        for named in _called(thing):
            yield from _pieces(named, seen)


@functools.cache
def _version_of(module: str) -> str | None:
    """Return the version of a module's package, "" if it is told elsewhere, None for own code."""
    top = module.partition(".")[0]
    if top in _VERSIONED or top in sys.stdlib_module_names:
        return ""
    file = getattr(sys.modules.get(module), "__file__", None)
    # A script or notebook is the user's own, whoever's file has started the interpreter.
    if top == "__main__" or file is None or not file.startswith(_INSTALLED):
        return None
    return f"{top} {getattr(sys.modules.get(top), '__version__', '?')}"


def _functions_of(member: Any) -> Iterator[types.FunctionType]:
    """Give the functions behind an attribute of a class: a method of any kind, a property."""
    behind = ("__func__", "__wrapped__", "fget", "fset", "func")
    parts = (member, *(getattr(member, name, None) for name in behind))
    yield from (part for part in parts if isinstance(part, types.FunctionType))


def _called(function: types.FunctionType) -> Iterator[Any]:
    """Give the functions and classes that a function names: of its module, or closed over."""
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    names = list(_names_in(function.__code__))
    named = [function.__globals__.get(name) for name in names]
    own = [m for m in named if isinstance(m, types.ModuleType) and _version_of(m.__name__) is None]
    named += [getattr(module, name, None) for module in own for name in names]
    for value in (*named, *cells):
        if isinstance(value, type | types.FunctionType):
            yield value


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _code_pieces(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join((*code.co_names, *code.co_varnames, *code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_pieces(constant)
        else:
            yield _plain(constant)


def _plain(value: Any) -> str:
    """Return a text of a constant that is the same in every process."""
    if isinstance(value, frozenset):
        return f"frozenset:{sorted(map(_plain, value))}"
    if isinstance(value, tuple):
        return f"tuple:{[_plain(item) for item in value]}"
    if value is None or isinstance(value, _PLAIN):
        return f"{type(value).__name__}:{value!r}"
    return type(value).__name__
