"""Read the tasks and sources of a sweep from a user's tables, and say what was left out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from priorlift.cli import output
from priorlift.cli.sweep_config import SweepConfig
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.pool import SourcePool, Target


def read_tasks(config: SweepConfig) -> "dict[str, Target]":
    """Read the tasks, each named by its file.

    Parameters
    ----------
    config : SweepConfig
        Where they are. A table of a folder that cannot be used is left out and named on stderr; one
        that was listed must be there.

    Raises
    ------
    InputError
        A listed table cannot be read, or no task is left.
    """
    from priorlift.core import files
    from priorlift.pool import Target

    listed = isinstance(config.tasks, list)
    paths = [Path(path) for path in config.tasks] if listed else _tables_of(str(config.tasks))
    found: dict[str, Target] = {}
    for path in paths:
        name = files.stem(path)
        if name in found:
            raise InputError(f"two tasks are named {name!r}", where=str(path))
        try:
            found[name] = _read(Target, path, config, task=config.task)
        except InputError as error:
            if listed:
                raise
            output.note(f"warning: task {name!r} is left out: {error}")
    if not found:
        raise InputError("holds no table that could be a task", where=str(config.tasks))
    return found


def read_sources(config: SweepConfig) -> "SourcePool | Literal['others']":
    """Read the sources that all tasks share, or return "others".

    Parameters
    ----------
    config : SweepConfig
        Where they are.

    Raises
    ------
    InputError
        The folder cannot be read or holds no table.
    """
    from priorlift.core import files
    from priorlift.pool import Source, SourcePool

    if config.sources == "others":
        return "others"
    sources, unusable = [], {}
    for path in _tables_of(config.sources):
        try:
            sources.append(_read(Source, path, config, task=config.task))
        except InputError as error:
            unusable[files.stem(path)] = str(error)
    return SourcePool(sources, unusable=unusable)


def _tables_of(folder: str) -> list[Path]:
    from priorlift.core import files

    path = Path(folder)
    if not path.is_dir():
        raise InputError("is not a folder", where=folder, remedy="pass a folder of tables")
    paths = sorted(p for p in path.iterdir() if files.suffix(p) and p.name[0] != ".")
    if not paths:
        endings = ", ".join(files.suffixes())
        raise InputError(
            "holds no table", where=folder, remedy=f"put files ending in {endings} there"
        )
    return paths


def _read(kind: Any, path: Path, config: SweepConfig, **options: Any) -> Any:
    from priorlift.core import files

    table = files.read_table(path)
    groups = config.groups if config.groups in table.column_names else None
    if config.text is None:
        return kind.from_table(table, path, config.label, groups, **options)
    for column, what in ((config.text, "text"), (config.label, "label")):
        files.require_column(table, column, what, path)
    return kind(
        files.stem(path),
        table.column(config.text).to_pylist(),
        table.column(config.label),
        groups=None if groups is None else table.column(groups),
        **options,
    )
