"""Estimate a study's memory before it starts, and refuse what cannot fit, with the number."""

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.memory import available_memory, readable
from priorlift.pool import SourcePool, Target, TaskData

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


def check_memory(target: Target, pool: SourcePool, n_workers: int) -> None:
    """Refuse a study that cannot fit.

    Raises
    ------
    InputError
        The estimate is above what is available.
    """
    needed, available = memory_estimate_mb(target, pool, n_workers) * 2**20, available_memory()
    if needed > available:
        raise InputError(
            f"the study needs about {readable(int(needed))} of memory with {n_workers} workers, "
            f"{readable(available)} are available",
            remedy="use fewer workers, fewer or smaller sources, or a larger machine",
        )


def _bytes(task: TaskData) -> float:
    if arrays.kind_of(task.X) == "sparse":
        return float(task.X.nnz * (BYTES_A_VALUE + 4))
    return float(task.n_rows * (arrays.n_columns(task.X) or 1) * BYTES_A_VALUE)
