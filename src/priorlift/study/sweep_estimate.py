"""What a sweep will ask of the machine, told before it starts: fits, rows to encode, time, memory.

The seconds come from a pilot: each encoder takes a few rows, and each method is fitted, with and
without sources, on as many rows as it will get. Its features are random numbers, because nothing is
encoded yet; solvers may need more or fewer steps on real ones.
"""

import time
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.memory import available_memory, readable
from priorlift.pool import SourcePool, Target
from priorlift.study.design import Split, split_rows
from priorlift.study.memory import BYTES_A_VALUE, COPIES, WORKER_MB, memory_estimate_mb
from priorlift.study.plan import Arm
from priorlift.study.sweep_features import is_pretrained
from priorlift.study.sweep_plan import Cell
from priorlift.study.tasks import fit_arm, seeded
from priorlift.transfer.source_models import forget

if TYPE_CHECKING:
    from priorlift.study.sweep import Sweep

PILOT_ROWS = 32
WIDTH = 768


@dataclass(frozen=True)
class SweepEstimate:
    """What a sweep will ask of the machine.

    Attributes
    ----------
    n_trials : int
        Fits planned.
    n_rows : int
        Rows to encode, over all encoders; each data set counts once for each.
    seconds, encoding_seconds : float or None
        Expected wall time of the fits and of the encoding; None without a pilot.
    memory_mb : float
        Expected peak memory of all workers, in MiB.
    """

    n_trials: int
    n_rows: int
    seconds: float | None
    encoding_seconds: float | None
    memory_mb: float


def estimate_sweep(sweep: "Sweep", n_workers: int, *, pilot: bool) -> SweepEstimate:
    """Estimate the fits, the rows to encode, seconds and memory of a sweep.

    Parameters
    ----------
    sweep : Sweep
        What is planned.
    n_workers : int
        Fits at the same time.
    pilot : bool
        Whether to try encoders and methods, to tell the seconds.
    """
    rows = {name: _rows_to_encode(sweep, name) for name in sweep.encoders}
    widths = {name: _width(encoder) for name, encoder in sweep.encoders.items()}
    seconds = encoding = None
    if pilot:
        encoding = 0.0
        for name, encoder in sweep.encoders.items():
            spent, width = _try_encoder(sweep, name, encoder)
            encoding += spent * rows[name]
            widths[name] = width or widths[name]
        seconds = sum(_pilot_seconds(sweep, cell, widths) for cell in _typical(sweep)) / n_workers
    memory = max(_memory_mb(sweep, cell, widths, n_workers) for cell in sweep.plan.cells)
    return SweepEstimate(sweep.plan.n_trials, sum(rows.values()), seconds, encoding, memory)


def check_sweep_memory(sweep: "Sweep", n_workers: int) -> None:
    """Refuse a sweep whose largest cell cannot fit.

    Raises
    ------
    InputError
        The estimate is above what is available; the message has both numbers.
    """
    widths = {name: _width(encoder) for name, encoder in sweep.encoders.items()}
    needed, cell = max(
        ((_memory_mb(sweep, cell, widths, n_workers), cell) for cell in sweep.plan.cells),
        key=lambda pair: pair[0],
    )
    if needed * 2**20 > available_memory():
        raise InputError(
            f"{cell.task} under {cell.encoder} needs about {readable(int(needed * 2**20))} of "
            f"memory with {n_workers} workers, {readable(available_memory())} are available",
            remedy="use fewer workers, fewer or smaller sources, or a larger machine",
        )


def _rows_to_encode(sweep: "Sweep", encoder: str) -> int:
    if sweep.encoders[encoder] is None:
        return 0
    sizes: dict[str, int] = {}
    for cell in sweep.plan.cells:
        if cell.encoder == encoder:
            for task in (sweep.tasks[cell.task], *sweep.sources[cell.task]):
                # A fitted encoder gives other features where other sources have fitted it.
                own = "" if is_pretrained(sweep.encoders[encoder]) else cell.task
                sizes[own + task.fingerprints.X] = task.n_rows
    return sum(sizes.values())


def _width(encoder: Any) -> int:
    return int(getattr(encoder, "n_components", None) or WIDTH)


def _memory_mb(sweep: "Sweep", cell: Cell, widths: dict[str, int], n_workers: int) -> float:
    target, pool = sweep.tasks[cell.task], sweep.sources[cell.task]
    if sweep.encoders[cell.encoder] is None:
        return memory_estimate_mb(target, pool, n_workers)
    n = target.n_rows + sum(source.n_rows for source in pool)
    return n_workers * (WORKER_MB + COPIES * n * widths[cell.encoder] * BYTES_A_VALUE / 2**20)


