"""Estimate a study's memory before it starts, and refuse what cannot fit, with the number."""

import os
from pathlib import Path

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.pool import SourcePool, TaskData, Target

BYTES_A_VALUE = 8
# A fit holds the encoded rows, the stacked rows of all sources and a solver's working copy.
COPIES = 3
WORKER_MB = 150.0


def memory_estimate_mb(target: Target, pool: SourcePool, n_workers: int) -> float:
    """Estimate the peak memory of a study, in MiB.

    Parameters
    ----------
    target, pool : Target, SourcePool
        What the largest fit holds.
    n_workers : int
        Fits at the same time.
    """
    rows = _bytes(target) + sum(_bytes(source) for source in pool)
    return n_workers * (WORKER_MB + COPIES * rows / 2**20)


def available_mb() -> float | None:
    """Return the memory that new work can use, in MiB; None where the platform does not tell."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**20
    except (AttributeError, OSError, ValueError):
        return None


def check_memory(target: Target, pool: SourcePool, n_workers: int) -> None:
    """Refuse a study that cannot fit.

    Raises
    ------
    InputError
        The estimate is above what is available.
    """
    needed, available = memory_estimate_mb(target, pool, n_workers), available_mb()
    if available is not None and needed > available:
        raise InputError(
            f"the study needs about {needed / 1024:.1f} GiB of memory with {n_workers} workers, "
            f"{available / 1024:.1f} GiB are available",
            remedy="use fewer workers, fewer or smaller sources, or a larger machine",
        )


def _bytes(task: TaskData) -> float:
    if arrays.kind_of(task.X) == "sparse":
        return float(task.X.nnz * (BYTES_A_VALUE + 4))
    return float(task.n_rows * (arrays.n_columns(task.X) or 1) * BYTES_A_VALUE)
