"""The text of a CSV file: its encoding, delimiter and header, found before the rows are parsed.

The rows are parsed by pyarrow; what is decided here is what pyarrow leaves to its caller.
"""

import codecs
import contextlib
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from priorlift.core.errors import InputError
from priorlift.core.memory import readable
from priorlift.readers.files import check_magic, unreadable

DELIMITERS = (",", ";", "\t")
SNIFFED_RECORDS = 20
BLOCK_BYTES = 1 << 20

# UTF-32 stands first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Layout:
    """How a CSV file is laid out.

    Attributes
    ----------
    delimiter : str
        Between values.
    header : tuple of str
        Names of the columns, trimmed; "" where a column has none.
    body_start : int
        Offset in bytes of the first row after the header.
    """

    delimiter: str
    header: tuple[str, ...]
    body_start: int


def read_utf8(path: Path, max_bytes: int) -> bytes:
    """Return a text file's content as UTF-8 without a byte-order mark; a `.gz` file is unpacked.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Size that the unpacked text may have.

    Raises
    ------
    InputError
        It is not text, in another encoding than UTF-8 or UTF-16, a broken gzip file, or too large.
    """
    data = _unpacked(path, max_bytes) if path.suffix.lower() == ".gz" else _content(path)
    check_magic(data[:64], path)
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if encoding != "utf-8":
                return _require_text(_recode(data, encoding, path), path)
            break
    _require_text(data, path)
    _require_utf8(data, path)
    return data


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _unpacked(path: Path, max_bytes: int) -> bytes:
    try:
        with gzip.open(path, "rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "is not a whole gzip file",
            where=str(path),
            cause="an interrupted download, or another file named .gz",
            remedy="write it again",
        ) from error
    if len(data) > max_bytes:
        raise InputError(
            f"unpacks to more than {readable(max_bytes)}, too much for the memory available",
            where=str(path),
            remedy="take fewer rows or columns",
        )
    return data


def _recode(data: bytes, encoding: str, path: Path) -> bytes:
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        raise InputError(
            f"begins like {encoding.upper()} text, but is not",
            where=str(path),
            remedy="save it as UTF-8",
        ) from error


def _require_text(data: bytes, path: Path) -> bytes:
    if b"\0" in data:
        raise InputError(
            "holds binary data, not text",
            where=str(path),
            cause="another kind of file named .csv, or UTF-16 text without its mark",
            remedy="save it as UTF-8 text",
        )
    return data


def _require_utf8(data: bytes, path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), BLOCK_BYTES):
        try:
            decoder.decode(
                data[start : start + BLOCK_BYTES], final=start + BLOCK_BYTES >= len(data)
            )
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, start + error.start) + 1
            raise InputError(
                f"byte 0x{error.object[error.start]:02x} is not UTF-8",
                where=f"{path}, line {line}",
                cause="saved by a spreadsheet as Latin-1 or Windows-1252",
                remedy='save it as "CSV UTF-8", or convert it: iconv -f WINDOWS-1252 -t UTF-8',
            ) from error


def find_layout(data: bytes, path: Path) -> Layout:
    """Find the delimiter and the header of CSV text.

    A header may begin with `#`, as numpy writes it. Lines that begin with `#` and have another
    number of values than the first row are comments.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    path : Path
        Named in errors.

    Raises
    ------
    InputError
        There is no text, no header, or two columns have the same name.
    """
    if not data.strip():
        raise InputError("holds no text", where=str(path), remedy="write a header and rows")
    try:
        delimiter = _sniff(data)
        header, body_start = _header(data, delimiter)
    except csv.Error as error:
        raise InputError(
            f"the header cannot be read ({error})",
            where=str(path),
            cause="a quotation mark that is never closed",
            remedy="open it in a text editor and correct its first line",
        ) from error
    names = tuple(name.strip() for name in header)
    _check_names(names, path)
    return Layout(delimiter, names, body_start)


def _sniff(data: bytes) -> str:
    best, best_score = DELIMITERS[0], (0.0, False, 1)
    for delimiter in DELIMITERS:
        widths = list(islice(_widths(data, delimiter), SNIFFED_RECORDS))
        width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        # A quotation mark that a wrong delimiter leaves open swallows the rows into one record.
        score = (count / max(len(widths), 1), len(widths) > 1, width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _widths(data: bytes, delimiter: str) -> Iterator[int]:
    # With a wrong delimiter a line may be one field that is too long for the parser.
    with contextlib.suppress(csv.Error):
        for record, _ in _records(data, delimiter):
            yield len(record)


def _header(data: bytes, delimiter: str) -> tuple[list[str], int]:
    header: list[str] = []
    end = 0
    for record, record_end in _records(data, delimiter):
        commented = record[0].lstrip().startswith("#")
        if header and not commented and len(header) == len(record):
            break
        header, end = record, record_end
        if not commented:
            break
    return [header[0].lstrip().lstrip("#"), *header[1:]] if header else [], end


def _records(data: bytes, delimiter: str) -> Iterator[tuple[list[str], int]]:
    lines = _Lines(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))
    for record in csv.reader(lines, delimiter=delimiter):
        if record and any(value.strip() for value in record):
            yield record, lines.n_bytes


class _Lines:
    """Lines of a text, counting the bytes of those that were taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.n_bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.n_bytes += len(line.encode("utf-8"))
        return line


def _check_names(names: tuple[str, ...], path: Path) -> None:
    if all(map(_is_number, names)) and not _are_positions(names):
        raise InputError(
            f"has no header: its first line holds only numbers ({', '.join(names[:3])}, ...)",
            where=str(path),
            remedy="add a line with the names of the columns, by which tables are matched",
        )
    twice = sorted(name for name, count in Counter(names).items() if count > 1 and name)
    if twice:
        raise InputError(
            f"two columns have the same name: {', '.join(map(repr, twice[:5]))}",
            where=str(path),
            remedy="give each column its own name",
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _are_positions(names: tuple[str, ...]) -> bool:
    # What a data frame without names writes as its header: 0, 1, 2, ...
    return any(names == tuple(str(i + first) for i in range(len(names))) for first in (0, 1))
