"""One-vs-rest tasks of labelled texts: "has this label", for each label and group of events.

A text that was copied occurs once in a task. All tasks of one kind over the same events are tasks
over the same rows, so that features are computed once for all of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Source, SourcePool, TaskData
from priorlift.readers.labelled_texts import Conflicts, LabelledTexts

TaskT = TypeVar("TaskT", bound=TaskData)

MIN_POSITIVE = 20


def one_vs_rest_task(
    texts: LabelledTexts,
    kind: str,
    value: str,
    events: Iterable[str] | None = None,
    *,
    make: Callable[..., TaskT] = Source,  # type: ignore[assignment]
    conflicts: Conflicts = "drop",
    name: str | None = None,
) -> TaskT:
    """Return the binary task "has this label", 1, or another one, 0.

    Parameters
    ----------
    texts : LabelledTexts
        From a reader.
    kind, value : str
        The kind of labels, and the label that is asked for.
    events : iterable of str, optional
        Rows of these only. A target and a source over the same events share texts: take different
        events, or judge the target on texts that no source holds.
    make : {Source, Target}, default=Source
        What to make.
    conflicts : {"drop", "majority"}, default="drop"
        As in `LabelledTexts.settled`.
    name : str, optional
        By default the label.

    Returns
    -------
    Source or Target
        X holds each distinct text once, as an array of strings; y is 0 or 1; `groups` are the
        events. Rows whose label is missing are left out.

    Raises
    ------
    UnknownNameError
        There is no such kind, label or event.
    InputError
        The events hold no labelled text.
    """
    if value not in texts.values(kind):
        raise UnknownNameError(f"label of {kind}", value, texts.values(kind))
    rows, labels = texts.settled(kind, events, conflicts)
    return _task(texts, kind, value, rows, labels, make, name or value)


def _task(
    texts: LabelledTexts,
    kind: str,
    value: str,
    rows: NDArray[np.intp],
    labels: NDArray[Any],
    make: Callable[..., TaskT],
    name: str,
) -> TaskT:
    if not len(rows):
        raise InputError(f"the events hold no text with a label of {kind}", where=f"task {name!r}")
    return make(
        name,
        texts.texts[rows],
        _is(labels, value),
        groups=texts.events[rows].astype(str),
        task="classification",
        licence=texts.licence,
        description=f"{kind}: {value}, or another",
    )


def _is(labels: NDArray[Any], value: str) -> NDArray[np.int64]:
    return np.asarray(
        [value in label if isinstance(label, tuple) else label == value for label in labels],
        dtype=np.int64,
    )


def one_vs_rest_tasks(
    texts: LabelledTexts,
    kinds: Sequence[str] | None = None,
    event_groups: Mapping[str, Sequence[str]] | None = None,
    *,
    conflicts: Conflicts = "drop",
    min_positive: int = MIN_POSITIVE,
) -> SourcePool:
    """Return a task for each label of some kinds, and each group of events, as sources.

    Parameters
    ----------
    texts : LabelledTexts
        From a reader.
    kinds : sequence of str, optional
        By default all.
    event_groups : mapping of str to sequence of str, optional
        Named groups of events, as from `LabelledTexts.event_groups`; by default one of
        all events.
    conflicts : {"drop", "majority"}, default="drop"
        As in `LabelledTexts.settled`.
    min_positive : int, default=20
        A task with fewer texts on either side is left out.

    Returns
    -------
    SourcePool
        Sources named "label", or "label @ group"; what was left out is in `unusable`. A label that
        occurs in two kinds is named "kind: label".

    Notes
    -----
    O(rows x tasks). Tasks of one kind over one group share one X.
    """
    chosen = list(texts.kinds if kinds is None else kinds)
    in_kinds = Counter(value for kind in chosen for value in texts.values(kind))
    sources: list[Source] = []
    left_out: dict[str, str] = {}
    everything: Mapping[str, Sequence[str] | None] = {"": None}
    for group, events in (event_groups or everything).items():
        for kind in chosen:
            rows, labels = texts.settled(kind, events, conflicts)
            for value in texts.values(kind):
                name = f"{kind}: {value}" if in_kinds[value] > 1 else value
                name += f" @ {group}" if group else ""
                positive = int(_is(labels, value).sum())
                if min(positive, len(rows) - positive) < min_positive:
                    left_out[name] = f"{positive} of {len(rows)} texts have the label"
                else:
                    sources.append(_task(texts, kind, value, rows, labels, Source, name))
    return SourcePool(sources, unusable=left_out)
