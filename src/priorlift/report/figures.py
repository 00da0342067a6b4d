"""Figures of a page: each drawn for a wide and for a narrow screen, with one text alternative."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from priorlift.plots.svg import to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROW = 4.75


@dataclass(frozen=True)
class Plot:
    """A figure of a page.

    Parameters
    ----------
    wide, narrow : Markup
        The same figure for two widths; the page shows one of them.
    caption : str
        Below it.
    """

    wide: Markup
    narrow: Markup
    caption: str


def plot(figure: "Figure", title: str, description: str, caption: str) -> Plot:
    """Draw a figure for both widths.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    title, description : str
        Its text alternative.
    caption : str
        What a reader should know to read it.
    """
    wide = to_svg(figure, title, description)
    narrow = to_svg(figure, title, description, width=NARROW)
    # What is marked as safe here is escaped by the XML writer.
    return Plot(Markup(wide), Markup(narrow), caption)
