"""What the command line shows: tables and sentences for people, JSON for machines.

The answer goes to stdout and everything about the way there to stderr, so that the answer can be
piped. Colours repeat what a word says and never say it alone.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from priorlift.ranking.result import Ranking
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
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[str] = ()
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
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    right = set(numbers)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for name in header:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold",
            no_wrap=name in right,
        )
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console().print(table)


def show_study(result: "StudyResult") -> None:
    """Write the outcome of a study: the sentence, the verdicts, what was saved, the warnings."""
    print(f"\n{result.sentence}\n")
    _verdicts(result)
    _skipped(result)
    for warned in result.warnings:
        print(f"warning ({warned.kind}): {warned.message}. {_sentence(warned.remedy)}")


def show_ranking(ranking: "Ranking") -> None:
    """Write a ranking: its sentence, the sources best first, what was skipped, the warnings."""
    print(f"\n{_sentence(ranking.summary)}\n")
    header = ("rank", "source", "place", *ranking.plan.scores, "tied with")
    rows = [
        (
            str(row.rank),
            row.name,
            "" if row.low is None or row.high is None else f"{row.low:.0f} to {row.high:.0f}",
            *(f"{row.scores[s]:.3f}" if s in row.scores else "-" for s in ranking.plan.scores),
            ", ".join(row.tied_with),
        )
        for row in ranking.rows
    ]
    write_table(
        "Sources, best first", header, rows, numbers=("rank", "place", *ranking.plan.scores)
    )
    for name, reason in ranking.skipped.items():
        print(f"not ranked: {name}: {reason}")
    for warning in ranking.warnings:
        print(f"warning: {_sentence(warning)}")


def _verdicts(result: "StudyResult") -> None:
    rows = []
    for verdict in result.verdicts:
        interval = verdict.adjusted_against_same_class
        rows.append(
            (
                verdict.verdict,
                verdict.method,
                verdict.sources,
                f"{verdict.against_same_class.estimate:+.3f}",
                f"{interval.low:+.3f} to {interval.high:+.3f}",
                verdict.reason,
            )
        )
    header = ("verdict", "method", "sources", "lift", "adjusted interval", "why")
    title = f"Lift in {result.plan.metric_title} at {result.plan.design.largest} labels"
    write_table(title, header, rows, numbers=("lift", "adjusted interval"))


def _skipped(result: "StudyResult") -> None:
    for skipped in result.plan.skipped:
        print(f"skipped: {skipped.method} with {skipped.sources}: {_sentence(skipped.reason)}")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def _finite(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
