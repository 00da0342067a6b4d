"""The study: rank the sources, fit every method with and without them, prove the lift.

A study is planned whole, then run trial by trial into a journal, then analysed. Stopping it at any
moment loses at most the trials that were under way.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from warnings import warn

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError, NotRunnableError
from priorlift.core.persistence import save
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.pool import SourcePool, Target, Task
from priorlift.ranking.rank import rank_sources
from priorlift.ranking.result import Ranking
from priorlift.study import storage
from priorlift.study.description import describe
from priorlift.study.design import Split, choose_design, split_rows
from priorlift.study.estimate import Estimate, estimate_study
from priorlift.study.expected_labels import forecast_target
from priorlift.study.final_model import FinalModel, fit_final_model
from priorlift.study.leakage import look_for_leakage
from priorlift.study.memory import check_memory
from priorlift.study.metrics import get_metric
from priorlift.study.plan import (
    REFERENCE,
    SourceInfo,
    StudyPlan,
    plan_arms,
    resolve_methods,
)
from priorlift.study.results import StudyResult, Warned
from priorlift.study.target_forecast import TargetForecast
from priorlift.transfer.base import TransferEstimator, check_pool
from priorlift.trials.context import Context
from priorlift.trials.directory import STORE, RunDirectory, run_directory
from priorlift.trials.execute import run_pending
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.runners import Runner, get_runner

Progress = Callable[[int, int, TrialRecord | None], None]

MODEL = "model.priorlift"


class Study:
    """Fit every method with and without each source on the same rows, and judge the lift.

    Parameters
    ----------
    target : Target
        The task with few labels.
    sources : SourcePool
        What it may learn from.
    methods : sequence of str or TransferEstimator, or mapping of str to TransferEstimator
        By default "pooled" and "frozen_features".
    label_budgets : sequence of int, optional
        Labelled training rows to try; by default chosen from the number of labels.
    n_splits : int, default=20
        Draws of each budget, or folds over all repeats of cross-validation.
    metric : str, optional
        By default "accuracy" or "neg_mean_absolute_error"; see `priorlift.study.metrics.METRICS`.
    level : float, default=0.95
        Confidence level of the intervals, and of the family of verdicts.
    min_lift : float, default=0.0
        The smallest lift that matters; *helps* then means more than this.
    random_state : int, RandomState or None, default=0
        Seeds splits and fits.
    rank : bool, default=True
        Whether to rank the sources first.
    forecast : bool, default=True
        Whether to ask theory, at the end, what the target alone would need; some seconds, and only
        where classes are judged by accuracy.

    Attributes
    ----------
    plan : StudyPlan
        Everything that will be done.

    Raises
    ------
    InputError
        The target has too few labels, the task is ambiguous, or no source can be used by any
        method.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import RidgeClassifier
    >>> from priorlift import Source, SourcePool, Study, Target
    >>> from priorlift.transfer import PooledClassifier, TargetOnlyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> target = Target("few irises", X[::5], y[::5])
    >>> pool = SourcePool([Source("other irises", X[1::5], y[1::5])])
    >>> methods = {
    ...     "target_only": TargetOnlyClassifier(candidates={"ridge": RidgeClassifier()}),
    ...     "pooled": PooledClassifier(RidgeClassifier()),
    ... }
    >>> result = Study(target, pool, methods=methods, rank=False).run()
    >>> [(v.method, v.sources, v.verdict) for v in result.verdicts]
    [('pooled', 'other irises', 'not shown')]
    """

    def __init__(
        self,
        target: Target,
        sources: SourcePool,
        methods: Sequence[Any] | Mapping[str, Any] = ("pooled", "frozen_features"),
        label_budgets: Sequence[int] | None = None,
        n_splits: int = 20,
        metric: str | None = None,
        *,
        level: float = 0.95,
        min_lift: float = 0.0,
        random_state: RandomState = 0,
        rank: bool = True,
        forecast: bool = True,
    ) -> None:
        if not isinstance(target, Target):
            raise InputTypeError(
                f"target must be a Target, not {type(target).__name__}",
                remedy="Target('name', X, y)",
            )
        if not 0 < level < 1:
            raise InputError(f"level is {level}", remedy="a number between 0 and 1, such as 0.95")
        if n_splits < 2:
            raise InputError(f"n_splits is {n_splits}", remedy="at least 2, better 20")
        self.target = target
        self.sources = check_pool(sources)
        self.rank, self.forecast = rank, forecast
        task = _task_of(target)
        _check_distinct(self.sources)
        _check_numbers(target, task)
        self.methods = resolve_methods(methods, task)
        self.plan = self._plan(
            task, label_budgets, n_splits, metric, level, min_lift, base_seed(random_state)
        )

    def _plan(
        self,
        task: Task,
        label_budgets: Sequence[int] | None,
        n_splits: int,
        metric: str | None,
        level: float,
        min_lift: float,
        seed: int,
    ) -> StudyPlan:
        target = self.target
        design = choose_design(target, task, label_budgets, n_splits, derive_seed(seed, "design"))
        classes = tuple(str(c) for c in _classes(target)) if task == "classification" else ()
        chosen = get_metric(metric, task, len(classes) or None)
        arms, skipped = plan_arms(target, self.sources, self.methods)
        if not any(arm.sources for arm in arms):
            reasons = "; ".join(f"{s.sources}: {s.reason}" for s in skipped) or "the pool is empty"
            raise InputError(
                f"no source can be used for target {target.name!r}: {reasons}",
                remedy="give a source with the target's columns",
            )
        reference = _reference(self.methods, task)
        self.methods = {**reference, **self.methods}
        reference_arms, _ = plan_arms(target, SourcePool(), reference)
        arms = tuple(dict.fromkeys((*reference_arms, *arms)))
        return StudyPlan(
            target_name=target.name,
            target_fingerprint=target.fingerprint,
            n_rows=target.n_rows,
            n_labelled=int(target.labelled.sum()),
            classes=classes,
            task=task,
            sources=tuple(_info(source, target) for source in self.sources),
            methods={name: describe(method) for name, method in self.methods.items()},
            arms=arms,
            skipped=skipped,
            reference=REFERENCE,
            metric=chosen.name,
            metric_title=chosen.title,
            design=design,
            seed=seed,
            level=level,
            min_lift=min_lift,
        )

    def estimate(self, n_workers: int = 1, *, pilot: bool = False) -> Estimate:
        """Estimate what the study will ask of the machine.

        Parameters
        ----------
        n_workers : int
            Workers that fit at the same time.
        pilot : bool, default=False
            Whether to fit each method once with the least and once with the most rows, which tells
            the seconds too.
        """
        return estimate_study(
            self.plan, self.target, self.sources, self.methods, n_workers, pilot=pilot
        )

    def check_memory(self, n_workers: int = 1) -> None:
        """Refuse a study that does not fit into memory; `run` does so first of all.

        Parameters
        ----------
        n_workers : int
            Workers that fit at the same time.

        Raises
        ------
        InputError
            The estimate is above what is available; the message has both numbers.
        """
        check_memory(self.target, self.sources, n_workers)

    def run(
        self,
        out: str | Path | None = None,
        *,
        resume: bool = False,
        runner: str = "serial",
        n_workers: int | None = None,
        address: str | None = None,
        max_seconds: float | None = None,
        max_memory_mb: float | None = None,
        time_budget: float | None = None,
        progress: Progress | None = None,
    ) -> StudyResult:
        """Run the study.

        Parameters
        ----------
        out : path, optional
            Run directory; without it nothing is kept on disk.
        resume : bool, default=False
            Go on with a run directory that holds recorded trials of the same plan.
        runner : {"serial", "processes", "ray"}, default="serial"
            Where trials run; the results do not depend on it.
        n_workers : int, optional
            Worker processes; by default one a processor.
        address : str, optional
            For runner "ray": "auto", "host:port" or "ray://host:port" of a running cluster; by
            default a private one is started on this machine.
        max_seconds, max_memory_mb : float, optional
            What a single fit may take: wall seconds, and MiB of its process, libraries included.
            One that takes more is ended and becomes a failed row, and the others go on. Fits then
            run in child processes, with every runner.
        time_budget : float, optional
            Seconds after which no further trial is started. Only complete draws are analysed, and
            the result is marked as not reproducible.
        progress : callable, optional
            Called with (trials done, trials planned, last record).

        Returns
        -------
        StudyResult

        Raises
        ------
        InputError
            `out` holds another run, the work does not fit into memory, or a limit is not positive.
        RunDirectoryError
            `out` is in use or cannot be written.
        NotRunnableError
            Every fit with sources failed.
        """
        workers = get_runner(
            runner,
            n_workers,
            address=address,
            max_seconds=max_seconds,
            max_memory_mb=max_memory_mb,
        )
        self.check_memory(workers.n_workers)
        with run_directory(out, resume=resume) as directory:
            storage.write_plan(directory, self.plan)
            self._store(directory)
            warnings = look_for_leakage(self.target, self.sources, self.plan.design, self.plan.task)
            ranking = self._ranking(directory)
            context = Context(
                directory.path / STORE,
                self.plan.seed,
                {"methods": self.methods, "names": {s.fingerprint: s.name for s in self.sources}},
            )
            finished = self._run_trials(directory, workers, context, time_budget, progress)
            if not finished:
                warnings = (*warnings, _time_limit(time_budget))
            records = self._records(directory)
            storage.write_state(directory, warnings, finished)
            result = storage.build_result(
                self.plan, self.target, records, ranking, warnings, finished, storage.environment()
            )
            if not result.verdicts:
                raise _nothing_ran(records, finished)
            result = replace(result, forecast=self._forecast(directory))
            storage.write_result(directory, result)
            if out is not None:
                self._save_model(directory, result)
            return result

    def final_model(self, result: StudyResult) -> FinalModel:
        """Fit the model to take away: the best proved to help, else the best without sources.

        Parameters
        ----------
        result : StudyResult
            Of this study.
        """
        return fit_final_model(result, self.target, self.sources, self.methods)

    def _save_model(self, directory: RunDirectory, result: StudyResult) -> None:
        final = self.final_model(result)
        lift = {} if final.verdict is None else {"lift": final.verdict.against_same_class.estimate}
        try:
            save(
                final.estimator,
                directory.path / MODEL,
                metrics=lift,
                verdict="not shown" if final.verdict is None else final.verdict.verdict,
            )
        except InputError as error:
            warn(f"the model is not kept with the run: {error}", stacklevel=3)

    def _store(self, directory: RunDirectory) -> None:
        directory.store.put_task(self.target)
        for source in self.sources:
            directory.store.put_task(source)

    def _ranking(self, directory: RunDirectory) -> Ranking | None:
        if not self.rank:
            return None
        path = directory.path / storage.RANKING
        if path.exists():
            return Ranking.from_json(path.read_text(encoding="utf-8"))
        rows = self._rows_for_ranking()
        groups = self.target.groups
        ranking = rank_sources(
            arrays.take_rows(self.target.X, rows),
            self.target.y[rows],
            self.sources,
            groups=None if groups is None else groups[rows],
            task=self.plan.task,
            random_state=derive_seed(self.plan.seed, "ranking"),
        )
        directory.write_text_atomic(storage.RANKING, ranking.to_json())
        return ranking

    def _forecast(self, directory: RunDirectory) -> TargetForecast | None:
        if not self.forecast:
            return None
        found = storage.read_forecast(directory.path)
        if found is None:
            found = forecast_target(self.plan, self.target)
            storage.write_forecast(directory, found)
        return found

    def _rows_for_ranking(self) -> Any:
        """One draw of the largest budget: what a user with so many labels could rank with."""
        design = self.plan.design
        train, _ = split_rows(self.target, design, self.plan.task, Split(design.largest, 0, 0))
        return train

    def _run_trials(
        self,
        directory: RunDirectory,
        workers: Runner,
        context: Context,
        time_budget: float | None,
        progress: Progress | None,
    ) -> bool:
        planned = self.plan.trials()
        done = len(planned) - len(directory.journal.pending(planned))
        if progress is not None:
            progress(done, len(planned), None)
        start = time.monotonic()
        with contextlib.closing(
            run_pending(planned, workers, context, directory.journal)
        ) as records:
            for record in records:
                done += 1
                if progress is not None:
                    progress(done, len(planned), record)
                late = time_budget is not None and time.monotonic() - start > time_budget
                if late and done < len(planned):
                    return False
        return True

    def _records(self, directory: RunDirectory) -> list[TrialRecord]:
        wanted = {trial.hash for trial in self.plan.trials()}
        return [record for record in directory.journal.records() if record.trial.hash in wanted]


def _task_of(target: Target) -> Task:
    if target.task is None:
        raise InputError(
            "the labels could be classes or numbers",
            where=f"target {target.name!r}",
            remedy='say which: task="classification" or task="regression"',
        )
    return target.task


def _check_numbers(target: Target, task: Task) -> None:
    if task == "classification":
        return
    labels = target.y[target.labelled]
    try:
        labels.astype(float)
    except (TypeError, ValueError):
        raise InputError(
            f"its labels are not numbers, {arrays.plain(labels[0])!r} for one",
            where=f"target {target.name!r}",
            remedy='pass task="classification", or another label column',
        ) from None


def _classes(target: Target) -> list[Any]:
    return sorted(set(target.y[target.labelled].tolist()))


def _reference(
    methods: Mapping[str, TransferEstimator], task: Task
) -> dict[str, TransferEstimator]:
    own = methods.get(REFERENCE)
    if own is None:
        return resolve_methods([REFERENCE], task)
    if own.transfer_tags.uses_sources:
        raise InputError(
            f"the name {REFERENCE!r} is kept for the reference that uses no sources",
            remedy=f"give your {type(own).__name__} another name",
        )
    return {REFERENCE: own}


def _check_distinct(pool: SourcePool) -> None:
    seen: dict[str, str] = {}
    for source in pool:
        if source.fingerprint in seen:
            raise InputError(
                f"sources {seen[source.fingerprint]!r} and {source.name!r} hold the same rows",
                remedy="leave one of them out",
            )
        seen[source.fingerprint] = source.name


def _info(source: Any, target: Target) -> SourceInfo:
    dropped = 0
    if target.columns is not None and source.columns is not None:
        dropped = len(set(source.columns) - set(target.columns))
    return SourceInfo(
        source.name,
        source.fingerprint,
        source.n_rows,
        int(source.labelled.sum()),
        dropped,
        source.licence,
        source.description,
    )


def _time_limit(time_budget: float | None) -> Warned:
    return Warned(
        "time limit",
        f"the study was stopped after {time_budget:g} seconds, before all trials were run",
        "go on with --resume; intervals rest on fewer draws until then",
    )


def _nothing_ran(records: Sequence[TrialRecord], finished: bool) -> NotRunnableError:
    errors = [record.error for record in records if record.error]
    if errors:
        return NotRunnableError(
            f"{len(errors)} of {len(records)} fits failed, and no comparison is left: {errors[0]}",
            remedy="mend what the first error names",
        )
    return NotRunnableError(
        "no comparison is complete yet" + ("" if finished else ": the time limit came first"),
        remedy="go on with --resume and more time",
    )
