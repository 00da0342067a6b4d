"""Read a target and its sources from a user's tables, and say what was left out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorlift.cli import output
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.pool import SourcePool, Target


def read_task(
    target: str, sources: str, *, label: str, groups: str | None, task: str | None
) -> tuple["Target", "SourcePool"]:
    """Read a target's table and a folder of sources.

    Parameters
    ----------
    target : str
        The target's file.
    sources : str
        The sources' folder. The target's own file is passed over if it lies there too.
    label : str
        Column of the labels.
    groups : str or None
        Column of the groups.
    task : {"classification", "regression"} or None
        None to infer it; the sources then follow the target.

    Raises
    ------
    InputError
        A table cannot be read, or the task is ambiguous.
    """
    from priorlift.pool import Target

    kind: Any = task
    few = Target.read(target, label=label, groups=groups, task=kind)
    if few.task is None:
        raise InputError(
            f"the values of {label!r} could be classes or numbers",
            where=target,
            remedy="say which: --task classification or --task regression",
        )
    if few.task == "regression":
        _require_numbers(few, label, target)
    pool = _read_sources(sources, Path(target), few.name, label=label, groups=groups, task=kind)
    for name, reason in pool.unusable.items():
        output.note(f"warning: source {name!r} is left out: {reason}")
    return few, pool


def _read_sources(sources: str, target: Path, name: str, **options: Any) -> "SourcePool":
    from priorlift.pool import SourcePool

    pool = SourcePool.read(sources, **options)
    if name not in pool or not target.resolve().is_relative_to(Path(sources).resolve()):
        return pool
    output.note(f"{target} lies among the sources; it is the target and is not used as one")
    return SourcePool([s for s in pool if s.name != name], unusable=pool.unusable)


def _require_numbers(target: "Target", label: str, path: str) -> None:
    labels = target.y[target.labelled]
    try:
        labels.astype(float)
    except (TypeError, ValueError):
        raise InputError(
            f"column {label!r} holds other things than numbers, {str(labels[0])!r} for one",
            where=path,
            remedy="name a column of numbers, or --task classification",
        ) from None
