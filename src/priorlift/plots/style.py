"""What all figures share: the palette, the ink and an empty figure.

The hues are those of Okabe and Ito (2008, *Color Universal Design*), darkened until lines and words
in them are readable on white; every hue comes with a marker or a dash of its own, so no figure
depends on colour. `svg.to_svg` swaps each of these colours for a CSS variable.
"""

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1a1a1b"
MUTED = "#5a6270"
GRID = "#d5d9df"
PAPER = "#fffffe"
BLUE = "#0068a8"
VERMILION = "#b84a00"
GREEN = "#00755a"
PURPLE = "#a04a80"
BROWN = "#7d5c00"
SKY = "#2b7599"

ROLES = {
    INK: "currentColor",
    MUTED: f"var(--plot-muted, {MUTED})",
    GRID: f"var(--plot-grid, {GRID})",
    PAPER: f"var(--plot-paper, {PAPER})",
    BLUE: f"var(--plot-blue, {BLUE})",
    VERMILION: f"var(--plot-vermilion, {VERMILION})",
    GREEN: f"var(--plot-green, {GREEN})",
    PURPLE: f"var(--plot-purple, {PURPLE})",
    BROWN: f"var(--plot-brown, {BROWN})",
    SKY: f"var(--plot-sky, {SKY})",
}
"""Each colour that a figure may use, and what stands for it in an SVG."""

HUES = (BLUE, VERMILION, GREEN, PURPLE, BROWN, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

WIDTH = 9.0
FONT_SIZE = 11.0
SMALL = 10.0


def empty_figure(height: float, width: float = WIDTH) -> "tuple[Figure, Axes]":
    """Give a figure with one plain pair of axes.

    Parameters
    ----------
    height, width : float
        In inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes
        Without a frame, its ticks in the muted ink.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=SMALL, length=4)
    return figure, axes


def rows_of_labels(axes: "Axes", labels: list[str], *, gap: float = 10.0) -> None:
    """Write a label of one to three lines left of each row; row i lies at height i.

    Lines are single texts, so that each ends at the axes in whatever font the reader has.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its vertical axis is turned so that row 0 is on top.
    labels : list of str of length n_rows
        Drawn as they are, never read as formulas.
    gap : float
        Points between label and axes.
    """
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks([])
    step = FONT_SIZE * 1.15
    for row, label in enumerate(labels):
        lines = wrapped(label)
        after_arrow = False
        for place, line in enumerate(lines):
            after_arrow = after_arrow or line.startswith("←")
            axes.annotate(
                line,
                (0, row),
                (-gap, step * ((len(lines) - 1) / 2 - place)),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="center_baseline",
                fontsize=FONT_SIZE,
                color=MUTED if after_arrow else INK,
                parse_math=False,
                annotation_clip=False,
            )


def wrapped(label: str, width: int = 20, most: int = 3) -> list[str]:
    """Break a label into a few short lines, at its arrow first; the rest becomes an ellipsis.

    Examples
    --------
    >>> wrapped("pooled ← digits turned by ninety degrees")
    ['pooled', '← digits turned by', 'ninety degrees']
    >>> wrapped("a" * 70)[-1]
    'aaaaaaaaaaaaaaaaaaa…'
    """
    method, arrow, sources = label.partition(" ← ")
    parts = [method, f"← {sources}"] if arrow else [label]
    lines = [line for part in parts for line in textwrap.wrap(part, width) or [""]]
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1][: width - 1]}…"]
    return lines
