"""Cut one table into a target and sources by the values of a column: site, year, device, make.

Much data that one could learn from lies in the same file as the target. The rows with one value of
the column become the target; each other value with enough rows becomes a source.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from priorlift.core import files
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Source, SourcePool, Target

MIN_SOURCE_ROWS = 20


def cut_table(
    path: str | Path,
    *,
    label: str,
    by: str,
    target: str,
    groups: str | None = None,
    **kwargs: Any,
) -> tuple[Target, SourcePool]:
    """Read a table and cut it into a target and sources.

    Parameters
    ----------
    path : path
        The file; its ending chooses the reader.
    label : str
        The column that holds the labels.
    by : str
        The column to cut by. It is no feature afterwards; rows where it is missing are left out.
    target : str
        The value of `by`, as text, whose rows are the target.
    groups : str, optional
        The column that holds the groups.
    **kwargs
        For the `Target` and each `Source`, such as `task`.

    Returns
    -------
    target : Target
        Named after its value.
    sources : SourcePool
        One source for each other value, named after it. Values with fewer than 20 rows are listed
        in `unusable`.

    Raises
    ------
    InputError
        A column or the value is missing, or there is no other value.
    """
    path = Path(path)
    table = files.read_table(path)
    files.require_column(table, by, "cutting", path)
    keys = pc.cast(table.column(by), pa.string())
    values = sorted(value for value in pc.unique(keys).to_pylist() if value is not None)
    if str(target) not in values:
        raise UnknownNameError(f"value of column {by!r}", str(target), values)
    if len(values) < 2:
        raise InputError(
            f"column {by!r} has one value only, so there is no source",
            where=str(path),
            remedy="cut by another column",
        )
    rest = table.drop_columns([by])
    parts = {value: rest.filter(pc.equal(keys, value)) for value in values}
    own = Target.from_table(parts.pop(str(target)), path, label, groups, name=str(target), **kwargs)
    small = {
        value: part.num_rows for value, part in parts.items() if part.num_rows < MIN_SOURCE_ROWS
    }
    sources = [
        Source.from_table(part, path, label, groups, name=value, **kwargs)
        for value, part in parts.items()
        if value not in small
    ]
    unusable = {
        value: f"it has {n} rows, fewer than {MIN_SOURCE_ROWS}" for value, n in small.items()
    }
    return own, SourcePool(sources, unusable=unusable)
