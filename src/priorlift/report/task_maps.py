"""Maps of tasks on a page: a row a target, a column a source, with a text alternative."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from priorlift.plots.rankings import task_map
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale

MOST_MAPPED = 40
FIT_A_PHONE = 4

_SPOKEN = 12


def map_of_tasks(
    values: Mapping[tuple[str, str], float | None],
    targets: Sequence[str],
    sources: Sequence[str],
    *,
    what: str,
    chosen: Mapping[str, str | None],
    caption: str,
) -> Plot | None:
    """Draw values of pairs as a map; None where no value is known.

    Parameters
    ----------
    values : mapping of (target, source) to float or None
        What is drawn.
    targets, sources : sequence of str
        Rows and columns; of more than 40, the first 40.
    what : str
        Title.
    chosen : mapping of str to str or None
        The source of each target that is marked.
    caption : str
        What a reader should know.
    """
    if not any(numbers.finite(value) for value in values.values()):
        return None
    rows, columns = list(targets[:MOST_MAPPED]), list(sources[:MOST_MAPPED])
    matrix = np.full((len(rows), len(columns)), math.nan)
    for i, target in enumerate(rows):
        for j, source in enumerate(columns):
            value = values.get((target, source))
            matrix[i, j] = math.nan if value is None else value
    marked = _places(rows, columns, chosen)
    scale = Scale.of(value for value in values.values())
    spoken = [
        f"{target}: {source}, {scale.signed(values.get((target, source)))}"
        for target, source in list(chosen.items())[:_SPOKEN]
        if source is not None
    ]
    rest = len([source for source in chosen.values() if source]) - len(spoken)
    more = f"; and {rest} more, in the table" if rest > 0 else ""
    marks = " The mark shows the source that is chosen for the target." if marked else ""
    return plot(
        task_map(rows, columns, matrix, what, chosen=marked),
        what,
        f"{len(rows)} targets and {len(columns)} sources. "
        f"{'Chosen: ' + '; '.join(spoken) + more if spoken else 'None is chosen'}.",
        f"{caption}{marks}{_cut(targets, sources)}",
        scrolls=len(columns) > FIT_A_PHONE,
    )


def in_one_order(targets: Sequence[str], sources: Collection[str]) -> list[str]:
    """Return the sources, those that are targets too first and in the targets' order."""
    known = [name for name in targets if name in sources]
    return [*known, *(name for name in sources if name not in known)]


def _places(
    rows: Sequence[str], columns: Sequence[str], chosen: Mapping[str, str | None]
) -> list[tuple[int, int]]:
    place = {name: j for j, name in enumerate(columns)}
    found = [(i, chosen.get(target)) for i, target in enumerate(rows)]
    return [(i, place[source]) for i, source in found if source is not None and source in place]


def _cut(targets: Sequence[str], sources: Sequence[str]) -> str:
    beyond = max(len(targets), len(sources)) - MOST_MAPPED
    return f" Only the first {MOST_MAPPED} tasks are drawn." if beyond > 0 else ""
