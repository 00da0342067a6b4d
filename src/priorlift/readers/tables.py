"""Read tables: CSV and Parquet files become pyarrow tables, or an error that says what to do.

`CSV` and `PARQUET` are what the registry lists; both refuse a table that would not fit in memory
before they read it.
"""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from priorlift.core.errors import InputError
from priorlift.core.memory import available_memory
from priorlift.readers.csv_text import Layout, find_layout, read_utf8
from priorlift.readers.files import check_file, check_magic, require_memory

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "Null", "?")

# The text, and its values at 8 bytes each where two characters may do ("1,").
CSV_BYTES_A_BYTE = 5
# Decoded columns, and their copy when chunks are joined.
PARQUET_COPIES = 2
MAX_BLOCK_BYTES = 1 << 30
ROW_NAMES = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class CsvReader:
    r"""Reader of delimited text.

    Comma, semicolon or tab is found out, and so are UTF-8 (with or without its mark) and UTF-16.
    Blanks around names and values are trimmed; an empty value and NA, N/A, NaN, null and ? are
    missing. Where the delimiter is not the comma, a decimal comma is read. A first column without a
    name holds row names and is left out, with a warning.

    Parameters
    ----------
    suffixes : tuple of str
        Endings of the files that it reads.
    max_bytes : int, optional
        Memory that reading may take; by default what is available.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "ward.csv")
    ...     _ = file.write_text("age; outcome\n31,5; ill\n?; well\n")
    ...     CSV(file).to_pydict()
    {'age': [31.5, None], 'outcome': ['ill', 'well']}
    """

    suffixes: tuple[str, ...] = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
    max_bytes: int | None = field(default=None, kw_only=True)

    def __call__(self, path: str | Path) -> pa.Table:
        """Read one file.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        pyarrow.Table
            At least one column and one row.

        Raises
        ------
        InputError
            The file cannot be read as a table; the message says why and what to do.
        """
        path = Path(path)
        size = check_file(path)
        limit = available_memory() if self.max_bytes is None else self.max_bytes
        require_memory(CSV_BYTES_A_BYTE * size, path, limit)
        data = read_utf8(path, limit // CSV_BYTES_A_BYTE)
        layout = find_layout(data, path)
        table = _parse(data, layout, path)
        if table.num_rows == 0:
            raise InputError("has a header but no rows", where=str(path), remedy="add rows")
        columns = [_mended(column, layout.delimiter) for column in table.columns]
        return _without_unnamed(pa.table(columns, names=list(layout.header)), path)


@dataclass(frozen=True)
class ParquetReader:
    """Reader of Parquet files.

    Row names that pandas stored as a column are left out.

    Parameters
    ----------
    suffixes : tuple of str
        Endings of the files that it reads.
    max_bytes : int, optional
        Memory that reading may take; by default what is available.
    """

    suffixes: tuple[str, ...] = (".parquet", ".pq")
    max_bytes: int | None = field(default=None, kw_only=True)

    def __call__(self, path: str | Path) -> pa.Table:
        """Read one file.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        pyarrow.Table
            At least one column and one row.

        Raises
        ------
        InputError
            The file cannot be read as a table; the message says why and what to do.
        """
        path = Path(path)
        check_file(path)
        with path.open("rb") as file:
            check_magic(file.read(64), path, expected=b"PAR1")
        try:
            with pq.ParquetFile(path) as file:
                require_memory(_parquet_estimate(file.metadata), path, self.max_bytes)
                table = file.read()
            table.validate(full=True)
            names = table.column_names
        except InputError:
            raise
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise InputError(
                f"is not a whole Parquet file ({_first_line(error)})",
                where=str(path),
                cause="an interrupted download, or another file named .parquet",
                remedy="write it again",
            ) from error
        table = table.select([i for i, name in enumerate(names) if not ROW_NAMES.fullmatch(name)])
        _check_parquet(table, path)
        return table.replace_schema_metadata(None)


def _parquet_estimate(metadata: Any) -> int:
    stored = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    return PARQUET_COPIES * int(max(stored, 8 * metadata.num_rows * metadata.num_columns))


def _check_parquet(table: pa.Table, path: Path) -> None:
    if not table.num_rows or not table.num_columns:
        what = "rows" if table.num_columns else "columns"
        raise InputError(f"has no {what}", where=str(path), remedy="write it again, with content")
    twice = sorted(name for name, count in Counter(table.column_names).items() if count > 1)
    if twice:
        raise InputError(
            f"two columns have the same name: {', '.join(map(repr, twice[:5]))}",
            where=str(path),
            remedy="give each column its own name",
        )
    for column in table.schema:
        if pa.types.is_nested(column.type) or _is_bytes(column.type):
            raise InputError(
                f"column {column.name!r} holds {column.type} values",
                where=str(path),
                remedy="write one number, text or date a cell, or leave the column out",
            )


def _is_bytes(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    )


def _parse(data: bytes, layout: Layout, path: Path) -> pa.Table:
    ragged: list[Any] = []

    def remember(row: Any) -> str:
        ragged.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            pa.py_buffer(memoryview(data)[layout.body_start :]),
            # Types are inferred from the first block, so one holds all; threads lose row numbers.
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=min(len(data) + 1, MAX_BLOCK_BYTES),
                column_names=[str(position) for position in range(len(layout.header))],
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=True, invalid_row_handler=remember
            ),
            convert_options=pa_csv.ConvertOptions(
                null_values=list(MISSING), strings_can_be_null=True
            ),
        )
    except (pa.ArrowException, ValueError, MemoryError) as error:
        if "Empty CSV file" in str(error):
            raise InputError(
                "has a header but no rows", where=str(path), remedy="add rows"
            ) from error
        if ragged:
            raise _ragged(ragged[0], path) from error
        raise InputError(
            f"cannot be read as a table ({_first_line(error)})",
            where=str(path),
            cause="a quotation mark that is never closed, or values of mixed kinds",
            remedy="open it in a text editor and correct it",
        ) from error


