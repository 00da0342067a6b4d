"""Measure what a piece of work costs: wall and processor seconds, peak memory, when and by whom.

On Linux the kernel's high-water mark of resident memory is reset before the work, so the peak
belongs to this trial and not to an earlier one in the same process; elsewhere it is the process's
peak so far.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from priorlift.trials.outcome import Measured

T = TypeVar("T")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


def measured(work: Callable[[], T], worker: str) -> tuple[T, Measured]:
    """Run `work()` and measure it.

    Parameters
    ----------
    work : callable
        What to run; it handles its own errors.
    worker : str
        Name of this process, for the record.

    Returns
    -------
    result : object
        What `work` returned.
    measured : Measured
        What it cost.
    """
    resettable = _reset_peak_memory()
    started_at = datetime.now(UTC)
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    cost = Measured(
        wall_seconds=wall,
        cpu_seconds=cpu,
        peak_memory_mb=_peak_memory_mb(resettable),
        worker=worker,
        started_at=started_at.isoformat(timespec="microseconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="microseconds"),
    )
    return result, cost


def unmeasured(worker: str, wall_seconds: float = 0.0) -> Measured:
    """Return the cost of a trial whose process did not live to tell it.

    Parameters
    ----------
    worker : str
        Name of the process.
    wall_seconds : float
        How long it was waited for.
    """
    now = datetime.now(UTC)
    began = (now - timedelta(seconds=wall_seconds)).isoformat(timespec="microseconds")
    return Measured(wall_seconds, 0.0, None, worker, began, now.isoformat(timespec="microseconds"))


def _reset_peak_memory() -> bool:
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _peak_memory_mb(resettable: bool) -> float | None:
    if resettable:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return _peak_of_process_mb()


def _peak_of_process_mb() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
