"""CrisisLexT26: tweets of 26 crises of 2012 and 2013, labelled by source, type and informativeness.

Reads the folder `data/CrisisLexT26` of https://github.com/sajao/CrisisLex as it is, or a flat copy.
Each event has `<event>-tweets_labeled.csv` and `<event>-event_description.json`.

Reference: Olteanu, Vieweg and Castillo, "What to expect when the unexpected happens", CSCW 2015.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.readers.files import check_file, unreadable
from priorlift.readers.labelled_texts import Event, LabelledTexts, object_vector

TWEETS = "-tweets_labeled.csv"
DESCRIPTION = "-event_description.json"
ID, TEXT = "Tweet ID", "Tweet Text"
KINDS = {
    "information_source": "Information Source",
    "information_type": "Information Type",
    "informativeness": "Informativeness",
}
MISSING = ("", "Not labeled")
LICENCE = "CrisisLexT26 (repository: MIT; texts: terms of the platform)"
CITATION = "Olteanu, Vieweg, Castillo: What to expect when the unexpected happens. CSCW 2015"


def read_crisislex(folder: str | Path) -> LabelledTexts:
    """Read the CrisisLexT26 collection.

    Parameters
    ----------
    folder : path
        Holds the files of the events, or one folder for each event.

    Returns
    -------
    LabelledTexts
        Kinds "information_source", "information_type" and "informativeness". "Not labeled" is a
        missing label. It is not missing at random: nearly all tweets that are not related lack a
        source and a type.

    Raises
    ------
    InputError
        The folder or a file is missing, a column is missing, or a row has another number of values.

    Notes
    -----
    UTF-8; what cannot be decoded becomes U+FFFD (two tweets of the published files).
    """
    root = Path(folder)
    if not root.is_dir():
        raise InputError(
            "is not a folder", where=str(root), remedy="pass the folder of CrisisLexT26"
        )
    tables = sorted(root.rglob(f"*{TWEETS}"), key=lambda path: path.name)
    if not tables:
        raise InputError(
            f"holds no file that ends in {TWEETS}",
            where=str(root),
            remedy="pass the folder of CrisisLexT26",
        )
    info: dict[str, Event] = {}
    rows: list[list[str]] = []
    events: list[str] = []
    for path in tables:
        name = path.name.removesuffix(TWEETS)
        if name in info:
            raise InputError(f"two files hold event {name!r}", where=str(path))
        info[name] = _event(name, path.with_name(name + DESCRIPTION))
        found = list(_rows(path))
        rows += found
        events += [name] * len(found)
    labels = {
        kind: object_vector(None if row[2 + at] in MISSING else row[2 + at] for row in rows)
        for at, kind in enumerate(KINDS)
    }
    return LabelledTexts(
        object_vector(row[1] for row in rows),
        object_vector(row[0] for row in rows),
        object_vector(events),
        labels,
        info,
        licence=LICENCE,
        citation=CITATION,
    )


def _rows(path: Path) -> Iterator[list[str]]:
    """Give identifier, text and one label of each kind for each row of a file."""
    check_file(path)
    wanted = (ID, TEXT, *KINDS.values())
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            reader = csv.reader(file, skipinitialspace=True)
            header = [name.strip() for name in next(reader, [])]
            for column in wanted:
                if column not in header:
                    error = UnknownNameError("column", column, header)
                    raise InputError(
                        f"column {column!r} is missing",
                        where=f"{path}, line 1",
                        remedy=str(error).partition("Remedy: ")[2].rstrip(".") or None,
                    )
            places = [header.index(column) for column in wanted]
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InputError(
                        f"has {len(row)} values, the header has {len(header)}",
                        where=f"{path}, line {reader.line_num}",
                        cause="a quotation mark that is missing or not doubled",
                    )
                yield [
                    row[places[0]].strip(),
                    row[places[1]],
                    *(row[p].strip() for p in places[2:]),
                ]
    except (OSError, csv.Error) as error:
        raise unreadable(path, error) from error


def _event(name: str, path: Path) -> Event:
    check_file(path)
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (OSError, ValueError) as error:
        raise InputError(f"is not JSON ({error})", where=str(path)) from error
    kinds = content.get("categorization") if isinstance(content, dict) else None
    if not isinstance(kinds, dict) or not isinstance(kinds.get("type"), str):
        raise InputError(
            'lacks "categorization" with a "type"', where=str(path), remedy="take the original file"
        )
    location = content.get("location")
    country = location.get("country") if isinstance(location, dict) else None
    return Event(
        name=name,
        title=str(content.get("name") or name),
        hazard=kinds["type"].strip(),
        hazard_group=str(kinds.get("sub_category") or "").strip(),
        hazard_category=str(kinds.get("category") or "").strip(),
        country=str(country or "").strip(),
    )
