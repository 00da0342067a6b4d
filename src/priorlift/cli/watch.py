"""`priorlift watch`: how far a run is, on the terminal, while another process runs it.

It only reads the journal and takes no lock, so it can be started and stopped at any time, from
several terminals, and it shows finished runs too.
"""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.trials.journal_summary import Summary

_EVERY_SECONDS = 1.0
_LONGEST_TABLE = 20


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run directory.")],
    once: Annotated[bool, typer.Option("--once", help="Show the state once and stop.")] = False,
) -> None:
    """Watch a run: how far it is, at what pace, what it found and what failed.

    It ends when every planned fit is recorded, or with Ctrl-C; the run goes on.
    """
    from priorlift.trials.directory import JOURNAL

    journal = Path(run) / JOURNAL
    if not journal.is_file():
        raise InputError(
            "holds no run",
            where=run,
            cause="the run has not begun, or the path is another",
            remedy="pass the folder that --out names",
        )
    watch(journal, once=once or not sys.stdout.isatty())


def watch(journal: Path, *, once: bool) -> None:
    """Show a journal's state, once or until its run is complete.

    Parameters
    ----------
    journal : Path
        The journal.
    once : bool
        Show it once.
    """
    from rich.console import Console
    from rich.live import Live

    from priorlift.trials.journal_summary import summary

    state = summary(journal)
    if once:
        Console().print(picture(state))
        return
    first = (time.monotonic(), state.done + state.failed)
    with Live(picture(state), auto_refresh=False) as live:
        while state.pending != 0:
            began = time.monotonic()
            state = summary(journal)
            took = time.monotonic() - began
            pace = (state.done + state.failed - first[1]) / max(began - first[0], 1e-9)
            live.update(picture(state, pace), refresh=True)
            # Reading a large journal is not to take more than a tenth of a processor.
            time.sleep(max(_EVERY_SECONDS, 9 * took))


def picture(state: "Summary", pace: float | None = None) -> Any:
    """Return what the terminal shows.

    Parameters
    ----------
    state : Summary
        The run.
    pace : float or None
        Fits a second at present; None takes the run's mean.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from priorlift.cli.progress import duration

    recorded = state.done + state.failed
    if pace is None:
        pace = recorded / state.seconds if state.seconds > 0 else 0.0
    head = Table(box=None, pad_edge=False, header_style="")
    values = {
        "planned": "?" if state.planned is None else f"{state.planned}",
        "done": f"{state.done}",
        "failed": f"{state.failed}",
        "pending": "?" if state.pending is None else f"{state.pending}",
        "a second": f"{pace:.3g}",
        "time left": "complete"
        if state.pending == 0
        else duration(state.pending / pace)
        if state.pending and pace
        else "?",
    }
    for name in values:
        head.add_column(name, justify="right")
    head.add_row(*values.values())
    parts: list[Any] = [head]
    if state.scores:
        parts += [Text(), _scores(state)]
    if state.failures:
        parts += [Text(), Text("last failures")]
        parts += [Text(f"{key[:8]}  {error}") for key, error in state.failures]
    if state.repeats:
        parts += [Text(), Text(f"{state.repeats} fits ran twice and gave another outcome")]
    return Group(*parts)


def _scores(state: "Summary") -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="")
    for name in ("task", "method"):
        table.add_column(name)
    for name in ("done", "mean score"):
        table.add_column(name, justify="right")
    for task, method, n_done, mean in state.scores[:_LONGEST_TABLE]:
        table.add_row(task[:12], method, str(n_done), "" if mean is None else f"{mean:.4f}")
    more = len(state.scores) - _LONGEST_TABLE
    if more > 0:
        table.add_row(f"and {more} more", "", "", "")
    return table
