"""The findings as figures: lines are theory, points simulation with two standard errors."""

from pathlib import Path

from matplotlib.figure import Figure

from priorlift.plots import style
from priorlift.plots.svg import to_svg

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "theory"
LOOKS = {
    "transferred": (style.BLUE, "o"),
    "random": (style.VERMILION, "s"),
    "scratch": (style.GREEN, "^"),
    "other": (style.PURPLE, "D"),
}


def panels(count):
    """Return a figure with panels side by side."""
    width = 9.0 if count > 1 else 7.0
    figure = Figure(figsize=(width, 4.3), layout="constrained", facecolor="none")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for one in axes:
        one.set_facecolor("none")
        for side in ("top", "right"):
            one.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            one.spines[side].set_color(style.MUTED)
        one.tick_params(colors=style.MUTED, labelcolor=style.INK, labelsize=style.SMALL)
        one.grid(color=style.GRID, linewidth=0.6)
    return figure, axes


def line(axes, n, values, look, label=None, dash="-"):
    """Draw a theoretical curve."""
    axes.plot(n, values, dash, color=LOOKS[look][0], linewidth=1.8, label=label)


def points(axes, n, values, spread, look, label=None, *, join=False, filled=True):
    """Draw simulated means with two standard errors."""
    colour, marker = LOOKS[look]
    axes.errorbar(
        n,
        values,
        yerr=[2 * s for s in spread],
        fmt=f"{marker}{':' if join else ''}",
        color=colour,
        markerfacecolor=colour if filled else style.PAPER,
        markersize=4.5,
        linewidth=1.2,
        label=label,
    )


def finish(axes, title, n=(), *, ylabel="", xlabel="labelled rows of the target", log=True):
    """Name the axes and write a legend."""
    if log:
        axes.set_xscale("log")
        axes.set_xticks(list(n), [f"{count:,}" for count in n])
        axes.minorticks_off()
    axes.set_title(title, fontsize=style.FONT_SIZE, color=style.INK, loc="left")
    axes.set_xlabel(xlabel, fontsize=style.SMALL, color=style.INK)
    axes.set_ylabel(ylabel, fontsize=style.SMALL, color=style.INK)
    axes.legend(frameon=False, fontsize=8.5, labelcolor=style.INK)


def save(figure, name, title, description):
    """Write the figure as an SVG that stands on its own, on paper white."""
    text = to_svg(figure, title, description)
    width, height = text.split('viewBox="0 0 ')[1].split('"')[0].split()
    pixels = [round(float(points) * 4 / 3) for points in (width, height)]
    size = f'<svg width="{pixels[0]}" height="{pixels[1]}" '
    text = text.replace("<svg ", size, 1).replace('style="', 'style="background: #fff; ', 1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")
