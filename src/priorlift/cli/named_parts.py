"""The encoders and methods that a TOML file names: a list of names, or a table for each.

In a list a part has the name of its kind, which is a registered one. In a table the name is the
user's own: `[encoders.words]` with `kind = "tfidf_svd"`, and below it the parameters.
"""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from priorlift.core import registry
from priorlift.core.errors import InputError, UnknownNameError

AS_THEY_ARE = "as is"
EXAMPLES = {"encoder": "tfidf_svd", "method": "pooled"}

Given: TypeAlias = list[str] | dict[str, dict[str, Any]]


class Part(NamedTuple):
    """An encoder or method: its name in tables, its registered kind, its parameters."""

    name: str
    kind: str
    parameters: dict[str, Any]


def parts_of(given: Any) -> Iterator[Part]:
    """Give the parts in their order.

    Parameters
    ----------
    given : list of str, or mapping of str to mapping
        As a file has them, checked by `check_parts`.
    """
    if not isinstance(given, Mapping):
        yield from (Part(name, name, {}) for name in given)
        return
    for name, settings in given.items():
        parameters = {key: _plain(value) for key, value in settings.items() if key != "kind"}
        yield Part(name, settings["kind"], parameters)


def _plain(value: Any) -> Any:
    # Arrays of TOML are lists, where some parameters are pairs.
    return tuple(value) if isinstance(value, list) else value


def check_parts(what: str, given: Any, where: str | None) -> None:
    """Check that a list has every name once, and each table a kind and plain parameters.

    Parameters
    ----------
    what : {"encoder", "method"}
        What they are.
    given : list of str, or mapping of str to mapping
        As a file has them.
    where : str or None
        The line of the file, for errors.

    Raises
    ------
    InputError
        They cannot be used.
    """
    if not isinstance(given, Mapping):
        for name in given:
            if list(given).count(name) > 1:
                remedy = f"name it once, or give both names of their own: [{what}s.NAME]"
                raise InputError(f"{what} {name!r} is named twice", where=where, remedy=remedy)
        return
    for name, settings in given.items():
        if not isinstance(settings.get("kind"), str):
            remedy = f'kind = "{EXAMPLES[what]}" below [{what}s.{name}], for example'
            raise InputError(f"{what} {name!r} has no kind", where=where, remedy=remedy)
        for key, value in settings.items():
            if isinstance(value, Mapping):
                raise InputError(
                    f"parameter {key!r} of {what} {name!r} is a table",
                    where=where,
                    remedy="give numbers, texts, or lists of them; other objects only in Python",
                )


def build_encoders(given: Given | None) -> dict[str, Any] | None:
    """Return encoders by name, None standing for the columns as they are.

    Parameters
    ----------
    given : list of str, or mapping of str to mapping, or None
        Checked settings.

    Raises
    ------
    InputError
        A parameter is unknown, with the closest name, or cannot be used.
    """
    if given is None:
        return None
    found = {}
    for part in parts_of(given):
        with _told_at(f"encoders.{part.name}"):
            found[part.name] = _encoder(part)
    return found


def build_methods(given: Given) -> dict[str, Any]:
    """Return methods by name, with their parameters.

    Parameters
    ----------
    given : list of str, or mapping of str to mapping
        Checked settings.

    Raises
    ------
    InputError
        A parameter is unknown, with the closest name.
    """
    from priorlift.study.sweep_methods import NamedMethod

    found = {}
    for part in parts_of(given):
        with _told_at(f"methods.{part.name}"):
            found[part.name] = NamedMethod(part.kind, part.parameters)
    return found


def _encoder(part: Part) -> Any:
    made = None if part.kind == AS_THEY_ARE else registry.get("encoders", part.kind)
    known = [] if made is None else list(inspect.signature(made).parameters)
    for key in part.parameters:
        if key not in known:
            raise UnknownNameError(f"parameter of {part.kind!r}", key, known)
    return None if made is None else made(**part.parameters)


@contextlib.contextmanager
def _told_at(where: str) -> Iterator[None]:
    """Let an error say at which table of the file it arose."""
    try:
        yield
    except UnknownNameError as error:
        raise InputError(str(error).rstrip("."), where=where) from None
    except TypeError as error:
        raise InputError(str(error), where=where, remedy="give it, or correct it") from None
