"""What the page of a multitask network says: which tasks learned from each other, and how far."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.plots.rankings import task_map
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.task_maps import FIT_A_PHONE, MOST_MAPPED
from priorlift.transfer.task_relation import TaskRelation

_EVEN = 0.05
_HOW = {
    "learned": "learned from the performance gap of each pair and the distance of their classes",
    "fixed": "fixed: 0.9 for the own task and the rest evenly",
    "uniform": "fixed: the same weight for all tasks",
    "none": "none: each head learns from its own task, and features are shared",
}


def relation_context(found: TaskRelation) -> dict[str, Any]:
    """Return what the template of a task relation needs."""
    valid = found.history.get("valid_loss", np.array([]))
    known = valid[np.isfinite(valid)]
    return {
        "title": _sentence(found),
        "sentence": _sentence(found),
        "facts": [
            ("Tasks", f"{len(found.names):,}"),
            ("Relation", _HOW[found.kind]),
            ("Epochs compared", f"{len(valid):,}"),
            ("Lowest validation loss", f"{known.min():.3f}" if len(known) else numbers.NONE),
        ],
        "alpha": _map(
            found,
            found.alpha,
            "Task relation",
            "How much the head of a row learns from the task of a column; rows sum to 1.",
        ),
        "gap": _map(
            found,
            found.gap,
            "Performance gap",
            "What models of two tasks, each trained on its own rows alone, lose on each other's "
            "task, in nats. It may be below 0 by chance.",
        ),
        "pairs": _pairs(found),
    }


def _sentence(found: TaskRelation) -> str:
    first = found.names[0]
    if len(found.names) == 1:
        return f"{first} was learned alone."
    if found.kind != "learned":
        return f"{first} was learned with {numbers.count(len(found.names) - 1, 'source')}."
    weights = dict(zip(found.names[1:], found.alpha[0, 1:].tolist(), strict=True))
    used = [name for name, weight in weights.items() if weight >= _EVEN]
    own = f"{100 * found.alpha[0, 0]:.0f} %"
    if not used:
        return f"The head of {first} learns from its own rows alone; the features are shared."
    best = max(used, key=weights.__getitem__)
    return (
        f"The head of {first} takes {own} from its own rows and most of the rest from {best} "
        f"({100 * weights[best]:.0f} %)."
    )


def _map(found: TaskRelation, values: NDArray[np.float64], title: str, caption: str) -> Plot:
    names = found.names[:MOST_MAPPED]
    shown = values[: len(names), : len(names)]
    beyond = len(found.names) - len(names)
    cut = f" Only the first {MOST_MAPPED} tasks are drawn." if beyond else ""
    spoken = "; ".join(
        f"{name}: {value:.2f}" for name, value in zip(names[:12], shown[0, :12], strict=True)
    )
    figure = task_map(names, names, shown, title)
    description = f"{len(names)} tasks. Row of {names[0]}: {spoken}."
    return plot(figure, title, description, f"{caption}{cut}", scrolls=len(names) > FIT_A_PHONE)


def _pairs(found: TaskRelation) -> Table:
    places = range(len(found.names))
    return Table(
        "pairs",
        "All ordered pairs of tasks",
        [
            Column("Task", heads=True),
            Column("Learns from", heads=True),
            Column("Weight", "number"),
            Column("Loss of its model there", "number"),
            Column("Gap", "number"),
            Column("Distance of classes", "number"),
        ],
        [
            [
                Cell(found.names[t]),
                Cell(found.names[k]),
                *(
                    number(f"{matrix[t, k]:.3f}", float(matrix[t, k]))
                    for matrix in (found.alpha, found.loss, found.gap, found.distance)
                ),
            ]
            for t in places
            for k in places
        ],
    )
