"""What the command line shows: tables and sentences for people, JSON for machines.

The answer goes to stdout and everything about the way there to stderr, so that the answer can be
piped. Colours repeat what a word says and never say it alone.
"""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from priorlift.core.errors import message

if TYPE_CHECKING:
    from rich.console import Console

    from priorlift.study.interval import Interval
    from priorlift.study.results import StudyResult

WIDTH = 100
STYLES = {"helps": "bold green", "hurts": "bold red", "not shown": "", "equivalent": "cyan"}


def console(*, stderr: bool = False) -> "Console":
    """Return a console that fits the terminal, or is 100 characters wide where there is none."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def note(text: str) -> None:
    """Write a line about the way to the answer, to stderr."""
    print(text, file=sys.stderr, flush=True)


def write_json(document: Any) -> None:
    """Write the one JSON document of a command to stdout; NaN becomes null."""
    print(json.dumps(_finite(document), sort_keys=True, indent=1, allow_nan=False))


def write_table(
    title: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[str] = (),
    wrapped: str,
) -> None:
    """Write a table to stdout.

    Parameters
    ----------
    title : str
        Stands above it.
    header : sequence of str
        Names of the columns.
    rows : iterable of sequence of str
        The cells.
    numbers : iterable of str
        Columns that are set to the right.
    wrapped : str
        The column that gives way where the terminal is narrow.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    right = set(numbers)
    table = Table(box=box.SIMPLE_HEAD)
    for name in header:
        table.add_column(
            Text(name),
            justify="right" if name in right else "left",
            overflow="fold",
            no_wrap=name != wrapped,
        )
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    shown = console()
    shown.print(Text(title, style="bold"))  # as a title of the table it would break at its width
    shown.print(table)


def show_study(result: "StudyResult") -> None:
    """Write the outcome of a study: sentence, verdicts, what was left out and what is expected."""
    from priorlift.study.expected_sentence import expected_sentence

    print(f"\n{result.sentence}\n")
    _write_verdicts(result)
    _write_skipped(result)
    expected = expected_sentence(result)
    if expected:
        print(expected)
    for warned in result.warnings:
        if warned.kind != "unusable source":  # stands among what was left out
            print(f"warning: {message(warned.message, remedy=warned.remedy)}")


def _write_verdicts(result: "StudyResult") -> None:
    header = (
        *("verdict", "method", "sources", "lift"),
        *("adjusted\ninterval", "over\ntarget-only", "labels\nto settle"),
    )
    rows = [
        (
            v.verdict,
            v.method,
            v.sources,
            number(v.against_same_class.estimate, "+"),
            interval_text(v.adjusted_against_same_class),
            number(v.against_reference.estimate if v.against_reference else None, "+"),
            "-" if v.labels_to_settle is None else f"{v.labels_to_settle:,}",
        )
        for v in result.verdicts
    ]
    plan = result.plan
    title = (
        f"Lift in {plan.metric_title} at {plan.design.largest} labels, "
        f"{100 * plan.level:g} % intervals adjusted for {len(rows)} claims"
    )
    write_table(title, header, rows, numbers=header[3:], wrapped="sources")


def _write_skipped(result: "StudyResult") -> None:
    plan = result.plan
    asked = {name for name in plan.methods if name != plan.reference}
    methods: dict[tuple[str, str], set[str]] = {}
    for skipped in plan.skipped:
        methods.setdefault((skipped.sources, skipped.reason), set()).add(skipped.method)
    for (sources, reason), by in methods.items():
        which = "" if by >= asked or by == {"(any)"} else f"{', '.join(sorted(by))} with "
        print(f"left out: {which}{sources}: {sentence(reason)}")


def interval_text(interval: "Interval") -> str:
    """Return an interval for people, or why there is none."""
    if interval.reason is not None:
        return interval.reason
    return f"{interval.low:+.3f} to {interval.high:+.3f}"


def number(value: float | None, sign: str = "") -> str:
    """Return a number of three decimals, a dash where there is none.

    Examples
    --------
    >>> number(0.25, "+"), number(None)
    ('+0.250', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:{sign}.3f}"


def sentence(text: str) -> str:
    """Return a text with its full stop."""
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