def _try_encoder(sweep: "Sweep", name: str, encoder: Any) -> tuple[float, int | None]:
    """Return the seconds a row and the width; nothing is known where it fails."""
    cells = [cell for cell in sweep.plan.cells if cell.encoder == name]
    if encoder is None or not cells:
        return 0.0, None
    rows = sweep.tasks[cells[0].task].X
    pretrained = is_pretrained(encoder)
    n = min(arrays.n_rows(rows), PILOT_ROWS if pretrained else 20 * PILOT_ROWS)
    few = arrays.take_rows(rows, slice(0, n))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if pretrained:
                encoder.transform(few)  # loading the weights is no part of a row's time
            start = time.perf_counter()
            features = encoder.transform(few) if pretrained else _fit_transform(encoder, few)
            return (time.perf_counter() - start) / n, int(np.shape(features)[1])
    except Exception:  # a pilot never ends a sweep; the run tells the failure in full
        return 0.0, None


def _fit_transform(encoder: Any, rows: Any) -> Any:
    from sklearn.base import clone

    return clone(encoder).fit(rows).transform(rows)


def _typical(sweep: "Sweep") -> list[Cell]:
    """Return the largest cell of each encoder; it stands for the others, by their fits and rows."""
    largest: dict[str, Cell] = {}
    for cell in sweep.plan.cells:
        known = largest.get(cell.encoder)
        if known is None or _n_source_rows(cell) > _n_source_rows(known):
            largest[cell.encoder] = cell
    return list(largest.values())


def _n_source_rows(cell: Cell) -> int:
    return sum(source.n_labelled for source in cell.study.sources)


def _pilot_seconds(sweep: "Sweep", cell: Cell, widths: dict[str, int]) -> float:
    """Seconds of all fits of a cell's encoder, from one fit a kind of arm in this cell."""
    target, pool = _stand_in(sweep, cell, widths)
    plan = cell.study
    a_budget = dict.fromkeys({plan.design.budgets[0], plan.design.largest} - {0}, 0.0)
    rows = {source.name: source.n_labelled for source in plan.sources}

    def size(arm: Arm) -> int:
        return sum(rows[name] for name in arm.sources)

    per_draw = 0.0
    for name, method in sweep.methods[cell.task, cell.encoder].items():
        arms = sorted((arm for arm in plan.arms if arm.method == name), key=size)
        least, most = (
            {b: _seconds(sweep, cell, target, pool, method, arm, b) for b in a_budget}
            for arm in (arms[0], arms[-1])
        )
        for arm in arms:
            share = size(arm) / max(size(arms[-1]), 1)
            each = [least[b] + max(most[b] - least[b], 0.0) * share for b in a_budget]
            per_draw += float(np.mean(each)) if each else 0.0
    design = plan.design
    total = 0.0
    for other in sweep.plan.cells:
        if other.encoder == cell.encoder:
            relative = other.n_trials / max(cell.n_trials, 1)
            total += per_draw * len(design.budgets) * design.n_draws * design.n_folds * relative
    return total


def _stand_in(sweep: "Sweep", cell: Cell, widths: dict[str, int]) -> tuple[Target, SourcePool]:
    target, pool = sweep.tasks[cell.task], sweep.sources[cell.task]
    if sweep.encoders[cell.encoder] is None:
        return target, pool
    rng = np.random.default_rng(0)

    def numbers(task: Any) -> Any:
        X = rng.standard_normal((task.n_rows, widths[cell.encoder])).astype(np.float32)
        return replace(task, X=X)

    return numbers(target), SourcePool([numbers(source) for source in pool])


def _seconds(
    sweep: "Sweep",
    cell: Cell,
    target: Target,
    pool: SourcePool,
    method: Any,
    arm: Arm,
    budget: int,
) -> float:
    """Time one fit; 0 where it fails, which the run will tell in full."""
    train, test = split_rows(target, cell.study.design, cell.study.task, Split(budget, 0, 0))
    model = seeded(method, sweep.plan.seed)
    forget()
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")
            fit_arm(model, target, train, test, pool.subset(arm.sources))
    except Exception:  # a pilot never ends a sweep
        return 0.0
    return time.perf_counter() - start
