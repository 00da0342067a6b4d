"""Run the cells of a sweep: encode what has fits to run, then run them.

Features come first and once. A task that cannot be encoded under an encoder turns its fits into
failed rows with that reason, and the others go on.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from priorlift.core.errors import InputError
from priorlift.study.leakage import look_for_leakage
from priorlift.study.results import Warned
from priorlift.study.sweep_features import Encoded, FeatureMaker
from priorlift.study.sweep_plan import Cell, estimator_key
from priorlift.study.sweep_tasks import method_key
from priorlift.trials.context import Context
from priorlift.trials.directory import STORE, RunDirectory
from priorlift.trials.execute import run_pending
from priorlift.trials.outcome import Measured, TrialRecord
from priorlift.trials.runners import Runner
from priorlift.trials.trial import Trial

if TYPE_CHECKING:
    from priorlift.study.sweep import Progress, Sweep

Resume: TypeAlias = Literal["missing", "always", "never"]
FEATURES = "features"


@dataclass
class FeatureBill:
    """What encoding cost, and what was found on the way.

    Attributes
    ----------
    seconds : dict of str to float
        Wall seconds by encoder.
    n_encoded, n_read : int
        Rows that were encoded, and rows that were found in the cache.
    warnings : list of Warned
        Duplicates and the like, by task.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    n_encoded: int = 0
    n_read: int = 0
    warnings: list[Warned] = field(default_factory=list)


def run_cells(
    sweep: "Sweep",
    directory: RunDirectory,
    runner: Runner,
    resume: Resume,
    *,
    progress: "Progress | None",
    say: Callable[[str], None],
) -> FeatureBill:
    """Run what the resume policy asks for and record it in the directory's journal.

    Parameters
    ----------
    sweep : Sweep
        What to run.
    directory : RunDirectory
        Its journal and store.
    runner : Runner
        What runs the trials.
    resume : {"missing", "always", "never"}
        As for `Sweep.run`.
    progress : callable or None
        Called after each trial.
    say : callable
        Told about each step.
    """
    if resume == "never":
        return FeatureBill()
    planned = {cell: [t for t, _, _ in sweep.plan.trials(cell)] for cell in sweep.plan.cells}
    everything = {trial.hash: trial for trials in planned.values() for trial in trials}
    if resume == "always":
        directory.journal.forget(everything)
    pending = {trial.hash for trial in directory.journal.pending(everything.values())}
    directory.journal.expect(len(everything))
    count = _Count(len(everything), len(everything) - len(pending), progress)
    count.tell(None)
    to_run = {
        cell: [trial for trial in trials if trial.hash in pending]
        for cell, trials in planned.items()
    }
    bill, ready = _encode_all(sweep, directory, to_run, count, say)
    context = Context(directory.path / STORE, sweep.plan.seed, _extras(sweep))
    with contextlib.closing(run_pending(ready, runner, context, directory.journal)) as records:
        for record in records:
            count.add(record)
    return bill


@dataclass
class _Count:
    planned: int
    done: int
    progress: "Progress | None"

    def add(self, record: TrialRecord) -> None:
        self.done += 1
        self.tell(record)

    def tell(self, record: TrialRecord | None) -> None:
        if self.progress is not None:
            self.progress(self.done, self.planned, record)


def _encode_all(
    sweep: "Sweep",
    directory: RunDirectory,
    to_run: Mapping[Cell, list[Trial]],
    count: _Count,
    say: Callable[[str], None],
) -> tuple[FeatureBill, list[Trial]]:
    """Encode the cells that have fits to run; return the cost, and the fits that can be run."""
    bill = FeatureBill()
    maker = FeatureMaker(sweep.cache or directory.path / FEATURES, sweep.cache_mb)
    ready: list[Trial] = []
    looked_at: set[str] = set()
    for cell, trials in to_run.items():
        if not trials:
            continue
        try:
            encoded = _encoded(sweep, cell, maker, bill, say)
            _store(directory, encoded)
        except Exception as error:  # the others can still be encoded
            say(f"{cell.task} under {cell.encoder}: {_one_line(error)}")
            for record in _failed(trials, error):
                if directory.journal.record([record]):
                    count.add(record)
            continue
        if cell.task not in looked_at:
            looked_at.add(cell.task)
            bill.warnings += _warnings(cell, encoded)
        ready += trials
    bill.n_encoded, bill.n_read = maker.n_encoded, maker.n_read
    return bill, ready


def _encoded(
    sweep: "Sweep", cell: Cell, maker: FeatureMaker, bill: FeatureBill, say: Callable[[str], None]
) -> Encoded:
    target, pool = sweep.tasks[cell.task], sweep.sources[cell.task]
    if sweep.encoders[cell.encoder] is None:
        return Encoded(target, pool)
    say(f"encoding {cell.task} under {cell.encoder}")
    start, damaged = perf_counter(), maker.n_damaged
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*features are damaged")
            return maker.encode(target, sweep.encoding(cell.task, cell.encoder))
    finally:
        if maker.n_damaged > damaged:
            n = maker.n_damaged - damaged
            say(f"{n} file{'s' * (n > 1)} of features in {maker.folder} damaged; encoded again")
        spent = perf_counter() - start
        bill.seconds[cell.encoder] = bill.seconds.get(cell.encoder, 0.0) + spent


def _store(directory: RunDirectory, encoded: Encoded) -> None:
    directory.store.put_task(encoded.target)
    for source in encoded.pool:
        directory.store.put_task(source)


def _warnings(cell: Cell, encoded: Encoded) -> list[Warned]:
    plan = cell.study
    try:
        found = look_for_leakage(encoded.target, encoded.pool, plan.design, plan.task)
    except InputError:
        return []
    return [Warned(w.kind, f"{cell.task}: {w.message}", w.remedy) for w in found]


def _failed(trials: Iterable[Trial], error: Exception) -> Iterable[TrialRecord]:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    cost = Measured(0.0, 0.0, None, "driver", now, now)
    for trial in trials:
        yield TrialRecord(trial, "failed", None, f"encoding failed: {_one_line(error)}", cost)


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _extras(sweep: "Sweep") -> dict[str, Any]:
    methods = {
        method_key(name, estimator_key(cell.study.methods[name])): estimator
        for cell in sweep.plan.cells
        for name, estimator in sweep.methods[cell.task, cell.encoder].items()
    }
    names = {
        source.fingerprint: source.name
        for cell in sweep.plan.cells
        for source in cell.study.sources
    }
    return {"methods": methods, "names": names}
