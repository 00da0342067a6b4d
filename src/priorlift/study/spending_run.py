"""A budgeted search for real: pairs of tasks are trained through the journal, each exactly once.

Each target's labelled rows are split once: a validation part judges every pair, and the ranking and
the training draws see the rest only. A pair is a few fits, on the same draws with and without its
source. Trials are those of a study, so a stopped search goes on where it stopped, and gives what it
would have given, for any number of workers.
"""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from priorlift.core.errors import InputError, NotRunnableError
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.pool import Source, SourcePool, Target, Task, TaskData
from priorlift.ranking.gain import GainModel
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.ranking.tasks import rank_tasks
from priorlift.study.description import describe
from priorlift.study.design import Design, split_rows
from priorlift.study.metrics import Metric, get_metric
from priorlift.study.pair_search import Overhead, Pair
from priorlift.study.plan import TASK_FUNCTION, resolve_methods, why_unusable
from priorlift.study.purchases import PairOutcome
from priorlift.study.spending import spend_in_batches
from priorlift.study.spending_result import Spending
from priorlift.study.study import Progress
from priorlift.transfer.base import TransferEstimator
from priorlift.trials.context import Context
from priorlift.trials.directory import STORE, RunDirectory, run_directory
from priorlift.trials.execute import run_pending
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.runners import Runner, get_runner
from priorlift.trials.trial import Trial

RESULT = "spending.json"
FEWEST_LABELS = 12


