"""The figures of rankings: what is expected of sources, and maps of scores and of tasks."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.cell_map import cell_map
from priorlift.plots.parts import Ends, all_ends, finite, legend, same_lengths, widen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def predicted_lifts(
    labels: Sequence[str],
    means: Sequence[float],
    intervals: Sequence[Ends],
    chances: Sequence[float | None],
    unit: str,
    *,
    measured: Sequence[float] | None = None,
    measured_intervals: Sequence[Ends] | None = None,
) -> "Figure":
    """Draw one row a source: its predicted lift, P(lift > 0), and what was measured beside it.

    Parameters
    ----------
    labels : sequence of str of length n_sources
        Names of the sources.
    means : sequence of float of length n_sources
        Predicted lifts; NaN where none is known, then only what was measured is drawn.
    intervals : sequence of (float, float) of length n_sources
        Their ends; NaN or None where they are not known.
    chances : sequence of float or None of length n_sources
        P(lift > 0), in [0, 1]; written at the right edge.
    unit : str
        Named below the axis; empty where it is not known.
    measured, measured_intervals : sequences of length n_sources, optional
        Measured lifts and their intervals.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the sequences differ in length.
    """
    truth = [math.nan] * len(labels) if measured is None else list(measured)
    ends = [(None, None)] * len(labels) if measured_intervals is None else measured_intervals
    same_lengths(
        labels=labels,
        means=means,
        intervals=intervals,
        chances=chances,
        measured=truth,
        measured_intervals=ends,
    )
    figure, axes = style.empty_figure(height=1.35 + 0.5 * max(1, len(labels)))
    style.rows_of_labels(axes, [str(label) for label in labels])
    axes.axvline(0, color=style.INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    both = measured is not None and any(math.isfinite(mean) for mean in means)
    shift = 0.16 if both else 0.0
    for row, chance in enumerate(chances):
        _row(axes, row - shift, means[row], intervals[row], _PREDICTED)
        _row(axes, row + shift, truth[row], ends[row], _MEASURED)
        if chance is not None:
            _at_right(axes, row, f"{100 * chance:.0f} %", style.INK)
    if any(chance is not None for chance in chances):
        _at_right(axes, -0.5, "P(lift > 0)", style.MUTED, rise=9.0)
    widen(axes, [*means, *truth, *all_ends(intervals), *all_ends(ends)])
    axes.set_xlabel(
        f"lift in {unit}" if unit else "lift",
        fontsize=style.FONT_SIZE,
        color=style.INK,
        parse_math=False,
    )
    if both:
        from matplotlib.lines import Line2D

        keys = [Line2D([], [], linewidth=2.2, **look) for look in (_PREDICTED, _MEASURED)]
        legend(figure, keys, ["predicted, its interval", "measured, its interval"])
    return figure


def score_agreement(
    names: Sequence[str], correlations: ArrayLike, kendall_w: float | None
) -> "Figure":
    """Draw the rank correlation of each two scores.

    Parameters
    ----------
    names : sequence of str of length n_scores
        Names of the scores.
    correlations : array-like of shape (n_scores, n_scores)
        In [-1, 1]; NaN where two scores cannot be compared. The diagonal is left empty.
    kendall_w : float or None
        Agreement of all, named in the title.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the matrix has another shape.
    """
    values = _matrix(names, names, correlations)
    values[np.diag_indices(len(names))] = math.nan
    known = kendall_w is not None and math.isfinite(kendall_w)
    title = f"Kendall's W = {kendall_w:.2f}" if known else "Kendall's W is not known"
    below = "rank correlation of two scores over the sources"
    return cell_map(names, names, values, title=title, below=below, scale=1.0)


def task_map(
    targets: Sequence[str],
    sources: Sequence[str],
    values: ArrayLike,
    what: str,
    *,
    chosen: Collection[tuple[int, int]] = (),
) -> "Figure":
    """Draw a map of tasks: a row a target, a column a source.

    Blue is above 0 and orange below, stronger in five steps; a dash marks what is below 0, so that
    the sign is told without colour. Up to 12 columns the values themselves are printed.

    Parameters
    ----------
    targets, sources : sequence of str
        Of the rows and columns.
    values : array-like of shape (n_targets, n_sources)
        NaN is left empty.
    what : str
        What the values are, for the title.
    chosen : collection of (int, int)
        Cells, as (row, column), that are marked.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the matrix has another shape.
    """
    found = _matrix(targets, sources, values)
    scale = float(np.nanmax(np.abs(found), initial=0.0)) or 1.0
    below = "a row a target, a column a source"
    return cell_map(targets, sources, found, title=what, below=below, scale=scale, chosen=chosen)


_PREDICTED: dict[str, Any] = {
    "color": style.BLUE,
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": style.PAPER,
    "markeredgewidth": 1.8,
}
_MEASURED: dict[str, Any] = {"color": style.INK, "marker": "s", "markersize": 7}


def _row(axes: "Axes", height: float, value: float, ends: Ends, look: dict[str, Any]) -> None:
    if not math.isfinite(value):
        return
    colour = look["color"]
    axes.plot(finite(ends), [height] * 2, color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot([value], [height], **look)


def _at_right(axes: "Axes", row: float, text: str, colour: str, rise: float = 0.0) -> None:
    axes.annotate(
        text,
        (1, row),
        (10, rise),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="left",
        va="center_baseline",
        fontsize=style.FONT_SIZE,
        color=colour,
        annotation_clip=False,
    )


def _matrix(rows: Sequence[str], columns: Sequence[str], values: ArrayLike) -> NDArray[np.float64]:
    found = np.array(values, dtype=float)
    if found.shape != (len(rows), len(columns)):
        raise InputError(
            f"a map of {len(rows)} rows and {len(columns)} columns cannot be drawn from an array "
            f"of shape {found.shape}"
        )
    found[~np.isfinite(found)] = math.nan
    return found
