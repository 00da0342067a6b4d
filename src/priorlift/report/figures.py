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
    scrolls : bool
        Whether a narrow screen scrolls over the wide figure instead, as it does over a table.
    title : str
        What it is, for those who scroll by the keyboard.
    """

    wide: Markup
    narrow: Markup
    caption: str
    scrolls: bool = False
    title: str = ""


def plot(
    figure: "Figure", title: str, description: str, caption: str, *, scrolls: bool = False
) -> Plot:
    """Draw a figure for both widths.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    title, description : str
        Its text alternative.
    caption : str
        What a reader should know to read it.
    scrolls : bool
        For a figure that cannot be made narrow; it is drawn once.
    """
    wide = to_svg(figure, title, description)
    narrow = "" if scrolls else to_svg(figure, title, description, width=NARROW)
    # What is marked as safe here is escaped by the XML writer.
    return Plot(Markup(wide), Markup(narrow), caption, scrolls, title)
