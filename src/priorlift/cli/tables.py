"""Read a target and its sources from a user's tables, and say what was left out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorlift.cli import output
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.pool import SourcePool, Target


def read_task(
    target: str,
    sources: str | None,
    cut_by: str | None = None,
    *,
    label: str,
    groups: str | None,
    task: str | None,
) -> tuple["Target", "SourcePool"]:
    """Read a target's table and its sources, from a folder or from the same table.

    Parameters
    ----------
    target : str
        The target's file.
    sources : str or None
        The sources' folder. The target's own file is passed over if it lies there too.
    cut_by : str or None
        In place of `sources`, "COLUMN=VALUE": see `priorlift.readers.cut_table`.
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
    options: dict[str, Any] = {"label": label, "groups": groups, "task": task}
    if cut_by is not None:
        few, pool = _cut(target, cut_by, **options)
    else:
        few, pool = _read_apart(target, str(sources), **options)
    if few.task is None:
        raise InputError(
            f"the values of {label!r} could be classes or numbers",
            where=target,
            remedy="say which: --task classification or --task regression",
        )
    if few.task == "regression":
        _require_numbers(few, label, target)
    for name, reason in pool.unusable.items():
        output.note(f"warning: source {name!r} is left out: {reason}")
    return few, pool


def _cut(target: str, cut_by: str, **options: Any) -> tuple["Target", "SourcePool"]:
    from priorlift.readers.cutting import cut_table

    column, _, value = cut_by.partition("=")
    if not column or not value:
        raise InputError(
            f"{cut_by!r} is no column and value", where="--cut-by", remedy="--cut-by site=north"
        )
    return cut_table(target, by=column, target=value, **options)


def _read_apart(target: str, sources: str, **options: Any) -> tuple["Target", "SourcePool"]:
    from priorlift.pool import SourcePool, Target

    few = Target.read(target, **options)
    pool = SourcePool.read(sources, **options)
    inside = Path(target).resolve().is_relative_to(Path(sources).resolve())
    if few.name not in pool or not inside:
        return few, pool
    output.note(f"{target} lies among the sources; it is the target and is not used as one")
    return few, SourcePool([s for s in pool if s.name != few.name], unusable=pool.unusable)


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
