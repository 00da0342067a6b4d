"""What several figures need: ends of intervals, the limits of an axis, a legend below."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from priorlift.core.errors import InputError
from priorlift.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

End: TypeAlias = float | None
Ends: TypeAlias = tuple[End, End]


def finite(ends: Ends) -> tuple[float, float]:
    """Return both ends as numbers; one that is not known is NaN, which is not drawn."""
    low, high = (math.nan if end is None else float(end) for end in ends)
    return low, high


def all_ends(intervals: Sequence[Ends]) -> list[float]:
    """Return the ends of all intervals in one list."""
    return [end for ends in intervals for end in finite(ends)]


def same_lengths(**columns: Sequence[Any]) -> None:
    """Refuse columns that are not as long as each other."""
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise InputError(f"a figure needs columns of one length, not {lengths}")


def widen(axes: "Axes", values: Sequence[End]) -> None:
    """Set the horizontal limits so that 0 and all values lie well inside."""
    known = [0.0, *(float(v) for v in values if v is not None and math.isfinite(v))]
    low, high = min(known), max(known)
    margin = 0.06 * (high - low) or 0.05
    axes.set_xlim(low - margin, high + margin)


def legend(figure: "Figure", handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Write a legend below the figure, in two columns where all labels are short."""
    columns = 2 if len(labels) > 1 and max(len(label) for label in labels) <= 24 else 1
    written = figure.legend(
        handles,
        [" "] * len(labels),
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=style.SMALL,
        labelcolor=style.INK,
        handlelength=2.6,
    )
    # Set afterwards: a legend leaves out a label that begins with an underscore.
    for text, label in zip(written.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        text.set_text(label)
