"""The three figures of a study: a forest of lifts, learning curves, places in a ranking."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from priorlift.plots import style
from priorlift.plots.parts import End, all_ends, finite, legend, same_lengths, widen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICTS = {
    "helps": ("▲", "^", style.BLUE),
    "hurts": ("▼", "v", style.VERMILION),
    "equivalent": ("=", "D", style.GREEN),
    "not shown": ("○", "o", style.MUTED),
}
"""Sign, marker and colour of each verdict."""

_MOST_TICKS = 8
_DASHES = ((4.0, 2.5), (1.2, 1.8), (5.0, 2.0, 1.2, 2.0))


def lift_forest(
    labels: Sequence[str],
    estimates: Sequence[float],
    intervals: Sequence[tuple[End, End]],
    adjusted: Sequence[tuple[End, End]],
    verdicts: Sequence[str],
    metric: str,
) -> "Figure":
    """Draw one row a claim: the lift, its unadjusted and its adjusted interval, the verdict.

    Parameters
    ----------
    labels : sequence of str of length n_claims
        "method ← sources" is broken at the arrow.
    estimates : sequence of float of length n_claims
        Lifts, in units of the metric.
    intervals, adjusted : sequence of (float, float) of length n_claims
        Ends; NaN or None where no interval can be given.
    verdicts : sequence of str of length n_claims
        "helps", "hurts", "not shown" or "equivalent".
    metric : str
        Named below the axis.

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
        estimates=estimates,
        intervals=intervals,
        adjusted=adjusted,
        verdicts=verdicts,
    )
    figure, axes = style.empty_figure(height=1.35 + 0.56 * max(1, len(labels)))
    style.rows_of_labels(axes, [str(label) for label in labels])
    axes.axvline(0, color=style.INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for row, (estimate, inner, outer, verdict) in enumerate(
        zip(estimates, intervals, adjusted, verdicts, strict=True)
    ):
        _lift_row(axes, row, float(estimate), inner, outer, verdict)
    widen(axes, [*estimates, *all_ends(intervals), *all_ends(adjusted)])
    axes.set_xlabel(
        f"lift in {metric}",
        fontsize=style.FONT_SIZE,
        color=style.INK,
        parse_math=False,
    )
    _forest_legend(figure)
    return figure


def learning_curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    dashed: Collection[str],
    metric: str,
    title: str,
) -> "Figure":
    """Draw scores against label budgets, on a logarithmic scale that has room for budget 0.

    Parameters
    ----------
    series : mapping of str to (budgets, scores, spreads)
        Three sequences of one length each; a whisker is one spread long on either side. A spread
        that is NaN has none.
    dashed : collection of str
        Names of the series that are drawn dashed: the baselines.
    metric, title : str
        Named beside the axis and above it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = style.empty_figure(height=4.1 + 0.12 * len(series))
    axes.grid(axis="y", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    budgets = sorted({float(budget) for values in series.values() for budget in values[0]})
    places = _budget_places(budgets)
    dashes = _dash_patterns(list(series), dashed)
    handles = [
        _curve(axes, number, len(series), places, values, dashes[label])
        for number, (label, values) in enumerate(series.items())
    ]
    _budget_ticks(axes, places)
    axes.set_xlabel("labelled target rows", fontsize=style.FONT_SIZE, color=style.INK)
    axes.set_ylabel(metric, fontsize=style.FONT_SIZE, color=style.INK, parse_math=False)
    axes.set_title(
        title, loc="left", fontsize=style.FONT_SIZE + 1, color=style.INK, parse_math=False
    )
    if handles:
        legend(figure, handles, [_one_line(label) for label in series])
    return figure


def ranking_places(
    names: Sequence[str],
    places: Sequence[float],
    intervals: Sequence[tuple[End, End]],
) -> "Figure":
    """Draw one row a source: its mean place over the scores and the interval of its place.

    Parameters
    ----------
    names : sequence of str of length n_sources
        Best first.
    places : sequence of float of length n_sources
        1 is the best.
    intervals : sequence of (float, float) of length n_sources
        NaN or None where there were no resamples.

    Returns
    -------
    matplotlib.figure.Figure
    """
    same_lengths(names=names, places=places, intervals=intervals)
    figure, axes = style.empty_figure(height=0.95 + 0.46 * max(1, len(names)))
    style.rows_of_labels(axes, [str(name) for name in names])
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for row, (place, ends) in enumerate(zip(places, intervals, strict=True)):
        low, high = finite(ends)
        axes.plot([low, high], [row, row], color=style.BLUE, linewidth=3, solid_capstyle="round")
        axes.plot([place], [row], "o", color=style.BLUE, markersize=8, markeredgecolor=style.PAPER)
    last = max([2.0, len(names), *(v for v in all_ends(intervals) if math.isfinite(v))])
    axes.set_xlim(0.6, last + 0.4)
    step = max(1, math.ceil(last / _MOST_TICKS))
    axes.set_xticks([1, *range(1 + step, int(last) + 1, step)])
    axes.set_xlabel("place (1 is the best)", fontsize=style.FONT_SIZE, color=style.INK)
    return figure


def _lift_row(
    axes: "Axes",
    row: int,
    estimate: float,
    inner: tuple[End, End],
    outer: tuple[End, End],
    verdict: str,
) -> None:
    sign, marker, colour = VERDICTS.get(verdict, VERDICTS["not shown"])
    for ends, width in ((finite(outer), 1.4), (finite(inner), 4.5)):
        axes.plot(ends, [row, row], color=colour, linewidth=width, solid_capstyle="butt")
    hollow = verdict not in ("helps", "hurts")
    axes.plot(
        [estimate],
        [row],
        marker,
        markersize=9,
        color=colour,
        markerfacecolor=style.PAPER if hollow else colour,
        markeredgecolor=colour if hollow else style.PAPER,
        markeredgewidth=1.8 if hollow else 1,
    )
    known = all(math.isfinite(end) for end in finite(outer))
    for place, (text, ink) in enumerate(
        [(f"{sign} {verdict}", colour)] + ([] if known else [("no interval", style.MUTED)])
    ):
        axes.annotate(
            text,
            (1, row),
            (10, (0 if known else 6.5) - 13 * place),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left",
            va="center_baseline",
            fontsize=style.FONT_SIZE,
            color=ink,
            parse_math=False,
            annotation_clip=False,
        )


def _forest_legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=style.MUTED, linewidth=4.5),
        Line2D([], [], color=style.MUTED, linewidth=1.4),
    ]
    legend(figure, handles, ["unadjusted interval", "adjusted for all claims"])


def _curve(
    axes: "Axes",
    number: int,
    n_series: int,
    places: Mapping[float, float],
    values: tuple[Sequence[float], Sequence[float], Sequence[float]],
    dash: tuple[float, ...] | None,
) -> Any:
    budgets, scores, spreads = (np.asarray(value, dtype=float) for value in values)
    order = np.argsort(budgets)
    shift = 0.012 * _range(places) * (number - (n_series - 1) / 2)
    x = np.array([places[float(budget)] for budget in budgets[order]]) + shift
    colour = style.MUTED if dash else style.HUES[number % len(style.HUES)]
    known = np.isfinite(spreads[order])
    axes.vlines(
        x[known],
        (scores - spreads)[order][known],
        (scores + spreads)[order][known],
        color=colour,
        linewidth=1,
        alpha=0.55,
    )
    (line,) = axes.plot(
        x,
        scores[order],
        color=colour,
        linestyle=(0, dash) if dash else "-",
        linewidth=1.8,
        marker=style.MARKERS[number % len(style.MARKERS)],
        markersize=6.5,
        markerfacecolor=style.PAPER if dash else colour,
        markeredgecolor=colour if dash else style.PAPER,
        markeredgewidth=1.4 if dash else 0.8,
    )
    return line


def _dash_patterns(
    labels: Sequence[str], dashed: Collection[str]
) -> dict[str, tuple[float, ...] | None]:
    patterns = itertools.cycle(_DASHES)
    return {label: next(patterns) if label in dashed else None for label in labels}


def _budget_places(budgets: Sequence[float]) -> dict[float, float]:
    """Place of each budget on the axis: its logarithm; 0 stands one step before the smallest."""
    logs = [math.log(budget) for budget in budgets if budget > 0]
    steps = [right - left for left, right in itertools.pairwise(logs)]
    before = (logs[0] if logs else 0.0) - max([math.log(2), *steps])
    return {budget: math.log(budget) if budget > 0 else before for budget in budgets}


def _budget_ticks(axes: "Axes", places: Mapping[float, float]) -> None:
    budgets = list(places)
    step = max(1, math.ceil(len(budgets) / _MOST_TICKS))
    shown = sorted({*budgets[::-step], *(budget for budget in budgets if budget == 0)})
    axes.set_xticks([places[budget] for budget in shown], [f"{budget:g}" for budget in shown])
    margin = 0.08 * _range(places)
    if places:
        axes.set_xlim(min(places.values()) - margin, max(places.values()) + margin)


def _one_line(label: str, most: int = 44) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _range(places: Mapping[float, float]) -> float:
    return (max(places.values()) - min(places.values()) if places else 0.0) or 1.0
