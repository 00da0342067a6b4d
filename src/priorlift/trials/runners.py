"""Choose what runs trials: this process, several, or a cluster; the results are the same bits.

A runner takes trials and yields their records in the order in which they end. It knows no method
and no journal. Each runner is a file of its own; this is their front door.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import joblib

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.limited_runner import LimitedRunner
from priorlift.trials.limits import Limits
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.processes_runner import ProcessesRunner
from priorlift.trials.ray_runner import RayRunner
from priorlift.trials.serial_runner import SerialRunner
from priorlift.trials.trial import Trial

RunnerName: TypeAlias = Literal["serial", "processes", "ray"]
RUNNERS: tuple[RunnerName, ...] = ("serial", "processes", "ray")


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
    address: str | None = None,
    num_cpus: float = 1.0,
    num_gpus: float = 0.0,
    object_store_memory: int | None = None,
    max_seconds: float | None = None,
    max_memory_mb: float | None = None,
) -> Runner:
    """Return a runner by name.

    Parameters
    ----------
    name : {"serial", "processes", "ray"}
        Which one.
    n_workers : int, optional
        Number of worker processes; by default one for each processor this process may use, or
        every slot of a cluster. With one worker, "processes" runs in this process.
    tasks : mapping of str to callable, optional
        Task functions that are not in the registry; they come before it.
    address : str, optional
        For "ray": "auto", "host:port" or "ray://host:port" of a running cluster; by default a
        private one is started on this machine.
    num_cpus, num_gpus : float
        For "ray": processors and GPUs of a worker; 0.5 puts two workers on a GPU.
    object_store_memory : int, optional
        For "ray": bytes of shared memory for a private cluster.
    max_seconds, max_memory_mb : float, optional
        What a single trial may take; one that takes more is ended and recorded as failed. Trials
        then run in child processes, with every runner.

    Raises
    ------
    UnknownNameError
        There is no runner of that name.
    InputError
        `n_workers` or a limit is not positive, or `address` is given to another runner than "ray".
    """
    if n_workers is not None and (not isinstance(n_workers, int) or n_workers < 1):
        raise InputError(f"n_workers is {n_workers!r}", remedy="pass 1 or more, or leave it out")
    if address is not None and name != "ray" and name in RUNNERS:
        raise InputError(
            f"runner {name!r} has no address", where=f"address {address!r}", remedy="--runner ray"
        )
    given = dict(tasks or {})
    limits = Limits(max_seconds, max_memory_mb)
    if name == "serial":
        return LimitedRunner(name, 1, given, limits) if limits else SerialRunner(given)
    if name == "processes":
        n_workers = n_workers or int(joblib.cpu_count())
        if limits:
            return LimitedRunner(name, n_workers, given, limits)
        return ProcessesRunner(n_workers, given)
    if name == "ray":
        return RayRunner(n_workers, given, address, num_cpus, num_gpus, object_store_memory, limits)
    raise UnknownNameError("runner", name, RUNNERS)
