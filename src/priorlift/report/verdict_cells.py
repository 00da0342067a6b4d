"""The cell of a verdict: its word, its sign, and its place when a table is sorted by it."""

from priorlift.plots.lifts import VERDICTS as SIGNS
from priorlift.report.tables import Cell

VERDICT_ORDER = {"helps": 0, "hurts": 1, "equivalent": 2, "not shown": 3}


def verdict_cell(verdict: str) -> Cell:
    """Return the cell of a verdict.

    Parameters
    ----------
    verdict : {"helps", "hurts", "equivalent", "not shown"}
        The word.
    """
    return Cell(
        verdict,
        sort=VERDICT_ORDER[verdict],
        mark=verdict.replace(" ", "-"),
        sign=SIGNS[verdict][0],
    )
