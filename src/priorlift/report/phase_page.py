"""What the page of a phase diagram says: where transfer helps, where it hurts, and its curves."""

from typing import Any

import numpy as np

from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.task_maps import FIT_A_PHONE
from priorlift.theory.phase_result import MAPS, PhaseDiagram

MOST_CURVES = 8
MOST_POINTS = 1_000

MEANINGS = {
    "qF": "How much the generative features of the target are those of the source: 1 the same, 0 "
    "unrelated. It stands for another style, texture or noise.",
    "qt": "How much the rule behind the target's labels is that of the source: 1 the same, 0 "
    "unrelated. It stands for the same inputs with other labels.",
    "eta": "The share of the source's generative features that the target has others for: 0 none, "
    "1 all. It stands for shapes or classes that are swapped.",
    "delta": "How many generative features the target has beyond the source's, as a share of them; "
    "below 0 it has fewer. It stands for a richer or a poorer task.",
}
HEADS = {
    "logistic": "logistic regression",
    "square": "ridge regression on the field behind the labels",
    "square_labels": "ridge regression on labels -1 and 1",
}


def phase_context(found: PhaseDiagram) -> dict[str, Any]:
    """Return what the template of a phase diagram's page needs."""
    sentence = phase_sentence(found)
    several = len(found.values) > 1
    drawn = _drawn(found)
    return {
        "title": f"Where transfer helps: {sentence}",
        "heading": "Where does transfer help?" if several else "What would transfer bring?",
        "sentence": numbers.minus(sentence),
        "quantity": found.quantity,
        "meaning": MEANINGS[found.knob],
        "knob": found.knob,
        "map": _map(found) if several else None,
        "where": where_table(found),
        "curves": [(f"{found.knob} = {found.values[k]:g}", _curve_plot(found, k)) for k in drawn],
        "cut": len(drawn) < len(found.values),
        "n_values": len(found.values),
        "points": _points(found) if found.gain.size <= MOST_POINTS else None,
        "settings": settings(found),
        "call": _call(found),
    }


def phase_sentence(found: PhaseDiagram) -> str:
    """Return the summary as sentences, the second about what is clear of noise."""
    summary = f"{found.summary[:1].upper()}{found.summary[1:]}."
    if found.gain_error is None:
        return summary
    ahead, behind = int((found.clear > 0).sum()), int((found.clear < 0).sum())
    return f"{summary} By more than two standard errors: less at {ahead}, more at {behind}."


def labels_where(found: PhaseDiagram, row: int, sign: int) -> str:
    """Return the numbers of labels at which the gain has a clear sign, as ranges.

    Examples
    --------
    >>> import numpy as np
    >>> zero = np.zeros((1, 1, 3))
    >>> gain = np.array([[[0.2, 0.1, -0.1]]])
    >>> found = PhaseDiagram("qF", np.ones(1), np.array([10, 20, 1000]), 9, zero, gain, {})
    >>> labels_where(found, 0, 1), labels_where(found, 0, -1)
    ('10 to 20', '1,000')
    """
    there = np.flatnonzero(found.clear[row] == sign)
    if not there.size:
        return numbers.NONE
    runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    ends = [(f"{found.n[run[0]]:,}", f"{found.n[run[-1]]:,}") for run in runs]
    return ", ".join(first if first == last else f"{first} to {last}" for first, last in ends)


def turns(found: PhaseDiagram, row: int) -> list[float]:
    """Return the numbers of labels at which the gain crosses 0 at one value of the knob."""
    return [n for n, value in found.boundary.tolist() if value == found.values[row]]


def where_table(found: PhaseDiagram) -> Table:
    """Return where transfer helps and where it hurts, a row a value of the knob."""
    gain = found.gain
    scale = Scale.of(gain.ravel())
    few, many = (f"Gain at {found.n[j]:,}" for j in (0, -1))
    sources = found.transferred.shape[0]
    clear = ", more than two standard errors from 0" if sources > 1 else ""
    rows = [
        [
            number(f"{found.knob} = {value:g}", float(value)),
            Cell(labels_where(found, k, 1), mark="helps"),
            Cell(labels_where(found, k, -1), mark="hurts"),
            _turn_cell(turns(found, k)),
            number(scale.signed(gain[k, 0]), float(gain[k, 0])),
            number(scale.signed(gain[k, -1]), float(gain[k, -1])),
            *_floor_cells(found, k),
        ]
        for k, value in enumerate(found.values)
    ]
    return Table(
        "where",
        "Numbers of labels at which transfer helps and at which it hurts: the gain, means over "
        f"{numbers.count(sources, 'source')}, is above or below 0{clear}",
        [
            Column(found.knob, "number", heads=True),
            Column("Helps at"),
            Column("Hurts at"),
            Column("Crosses 0 at", "number"),
            *(Column(title, "number") for title in dict.fromkeys((few, many))),
            *(Column(title, "number") for title in _floor_titles(found)),
        ],
        rows if few != many else [[*row[:4], *row[5:]] for row in rows],
        cards=True,
    )


