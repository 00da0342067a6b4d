"""A trial: a frozen description of one piece of work, known by the hash of its content.

Two trials with the same content are the same trial, wherever and whenever they were planned. That
is what makes a journal of results exactly-once, a seed independent of order, and a resumed run
equal to an uninterrupted one.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from priorlift.core.errors import InputError


def canonical_json(value: Any, where: str = "value") -> str:
    """Write a value as JSON in the one form that a hash can stand on.

    Keys are sorted, there is no white space, and what JSON cannot say (NaN, infinities, arrays,
    keys that are not strings) is refused, never converted.

    Parameters
    ----------
    value : JSON value
        None, bool, int, float, str, or lists, tuples and string-keyed mappings of these.
    where : str
        How messages name the value.

    Returns
    -------
    str
        The canonical text; tuples read back as lists.

    Raises
    ------
    InputError
        Something in the value is not JSON; the message names its place.

    Examples
    --------
    >>> canonical_json({"b": (1, 2), "a": None})
    '{"a":null,"b":[1,2]}'
    """
    _check_json(value, where)
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, eq=False)
class Trial:
    """One piece of work: the name of a task function and its parameters.

    Everything that the outcome depends on must be in the parameters (fingerprints stand for data),
    because the hash is the trial's identity: it keys the journal and feeds the seed.

    Parameters
    ----------
    task : str
        Name of the function that runs it, in the registry's kind "tasks".
    params : mapping of str to JSON values
        Parameters; copied, and to be treated as read-only.
    group : str, optional
        Trials of one group share work and follow one another in one worker where a runner can do
        it. It says where a trial runs, not what it gives: it is not part of the hash and is not
        recorded.

    Attributes
    ----------
    hash : str
        32 hexadecimal digits, BLAKE2b of the canonical JSON of task and parameters.

    Raises
    ------
    InputError
        A parameter is not JSON.

    Examples
    --------
    >>> Trial("fit", {"a": 1, "b": 2}) == Trial("fit", {"b": 2, "a": 1})
    True
    """

    task: str
    params: Mapping[str, Any]
    group: str | None = None
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        text = canonical_json(self.params, "params")
        content = f'{{"params":{text},"task":{canonical_json(self.task, "task")}}}'
        digest = hashlib.blake2b(content.encode(), digest_size=16)
        object.__setattr__(self, "params", json.loads(text))
        object.__setattr__(self, "hash", digest.hexdigest())

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Trial) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)


def _check_json(value: Any, where: str) -> None:
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _not_json(where, f"is {value}", "use None for a value that is not there")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_json(item, f"{where}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise _not_json(where, f"has the key {key!r}, not a string", "use str(key)")
            _check_json(item, f"{where}[{key!r}]")
    else:
        name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise _not_json(where, f"is a {name}", "use int(), float(), str() or .tolist() first")


def _not_json(where: str, what: str, remedy: str) -> InputError:
    return InputError(f"{where} {what}, which JSON cannot hold", remedy=remedy)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
