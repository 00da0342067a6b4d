"""TREC Incident Streams (2018 to 2021), for those who have its files.

The track labels tweets of crises with information types, several each, and a priority. Its labels
are public, its tweets have to be fetched by their identifiers. What is read here was taken from
public code that reads the files, not from a description of the format:

- `assr1.test` to `assr6.test` of 2018: one JSON object, `events` with `eventid` and `tweets`, each
  with `postID`, `categories` and `priority`;
- the label files of 2019 and later (`TRECIS_2018_2019-labels.json`, say): a list of records with
  `eventID`, `postID`, `postCategories` and `postPriority`, or one record a line;
- the collected files of 2021 (`TRECIS-2018-2020B.json.gz`): `events` with `trecisid` and `tweets`,
  which carry `postText` as well;
- tweets as one JSON object a line: as the platform gave them (`id_str`, `full_text` or `text`), or
  with these fields under `allProperties`, as the track's client writes them.

Names of types lost and gained their first half over the years ("Request-SearchAndRescue"); only the
second half is kept, so that the years fit together.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from priorlift.core.errors import InputError
from priorlift.readers.files import check_file, unreadable
from priorlift.readers.labelled_texts import Event, LabelledTexts, object_vector

PRIORITIES = ("Low", "Medium", "High", "Critical")
ENDINGS = (".json", ".jsonl", ".test", ".json.gz", ".jsonl.gz")
EVENT_KEYS = ("eventid", "eventID", "trecisid")
CATEGORY_KEYS = ("categories", "postCategories")
PRIORITY_KEYS = ("priority", "postPriority")
TEXT_KEYS = ("full_text", "text", "postText")
ID_KEYS = ("id_str", "postID", "id")
CITATION = "McCreadie, Buntain, Soboroff: TREC Incident Streams. ISCRAM 2019"
LICENCE = "TREC-IS (labels: NIST; texts: terms of the platform)"


def read_trec_is(
    labels: str | Path | Sequence[str | Path],
    tweets: str | Path | Sequence[str | Path] | None = None,
    *,
    hazards: Mapping[str, str] | None = None,
) -> LabelledTexts:
    """Read labels of TREC-IS and the texts that they belong to.

    Parameters
    ----------
    labels : path or sequence of paths
        Files, or folders of files, in any of the layouts above; `.gz` is unpacked.
    tweets : path or sequence of paths, optional
        Files or folders of tweets. Not needed where the label files carry the texts.
    hazards : mapping of str to str, optional
        The hazard of each event; by default the `eventType` of its records.

    Returns
    -------
    LabelledTexts
        Kinds "information_type", a tuple of names, and "priority", one of "Low", "Medium", "High"
        and "Critical". One row for each label given to a post whose text is known: a post that
        several people labelled has several rows, which `LabelledTexts.settled` settles.

    Raises
    ------
    InputError
        A file is missing or not in one of the layouts, or no labelled post has a text.
    """
    texts: dict[str, str] = {}
    for path in _files(tweets):
        for place, record in _records(path):
            identifier, text = _tweet(record)
            if identifier is None or text is None:
                raise InputError("holds no tweet with an identifier and a text", where=place)
            texts[identifier] = text
    rows: list[tuple[str, str, str, tuple[str, ...] | None, str | None]] = []
    types: dict[str, str] = {}
    n_posts = 0
    for path in _files(labels):
        for place, event, post in _posts(path):
            n_posts += 1
            identifier = _identifier(post, ("postID",))
            if identifier is None:
                raise InputError("a post has no 'postID'", where=place)
            kinds = _categories(_first(post, CATEGORY_KEYS), place)
            types.setdefault(event, str(post.get("eventType") or ""))
            text = texts.get(identifier, post.get("postText"))
            if isinstance(text, str):
                rows.append((text, identifier, event, kinds, _priority(post)))
    if not rows:
        raise InputError(
            f"none of {n_posts} labelled posts has a text",
            where=str(labels),
            remedy="pass the files of the tweets, fetched by their identifiers, as tweets=",
        )
    found, ids, events, types_of, priorities = map(object_vector, zip(*rows, strict=True))
    named = dict(hazards or {})
    info = {name: Event(name, name, named.get(name, types[name])) for name in sorted(set(events))}
    kinds_of = {"information_type": types_of, "priority": priorities}
    return LabelledTexts(found, ids, events, kinds_of, info, licence=LICENCE, citation=CITATION)


def _files(given: str | Path | Sequence[str | Path] | None) -> Iterator[Path]:
    if given is None:
        return
    for path in [Path(p) for p in ([given] if isinstance(given, str | Path) else given)]:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.iterdir() if p.name.lower().endswith(ENDINGS))
        if not found:
            raise InputError(f"holds no file ending in {', '.join(ENDINGS)}", where=str(path))
        yield from found


def _text(path: Path) -> str:
    check_file(path)
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.name.lower().endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error
    return data.decode("utf-8-sig", errors="replace")


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """Give the values of a file, each with its place: a whole JSON value, or one a line."""
    text = _text(path)
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if whole is not None:
        for number, record in enumerate(whole if isinstance(whole, list) else [whole]):
            yield f"{path}, record {number}", record
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"{path}, line {number}", json.loads(line)
            except ValueError as error:
                raise InputError(
                    f"is not JSON ({error})",
                    where=f"{path}, line {number}",
                    cause="an interrupted download, or another kind of file",
                ) from error


def _posts(path: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for place, record in _records(path):
        groups = record.get("events") if isinstance(record, dict) else None
        if not isinstance(groups, list):
            yield place, *_with_event(record, record, place)
            continue
        for group in groups:
            posts = group.get("tweets") if isinstance(group, dict) else None
            if not isinstance(posts, list):
                raise InputError("an event has no list of 'tweets'", where=place)
            for post in posts:
                yield place, *_with_event(group, post, place)


def _with_event(group: Any, post: Any, place: str) -> tuple[str, Mapping[str, Any]]:
    event = _first(group, EVENT_KEYS) if isinstance(group, dict) else None
    if not isinstance(post, dict) or not isinstance(event, str):
        raise InputError(
            f"is no post with an event ({', '.join(EVENT_KEYS)})",
            where=place,
            remedy="pass a label file of TREC-IS as it was published",
        )
    return event, post


def _first(record: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)


def _identifier(record: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    found = _first(record, keys)
    if isinstance(found, bool) or not isinstance(found, str | int):
        # A float has lost the last digits.
        return None
    return str(found).strip()


def _tweet(record: Any) -> tuple[str | None, str | None]:
    if not isinstance(record, dict):
        return None, None
    inner = record.get("allProperties")
    for part in (inner, record):
        if isinstance(part, dict):
            text = _first(part, TEXT_KEYS)
            identifier = _identifier(part, ID_KEYS) or _identifier(record, ID_KEYS)
            if isinstance(text, str) and identifier is not None:
                return identifier, text
    return None, None


def _categories(given: Any, place: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InputError("categories are no list of names", where=place)
    return tuple(sorted({name.rpartition("-")[2].strip() for name in given})) or None


def _priority(post: Mapping[str, Any]) -> str | None:
    found = str(_first(post, PRIORITY_KEYS) or "").strip().capitalize()
    return found if found in PRIORITIES else None
