"""Texts with labels of several kinds: what the crisis readers return.

Each row is a message of an event, with labels of some kinds (information type, priority, ...), any
of which may be missing. `priorlift.readers.one_vs_rest` makes tasks of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.readers.text_keys import same_text, text_key

Conflicts: TypeAlias = Literal["drop", "majority"]


@dataclass(frozen=True)
class Event:
    """What is known of an event.

    Attributes
    ----------
    name : str
        By which rows refer to it; unique.
    title : str
        As people call it.
    hazard, hazard_group, hazard_category : str
        From fine to coarse, "Earthquake", "Geophysical" and "Natural", say; empty where not known.
    country : str
        Empty where not known.
    """

    name: str
    title: str = ""
    hazard: str = ""
    hazard_group: str = ""
    hazard_category: str = ""
    country: str = ""


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Messages of events with labels of several kinds; n rows, in the order of the files.

    Attributes
    ----------
    texts : ndarray of object (str), shape (n,)
        As in the file.
    ids : ndarray of object (str), shape (n,)
        Identifiers, as text: they are too long for a float.
    events : ndarray of object (str), shape (n,)
        The event of each row, a key of `event_info`.
    labels : mapping of str to ndarray of object, shape (n,)
        For each kind the label of each row: a string, a tuple of strings where a row can have
        several, None where it is missing.
    event_info : mapping of str to Event
        What is known of each event.
    licence, citation : str
        Carried into tasks and reports.
    """

    texts: NDArray[Any]
    ids: NDArray[Any]
    events: NDArray[Any]
    labels: Mapping[str, NDArray[Any]]
    event_info: Mapping[str, Event]
    licence: str = field(default="", kw_only=True)
    citation: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        for name, values in (("ids", self.ids), ("events", self.events), *self.labels.items()):
            if len(values) != len(self.texts):
                raise InputError(f"{len(self.texts)} texts, but {len(values)} {name}")

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.texts)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of labels."""
        return tuple(self.labels)

    @cached_property
    def keys(self) -> NDArray[Any]:
        """The key of each text (`text_key` of kind "tweet"), shape (n,): what splits go by."""
        return object_vector(text_key(text, "tweet") for text in self.texts)

    @cached_property
    def text_groups(self) -> NDArray[np.intp]:
        """One number a row, equal for copies of one text, shape (n,)."""
        return same_text(self.keys)

    @property
    def hazards(self) -> NDArray[Any]:
        """The hazard of each row's event, shape (n,)."""
        return object_vector(self.event_info[event].hazard for event in self.events)

    def of_kind(self, kind: str) -> NDArray[Any]:
        """Return the labels of a kind, naming the closest one if there is none.

        Raises
        ------
        UnknownNameError
            There is no such kind.
        """
        if kind not in self.labels:
            raise UnknownNameError("kind of label", kind, self.labels)
        return self.labels[kind]

    def counts(self, kind: str) -> dict[str | None, int]:
        """Return how many rows have each label of a kind, None for the missing, frequent first."""
        found: Counter[str | None] = Counter()
        for label in self.of_kind(kind):
            found.update(label if isinstance(label, tuple) else [label])
        return dict(found.most_common())

    def values(self, kind: str) -> tuple[str, ...]:
        """Return the labels of a kind, frequent first."""
        return tuple(label for label in self.counts(kind) if label is not None)

    def event_groups(self, by: str = "hazard") -> dict[str, tuple[str, ...]]:
        """Group the events by an attribute of `Event`.

        Parameters
        ----------
        by : {"name", "hazard", "hazard_group", "hazard_category", "country"}, default="hazard"
            What the events of a group have in common.

        Returns
        -------
        dict of str to tuple of str
            Names of the events; sorted.
        """
        groups: dict[str, list[str]] = {}
        for name, event in sorted(self.event_info.items()):
            groups.setdefault(str(getattr(event, by)), []).append(name)
        return {group: tuple(names) for group, names in sorted(groups.items())}

    def rows_of(self, events: Iterable[str] | None) -> NDArray[np.intp]:
        """Return the rows of some events; of all for None.

        Raises
        ------
        UnknownNameError
            There is no such event.
        """
        if events is None:
            return np.arange(self.n_rows)
        wanted = [events] if isinstance(events, str) else list(events)
        for event in wanted:
            if event not in self.event_info:
                raise UnknownNameError("event", event, self.event_info)
        return np.flatnonzero(np.isin(self.events.astype(str), wanted))

    def settled(
        self, kind: str, events: Iterable[str] | None = None, conflicts: Conflicts = "drop"
    ) -> tuple[NDArray[np.intp], NDArray[Any]]:
        """Return one labelled row for each distinct text.

        Parameters
        ----------
        kind : str
            Which labels.
        events : iterable of str, optional
            Only rows of these; by default of all.
        conflicts : {"drop", "majority"}, default="drop"
            What to do with a text whose labelled copies disagree: leave it out, or take the most
            frequent label (of several labels each that more than half of the copies have) and leave
            it out where two are equally frequent.

        Returns
        -------
        rows : ndarray of int, shape (k,)
            The first labelled row of each text, ascending.
        labels : ndarray of object, shape (k,)
            Its label, never None.
        """
        if conflicts not in ("drop", "majority"):
            raise InputError(f"conflicts is {conflicts!r}", remedy='"drop" or "majority"')
        given = self.of_kind(kind)
        copies: dict[int, list[int]] = {}
        for row in self.rows_of(events).tolist():
            if given[row] is not None:
                copies.setdefault(int(self.text_groups[row]), []).append(row)
        rows, labels = [], []
        for same in copies.values():
            label = _agreed([given[row] for row in same], conflicts)
            if label is not None:
                rows.append(same[0])
                labels.append(label)
        order = np.argsort(rows) if rows else np.zeros(0, dtype=np.intp)
        return np.asarray(rows, dtype=np.intp)[order], object_vector(labels)[order]

    def __repr__(self) -> str:
        kinds = ", ".join(self.labels)
        return f"LabelledTexts({self.n_rows} texts, {len(self.event_info)} events, labels: {kinds})"


def object_vector(values: Iterable[Any]) -> NDArray[Any]:
    """Return values as a vector of objects, tuples and strings left whole."""
    given = list(values)
    found = np.empty(len(given), dtype=object)
    for position, value in enumerate(given):
        found[position] = value
    return found


def _agreed(labels: Sequence[Any], conflicts: Conflicts) -> Any:
    distinct = Counter(labels)
    if len(distinct) == 1:
        return labels[0]
    if conflicts == "drop":
        return None
    if isinstance(labels[0], tuple):
        votes = Counter(value for label in labels for value in set(label))
        return tuple(sorted(value for value, n in votes.items() if 2 * n > len(labels)))
    (first, most), (_, next_most) = distinct.most_common(2)
    return first if most > next_most else None
