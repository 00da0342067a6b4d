"""Forecast errors by number of labels, with bands, floors and what held-out rows say."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.parts import legend, same_lengths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]
SMALLEST = 1e-4
MOST_TICKS = 6
SMALLEST_SHARE = 0.01
Points = tuple[Sequence[float], Sequence[float], Sequence[float]]


def forecast_curves(
    curves: Mapping[str, Curve],
    floors: Mapping[str, float],
    observed: Mapping[str, Points],
    *,
    target: float | None = None,
    level: float = 0.9,
    quantity: str = "error",
) -> "Figure":
    """Draw one curve a feature map on logarithmic axes.

    Parameters
    ----------
    curves : mapping of str to (n, error, low, high)
        Positive; four sequences of one length each.
    floors : mapping of str to float
        Error with endless labels, a dotted line; one that is 0 has none.
    observed : mapping of str to (n, error, standard error)
        Points beside the curve.
    target : float, optional
        An error to reach, a dashed line.
    level : float
        Of the band, for the legend.
    quantity : str
        What the vertical axis shows.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        There is no curve, or sequences differ in length.
    """
    if not curves:
        raise InputError("there is no forecast to draw")
    figure, axes = style.empty_figure(height=4.6 + 0.12 * len(curves))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(axis="y", color=style.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    handles: list[Any] = []
    names: list[str] = []
    for place, (name, (n, error, low, high)) in enumerate(curves.items()):
        same_lengths(n=n, error=error, low=low, high=high)
        hue = style.HUES[place % len(style.HUES)]
        marker = style.MARKERS[place % len(style.MARKERS)]
        axes.fill_between(n, low, high, color=hue, alpha=0.15, linewidth=0)
        handles += axes.plot(n, error, color=hue, linewidth=2.2)
        names.append(f"{name}: forecast, {100 * level:g} % band")
        if floors.get(name, 0.0) > 0:
            axes.axhline(floors[name], color=hue, linewidth=1.2, linestyle=":")
        if name in observed and len(observed[name][0]):
            look: dict[str, Any] = {"color": hue, "marker": marker, "markersize": 7}
            handles.append(axes.errorbar(*observed[name], linestyle="none", elinewidth=1.4, **look))
            names.append(f"{name}: on held-out rows")
    if target is not None:
        handles.append(axes.axhline(target, color=style.INK, linewidth=1.2, linestyle="--"))
        names.append("error to reach")
    _ticks(axes, curves, floors, target)
    axes.set_xlabel("labelled rows", fontsize=style.FONT_SIZE, color=style.INK)
    axes.set_ylabel(quantity, fontsize=style.FONT_SIZE, color=style.INK)
    legend(figure, handles, names)
    return figure


def round_numbers(low: float, high: float) -> list[float]:
    """Return round numbers from low to high, about evenly spaced in logarithms.

    Examples
    --------
    >>> round_numbers(20, 200), round_numbers(20, 5000)
    ([20.0, 50.0, 100.0, 200.0], [30.0, 100.0, 300.0, 1000.0, 3000.0])
    """
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        steps = (digit * 10.0**decade for decade in decades for digit in digits)
        found = [step for step in steps if low <= step <= high]
        if len(found) <= MOST_TICKS:
            break
    return found if len(found) > 1 else [low, high]


def _ticks(
    axes: Any, curves: Mapping[str, Curve], floors: Mapping[str, float], target: float | None
) -> None:
    """Write plain numbers, few of them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    numbers = sorted({n for values in curves.values() for n in values[0]})
    ticks = numbers if len(numbers) <= MOST_TICKS else round_numbers(numbers[0], numbers[-1])
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    errors = [e for values in curves.values() for e in (*values[2], *values[3]) if e > 0]
    errors += [floor for floor in floors.values() if floor > 0] + ([target] if target else [])
    low, high = 0.9 * min(errors, default=0.1), 1.1 * max(errors, default=0.5)
    low = max(low, min(SMALLEST, SMALLEST_SHARE * high))
    axes.set_ylim(low, high)
    steps = _steps(low, high)
    axes.yaxis.set_major_locator(FixedLocator(steps[(steps >= low) & (steps <= high)].tolist()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())


def _steps(low: float, high: float) -> Any:
    """Return 1, 2 and 5 of each power of ten, with more of them where the axis is short."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    digits = [1.0, 2.0, 3.0, 4.0, 5.0] if high < 10 * low else [1.0, 2.0, 5.0]
    if high < 2 * low:
        digits = np.arange(1.0, 10.0, 0.5).tolist()
    return np.sort(np.multiply.outer(powers, digits).ravel()).round(12)
