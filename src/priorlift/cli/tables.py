"""Read a target and its sources from a user's tables, and say what was left out."""

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
    from priorlift.pool import SourcePool, Target

    kind: Any = task
    few = Target.read(target, label=label, groups=groups, task=kind)
    if few.task is None:
        raise InputError(
            f"the values of {label!r} could be classes or numbers",
            where=target,
            remedy="say which: --task classification or --task regression",
        )
    pool = SourcePool.read(sources, label=label, groups=groups, task=kind)
    for name, reason in pool.unusable.items():
        output.note(f"warning: source {name!r} is left out: {reason}")
    return few, pool
