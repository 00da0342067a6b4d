"""Lifts of many tasks at a glance: coloured where a verdict is settled, neutral elsewhere.

A map in which every estimate had a colour would look like an answer everywhere. Only cells whose
verdict is settled are coloured; the others keep their number in a muted ink and a dashed frame, and
what was not measured is left empty.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.cell_map import MINUS, MOST_PRINTED, cell_map
from priorlift.plots.parts import legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HALF = 0.46


def lift_map(
    tasks: Sequence[str],
    columns: Sequence[str],
    values: ArrayLike,
    settled: ArrayLike,
    metric: str,
) -> "Figure":
    """Draw a map of lifts: a row a task, a column a way to transfer.

    Parameters
    ----------
    tasks, columns : sequence of str
        Of the rows and columns.
    values : array-like of shape (n_tasks, n_columns)
        Lifts; NaN, what was not measured, is left empty.
    settled : array-like of bool, shape (n_tasks, n_columns)
        Whether the verdict says something; where it is False the cell is neutral.
    metric : str
        Unit of the lifts, for the title.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        A matrix has another shape.
    """
    lifts = np.asarray(values, dtype=np.float64)
    proved = np.asarray(settled, dtype=bool)
    if lifts.shape != (len(tasks), len(columns)) or proved.shape != lifts.shape:
        raise InputError(
            f"a map of {len(tasks)} tasks and {len(columns)} columns needs matrices of that shape, "
            f"not {lifts.shape} and {proved.shape}"
        )
    neutral = np.isfinite(lifts) & ~proved
    coloured = np.where(proved, lifts, np.nan)
    scale = float(np.nanmax(np.abs(coloured), initial=0.0)) or 1.0
    title, below = f"Lift in {metric}", "a row a task, a column a way to transfer"
    figure = cell_map(tasks, columns, coloured, title=title, below=below, scale=scale)
    _draw_neutral(figure, neutral)
    if len(columns) <= MOST_PRINTED:
        _print_muted(figure, lifts, neutral)
    return figure


def _draw_neutral(figure: "Figure", neutral: NDArray[np.bool_]) -> None:
    from matplotlib.patches import Patch, PathPatch
    from matplotlib.path import Path

    places = np.argwhere(neutral)[:, ::-1]
    if not len(places):
        return
    corners = _HALF * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    path = Path((places[:, None, :] + corners).reshape(-1, 2), codes * len(places))
    look: dict[str, Any] = {
        "fill": False,
        "edgecolor": style.MUTED,
        "linewidth": 0.8,
        "linestyle": (0, (2, 3)),
    }
    figure.axes[0].add_patch(PathPatch(path, **look))
    handles: list[Any] = [Patch(**look)]
    labels = ["not shown (dashed, no colour)"]
    for earlier in list(figure.legends):
        handles = [*earlier.legend_handles, *handles]
        labels = [*(text.get_text() for text in earlier.get_texts()), *labels]
        earlier.remove()
    legend(figure, handles, labels)


def _print_muted(figure: "Figure", lifts: NDArray[np.float64], neutral: NDArray[np.bool_]) -> None:
    decimals = 2 if np.nanmax(np.abs(lifts), initial=0.0) >= 0.095 else 3
    for row, column in np.argwhere(neutral):
        value = round(float(lifts[row, column]), decimals) + 0.0
        figure.axes[0].annotate(
            f"{value:+.{decimals}f}".replace("-", MINUS) if value else "0",
            (column, row),
            ha="center",
            va="center_baseline",
            fontsize=style.SMALL,
            color=style.MUTED,
            annotation_clip=False,
        )
