"""Limits of a single trial, and the killable process that keeps them.

A task that hangs in compiled code or takes all memory cannot be stopped from inside. So where there
is a limit, or where a worker died and it is not known why, a trial runs in a child process that is
watched from here and ended when it passes a limit. What it leaves is a failed record that says so.
"""

import contextlib
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from priorlift.core.errors import InputError
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.measure import unmeasured
from priorlift.trials.outcome import Kind, TrialRecord
from priorlift.trials.run_trial import lost_record, run_trial
from priorlift.trials.trial import Trial
from priorlift.trials.worker_process import freeze_libraries, watch_driver

_LOOK_SECONDS = 0.02
_ATTEMPTS = 2
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a single trial may take.

    Parameters
    ----------
    max_seconds : float or None
        Wall seconds; None for no limit. The start of its process and the import of what its context
        needs do not count.
    max_memory_mb : float or None
        Resident memory of its process in MiB, libraries included; None for no limit. It is looked
        at fifty times a second, so a quicker allocation can pass it for that long.

    Raises
    ------
    InputError
        A limit is not positive, or memory cannot be watched on this system.
    """

    max_seconds: float | None = None
    max_memory_mb: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_seconds", "max_memory_mb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value!r}", remedy="pass a positive number, or None")
        if self.max_memory_mb is not None and not Path("/proc/self/statm").exists():
            raise InputError("max_memory_mb needs /proc, which this system lacks")

    def __bool__(self) -> bool:
        return self.max_seconds is not None or self.max_memory_mb is not None


class Child:
    """A process that runs one trial at a time and can be killed; it starts when it is needed.

    Parameters
    ----------
    limits : Limits
        Of each trial.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._executor: Any = None
        self._pid = 0
        self._stopped = False

    def run(self, trial: Trial, context: Context, tasks: Mapping[str, TaskFunction]) -> TrialRecord:
        """Run a trial; a limit passed, or two dead processes, become a failed record.

        Parameters
        ----------
        trial, context, tasks : object
            As in `run_trial`.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(trial, context, tasks)
            except BrokenProcessPool:
                worker = f"process-{self._pid}"
                self.close()
                if self._stopped:
                    break
        return lost_record(trial, worker, "killed from outside, out of memory say, or crashed")

    def stop(self) -> None:
        """Let `run`, which another thread is in, end its process and return soon."""
        self._stopped = True

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._executor is not None:
            with contextlib.suppress(OSError):
                self._executor.shutdown(wait=False, kill_workers=True)
        self._executor, self._pid = None, 0

    def _attempt(
        self, trial: Trial, context: Context, tasks: Mapping[str, TaskFunction]
    ) -> TrialRecord:
        self._start(context, tasks)
        began = time.monotonic()
        future = self._executor.submit(_run, trial, context, tasks)
        while True:
            record = _within(future, _LOOK_SECONDS)
            if record is not None:
                return record
            if self._stopped:
                raise BrokenProcessPool("stopped by its caller")
            waited = time.monotonic() - began
            passed = self._passed(waited)
            if passed is not None:
                kind, text = passed
                worker = f"process-{self._pid}"
                self.close()
                return TrialRecord(trial, "failed", None, text, unmeasured(worker, waited), kind)

    def _passed(self, waited: float) -> tuple[Kind, str] | None:
        seconds, memory = self.limits.max_seconds, self.limits.max_memory_mb
        if seconds is not None and waited > seconds:
            return "time", f"TimeLimit: it ran longer than its limit of {seconds:g} seconds"
        if memory is not None and _resident_mb(self._pid) > memory:
            return "memory", f"MemoryLimit: it took more memory than its limit of {memory:g} MiB"
        return None

    def _start(self, context: Context, tasks: Mapping[str, TaskFunction]) -> None:
        if self._executor is not None:
            return
        from joblib.externals.loky import ProcessPoolExecutor

        self._executor = ProcessPoolExecutor(max_workers=1, env=dict.fromkeys(_THREADS, "1"))
        self._pid = self._executor.submit(_begin, os.getpid(), context, tasks).result()


def _begin(driver: int, context: Context, tasks: Mapping[str, TaskFunction]) -> int:
    """Return this process's number; receiving the rest has imported the libraries of a trial."""
    watch_driver(driver)
    return os.getpid()


def _run(trial: Trial, context: Context, tasks: Mapping[str, TaskFunction]) -> TrialRecord:
    record = run_trial(trial, context, tasks, worker=f"process-{os.getpid()}")
    freeze_libraries()
    return record


def _within(future: "Future[TrialRecord]", seconds: float) -> TrialRecord | None:
    try:
        return future.result(timeout=seconds)
    except FutureTimeoutError:
        return None


def _resident_mb(pid: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0  # it has just ended; what it left is read next