def _ragged(row: Any, path: Path) -> InputError:
    return InputError(
        f"has {row.actual_columns} values where the header has {row.expected_columns} names",
        where=f"{path}, row {row.number} after the header" if row.number else str(path),
        cause="a delimiter inside a value that is not quoted, or a cut line",
        remedy="put quotation marks around the value, or complete the line",
    )


def _mended(column: Any, delimiter: str) -> Any:
    """Trim text; where that makes a column one of numbers, truth values or dates, make it so."""
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    if not pa.types.is_string(column.type):
        return column
    trimmed = pc.utf8_trim_whitespace(column)
    missing = pc.is_in(trimmed, value_set=pa.array(MISSING))
    text = pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)
    if delimiter != "," and _has_decimal_comma(text):
        text = pc.replace_substring(text, ",", ".")
    elif text.equals(column) or text.null_count == len(text):
        return text
    for kind in (pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("s"), pa.float64()):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return text


def _has_decimal_comma(text: Any) -> bool:
    plain = pc.match_substring_regex(text, r"^[+-]?[0-9]+(,[0-9]+)?$")
    return bool(pc.all(plain).as_py()) and bool(pc.any(pc.match_substring(text, ",")).as_py())


def _without_unnamed(table: pa.Table, path: Path) -> pa.Table:
    keep = []
    for position, name in enumerate(table.column_names):
        if name:
            keep.append(position)
        elif position == 0 and table.num_columns > 1:
            warnings.warn(
                f"{path}: the first column has no name; it is taken for row names and left out.",
                stacklevel=3,
            )
        elif table.column(position).null_count < table.num_rows:
            raise InputError(
                f"column {position + 1} has values but no name", where=str(path), remedy="name it"
            )
    if not keep:
        raise InputError("no column has a name", where=str(path), remedy="add a header line")
    return table.select(keep)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__


CSV = CsvReader()
PARQUET = ParquetReader()
