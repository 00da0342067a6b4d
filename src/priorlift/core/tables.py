"""Columns become a data frame of whichever library is installed.

Results offer `to_frame()`; which frame that is depends on the reader's machine, not on the result.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def to_frame(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return columns as a pandas frame if pandas is installed, else polars, else a pyarrow table.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of one length, in order.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table

    Examples
    --------
    >>> len(to_frame({"source": ["a", "b"], "rank": [1, 2]}))
    2
    """
    data = {name: list(values) for name, values in columns.items()}
    if find_spec("pandas") is not None:
        return import_module("pandas").DataFrame(data)
    if find_spec("polars") is not None:
        return import_module("polars").DataFrame(data)
    return import_module("pyarrow").table(data)
