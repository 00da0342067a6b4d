"""Find methods, scores, readers and tasks by name.

The built-ins and third parties are found the same way: through entry points (groups
`priorlift.methods`, `priorlift.scores`, `priorlift.encoders`, `priorlift.readers`,
`priorlift.tasks` and `priorlift.families`), each checked against the Protocol of its kind when it
is loaded.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

from priorlift.core.errors import InputError, UnknownNameError


@runtime_checkable
class MethodLike(Protocol):
    """What an entry of `priorlift.methods` offers: one class for each kind of task."""

    name: str
    summary: str
    classifier: type | None
    regressor: type | None


@runtime_checkable
class ScoreLike(Protocol):
    """What an entry of `priorlift.scores` offers: how well a source promises to serve a target."""

    name: str
    summary: str
    tasks: tuple[str, ...]

    def __call__(self, view: Any) -> float:
        """Return the score; a larger one promises more lift."""
        ...


@runtime_checkable
class ReaderLike(Protocol):
    """What an entry of `priorlift.readers` offers: files with given endings become a table."""

    suffixes: tuple[str, ...]

    def __call__(self, path: Any) -> Any:
        """Read one file."""
        ...


@runtime_checkable
class FamilyLike(Protocol):
    """What an entry of `priorlift.families` offers: settings of an estimator solved together."""

    name: str
    estimators: tuple[type, ...]
    axis: frozenset[str]

    def declines(self, estimator: Any, settings: Any, block: Any) -> str | None:
        """Return why these settings are not solved here; None if they are."""
        ...

    def answers(self, estimator: Any, settings: Any, block: Any) -> Any:
        """Give the predictions of all settings in their order, some at a time."""
        ...


KINDS: dict[str, type] = {
    "methods": MethodLike,
    "scores": ScoreLike,
    "readers": ReaderLike,
    "tasks": Callable,  # type: ignore[dict-item]
    "encoders": Callable,  # type: ignore[dict-item]
    "families": FamilyLike,
}


@cache
def _points(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"priorlift.{kind}")}


def names(kind: str) -> Sequence[str]:
    """Return the names registered under a kind, sorted.

    Parameters
    ----------
    kind : {"methods", "scores", "readers", "tasks", "encoders", "families"}
        What to look up.
    """
    return sorted(_points(kind))


@cache
def get(kind: str, name: str) -> Any:
    """Load what is registered under a name and check it against the Protocol of its kind.

    Parameters
    ----------
    kind : {"methods", "scores", "readers", "tasks", "encoders", "families"}
        What to look up.
    name : str
        The entry point's name.

    Raises
    ------
    UnknownNameError
        Nothing is registered under the name; the message gives the closest one.
    InputError
        What is registered does not offer what its kind asks for.
    """
    points = _points(kind)
    if name not in points:
        raise UnknownNameError(kind.removesuffix("s"), name, points)
    found = points[name].load()
    protocol = KINDS[kind]
    if not isinstance(found, protocol):
        raise InputError(
            f"entry point {name!r} of 'priorlift.{kind}' does not satisfy {protocol.__name__}",
            where=points[name].value,
            remedy=f"see {protocol.__name__} in priorlift.core.registry for what it must offer",
        )
    return found
