"""Tables of a page as plain values; one template macro draws them all, sortable and captioned."""

from collections.abc import Sequence
from dataclasses import dataclass

from priorlift.report.numbers import NONE


@dataclass(frozen=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
        What is read.
    sort : float, str or None
        What it is sorted by; by default its text. A None in a column of numbers stays last.
    note : str
        A second, smaller line.
    mark : str
        Name of a style: the verdict's word.
    sign : str
        A sign before the text that says the same as the text.
    """

    text: str
    sort: float | str | None = None
    note: str = ""
    mark: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    title : str
        Its header.
    kind : {"text", "number"}
        How it is sorted and aligned.
    heads : bool
        Whether its cells are the headers of their rows.
    wide : bool
        Whether it holds sentences.
    sorted_by : {"", "ascending", "descending"}
        How the rows stand at first.
    """

    title: str
    kind: str = "text"
    heads: bool = False
    wide: bool = False
    sorted_by: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    name : str
        Unique in the page.
    caption : str
        What it holds, in a phrase.
    columns : sequence of Column
    rows : sequence of sequence of Cell
        One cell a column.
    cards : bool
        Whether a narrow screen shows each row as a card instead of a table that scrolls.
    sortable : bool
        Whether its headers are buttons.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    cards: bool = False
    sortable: bool = True


def number(text: str, value: float | None, note: str = "") -> Cell:
    """Give a cell of a column of numbers; what is missing or NaN stays last when sorted."""
    known = value is not None and value == value
    return Cell(text, value if known else "", note, mark="empty" if text == NONE else "")
