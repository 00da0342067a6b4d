"""Run one trial, here and now: the part that is the same in every runner.

A trial names its task function, which the registry finds where the trial runs. The function runs
on one thread of the numerical libraries, because the number of threads changes the last bits of a
sum and because workers must not fight for the cores. What it raises becomes a failed record.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from threadpoolctl import ThreadpoolController

from priorlift.core import registry
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.measure import measured, unmeasured
from priorlift.trials.outcome import Outcome, Status, TrialRecord
from priorlift.trials.trial import Trial

_ERROR_CHARACTERS = 500


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
    function = task_function(trial.task, tasks)
    (status, outcome, error), cost = measured(partial(_attempt, function, trial, context), worker)
    return TrialRecord(trial, status, outcome, error, cost)


def lost_record(trial: Trial, worker: str, cause: str) -> TrialRecord:
    """Return the record of a trial whose worker died, alone and twice.

    Parameters
    ----------
    trial : Trial
        The trial.
    worker : str
        Name of the worker, as far as it is known.
    cause : str
        What is known of its end.
    """
    error = f"WorkerLost: its worker process died each time ({cause})"
    return TrialRecord(trial, "failed", None, error, unmeasured(worker), "lost")


def check_tasks(trials: Iterable[Trial], tasks: Mapping[str, TaskFunction]) -> None:
    """Find every task function of the trials, before anything runs.

    Raises
    ------
    UnknownNameError
        Nothing is registered under a name.
    """
    for name in {trial.task for trial in trials}:
        task_function(name, tasks)


def task_function(name: str, tasks: Mapping[str, TaskFunction]) -> TaskFunction:
    """Return a task function by name: one of those given, or else the registry's."""
    found: TaskFunction = tasks[name] if name in tasks else registry.get("tasks", name)
    return found


class OneThread:
    """Limits the numerical libraries to one thread; looks for new ones only after new imports."""

    def __init__(self) -> None:
        self._n_modules = 0

    def limit(self) -> AbstractContextManager[Any]:
        """Return a context in which they have one thread."""
        if len(sys.modules) != self._n_modules:
            self._controller = ThreadpoolController()  # takes milliseconds, unlike limit()
            self._n_modules = len(sys.modules)
        limiter: AbstractContextManager[Any] = self._controller.limit(limits=1)
        return limiter


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
