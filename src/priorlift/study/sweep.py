"""The sweep: many tasks, encoders, sources, methods, budgets and seeds as one family of claims.

A sweep is a study for each task under each encoder, planned whole, encoded once, run trial by trial
into one journal, and judged together. Every seed counts, a trial that fails is a row with its
reason, and whatever stops the sweep, running it again fills the gaps.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from priorlift.core.errors import InputError, NotRunnableError, UnknownNameError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.pool import SourcePool, Target
from priorlift.study import sweep_storage
from priorlift.study.plan import REFERENCE
from priorlift.study.study import Study
from priorlift.study.sweep_axes import OTHERS, named_encoders, named_tasks, source_pools
from priorlift.study.sweep_estimate import SweepEstimate, check_sweep_memory, estimate_sweep
from priorlift.study.sweep_features import Encoding, check_encoder, planned_task, seed_of_encoder
from priorlift.study.sweep_methods import NamedMethod, methods_for, named_methods
from priorlift.study.sweep_plan import (
    Cell,
    LeftOut,
    SharedModels,
    SourceSets,
    SweepPlan,
    refuse_too_many,
    with_source_sets,
)
from priorlift.study.sweep_result import SweepResult
from priorlift.study.sweep_run import Resume, run_cells
from priorlift.transfer.base import TransferEstimator
from priorlift.trials.directory import run_directory
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.runners import get_runner

Progress: TypeAlias = Callable[[int, int, TrialRecord | None], None]

SOURCE_SETS, SHARED_MODELS, RESUME = map(get_args, (SourceSets, SharedModels, Resume))


class Sweep:
    """Fit every method on every task, with and without its sources, under every encoder.

    Parameters
    ----------
    tasks : sequence of Target, or mapping of str to Target
        The tasks; a target's name is the task's, unless a mapping names it.
    encoders : mapping of str to encoder or None, or sequence of str, optional
        What turns rows into features; None stands for the rows as they are, which is the default.
        Names are looked up in the registry. An encoder that has to be fitted is fitted on the rows
        of a task's sources, without labels.
    sources : SourcePool, mapping of str to SourcePool, or "others"
        The sources of all tasks, or of each by its name; "others" makes each task a source of the
        others.
    methods : sequence of str, NamedMethod or TransferEstimator, or mapping of str to one of these
        By default "pooled" and "frozen_features". A mapping's names are those of the tables.
    label_budgets : sequence of int, optional
        Labelled training rows to try; by default chosen for each task from its labels.
    n_splits : int, default=20
        Seeds: draws of each budget, or folds over all repeats of cross-validation.
    metric : str, optional
        By default "accuracy" or "neg_mean_absolute_error", by the task.
    source_sets : {"each and all", "each", "all"}, default="each and all"
        Which sets of a task's sources are tried.
    level : float, default=0.95
        Confidence level of the intervals, and of the family of verdicts.
    min_lift : float, default=0.0
        The smallest lift that matters.
    random_state : int, RandomState or None, default=0
        Seeds splits, encoders and fits.
    shared_models : {"budgets", "draws"}, default="budgets"
        What a model learned on a source serves: all budgets of a draw, or all draws as well. The
        second takes less time, and its lifts are those of that one model, as if it had come
        pretrained: the intervals do not hold how much training it again would change.
    cache : path, optional
        Folder of features; by default `features` in the run directory. Sweeps may share one.
    cache_mb : float, optional
        MiB that this folder may take; the features that were used longest ago give way.

    Attributes
    ----------
    plan : SweepPlan
        Everything that will be done, and what cannot run, with the reason.

    Raises
    ------
    InputError
        No task can run under any encoder, a name is unknown or occurs twice, or the sweep
        multiplies to more than five million fits.

    Notes
    -----
    Named methods get prepared features and do not preprocess them again; estimators are used as
    they are given. Planning takes O(tasks x encoders x methods x sources), whatever the number of
    seeds.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from priorlift import Source, SourcePool, Sweep, Target
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> few, many = slice(0, 240), slice(240, 480)
    >>> tasks = [Target("digit", X[few], y[few]), Target("even", X[few], y[few] % 2)]
    >>> pools = {
    ...     "digit": SourcePool([Source("others", X[many], y[many])]),
    ...     "even": SourcePool([Source("others", X[many], y[many] % 2)]),
    ... }
    >>> sweep = Sweep(tasks, sources=pools, methods=["pooled"], label_budgets=[10])
    >>> result = sweep.run()
    >>> result.counts["done"] == sweep.plan.n_trials == 120
    True
    >>> [(v.task, v.verdict.verdict) for v in result.verdicts]
    [('digit', 'helps'), ('even', 'helps')]
    """

    def __init__(
        self,
        tasks: Sequence[Target] | Mapping[str, Target],
        encoders: Mapping[str, Any] | Sequence[str] | None = None,
        sources: SourcePool | Mapping[str, SourcePool] | Literal["others"] = OTHERS,
        methods: Sequence[Any] | Mapping[str, Any] = ("pooled", "frozen_features"),
        label_budgets: Sequence[int] | None = None,
        n_splits: int = 20,
        metric: str | None = None,
        *,
        source_sets: SourceSets = "each and all",
        level: float = 0.95,
        min_lift: float = 0.0,
        random_state: RandomState = 0,
        shared_models: SharedModels = "budgets",
        cache: str | Path | None = None,
        cache_mb: float | None = None,
    ) -> None:
        _check_word("source_sets", source_sets, SOURCE_SETS)
        _check_word("shared_models", shared_models, SHARED_MODELS)
        self.tasks = named_tasks(tasks)
        self.encoders = named_encoders(encoders)
        self.sources = source_pools(self.tasks, sources)
        self.cache = None if cache is None else Path(cache)
        if cache_mb is not None and not cache_mb > 0:
            raise InputError(f"cache_mb is {cache_mb}", remedy="a number above 0, or None")
        self.cache_mb = cache_mb
        self._given = named_methods(methods)
        axes = {
            "tasks": len(self.tasks),
            "encoders": len(self.encoders),
            "methods": len(self._given),
            "budgets": len(label_budgets or (0,)),
            "seeds": n_splits,
        }
        refuse_too_many(math.prod(max(int(n), 1) for n in axes.values()), axes)
        self._options: dict[str, Any] = {
            "label_budgets": label_budgets,
            "n_splits": n_splits,
            "metric": metric,
            "level": level,
            "min_lift": min_lift,
        }
        self.methods: dict[tuple[str, str], dict[str, TransferEstimator]] = {}
        self.plan = self._plan(base_seed(random_state), source_sets, shared_models)
        refuse_too_many(self.plan.n_trials, {"tasks under encoders": len(self.plan.cells), **axes})

    def _plan(self, seed: int, source_sets: SourceSets, shared_models: SharedModels) -> SweepPlan:
        self._seed = seed
        cells: list[Cell] = []
        skipped: list[LeftOut] = []
        for task in self.tasks:
            for encoder in self.encoders:
                try:
                    cell, left_out = self._cell(task, encoder, source_sets)
                except InputError as error:
                    skipped.append(LeftOut(task, encoder, "", "", str(error)))
                    continue
                cells.append(cell)
                skipped += left_out
        if not cells:
            raise InputError(
                f"no task can run under any encoder: {skipped[0].task} under "
                f"{skipped[0].encoder!r}: {skipped[0].reason}",
                remedy="mend what the reason names",
            )
        return SweepPlan(
            cells=tuple(cells),
            skipped=tuple(skipped),
            tasks=tuple(self.tasks),
            encoders=tuple(self.encoders),
            methods=tuple(self._given),
            seed=seed,
            level=self._options["level"],
            min_lift=self._options["min_lift"],
            shared_models=shared_models,
            code={
                name: sweep_storage.code_versions(encoder)
                for name, encoder in self.encoders.items()
            },
        )

    def _cell(self, task: str, encoder: str, source_sets: SourceSets) -> tuple[Cell, list[LeftOut]]:
        """Plan one task under one encoder as a study, whose design all encoders share.

        Raises
        ------
        InputError
            The two cannot run; the message is the reason.
        """
        target, pool = self.tasks[task], self.sources[task]
        prepared = self.encoders[encoder] is not None
        check_encoder(target, pool, self.encoders[encoder])
        kind = target.task or "classification"
        methods, left_out = methods_for(self._given, kind, prepared=prepared)
        if not methods:
            raise InputError("; ".join(left_out.values()))
        methods.setdefault(REFERENCE, NamedMethod(REFERENCE).estimator(kind, prepared=prepared))
        if prepared:
            target, pool = planned_task(target, self.encoding(task, encoder))
        study = Study(target, pool, methods, rank=False, random_state=self._seed, **self._options)
        self.methods[task, encoder] = study.methods
        plan = with_source_sets(study.plan, source_sets)
        skipped = [LeftOut(task, encoder, name, "", why) for name, why in left_out.items()]
        skipped += [
            LeftOut(task, encoder, s.method, s.sources, s.reason)
            for s in plan.skipped
            if s.method in self._given or s.method not in plan.methods
        ]
        return Cell(task, encoder, plan), skipped

    def encoding(self, task: str, encoder: str) -> Encoding:
        """Return how the rows of a task become features under an encoder."""
        seed = seed_of_encoder(self._seed, encoder)
        return Encoding(self.encoders[encoder], self.sources[task], seed)

    def estimate(self, n_workers: int = 1, *, pilot: bool = False) -> SweepEstimate:
        """Estimate what the sweep will ask of the machine.

        Parameters
        ----------
        n_workers : int
            Workers that fit at the same time.
        pilot : bool, default=False
            Whether to encode a few rows and to fit each method on as many rows as it will get,
            which tells the seconds too.
        """
        return estimate_sweep(self, n_workers, pilot=pilot)

    def run(
        self,
        out: str | Path | None = None,
        runner: str = "serial",
        resume: Resume = "missing",
        *,
        n_workers: int | None = None,
        address: str | None = None,
        max_seconds: float | None = None,
        max_memory_mb: float | None = None,
        progress: Progress | None = None,
        say: Callable[[str], None] | None = None,
    ) -> SweepResult:
        """Run the sweep.

        Parameters
        ----------
        out : path, optional
            Run directory; without it nothing is kept on disk.
        runner : {"serial", "processes", "ray"}, default="serial"
            Where trials run; the results do not depend on it.
        resume : {"missing", "always", "never"}, default="missing"
            What to do with what the directory holds: run what is missing and what a worker took
            with it when it died; run everything again; or run nothing and only tabulate. A fit that
            failed by itself would fail again, so only "always" repeats it.
        n_workers : int, optional
            Workers; by default one a processor.
        address : str, optional
            Of a Ray cluster.
        max_seconds, max_memory_mb : float, optional
            What a single fit may take: wall seconds, and MiB of its process, libraries included.
            One that takes more is ended and becomes a failed row, and the others go on. Fits then
            run in child processes, with every runner.
        progress : callable, optional
            Called with (trials done, trials planned, last record).
        say : callable, optional
            Called with a line about each step before the fits.

        Returns
        -------
        SweepResult

        Raises
        ------
        InputError
            `out` holds something else, the work does not fit into memory, or a limit is not
            positive.
        NotRunnableError
            Every fit failed, or nothing is recorded and `resume` is "never".
        """
        _check_word("resume", resume, RESUME)
        workers = get_runner(
            runner,
            n_workers,
            address=address,
            max_seconds=max_seconds,
            max_memory_mb=max_memory_mb,
        )
        check_sweep_memory(self, workers.n_workers)
        with run_directory(out, resume=True) as directory:
            foreign = sweep_storage.begin(directory, self.plan)
            features = run_cells(
                self, directory, workers, resume, progress=progress, say=say or (lambda _: None)
            )
            result = sweep_storage.read_result(directory, self.plan, features, foreign)
            if not result.counts["done"]:
                raise _nothing_ran(result)
            sweep_storage.write_result(directory, result)
            return result


def _check_word(what: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise UnknownNameError(what, str(word), known)


def _nothing_ran(result: SweepResult) -> NotRunnableError:
    errors = [record.error for record in result.records.values() if record.error]
    if errors:
        return NotRunnableError(
            f"{len(errors)} of {result.plan.n_trials} fits failed, and none succeeded: {errors[0]}",
            remedy="mend what the first error names, then run with resume='always'",
        )
    return NotRunnableError("nothing is recorded yet", remedy="run it with resume='missing'")
