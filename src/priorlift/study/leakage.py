"""Look for what makes a lift look larger than it is: leakage between rows, sources and labels.

Nothing is removed. Each finding is a warning that stands beside the verdicts.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.encoders.table import TableEncoder
from priorlift.pool import Source, SourcePool, Target, Task, align_source
from priorlift.study.design import Design
from priorlift.study.results import Warned

MAX_ROWS = 5_000
NEAR = 0.01
FEW_ROWS_A_CLASS = 10
GROUP_WORDS = {
    *("patient", "subject", "person", "participant", "donor", "batch", "event", "site"),
    *("hospital", "ward", "session", "user", "family", "household"),
}
# Tables with fewer possible rows than this many times their length repeat rows by chance.
ROOM = 100


def look_for_leakage(
    target: Target, pool: SourcePool, design: Design, task: Task
) -> tuple[Warned, ...]:
    """Return warnings about the data of a study.

    Parameters
    ----------
    target : Target
        The target.
    pool : SourcePool
        Its sources.
    design : Design
        How the target's rows are split.
    task : {"classification", "regression"}
        The target's kind of task.

    Notes
    -----
    Near duplicates are looked for among at most 5,000 rows a side, exact ones among all; O(n m)
    time.
    """
    found = [
        *_label_among_features(target),
        *_groups_missing(target),
        *_few_labels(target, design, task),
    ]
    found += [
        Warned(
            "unusable source",
            f"source {name!r} could not be read: {reason}",
            "mend the file or leave it out",
        )
        for name, reason in pool.unusable.items()
    ]
    encoder = TableEncoder() if _tells_rows_apart(target) else None
    encoded = None if encoder is None else encoder.fit_transform(target.X)
    for source in pool:
        found += _shared_groups(target, source)
        try:
            aligned = align_source(source, target.columns, arrays.n_columns(target.X))
            if aligned.n_dropped:
                found.append(_dropped_columns(source, aligned.n_dropped))
            if encoder is not None and encoded is not None:
                found += _duplicates(encoded, np.asarray(encoder.transform(aligned.X)), source.name)
        except InputError:
            continue  # the plan lists why this source is skipped
    if encoded is not None:
        found += _repeated_rows(encoded)
    return tuple(found)


def _tells_rows_apart(target: Target) -> bool:
    """Tell whether equal rows are a sign of copies: not in a table of a few categories."""
    kind = arrays.kind_of(target.X)
    if kind == "frame":
        columns = [arrays.column_values(target.X, str(name)) for name in target.columns or ()]
        distinct = [len({str(value) for value in column}) for column in columns]
    elif kind == "dense":
        distinct = [len(np.unique(column)) for column in np.asarray(target.X).T]
    else:
        return False
    return float(np.log(distinct).sum()) > float(np.log(ROOM * target.n_rows))


def _duplicates(
    target: NDArray[np.float64], source: NDArray[np.float64], name: str
) -> Iterator[Warned]:
    exact = _rows_in(target, source)
    if exact.any():
        yield Warned(
            "duplicates",
            f"{int(exact.sum())} of {len(target)} target rows stand in source {name!r} too",
            "remove them from the source: a lift from copies does not carry over to new rows",
        )
    near = _near(target[~exact], source)
    if near:
        yield Warned(
            "near duplicates",
            f"{near} of {min(int((~exact).sum()), MAX_ROWS)} target rows examined have a near copy "
            f"in source {name!r}",
            "check whether rows of the source were derived from the target's",
        )


def _rows_in(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    known = {row.tobytes() for row in np.ascontiguousarray(others.round(9) + 0.0)}
    return np.array(
        [row.tobytes() in known for row in np.ascontiguousarray(rows.round(9) + 0.0)], dtype=bool
    )


def _near(target: NDArray[np.float64], source: NDArray[np.float64]) -> int:
    """Count target rows 100 times closer to a source row than target rows are to each other."""
    rows, others = target[_sample(len(target))], source[_sample(len(source))]
    if len(rows) < 3 or rows.shape[1] < 2:
        return 0
    within = NearestNeighbors(n_neighbors=2).fit(rows).kneighbors(rows)[0][:, 1]
    between = NearestNeighbors(n_neighbors=1).fit(others).kneighbors(rows)[0][:, 0]
    return int((between < NEAR * np.median(within)).sum())


def _sample(n: int) -> NDArray[np.intp]:
    return (
        np.unique(np.linspace(0, n - 1, min(n, MAX_ROWS)).astype(np.intp))
        if n
        else np.empty(0, np.intp)
    )


def _repeated_rows(encoded: NDArray[np.float64]) -> Iterator[Warned]:
    counts = Counter(row.tobytes() for row in np.ascontiguousarray(encoded.round(9) + 0.0))
    repeated = sum(count - 1 for count in counts.values())
    if repeated:
        yield Warned(
            "duplicates",
            f"{repeated} of {len(encoded)} target rows repeat an earlier one, so copies may stand "
            "in training and test rows",
            "remove the copies, or name a group column that keeps them together",
        )


def _dropped_columns(source: Source, n_dropped: int) -> Warned:
    return Warned(
        "dropped columns",
        f"{n_dropped} columns of source {source.name!r} are not in the target and were left out",
        "none is needed, unless the names should have matched",
    )


def _shared_groups(target: Target, source: Source) -> Iterator[Warned]:
    if target.groups is None or source.groups is None:
        return
    shared = np.intersect1d(target.groups.astype(str), source.groups.astype(str))
    if len(shared):
        shown = ", ".join(repr(group) for group in shared[:3].tolist())
        yield Warned(
            "groups on both sides",
            f"{len(shared)} groups are in the target and in source {source.name!r}: {shown}",
            "remove them from the source if they are the same patients, subjects or events",
        )


def _label_among_features(target: Target) -> Iterator[Warned]:
    labels = target.y[target.labelled]
    codes = np.unique([str(value) for value in labels.tolist()], return_inverse=True)[1]
    n_labels = int(codes.max(initial=-1)) + 1
    if n_labels < 2:
        return
    for name, column in _columns(target):
        values = np.unique(column, return_inverse=True)[1]
        recoded = n_labels < len(codes) and values.max() + 1 == n_labels
        one_to_one = (
            recoded and len(set(zip(values.tolist(), codes.tolist(), strict=True))) == n_labels
        )
        if one_to_one or _on_a_line(column, labels):
            yield Warned(
                "label among features",
                f"column {name!r} gives the label away: each value goes with one label",
                "leave the column out, unless it is known before the label is",
            )


def _columns(target: Target) -> Iterator[tuple[str, NDArray[Any]]]:
    """Give the columns of the labelled rows, each an array of numbers or of text."""
    rows = arrays.take_rows(target.X, target.labelled)
    if target.columns is None:
        if arrays.kind_of(target.X) == "dense":
            yield from ((str(place), column) for place, column in enumerate(np.asarray(rows).T))
        return
    for name in target.columns:
        values = arrays.column_values(rows, name)
        numbers = all(isinstance(value, int | float) for value in values)
        yield name, np.array(values if numbers else [str(value) for value in values])


def _on_a_line(column: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Tell whether numeric labels are the column times a number plus another."""
    if column.dtype.kind not in "fiu" or labels.dtype.kind not in "fiu" or len(labels) < 3:
        return False
    x, y = column - column.mean(dtype=float), labels - labels.mean(dtype=float)
    squares = float(x @ x) * float(y @ y)
    return squares > 0 and float(x @ y) ** 2 > (1 - 1e-12) * squares


def _groups_missing(target: Target) -> Iterator[Warned]:
    if target.groups is not None or target.columns is None:
        return
    for name in target.columns:
        if GROUP_WORDS & set(re.split(r"[^a-z]+", name.lower())):
            values = [str(value) for value in arrays.column_values(target.X, name)]
            if 1 < len(set(values)) < len(values):
                yield Warned(
                    "groups missing",
                    f"column {name!r} looks like a group, but no group column was named",
                    f"pass groups (--groups {name}), so that no group is in training and test rows",
                )


def _few_labels(target: Target, design: Design, task: Task) -> Iterator[Warned]:
    y = target.y[target.labelled]
    if task == "classification":
        classes, counts = np.unique(y, return_counts=True)
        if counts.min() < FEW_ROWS_A_CLASS:
            rare = classes[int(np.argmin(counts))]
            yield Warned(
                "few labels",
                f"class {arrays.plain(rare)!r} has {int(counts.min())} labelled rows",
                "label more rows of it; intervals for rare classes are rough",
            )
    if design.kind == "scarce target" and len(y) < 100:
        yield Warned(
            "few labels",
            f"{len(y)} labelled rows show large lifts only; 'not shown' is the usual answer here",
            "see 'labels to settle' beside each verdict",
        )
