"""Places on a genome: genes from GTF, peaks from BED or from names such as `chr1:100-600`.

All places are half-open and counted from 0, as in BED; GTF counts from 1 and includes the end.
"""

import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.readers.files import check_file

_PLACE = re.compile(r"^(.+?)[:_-](\d+)[_-](\d+)$")
_ATTRIBUTE = re.compile(r'(\w+) "([^"]*)"')


@dataclass(frozen=True, eq=False)
class Places:
    """Stretches of a genome, n of them.

    Attributes
    ----------
    names : tuple of str
    chromosome : ndarray of str, shape (n,)
    start, end : ndarray of int, shape (n,)
        Half-open, from 0.
    forward : ndarray of bool, shape (n,)
        Whether they are read from start to end; True where no strand is given.
    """

    names: tuple[str, ...]
    chromosome: NDArray[np.str_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    forward: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"Places({len(self.names):,} on {len(np.unique(self.chromosome))} chromosomes)"


def parse_places(names: Sequence[str]) -> Places:
    """Read places from names such as `chr1:100-600` or `chr1_100_600`.

    Raises
    ------
    InputError
        A name has another form.

    Examples
    --------
    >>> found = parse_places(["chr1:100-600", "chrX-5-20"])
    >>> found, found.start.tolist()
    (Places(2 on 2 chromosomes), [100, 5])
    """
    rows = []
    for name in names:
        match = _PLACE.match(str(name))
        if match is None:
            raise InputError(
                f"{str(name)!r} names no place on a genome",
                where="var_names of the peaks",
                remedy="names such as 'chr1:100-600', or bed= with a line for each peak",
            )
        rows.append((str(name), match[1], int(match[2]), int(match[3]), True))
    return _places(rows)


def read_bed(path: str | Path) -> Places:
    """Read a BED file, plain or gzipped: chromosome, start, end and, if there, name and strand.

    Raises
    ------
    InputError
        A line has fewer than three columns, or its places are no numbers.
    """
    rows = []
    for number, line in _lines(Path(path)):
        if line.startswith(("track", "browser")):
            continue
        cells = line.split("\t")
        try:
            chromosome, start, end = cells[0], int(cells[1]), int(cells[2])
        except (IndexError, ValueError):
            raise InputError(
                "is no line of chromosome, start and end",
                where=f"{path}, line {number}",
                remedy="three or more columns, separated by tabs",
            ) from None
        name = cells[3] if cells[3:] else f"{chromosome}:{start}-{end}"
        rows.append((name, chromosome, start, end, cells[5] != "-" if cells[5:] else True))
    return _some(rows, path)


def read_gtf(path: str | Path) -> Places:
    """Read the genes of a GTF file, plain or gzipped.

    Genes are named by `gene_name`, or by `gene_id` where they have none. Of a name that occurs
    several times the first is taken.

    Raises
    ------
    InputError
        A line is damaged, or there is no line of the kind "gene".
    """
    rows, seen = [], set()
    for number, line in _lines(Path(path)):
        cells = line.split("\t")
        try:
            kind, start, end, strand = cells[2], int(cells[3]), int(cells[4]), cells[6]
            said = dict(_ATTRIBUTE.findall(cells[8]))
        except (IndexError, ValueError):
            raise InputError(
                "is no line of a GTF file",
                where=f"{path}, line {number}",
                remedy="nine columns, separated by tabs",
            ) from None
        name = said.get("gene_name") or said.get("gene_id", "")
        if kind == "gene" and name and name not in seen:
            seen.add(name)
            rows.append((name, cells[0], start - 1, end, strand != "-"))
    return _some(rows, path)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    check_file(path)
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rt") if zipped else path.open(encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                line = line.rstrip("\r\n")
                if line and not line.startswith("#"):
                    yield number, line
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise InputError(
            "is damaged, or is no text", where=str(path), cause=str(error), remedy="write it again"
        ) from error


def _some(rows: list[tuple[str, str, int, int, bool]], path: str | Path) -> Places:
    if not rows:
        raise InputError("names no place", where=str(path), cause="another kind of file")
    return _places(rows)


def _places(rows: Iterable[tuple[str, str, int, int, bool]]) -> Places:
    names, chromosomes, starts, ends, forward = zip(*rows, strict=True)
    return Places(
        tuple(names),
        np.asarray(chromosomes, dtype=str),
        np.asarray(starts, dtype=np.int64),
        np.asarray(ends, dtype=np.int64),
        np.asarray(forward, dtype=bool),
    )
