"""Run trials: in this process, or in several, with the same results bit for bit.

A runner takes trials and yields their records in the order in which they end. It knows no method
and no journal: a trial names its task function, which the registry finds where the trial runs. Each
task runs on one thread of the numerical libraries, in every runner, because the number of threads
changes the last bits of a sum and because workers must not fight for the cores.
"""

import gc
import os
import sys
import threading
import time
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, Literal, Protocol, TypeAlias

import joblib
from threadpoolctl import ThreadpoolController

from priorlift.core import registry
from priorlift.core.errors import InputError, PriorliftError, UnknownNameError
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.measure import measured
from priorlift.trials.outcome import Outcome, Status, TrialRecord
from priorlift.trials.trial import Trial

RunnerName: TypeAlias = Literal["serial", "processes"]
RUNNERS: tuple[RunnerName, ...] = ("serial", "processes")

_ERROR_CHARACTERS = 500
_WATCH_SECONDS = 0.5


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


@dataclass(frozen=True)
class SerialRunner:
    """Runs one trial after another in this process.

    A numerical library that is first loaded in the middle of a trial keeps its own number of
    threads until the next trial: import it where the task function is defined.
    """

    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    name: str = field(default="serial", init=False)
    n_workers: int = field(default=1, init=False)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, in the order given."""
        _check_tasks(trials, self.tasks)
        one_thread = _OneThread()
        for trial in trials:
            with one_thread.limit():
                record = run_trial(trial, context, self.tasks, worker=f"serial-{os.getpid()}")
            yield record


@dataclass(frozen=True)
class ProcessesRunner:
    """Runs trials in processes of this machine, short ones in batches of about 0.2 seconds.

    joblib's loky backend keeps the processes, sizes the batches and keeps two batches a worker in
    flight. Workers stop by themselves when this process is killed.
    """

    n_workers: int
    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    name: str = field(default="processes", init=False)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, as they end."""
        if self.n_workers == 1:
            yield from SerialRunner(self.tasks).run(trials, context)
            return
        _check_tasks(trials, self.tasks)
        # Results are small and data comes from the store: joblib's own memory-mapping of large
        # arguments would only leave files behind when this process is killed.
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(
                n_jobs=self.n_workers,
                return_as="generator_unordered",
                pre_dispatch="2 * n_jobs",
                max_nbytes=None,
            )
        work = joblib.delayed(_run_in_worker)
        records = parallel(work(trial, context, self.tasks, os.getpid()) for trial in trials)
        try:
            # Not `yield from`, which would close `records` before the warning can be silenced.
            for record in records:  # noqa: UP028
                yield record
        except BrokenProcessPool as error:
            raise PriorliftError(
                "a worker process was ended from outside; every recorded trial is kept",
                cause="the machine ran out of memory",
                remedy="go on with --resume and fewer workers",
            ) from error
        finally:
            with warnings.catch_warnings():
                # Stopping early is a caller's right, under a time limit say.
                warnings.simplefilter("ignore")
                records.close()


class _OneThread:
    """Limits the numerical libraries to one thread; looks for new ones only after new imports."""

    def __init__(self) -> None:
        self._n_modules = 0

    def limit(self) -> AbstractContextManager[Any]:
        if len(sys.modules) != self._n_modules:
            self._controller = ThreadpoolController()  # takes milliseconds, unlike limit()
            self._n_modules = len(sys.modules)
        limiter: AbstractContextManager[Any] = self._controller.limit(limits=1)
        return limiter


def run_trial(
    trial: Trial, context: Context, tasks: Mapping[str, TaskFunction], worker: str
) -> TrialRecord:
    """Run one trial here and now; an exception in its task becomes a failed record.

    Parameters
    ----------
    trial : Trial
        What to run.
    context : Context
        What its task function receives beside it.
    tasks : mapping of str to callable
        Task functions that come before the registry's.
    worker : str
        Name of this process, for the record.
    """
    function = _task_function(trial.task, tasks)
    (status, outcome, error), cost = measured(partial(_attempt, function, trial, context), worker)
    return TrialRecord(trial, status, outcome, error, cost)


def _attempt(
    function: TaskFunction, trial: Trial, context: Context
) -> tuple[Status, Outcome | None, str | None]:
    try:
        outcome = function(trial, context)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"task {trial.task!r} returned a {type(outcome).__name__}, no Outcome")
    except Exception as error:
        return "failed", None, _one_line(error)
    return "done", outcome, None


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()).encode(errors="backslashreplace").decode()
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if len(line) <= _ERROR_CHARACTERS else f"{line[: _ERROR_CHARACTERS - 3]}..."


def _task_function(name: str, tasks: Mapping[str, TaskFunction]) -> TaskFunction:
    found: TaskFunction = tasks[name] if name in tasks else registry.get("tasks", name)
    return found


def _check_tasks(trials: Iterable[Trial], tasks: Mapping[str, TaskFunction]) -> None:
    for name in {trial.task for trial in trials}:
        _task_function(name, tasks)


def _run_in_worker(
    trial: Trial, context: Context, tasks: Mapping[str, TaskFunction], driver: int
) -> TrialRecord:
    _watch(driver)
    record = run_trial(trial, context, tasks, worker=f"process-{os.getpid()}")
    _freeze_libraries()
    return record


@cache
def _freeze_libraries() -> None:
    """Spare the loaded libraries the collection of garbage, which loky runs every second.

    Looking through the objects of scikit-learn and its kin takes up to a tenth of that second.
    """
    gc.collect()
    gc.freeze()


@cache
def _watch(driver: int) -> None:
    """End this worker soon after the driver is gone, even in the middle of a trial."""
    if os.name != "posix":
        return

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="priorlift-watch-driver", daemon=True).start()