def settings(found: PhaseDiagram) -> list[tuple[str, str]]:
    """Return the settings of a diagram in words; what it does not know is left out."""
    known = found.settings
    lam = known.get("lam")
    facts = [
        ("Sources drawn", f"{found.transferred.shape[0]}"),
        ("Features", f"{found.width:,}"),
        *((title, f"{known[name]:,}") for name, title in SIZES.items() if name in known),
        ("Heads", HEADS.get(known.get("loss", "logistic"), "")),
        ("Regulariser", "the best in theory" if lam is None else f"lambda = {lam:g}"),
        *((name, f"{value:g}") for name, value in known.get("knobs", {}).items()),
    ]
    if known.get("noise"):
        facts.append(("Noise on the field, variance", f"{known['noise']:g}"))
    if known.get("flips"):
        facts.append(("Labels turned over", numbers.percent(known["flips"])))
    return facts


SIZES = {
    "latent": "Generative features of the source",
    "inputs": "Inputs",
    "n_source": "Rows of a source",
}


def _turn_cell(at: list[float]) -> Cell:
    if not at:
        return number(numbers.NONE, None)
    return number(", ".join(f"{n:,.0f}" for n in at), at[0])


def _floor_titles(found: PhaseDiagram) -> list[str]:
    return [] if found.floors is None else ["Floor, learned", "Floor, random"]


def _floor_cells(found: PhaseDiagram, row: int) -> list[Cell]:
    if found.floors is None:
        return []
    floors = [float(found.floors[name][:, row].mean()) for name in ("transferred", "random")]
    return [number(Scale.of(floors).plain(floor), floor) for floor in floors]


def _map(found: PhaseDiagram) -> Plot:
    border = [
        f"{value:.2f} at {found.n[j]:,} labels"
        for j in range(len(found.n))
        for n, value in found.boundary.tolist()
        if n == found.n[j]
    ]
    crossed = f" The border lies at {found.knob} = {'; '.join(border)}." if border else ""
    return plot(
        found.plot(),
        "Gain of transfer by labels and relatedness",
        phase_sentence(found) + crossed,
        "Blue, above 0: features that were learned on the source err less than random ones. "
        "Orange, below 0: they err more, which is negative transfer. The line between is where it "
        "begins.",
        scrolls=len(found.n) > FIT_A_PHONE,
    )


def _drawn(found: PhaseDiagram) -> list[int]:
    last = len(found.values) - 1
    places = np.linspace(last, 0, min(MOST_CURVES, last + 1))
    return list(dict.fromkeys(places.round().astype(int).tolist()))


def _curve_plot(found: PhaseDiagram, row: int) -> Plot:
    value = float(found.values[row])
    few, many = (
        f"{found.n[j]:,} labels {found.transferred[:, row, j].mean():.3f} against "
        f"{found.random[:, row, j].mean():.3f}"
        for j in (0, -1)
    )
    spread = "; whiskers are standard errors over sources" if len(found.transferred) > 1 else ""
    return plot(
        found.plot(value),
        f"Learning curves at {found.knob} = {value:g}",
        f"Learned against random features: with {few}, with {many}.",
        f"Curves are theory{spread}."
        + (" Training from scratch is simulated." if found.simulated is not None else ""),
    )


def _points(found: PhaseDiagram) -> Table:
    rows = found.to_dict()["rows"]
    scale = Scale.of(row[name] for row in rows for name in ("transferred", "random"))
    simulated = [] if found.simulated is None else list(found.simulated.errors)
    columns = [
        Column(found.knob, "number", heads=True),
        *(Column(title, "number") for title in ("Labels", "Labels a feature")),
        *(Column(title, "number") for title in ("Learned", "Random", "Gain")),
        *(Column(f"Simulated: {MAPS[name]}", "number") for name in simulated),
    ]
    cells = [
        [
            number(f"{row[found.knob]:g}", row[found.knob]),
            number(f"{row['n']:,}", row["n"]),
            number(f"{row['alpha']:g}", row["alpha"]),
            number(scale.plain(row["transferred"]), row["transferred"]),
            number(scale.plain(row["random"]), row["random"]),
            _gain_cell(row, scale),
            *(
                number(scale.plain(row[f"simulated_{name}"]), row[f"simulated_{name}"])
                for name in simulated
            ),
        ]
        for row in rows
    ]
    return Table("points", "Errors and gain at every point", columns, cells)


def _gain_cell(row: dict[str, Any], scale: Scale) -> Cell:
    spread = row["gain_error"]
    note = "" if spread is None else f"± {scale.plain(spread)}"
    return number(scale.signed(row["gain"]), row["gain"], note)


def _call(found: PhaseDiagram) -> str:
    """Return the call that computes the same again."""
    known = found.settings
    listed = ", ".join(f"{value:g}" for value in found.values)
    arguments = [f'"{found.knob}"', f"[{listed}]", f"{found.n.tolist()}", f"width={found.width}"]
    arguments += [f"{name}={value!r}" for name, value in known.items() if name != "width"]
    if found.simulated is not None:
        arguments.append("scratch=True")
    return "phase_diagram(\n    " + ",\n    ".join(arguments) + ",\n)"
