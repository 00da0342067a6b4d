"""What a study will ask of the machine, told before it starts: fits, seconds, memory.

The seconds come from a pilot: each method is fitted once without sources and once with the most
rows that it will get, and the time in between is taken to grow with the rows.
"""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from priorlift.pool import SourcePool, Target
from priorlift.study.design import Split, split_rows
from priorlift.study.memory import memory_estimate_mb
from priorlift.study.plan import Arm, StudyPlan
from priorlift.study.tasks import fit_arm, seeded
from priorlift.transfer.base import TransferEstimator


@dataclass(frozen=True)
class Estimate:
    """What a study will ask of the machine.

    Attributes
    ----------
    n_trials : int
        Fits planned.
    seconds : float or None
        Expected wall time; None without a pilot, or where a method cannot be fitted.
    memory_mb : float
        Expected peak memory of all workers, in MiB.
    """

    n_trials: int
    seconds: float | None
    memory_mb: float


def estimate_study(
    plan: StudyPlan,
    target: Target,
    pool: SourcePool,
    methods: Mapping[str, TransferEstimator],
    n_workers: int,
    *,
    pilot: bool,
) -> Estimate:
    """Estimate the fits, seconds and memory of a plan.

    Parameters
    ----------
    plan : StudyPlan
        What will be done.
    target, pool : Target, SourcePool
        Its data.
    methods : mapping of str to TransferEstimator
        Its unfitted estimators.
    n_workers : int
        Fits at the same time.
    pilot : bool
        Whether to fit each method twice, to tell the seconds.
    """
    seconds = _pilot_seconds(plan, target, pool, methods) / n_workers if pilot else None
    memory = memory_estimate_mb(target, pool, n_workers)
    return Estimate(len(plan.trials()), None if seconds != seconds else seconds, memory)


def _pilot_seconds(
    plan: StudyPlan, target: Target, pool: SourcePool, methods: Mapping[str, TransferEstimator]
) -> float:
    rows = {source.name: source.n_labelled for source in plan.sources}

    def size(arm: Arm) -> int:
        return sum(rows[name] for name in arm.sources)

    total = 0.0
    for name, method in methods.items():
        arms = sorted((arm for arm in plan.arms if arm.method == name), key=size)
        least = _seconds(plan, target, pool, method, arms[0])
        most = _seconds(plan, target, pool, method, arms[-1]) if len(arms) > 1 else least
        widest = max(size(arms[-1]), 1)
        total += sum(least + max(most - least, 0.0) * size(arm) / widest for arm in arms)
    return total * len(plan.design.splits)


def _seconds(
    plan: StudyPlan, target: Target, pool: SourcePool, method: TransferEstimator, arm: Arm
) -> float:
    """Time one fit; NaN where it fails, which the trials will tell in full."""
    split = Split(plan.design.largest, 0, 0)
    train, test = split_rows(target, plan.design, plan.task, split)
    model = seeded(method, plan.seed)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            fit_arm(model, target, train, test, pool.subset(arm.sources))
    except Exception:  # a pilot never ends a study
        return float("nan")
    return time.perf_counter() - start
