"""A phase diagram: where one of two ways errs less, over labels and relatedness, and the border."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.plots import style
from priorlift.plots.cell_map import cell_map
from priorlift.plots.parts import legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BORDER: dict[str, Any] = {"color": style.INK, "linewidth": 2.4}


def phase_map(
    rows: Sequence[str], n: Sequence[int], gain: ArrayLike, *, title: str, below: str
) -> "Figure":
    """Draw a gain as coloured cells, with the line where it is 0.

    Parameters
    ----------
    rows : sequence of str
        What each row stands for, the first on top.
    n : sequence of int
        Labelled rows of each column.
    gain : array-like of shape (n_rows, n_columns)
        Above 0 in blue, below 0 in orange.
    title, below : str
        Written above and below.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The matrix has another shape.
    """
    values = np.asarray(gain, dtype=np.float64)
    if values.shape != (len(rows), len(n)):
        raise InputError(
            f"a map of {len(rows)} rows and {len(n)} columns needs a matrix of that shape, not "
            f"{values.shape}"
        )
    scale = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    figure = cell_map(
        rows, [f"{count:,}" for count in n], values, title=title, below=below, scale=scale
    )
    if min(values.shape) > 1 and (values > 0).any() and (values < 0).any():
        _draw_border(figure, values)
    return figure


def _draw_border(figure: "Figure", values: np.ndarray[Any, Any]) -> None:
    from matplotlib.lines import Line2D

    figure.axes[0].contour(
        values, levels=[0.0], colors=[BORDER["color"]], linewidths=BORDER["linewidth"]
    )
    handles: list[Any] = [Line2D([], [], **BORDER)]
    labels = ["the border, where it is 0"]
    for earlier in list(figure.legends):
        handles = [*earlier.legend_handles, *handles]
        labels = [*(text.get_text() for text in earlier.get_texts()), *labels]
        earlier.remove()
    legend(figure, handles, labels)
