"""A figure as an SVG that is at home inside a page: scalable, described, dark-mode ready.

Text stays text in the reader's fonts, colours become CSS variables with fallbacks, black becomes
`currentColor`, identifiers are unique within a page, and equal figures give equal bytes.
"""

import hashlib
import io
import re
import warnings
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from priorlift.plots.style import ROLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "priorlift", "svg.image_inline": True}
INHERITED = "stroke-linejoin: round; stroke-linecap: butt"

# matplotlib writes "font: 10px 'DejaVu Sans', ..." or "font-family: 'DejaVu Sans', ...".
_FONT = re.compile(r"(font: (?:[\w-]+ )*?[\d.]+px |font-family: )[^;]*")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def to_svg(figure: "Figure", title: str, description: str, *, width: float | None = None) -> str:
    """Turn a figure into an SVG element with a text alternative.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Left as it was.
    title, description : str
        What a screen reader says: what the figure is, and what it shows.
    width : float, optional
        In inches, to lay the same figure out for a narrower page.

    Returns
    -------
    str
        One `<svg>` element with a `viewBox` and no fixed size, without prolog, DTD or any
        reference to something outside.

    Examples
    --------
    >>> from priorlift.plots.lifts import ranking_places
    >>> to_svg(ranking_places(["a"], [1.0], [(1, 2)]), "Ranking", "a is alone")[:18]
    '<svg xmlns="http:/'
    """
    root = _drawn(figure, width)
    _strip_namespaces(root)
    for unwanted in ("metadata", "style"):
        _remove(root, unwanted)
    viewbox = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"xmlns": "http://www.w3.org/2000/svg", "viewBox": viewbox})
    root.attrib.update({"role": "img", "style": INHERITED})
    for element in root.iter():
        if style := element.get("style"):
            element.set("style", _FONT.sub(rf"\g<1>{FONTS}", _recoloured(style)))
    _describe(root, printable(title), printable(description))
    return ElementTree.tostring(root, encoding="unicode")


def printable(text: str) -> str:
    r"""Replace characters that no XML or HTML may hold, control characters above all.

    Examples
    --------
    >>> printable("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"
    True
    """
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _drawn(figure: "Figure", width: float | None) -> ElementTree.Element:
    from matplotlib import rc_context

    old_width, height = map(float, figure.get_size_inches())
    buffer = io.StringIO()
    with rc_context(SETTINGS), warnings.catch_warnings():
        # The reader's fonts draw the text, so a glyph that ours lacks is no loss.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        try:
            if width is not None:
                figure.set_size_inches(width, height)
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        finally:
            figure.set_size_inches(old_width, height)
    return ElementTree.fromstring(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", buffer.getvalue()))


def _strip_namespaces(root: ElementTree.Element) -> None:
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in [name for name in element.attrib if "}" in name]:
            element.set(name.rpartition("}")[2], element.attrib.pop(name))


def _remove(root: ElementTree.Element, tag: str) -> None:
    for parent in root.iter():
        for child in parent.findall(tag):
            parent.remove(child)


def _recoloured(style: str) -> str:
    for colour, role in ROLES.items():
        style = style.replace(colour, role)
    return style


def _describe(root: ElementTree.Element, title: str, description: str) -> None:
    """Add title and description, and rename what is referred to so that it is unique in a page."""
    content = ElementTree.tostring(root, encoding="unicode") + title + description
    prefix = f"plot-{hashlib.blake2b(content.encode(), digest_size=6).hexdigest()}"
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "href":
                used.add(value.removeprefix("#"))
            used.update(_REFERENCE.findall(value))
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                _rename(element, value if value in used else None, prefix)
            elif name == "href":
                element.set(name, f"#{prefix}-{value.removeprefix('#')}")
            else:
                element.set(name, _REFERENCE.sub(rf"url(#{prefix}-\1)", value))
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        child = ElementTree.Element(tag, {"id": f"{prefix}-{tag}"})
        child.text = text
        root.insert(place, child)


def _rename(element: ElementTree.Element, name: str | None, prefix: str) -> None:
    if name is None:
        del element.attrib["id"]
    else:
        element.set("id", f"{prefix}-{name}")