def run_spending(
    tasks: Iterable[TaskData],
    sources: SourcePool | None = None,
    *,
    method: Any = "pooled",
    metric: str | None = None,
    n_draws: int = 3,
    validation_share: float = 1 / 3,
    pairs: PairFeatures | None = None,
    max_pairs: int | None = None,
    max_seconds: float | None = None,
    random_share: float = 0.1,
    min_gain: float | None = 0.002,
    batch_size: int | None = None,
    model: GainModel | None = None,
    past: Outcomes | None = None,
    random_state: RandomState = 0,
    out: str | Path | None = None,
    resume: bool = False,
    runner: str = "serial",
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> Spending:
    """Search the best source of each task within a budget of training runs.

    Parameters
    ----------
    tasks : iterable of Target or Source
        The targets, of one kind of task.
    sources : SourcePool, optional
        By default the tasks themselves: all ordered pairs. A source of a target's name is the same
        task and is no pair.
    method : str or TransferEstimator
        What to train with.
    metric : str, optional
        As for `Study`.
    n_draws : int, default=3
        Training draws a pair, 80 % of the rows outside the validation part each.
    validation_share : float, default=1/3
        Share of the labelled rows, in (0, 1), that judges all pairs of a target.
    pairs : PairFeatures, optional
        What is known of the pairs; by default from `rank_tasks` on the rows outside the validation
        part. A pair that is not in it is not trained.
    max_pairs, max_seconds, random_share, min_gain, batch_size, model, past, random_state
        As for `priorlift.study.spending.spend`.
    out : path, optional
        Run directory; without it nothing is kept on disk.
    resume, runner, n_workers, progress
        As for `Study.run`; progress counts fits of all pairs that could be bought.

    Returns
    -------
    Spending
        Seconds are wall seconds of the fits.

    Raises
    ------
    InputError
        The tasks are of several kinds, have too few labels, or no pair can be trained.
    NotRunnableError
        Every single task failed.

    Notes
    -----
    The validation part chooses the sources, so the observed lift of a chosen one flatters; a study
    of it proves the lift. Where a source holds the very rows of a target (two labellings of one
    matrix), its copies of the validation rows are left out.
    """
    setting = _Setting.of(
        tasks, sources, method, metric, n_draws, validation_share, base_seed(random_state)
    )
    overhead = Overhead()
    if pairs is None:
        pairs, overhead = _ranked(setting)
    usable, skipped = _usable(setting, pairs)
    workers = get_runner(runner, n_workers)
    with run_directory(out, resume=resume) as directory:
        trainer = _Trainer(setting, directory, workers, progress, usable.n_pairs)
        found = spend_in_batches(
            usable,
            trainer,
            max_pairs=max_pairs,
            max_seconds=max_seconds,
            random_share=random_share,
            min_gain=min_gain,
            batch_size=batch_size,
            model=model,
            past=past,
            overhead=overhead,
            random_state=setting.seed,
            warnings=skipped,
        )
        directory.write_text_atomic(RESULT, found.to_json())
    if all(target.single_score is None for target in found.targets):
        raise NotRunnableError(
            f"no single task could be trained: {found.warnings[-1]}",
            remedy="mend what the error names",
        )
    return found


@dataclass(frozen=True)
class _Setting:
    """What is trained, and how each target is split."""

    targets: dict[str, Target]
    sources: dict[str, Source]
    designs: dict[str, Design]
    task: Task
    name: str
    method: TransferEstimator
    metric: Metric
    seed: int

    @classmethod
    def of(
        cls,
        tasks: Iterable[TaskData],
        sources: SourcePool | None,
        method: Any,
        metric: str | None,
        n_draws: int,
        share: float,
        seed: int,
    ) -> "_Setting":
        given = list(tasks)
        kinds = {task.task for task in given}
        if len(kinds) != 1 or None in kinds:
            raise InputError(
                "the targets are not of one kind of task" if given else "no task is given",
                cause="the labels of one could be classes or numbers",
                remedy='give each task="classification" or each task="regression"',
            )
        if n_draws < 1 or not 0.0 < share < 1.0:
            raise InputError(
                f"n_draws is {n_draws} and validation_share {share}",
                remedy="at least 1 draw, a share between 0 and 1",
            )
        kind: Task = given[0].task or "classification"
        ((name, estimator),) = resolve_methods([method], kind).items()
        targets = {task.name: Target(**_content(task)) for task in given}
        n_classes = max(len(set(t.y[t.labelled].tolist())) for t in targets.values())
        pool = [Source(**_content(task)) for task in given] if sources is None else list(sources)
        return cls(
            targets,
            {source.name: source for source in pool},
            {name: _design(target, n_draws, share, seed) for name, target in targets.items()},
            kind,
            name,
            estimator,
            get_metric(metric, kind, n_classes if kind == "classification" else None),
            seed,
        )

    def parts(self, target: str) -> tuple[Any, Any]:
        """Return the rows outside the validation part of a target, and that part."""
        given, design = self.targets[target], self.designs[target]
        _, test = split_rows(given, design, self.task, design.splits[0])
        return np.setdiff1d(np.flatnonzero(given.labelled), test), test

    def source_for(self, target: str, source: str) -> Source:
        """Return a source without copies of the target's validation rows."""
        given = self.sources[source]
        if given.fingerprints.X != self.targets[target].fingerprints.X:
            return given
        return given.take(np.setdiff1d(np.arange(given.n_rows), self.parts(target)[1]))


@dataclass
class _Trainer:
    """Trains a batch of pairs through the journal."""

    setting: _Setting
    directory: RunDirectory
    runner: Runner
    progress: Progress | None
    n_pairs: int
    n_done: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def __call__(self, batch: Sequence[Pair]) -> list[PairOutcome]:
        wanted = [self._trials(target, source) for target, source in batch]
        every = [trial for trials in wanted for trial in trials]
        context = Context(
            self.directory.path / STORE,
            self.setting.seed,
            {"methods": {self.setting.name: self.setting.method}, "names": dict(self.names)},
        )
        n_draws = len(next(iter(self.setting.designs.values())).splits)
        total = n_draws * (self.n_pairs + len(self.setting.targets))
        self.n_done += len(every) - len(self.directory.journal.pending(every))
        with contextlib.closing(
            run_pending(every, self.runner, context, self.directory.journal)
        ) as records:
            for record in records:
                self.n_done += 1
                if self.progress is not None:
                    self.progress(self.n_done, total, record)
        return [self._outcome(trials) for trials in wanted]

    def _trials(self, target: str, source: str | None) -> list[Trial]:
        setting, fingerprints = self.setting, []
        given = setting.targets[target]
        self.directory.store.put_task(given)
        if source is not None:
            used = setting.source_for(target, source)
            fingerprints = [self.directory.store.put_task(used)]
            self.names[fingerprints[0]] = source
        design = setting.designs[target]
        shared = {
            "target": given.fingerprint,
            "task": setting.task,
            "method": setting.name,
            "estimator": describe(setting.method),
            "sources": fingerprints,
            "metric": setting.metric.name,
            "design": {k: v for k, v in design.to_dict().items() if k != "reason"},
            "seed": setting.seed,
        }
        return [Trial(TASK_FUNCTION, {**shared, "split": asdict(s)}) for s in design.splits]

    def _outcome(self, trials: Sequence[Trial]) -> PairOutcome:
        found = [self.directory.journal.get(trial.hash) for trial in trials]
        records = [record for record in found if record is not None]
        seconds = sum(record.measured.wall_seconds for record in records)
        scores = [_score(record) for record in records]
        failed = next((record.error for record in records if record.error), None)
        known = [score for score in scores if score is not None]
        if len(known) < len(trials):
            return PairOutcome(None, seconds, failed or "the score is not defined on these rows")
        return PairOutcome(float(np.mean(known)), seconds)


def _score(record: TrialRecord) -> float | None:
    return None if record.outcome is None else record.outcome.values["score"]


def _design(target: Target, n_draws: int, share: float, seed: int) -> Design:
    n_labelled = int(target.labelled.sum())
    if n_labelled < FEWEST_LABELS:
        raise InputError(
            f"has {n_labelled} labelled rows, a search needs at least {FEWEST_LABELS}",
            where=f"target {target.name!r}",
            remedy="label more rows, or leave it out",
        )
    n_test = max(2, round(share * n_labelled))
    design = Design(
        kind="label budgets",
        reason="one validation part judges all pairs of a target",
        budgets=(2,),
        n_draws=n_draws,
        n_folds=1,
        n_test=n_test,
        n_labelled=n_labelled,
        n_pool=n_labelled - n_test,
        grouped=target.groups is not None,
        seed=derive_seed(seed, "validation", target.fingerprint),
    )
    _, test = split_rows(target, design, target.task or "classification", design.splits[0])
    left = n_labelled - len(test)
    if left < 2 or len(test) == 0:
        raise InputError(
            "its groups cannot be split into a training and a validation part",
            where=f"target {target.name!r}",
            remedy="label rows of another group, or leave groups out",
        )
    plain = design.to_dict()
    return Design(**{**plain, "budgets": (max(2, round(0.8 * left)),), "n_pool": left})


def _ranked(setting: _Setting) -> tuple[PairFeatures, Overhead]:
    training = [target.take(setting.parts(name)[0]) for name, target in setting.targets.items()]
    ranking = rank_tasks(
        training,
        SourcePool(setting.sources.values()),
        random_state=derive_seed(setting.seed, "ranking"),
    )
    return ranking.pair_features(), Overhead(scoring_seconds=ranking.seconds)


def _usable(setting: _Setting, pairs: PairFeatures) -> tuple[PairFeatures, tuple[str, ...]]:
    keep, skipped = [], []
    for target, source in zip(pairs.targets, pairs.sources, strict=True):
        reason: str | None = "it is not among the tasks"
        if target in setting.targets and source in setting.sources:
            given = setting.targets[target]
            reason = why_unusable(setting.method, given, setting.sources[source])
        keep.append(reason is None and target != source)
        if reason is not None:
            skipped.append(f"left out: {target} with {source}: {reason}")
    if not any(keep):
        raise InputError(f"no pair can be trained: {skipped[0] if skipped else 'none is given'}")
    return pairs.take(np.array(keep, dtype=bool)), tuple(skipped)


def _content(task: TaskData) -> dict[str, Any]:
    names = ("name", "X", "y", "groups", "task", "sample_weight", "unlabeled", "licence")
    return {name: getattr(task, name) for name in names}
