"""Points of an embedding in the plane, in panels: by kind, by group, by a value from 0 to 1.

Each kind has a hue and a marker of its own, so that up to 42 kinds are told apart without colour,
and its name stands at its median. Beyond a few thousand points they become an image, so that a
figure stays below a megabyte.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from priorlift.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RASTER_BEYOND = 3000
"""Points of a panel beyond which they are drawn as an image: one takes about 100 bytes of SVG."""

LONGEST_NAME = 18
_REJECTED = "x"


def embedding_panels(
    points: NDArray[np.float64],
    kinds: Sequence[str],
    groups: Sequence[str],
    values: NDArray[np.float64],
    *,
    order: Sequence[str],
    title: str,
    rejected: str | None = None,
    value_name: str = "confidence",
) -> "Figure":
    """Draw the same points three times.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    kinds : sequence of str, length n
        Named in the first panel.
    groups : sequence of str, length n
        Two or a few, named in the second panel's legend.
    values : ndarray of shape (n,)
        From 0 to 1, the third panel's shade; NaN is left out there.
    order : sequence of str
        All kinds, in the order of their colours.
    title : str
        Says what the two directions are.
    rejected : str, optional
        A kind that is no kind: small grey crosses, without a name in the plane.
    value_name : str
        Stands above the third panel.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 4.6), layout="constrained", facecolor="none")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    figure.suptitle(title, fontsize=style.FONT_SIZE, color=style.INK, x=0.01, ha="left")
    size = float(np.clip(9000.0 / max(len(points), 1), 3.0, 26.0))
    raster = len(points) > RASTER_BEYOND
    kinds_array, groups_array = np.asarray(kinds, dtype=object), np.asarray(groups, dtype=object)
    _by_kind(panels[0], points, kinds_array, order, rejected, size, raster)
    _by_group(panels[1], points, groups_array, size, raster)
    _by_value(figure, panels[2], points, values, size, raster)
    for axes, name in zip(panels, ("type", "data", value_name), strict=True):
        _plain(axes, f"by {name}")
    return figure


def _by_kind(
    axes: "Axes",
    points: NDArray[np.float64],
    kinds: NDArray[Any],
    order: Sequence[str],
    rejected: str | None,
    size: float,
    raster: bool,
) -> None:
    for i, kind in enumerate(order):
        at = points[kinds == kind]
        if not len(at):
            continue
        if kind == rejected:
            axes.scatter(
                at[:, 0],
                at[:, 1],
                s=size,
                c=style.MUTED,
                marker=_REJECTED,
                linewidths=0.8,
                rasterized=raster,
            )
            continue
        axes.scatter(
            at[:, 0],
            at[:, 1],
            s=size,
            c=style.HUES[i % len(style.HUES)],
            marker=style.MARKERS[i % len(style.MARKERS)],
            linewidths=0,
            alpha=0.75,
            rasterized=raster,
        )
    for kind in order:
        at = points[kinds == kind]
        if len(at) and kind != rejected:
            name = kind if len(kind) <= LONGEST_NAME else f"{kind[: LONGEST_NAME - 1]}…"
            x, y = np.median(at, axis=0)
            axes.text(
                x,
                y,
                name,
                ha="center",
                va="center",
                fontsize=style.SMALL,
                color=style.INK,
                parse_math=False,
                bbox={"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 1.0},
            )


def _by_group(
    axes: "Axes", points: NDArray[np.float64], groups: NDArray[Any], size: float, raster: bool
) -> None:
    names = list(dict.fromkeys(groups))
    for i, group in enumerate(names):
        at = points[groups == group]
        # A large group would hide a small one that is drawn before it.
        larger = sum((groups == other).sum() > len(at) for other in names)
        axes.scatter(
            at[:, 0],
            at[:, 1],
            s=size,
            c=style.HUES[i % len(style.HUES)],
            marker=style.MARKERS[i % len(style.MARKERS)],
            linewidths=0,
            alpha=0.5,
            rasterized=raster,
            zorder=1.0 + larger / len(names),
            label=str(group),
        )
    legend = axes.legend(
        frameon=False, fontsize=style.SMALL, labelcolor=style.INK, markerscale=1.5, loc="best"
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _by_value(
    figure: "Figure",
    axes: "Axes",
    points: NDArray[np.float64],
    values: NDArray[np.float64],
    size: float,
    raster: bool,
) -> None:
    known = np.isfinite(values)
    order = np.argsort(-values[known], kind="stable")
    drawn = axes.scatter(
        points[known][order, 0],
        points[known][order, 1],
        s=size,
        c=values[known][order],
        cmap="cividis",
        vmin=0.0,
        vmax=1.0,
        linewidths=0,
        rasterized=raster,
    )
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.ax.tick_params(colors=style.MUTED, labelcolor=style.INK, labelsize=style.SMALL)


def _plain(axes: "Axes", name: str) -> None:
    axes.set_title(name, fontsize=style.SMALL, color=style.INK, loc="left")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_color(style.GRID)
