"""The figure of performance gaps: both sides of each source, with interval and null."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from priorlift.plots import style
from priorlift.plots.parts import Ends, all_ends, finite, legend, same_lengths, widen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TARGET: dict[str, Any] = {"color": style.VERMILION, "marker": "o", "markersize": 8}
_SOURCE: dict[str, Any] = {
    "color": style.BLUE,
    "marker": "s",
    "markersize": 7,
    "markerfacecolor": style.PAPER,
    "markeredgewidth": 1.8,
}
_BAND = 0.22
_SHIFT = 0.18


def gap_sides(
    labels: Sequence[str],
    on_target: Sequence[float],
    target_intervals: Sequence[Ends],
    target_nulls: Sequence[Ends],
    on_source: Sequence[float],
    source_intervals: Sequence[Ends],
    source_nulls: Sequence[Ends],
    unit: str,
) -> "Figure":
    """Draw one row a source: its gap on the target above, that on the source below.

    Parameters
    ----------
    labels : sequence of str of length n_sources
        Names of the sources.
    on_target, on_source : sequences of float of length n_sources
        Gaps; above 0 the other domain's model loses.
    target_intervals, source_intervals : sequences of (float, float) of length n_sources
        Their intervals; NaN or None where none can be given.
    target_nulls, source_nulls : sequences of (float, float) of length n_sources
        Where gaps of one domain lie; NaN or None without permutations.
    unit : str
        What is lost, named below the axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the sequences differ in length.
    """
    same_lengths(
        labels=labels,
        on_target=on_target,
        target_intervals=target_intervals,
        target_nulls=target_nulls,
        on_source=on_source,
        source_intervals=source_intervals,
        source_nulls=source_nulls,
    )
    figure, axes = style.empty_figure(height=1.6 + 0.66 * max(1, len(labels)))
    style.rows_of_labels(axes, [str(label) for label in labels])
    axes.axvline(0, color=style.INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for row in range(len(labels)):
        _side(axes, row - _SHIFT, on_target[row], target_intervals[row], target_nulls[row], _TARGET)
        _side(axes, row + _SHIFT, on_source[row], source_intervals[row], source_nulls[row], _SOURCE)
    ends = [*target_intervals, *target_nulls, *source_intervals, *source_nulls]
    widen(axes, [*on_target, *on_source, *all_ends(ends)])
    axes.set_xlabel(
        f"lost by the other's model, in {unit}",
        fontsize=style.FONT_SIZE,
        color=style.INK,
        parse_math=False,
    )
    _keys(figure, nulls=any(not math.isnan(end) for end in all_ends([*target_nulls])))
    return figure


def _side(
    axes: "Axes", height: float, value: float, ends: Ends, null: Ends, look: dict[str, Any]
) -> None:
    low, high = finite(null)
    if not math.isnan(low) and not math.isnan(high):
        axes.broken_barh(
            [(low, high - low)],
            (height - _BAND / 2, _BAND),
            facecolor=style.GRID,
            edgecolor=style.MUTED,
            linewidth=0.8,
            zorder=1.5,
        )
    if not math.isfinite(value):
        return
    axes.plot(finite(ends), [height] * 2, color=look["color"], linewidth=2.2, solid_capstyle="butt")
    axes.plot([value], [height], **look)


def _keys(figure: "Figure", *, nulls: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[Any] = [Line2D([], [], linewidth=2.2, **look) for look in (_TARGET, _SOURCE)]
    names = ["gap on the target", "gap on the source"]
    if nulls:
        keys.append(Patch(facecolor=style.GRID, edgecolor=style.MUTED, linewidth=0.8))
        names.append("were they one domain")
    legend(figure, keys, names)
