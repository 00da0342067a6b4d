"""Write a journal as a Parquet table, in pieces, so that a million records need little memory.

A torn Parquet file cannot be read, so this is an export: the journal stays what a run goes on from.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from priorlift.trials.files import clear_os_errors, temporary_name
from priorlift.trials.journal import Journal
from priorlift.trials.journal_schema import NAMES

CHUNK_ROWS = 50_000


def to_parquet(journal: Journal, path: str | Path, chunk_rows: int = CHUNK_ROWS) -> int:
    """Write all records to a Parquet file, sorted by trial hash.

    Parameters
    ----------
    journal : Journal
        What to read.
    path : path-like
        The file; an earlier one stays as it was unless all of the new one is written.
    chunk_rows : int
        Rows of a row group, which are in memory together.

    Returns
    -------
    int
        How many records were written. Parameters and values are JSON text; `arrays` are bytes as
        `unpack_arrays` reads them.

    Raises
    ------
    RunDirectoryError
        The file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    temporary = temporary_name(path)
    schema = pa.schema([(name, getattr(pa, _TYPES.get(name, "string"))()) for name in NAMES])
    n_rows = 0
    with clear_os_errors("the journal cannot be exported", path):
        try:
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                for rows in _chunks(journal.stream(), chunk_rows):
                    parts = zip(zip(*rows, strict=True), schema.types, strict=True)
                    columns = [pa.array(part, kind) for part, kind in parts]
                    writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                    n_rows += len(rows)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return n_rows


_TYPES = {
    "arrays": "binary",
    "wall_seconds": "float64",
    "cpu_seconds": "float64",
    "peak_memory_mb": "float64",
}


def _chunks(rows: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := list(islice(rows, size)):
        yield chunk
