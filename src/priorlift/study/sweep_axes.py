"""What a sweep runs over, named: tasks, encoders, and the sources of each task."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from priorlift.core import registry
from priorlift.core.errors import InputError, InputTypeError, UnknownNameError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study.sweep_plan import AS_IS, names_of

OTHERS: Literal["others"] = "others"


def named_tasks(tasks: Sequence[Target] | Mapping[str, Target]) -> dict[str, Target]:
    """Return targets by name: their own, or those of a mapping.

    Raises
    ------
    InputError
        There is no task, or two have one name.
    InputTypeError
        Something is no target.
    """
    if isinstance(tasks, Target):
        raise InputTypeError("a single Target was passed", remedy="Sweep([target], ...)")
    values = list(tasks.values()) if isinstance(tasks, Mapping) else list(tasks)
    for value in values:
        if not isinstance(value, Target):
            raise InputTypeError(
                f"tasks must be Target objects, not {type(value).__name__}",
                remedy="Sweep([Target('name', X, y), ...])",
            )
    names = list(tasks) if isinstance(tasks, Mapping) else [target.name for target in values]
    return dict(zip(names_of("task", names), values, strict=True))


def named_encoders(encoders: Mapping[str, Any] | Sequence[str] | None) -> dict[str, Any]:
    """Return unfitted or pretrained encoders by name; None stands for the rows as they are.

    Raises
    ------
    InputError
        There is none, two have one name, or nothing is registered under a name.
    InputTypeError
        Something is no encoder.
    """
    if encoders is None:
        return {AS_IS: None}
    if isinstance(encoders, str):
        raise InputTypeError("a single encoder was passed", remedy=f"encoders=[{encoders!r}]")
    names = names_of("encoder", list(encoders))
    if isinstance(encoders, Mapping):
        return {name: _encoder(name, encoders[name]) for name in names}
    return {name: _encoder(name, name) for name in names}


def _encoder(name: str, encoder: Any) -> Any:
    if isinstance(encoder, str):
        encoder = None if encoder == AS_IS else registry.get("encoders", encoder)()
    if encoder is not None and not hasattr(encoder, "transform"):
        raise InputTypeError(
            f"encoder {name!r} is a {type(encoder).__name__} and has no 'transform'",
            remedy="pass an encoder of priorlift.encoders, or None for the rows as they are",
        )
    return encoder


def source_pools(
    tasks: Mapping[str, Target], sources: SourcePool | Mapping[str, SourcePool] | str
) -> dict[str, SourcePool]:
    """Return the sources of each task.

    Parameters
    ----------
    tasks : mapping of str to Target
        The tasks by name.
    sources : SourcePool, mapping of str to SourcePool, or "others"
        As for `Sweep`.

    Raises
    ------
    InputError
        A task has no pool, or a pool no task.
    """
    if isinstance(sources, str):
        if sources != OTHERS:
            raise UnknownNameError("sources", sources, (OTHERS,))
        return {
            name: SourcePool([_as_source(n, t) for n, t in tasks.items() if n != name])
            for name in tasks
        }
    if isinstance(sources, SourcePool):
        return dict.fromkeys(tasks, sources)
    for name in sources:
        if name not in tasks:
            raise UnknownNameError("task in sources", str(name), tasks)
    missing = [name for name in tasks if name not in sources]
    if missing:
        raise InputError(
            f"task {missing[0]!r} has no sources", remedy="pass a pool for it, an empty one say"
        )
    return {name: sources[name] for name in tasks}


def _as_source(name: str, target: Target) -> Source:
    return Source(
        name,
        target.X,
        target.y,
        groups=target.groups,
        task=target.task,
        sample_weight=target.sample_weight,
        unlabeled=target.unlabeled,
        licence=target.licence,
        description=target.description,
    )
