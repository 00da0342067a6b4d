"""A matrix as a map of coloured cells that can be read without seeing the colours.

Colours are the palette's blue and orange at five strengths over the page, so that they follow the
reader's scheme; what is below 0 has its sign printed or a dash. All cells of one strength are a
single path, so the map of many tasks stays a small file.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from priorlift.plots import style
from priorlift.plots.parts import legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PRINTED = 12
"""Columns up to which values are printed in their cells."""

LEVELS = 5
LONGEST_NAME = 22
MINUS = "\N{MINUS SIGN}"

_STRONGEST = {True: 0.5, False: 0.95}  # ink has to be readable on the strongest printed cell
_HALF = 0.46


def cell_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: NDArray[np.float64],
    *,
    title: str,
    below: str,
    scale: float,
    chosen: Collection[tuple[int, int]] = (),
    signed: bool = True,
) -> "Figure":
    """Draw a map of cells.

    Parameters
    ----------
    rows, columns : sequence of str
        Their names; long ones are cut.
    values : ndarray of shape (n_rows, n_columns)
        NaN is left empty.
    title, below : str
        Written above and below.
    scale : float
        Magnitude, above 0, of the strongest colour.
    chosen : collection of (int, int)
        Cells, as (row, column), that are marked.
    signed : bool
        Whether printed values have their sign; shares, say, need none.
    """
    longest = max((len(short(name)) for name in columns), default=1)
    printed = len(columns) <= MOST_PRINTED
    height = (0.36 if printed else 0.21) * max(1, len(rows))
    figure, axes = style.empty_figure(height=1.1 + 0.09 * longest + height)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(-0.5, max(1, len(columns)) - 0.5)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    _write_names(axes, rows, columns)
    _draw_cells(axes, values, scale, printed)
    if printed:
        _print_values(axes, values, signed)
    else:
        _draw_dashes(axes, values < 0.0)
    _mark(axes, chosen, printed)
    axes.set_xlabel(below, fontsize=style.SMALL, color=style.MUTED, parse_math=False)
    axes.set_title(
        title,
        loc="left",
        pad=18 + 5.8 * longest,
        fontsize=style.FONT_SIZE + 1,
        color=style.INK,
        parse_math=False,
    )
    _explain_colours(figure, values, scale, printed, signed)
    return figure


def short(name: str) -> str:
    """Cut a long name.

    Examples
    --------
    >>> short("a" * 30)
    'aaaaaaaaaaaaaaaaaaaaa…'
    """
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def levels(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Return the step of each value, from -5 to 5; only an exact 0 has step 0, NaN stays.

    Examples
    --------
    >>> levels(np.array([0.0, 0.01, -0.5, 2.0]), 1.0)
    array([ 0.,  1., -3.,  5.])
    """
    steps = np.ceil(np.abs(values) / scale * LEVELS - 1e-9)
    return np.asarray(np.sign(values) * np.clip(steps, np.abs(np.sign(values)), LEVELS))


def _draw_cells(axes: "Axes", values: NDArray[np.float64], scale: float, printed: bool) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners = _HALF * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    steps = levels(values, scale)
    for step in np.unique(steps[np.isfinite(steps)]):
        places = np.argwhere(steps == step)[:, ::-1]
        path = Path((places[:, None, :] + corners).reshape(-1, 2), codes * len(places))
        axes.add_patch(
            PathPatch(path, facecolor=_tint(step, printed), edgecolor=style.GRID, linewidth=0.6)
        )


def _tint(step: float, printed: bool) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgb

    if step == 0:
        return (*to_rgb(style.PAPER), 1.0)
    colour = to_rgb(style.BLUE if step > 0 else style.VERMILION)
    return (*colour, _STRONGEST[printed] * abs(step) / LEVELS)


def _draw_dashes(axes: "Axes", where: NDArray[np.bool_]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    places = np.argwhere(where)[:, ::-1]
    if not len(places):
        return
    ends = (places[:, None, :] + np.array([[-0.22, 0.0], [0.22, 0.0]])).reshape(-1, 2)
    path = Path(ends, [Path.MOVETO, Path.LINETO] * len(places))
    axes.add_patch(PathPatch(path, fill=False, edgecolor=style.INK, linewidth=1.0))


def _print_values(axes: "Axes", values: NDArray[np.float64], signed: bool) -> None:
    sign = "+" if signed else ""
    decimals = 2 if np.nanmax(np.abs(values), initial=0.0) >= 0.095 else 3
    for row, column in np.argwhere(np.isfinite(values)):
        value = round(float(values[row, column]), decimals) + 0.0
        axes.annotate(
            f"{value:{sign}.{decimals}f}".replace("-", MINUS) if value else "0",
            (column, row),
            ha="center",
            va="center_baseline",
            fontsize=style.SMALL,
            color=style.INK,
            annotation_clip=False,
        )


def _mark(axes: "Axes", chosen: Collection[tuple[int, int]], printed: bool) -> None:
    from matplotlib.patches import Rectangle

    for row, column in chosen:
        if printed:
            corner = (column - _HALF, row - _HALF)
            frame = Rectangle(corner, 2 * _HALF, 2 * _HALF, fill=False, clip_on=False)
            frame.set(edgecolor=style.INK, linewidth=2.0)
            axes.add_patch(frame)
        else:
            axes.plot(
                [column],
                [row],
                "o",
                markersize=6,
                markerfacecolor=style.INK,
                markeredgecolor=style.PAPER,
            )


def _write_names(axes: "Axes", rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    how: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": style.SMALL,
        "color": style.INK,
        "parse_math": False,
        "annotation_clip": False,
    }
    for row, name in enumerate(rows):
        left: dict[str, Any] = {"ha": "right", "va": "center_baseline"}
        axes.annotate(
            short(name), (0, row), (-8, 0), xycoords=("axes fraction", "data"), **left, **how
        )
    for column, name in enumerate(columns):
        above: dict[str, Any] = {"ha": "center", "va": "bottom", "rotation": 90}
        axes.annotate(
            short(name), (column, 1), (0, 6), xycoords=("data", "axes fraction"), **above, **how
        )


def _explain_colours(
    figure: "Figure", values: NDArray[np.float64], scale: float, printed: bool, signed: bool
) -> None:
    from matplotlib.patches import Patch

    plus = "+" if signed else ""

    handles, labels = [], []
    for sign, word in ((1, "above 0"), (-1, "below 0" if printed else "below 0 (dash)")):
        if not (sign * values > 0).any():
            continue
        colour = _tint(sign * LEVELS, printed)
        handles.append(Patch(facecolor=colour, edgecolor=style.GRID, linewidth=0.6))
        labels.append(f"{word}, up to {sign * scale:{plus}.2g}".replace("-", MINUS))
    if handles:
        legend(figure, handles, labels)
