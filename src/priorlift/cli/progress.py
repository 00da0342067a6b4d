"""How far a long piece of work is: a bar on a terminal, a line every tenth elsewhere.

Both are called with (n_done, n_total, record) after each trial, the record being None at the start.
Both estimate the time left from what was done since: a study that is resumed does not count what
it found.
"""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

LINES = 10
EARLY_SECONDS = 3.0  # then an estimate is due, even before the first tenth


class Progress(Protocol):
    """What a study reports to; used in a `with` statement."""

    def __call__(self, n_done: int, n_total: int, record: Any = None) -> None:
        """Take note that `n_done` of `n_total` trials are done."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def progress(stream: TextIO | None = None, unit: str = "fits") -> Progress:
    """Return what suits a stream, by default stderr."""
    stream = stream or sys.stderr
    return Bar(stream, unit) if stream.isatty() else Lines(stream, unit=unit)


class Lines:
    """Writes a line at the start and after every tenth of the work.

    Parameters
    ----------
    stream : file
        Where the lines go.
    clock : callable
        Gives seconds.
    unit : str
        What is counted.
    """

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic, unit: str = "fits"
    ) -> None:
        self._stream, self._clock, self._unit = stream, clock, unit
        self._started: float | None = None
        self._first: tuple[int, float] | None = None
        self._shown = -1
        self._estimated = False

    def __call__(self, n_done: int, n_total: int, record: Any = None) -> None:
        """Write a line if another tenth is done, or a first estimate is due."""
        now = self._clock()
        if self._started is None:
            self._started = now
        elapsed = now - self._started
        left = None
        if self._first is not None:
            left = time_left(n_done - self._first[0], n_total - n_done, now - self._first[1])
        elif record is not None:
            # Counted from the first record on: starting the workers says nothing about the rest.
            self._first = n_done, now
        early = not self._estimated and left is not None and elapsed > EARLY_SECONDS
        tenth = LINES * n_done // max(n_total, 1)
        if tenth <= self._shown and not early:
            return
        self._shown = tenth
        self._estimated |= left is not None
        rest = "" if left is None or n_done == n_total else f", about {duration(left)} left"
        share = 100 * n_done // max(n_total, 1)
        print(
            f"{n_done} of {n_total} {self._unit} ({share} %), {duration(elapsed)}{rest}",
            file=self._stream,
            flush=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class Bar:
    """Draws a bar with the time left, and takes it away at the end.

    Parameters
    ----------
    stream : file
        A terminal.
    unit : str
        What is counted.
    """

    def __init__(self, stream: TextIO, unit: str = "fits") -> None:
        from rich import progress as rich_progress
        from rich.console import Console

        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TextColumn("left:"),
            rich_progress.TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task(unit, total=None)

    def __call__(self, n_done: int, n_total: int, record: Any = None) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=n_done, total=n_total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


def time_left(n_since: int, n_left: int, elapsed: float) -> float | None:
    """Estimate the seconds that are left; None before anything is done.

    Parameters
    ----------
    n_since : int
        Trials done since the work began.
    n_left : int
        Trials that are left.
    elapsed : float
        Seconds since the work began.

    Examples
    --------
    >>> time_left(10, 30, 2.0)
    6.0
    """
    return None if n_since < 1 else elapsed / n_since * n_left


def duration(seconds: float) -> str:
    """Return seconds for people.

    Examples
    --------
    >>> duration(4.2), duration(75), duration(7300)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
