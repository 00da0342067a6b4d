"""What an estimator is, said by content as plain values: a part of every trial's identity.

Two estimators of one description give the same fits, in any process. Classes and functions of
installed packages are known by name, because their versions are kept with a run; those of the
user's own also by a digest of their code.
"""

import re
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.own_code import own_code


def describe(value: Any) -> Any:
    """Describe an unfitted estimator, or a parameter of one, by content, as JSON values.

    A class or function that is the user's own has a digest of its code beside its name, because it
    changes without a new version.

    Raises
    ------
    InputError
        A parameter cannot be described by content: its text holds a memory address.
    """
    if isinstance(value, BaseEstimator):
        params = {name: describe(v) for name, v in value.get_params(deep=False).items()}
        return {"class": _name_in_code(type(value)), "params": params} | _code(type(value))
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float | np.number):
        return describe(value.item()) if isinstance(value, np.number) else _number(value)
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((describe(item) for item in value), key=repr)
    if isinstance(value, np.ndarray) or arrays.kind_of(value) in ("sparse", "frame"):
        return {"array": arrays.fingerprint(value)}
    text = _name_in_code(value) if hasattr(value, "__qualname__") else repr(value)
    bound = isinstance(value, MethodType) and not isinstance(value.__self__, type)
    if bound or re.search(r"0x[0-9a-fA-F]+|<locals>|<lambda>", text):
        raise InputError(
            f"a method's parameter cannot be described by its content: {text}",
            remedy="use a named function of a module, or an estimator",
        )
    code = _code(value) if isinstance(value, type | FunctionType) else {}
    return {"function": text, **code} if code else text


def without_code(described: Any) -> tuple[Any, dict[str, str]]:
    """Part a description into what it says beside code, and the digests of code by name.

    Examples
    --------
    >>> without_code({"class": "my.Method", "params": {"a": 1}, "code": "9f"})
    ({'class': 'my.Method', 'params': {'a': 1}}, {'my.Method': '9f'})
    """
    found: dict[str, str] = {}

    def bare(value: Any) -> Any:
        if isinstance(value, list):
            return [bare(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        name = value.get("class", value.get("function"))
        if set(value) in ({"class", "params", "code"}, {"function", "code"}):
            found[name] = value["code"]
            value = {key: item for key, item in value.items() if key != "code"}
        return {key: bare(item) for key, item in value.items()}

    return bare(described), found


def _name_in_code(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _code(value: Any) -> dict[str, str]:
    digest = own_code(value)
    return {"code": digest} if digest else {}


def _number(value: float) -> Any:
    return value if value == value and abs(value) != float("inf") else repr(value)
