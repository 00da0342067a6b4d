"""What the terminal shows of a phase diagram: the map of its gain, or the curves of one value."""

from typing import TYPE_CHECKING

from priorlift.cli.output import write_table

if TYPE_CHECKING:
    from priorlift.theory.phase_result import PhaseDiagram

MOST_COLUMNS = 8


def show(found: "PhaseDiagram") -> None:
    """Write the sentence, and the table that suits the number of values."""
    from priorlift.report.phase_page import phase_sentence

    print(f"\n{phase_sentence(found)}\n")
    if len(found.values) > 1:
        _show_map(found)
    else:
        _show_curve(found)


def _show_map(found: "PhaseDiagram") -> None:
    import numpy as np

    from priorlift.report.phase_page import turns

    last = len(found.n) - 1
    places = np.unique(np.linspace(0, last, min(MOST_COLUMNS, last + 1)).round().astype(int))
    crosses = "crosses 0 at"
    header = (found.knob, *(f"{found.n[j]:,}" for j in places), crosses)
    rows = [
        (
            f"{value:g}",
            *(_gain(found.gain[k, j], bool(found.clear[k, j])) for j in places),
            ", ".join(f"{n:,.0f}" for n in turns(found, k)) or "-",
        )
        for k, value in reversed(list(enumerate(found.values)))
    ]
    title = "Error of random features minus that of learned ones, by number of labels"
    write_table(title, header, rows, numbers=header, wrapped=crosses)
    if found.simulated is not None:
        _show_simulated(found)
    if found.gain_error is not None:
        print("In brackets: within two standard errors of 0, over the sources.")
    if len(places) <= last:
        print(f"{len(places)} of {last + 1} numbers of labels are shown; --out keeps all.")


def _show_simulated(found: "PhaseDiagram") -> None:
    done = found.simulated
    assert done is not None
    gain = (done.errors["scratch"] - done.errors["transferred"]).mean(axis=0)
    header = (found.knob, *(f"{n:,}" for n in done.n[:MOST_COLUMNS]))
    rows = [
        (f"{value:g}", *(f"{one:+.3f}" for one in gain[k, :MOST_COLUMNS]))
        for k, value in reversed(list(enumerate(done.values)))
    ]
    title = "Error of a network from scratch minus that of learned features, simulated"
    write_table(title, header, rows, numbers=header, wrapped=found.knob)


def _gain(value: float, clear: bool) -> str:
    return f"{value:+.3f}" if clear else f"({value:+.3f})"


def _show_curve(found: "PhaseDiagram") -> None:
    points = found.to_dict()["rows"]
    names = {"transferred": "learned", "random": "random"}
    if found.simulated is not None:
        names["simulated_scratch"] = "from scratch\n(simulated)"
    header = ("labels", "a feature", *names.values(), "gain", "std. error")
    rows = [
        (
            f"{row['n']:,}",
            f"{row['alpha']:g}",
            *(_error(row[name]) for name in names),
            f"{row['gain']:+.3f}",
            _error(row["gain_error"]),
        )
        for row in points
    ]
    title = f"Expected error, the {found.quantity}"
    write_table(title, header, rows, numbers=header, wrapped="std. error")
    if found.floors is not None:
        learned, random = (found.floors[name].mean() for name in ("transferred", "random"))
        print(f"With endless labels: {learned:.3f} on learned features, {random:.3f} on random.")


def _error(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
