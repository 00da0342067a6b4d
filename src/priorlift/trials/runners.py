"""Choose what runs trials: this process, several, or a cluster; the results are the same bits.

A runner takes trials and yields their records in the order in which they end. It knows no method
and no journal. Each runner is a file of its own; this is their front door.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import joblib

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.processes_runner import ProcessesRunner
from priorlift.trials.serial_runner import SerialRunner
from priorlift.trials.trial import Trial

RunnerName: TypeAlias = Literal["serial", "processes"]
RUNNERS: tuple[RunnerName, ...] = ("serial", "processes")


class Runner(Protocol):
    """What runs trials; the one thing that a caller knows of serial, processes or a cluster."""

    @property
    def name(self) -> str:
        """The runner's name on the command line."""
        ...

    @property
    def n_workers(self) -> int:
        """How many trials run at the same time."""
        ...

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, as they end; closing the iterator stops the work."""
        ...


def get_runner(
    name: str = "serial",
    n_workers: int | None = None,
    *,
    tasks: Mapping[str, TaskFunction] | None = None,
) -> Runner:
    """Return a runner by name.

    Parameters
    ----------
    name : {"serial", "processes"}
        Which one.
    n_workers : int, optional
        Number of worker processes; by default one for each processor this process may use. With one
        worker, "processes" runs in this process.
    tasks : mapping of str to callable, optional
        Task functions that are not in the registry; they come before it.

    Raises
    ------
    UnknownNameError
        There is no runner of that name.
    InputError
        `n_workers` is not a positive integer.
    """
    if n_workers is not None and (not isinstance(n_workers, int) or n_workers < 1):
        raise InputError(f"n_workers is {n_workers!r}", remedy="pass 1 or more, or leave it out")
    given = dict(tasks or {})
    if name == "serial":
        return SerialRunner(given)
    if name == "processes":
        return ProcessesRunner(n_workers or joblib.cpu_count(), given)
    raise UnknownNameError("runner", name, RUNNERS)
