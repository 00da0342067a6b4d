"""How often what was said with some probability came true: one point a bin, beside the diagonal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from priorlift.plots import style
from priorlift.plots.parts import same_lengths

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def reliability_points(
    said: Sequence[float],
    happened: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    *,
    said_name: str,
    happened_name: str,
    title: str,
    below: str,
) -> "Figure":
    """Draw observed shares over mean probabilities.

    Parameters
    ----------
    said, happened : sequence of float, one a bin
        Mean probability, and the share that came true.
    low, high : sequence of float
        Ends of the shares' intervals.
    said_name, happened_name : str
        What the axes show.
    title, below : str
        Above and below the picture.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Sequences differ in length.
    """
    same_lengths(said=said, happened=happened, low=low, high=high)
    figure, axes = style.empty_figure(height=6.0, width=6.4)
    axes.set_aspect("equal")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.plot([0, 1], [0, 1], color=style.MUTED, linewidth=1.2, linestyle="--")
    # A share of 1 has an interval below it only; rounding must not make an arm negative.
    arms = [
        [max(0.0, at - end) for at, end in zip(happened, low, strict=True)],
        [max(0.0, end - at) for at, end in zip(happened, high, strict=True)],
    ]
    axes.errorbar(said, happened, yerr=arms, color=style.BLUE, marker="o", linewidth=1.6)
    axes.set_xlabel(said_name, color=style.INK)
    axes.set_ylabel(happened_name, color=style.INK)
    axes.set_title(title, fontsize=style.FONT_SIZE, color=style.INK, loc="left")
    figure.supxlabel(below, fontsize=style.SMALL, color=style.MUTED)
    return figure
