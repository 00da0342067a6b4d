"""Run trials in processes of this machine, with the same results bit for bit."""

import os
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import joblib

from priorlift.trials.blocks import Block, blocks_of
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.limited_runner import LimitedRunner
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.run_trial import check_tasks, run_trial
from priorlift.trials.serial_runner import SerialRunner
from priorlift.trials.trial import Trial
from priorlift.trials.worker_process import freeze_libraries, watch_driver


@dataclass(frozen=True)
class ProcessesRunner:
    """Runs blocks of trials in processes of this machine, short ones in batches of 0.2 seconds.

    joblib's loky backend keeps the processes, sizes the batches and keeps two batches a worker in
    flight. Workers stop by themselves when this process is killed. When a worker dies, what was in
    flight is run again, each trial alone; one whose process dies twice more is recorded as lost.
    """

    n_workers: int
    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    name: str = field(default="processes", init=False)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, as the blocks end."""
        if self.n_workers == 1:
            yield from SerialRunner(self.tasks).run(trials, context)
            return
        check_tasks(trials, self.tasks)
        waiting = {block[0].hash: block for block in blocks_of(trials, self.n_workers)}
        while waiting:
            begun: dict[str, Block] = {}
            try:
                for records in self._parallel(_handed_out(waiting, begun), context):
                    waiting.pop(records[0].trial.hash)
                    begun.pop(records[0].trial.hash)
                    yield from records
            except BrokenProcessPool:
                # One of these ended its worker, and the others with it: each alone will tell which.
                for key in begun:
                    waiting.pop(key)
                suspects = [trial for block in begun.values() for trial in block]
                yield from LimitedRunner(self.name, 1, self.tasks).run(suspects, context)

    def _parallel(
        self, blocks: Iterable[Block], context: Context
    ) -> Generator[list[TrialRecord], None, None]:
        # Results are small and data comes from the store: joblib's own memory-mapping of large
        # arguments would only leave files behind when this process is killed.
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = joblib.Parallel(
                n_jobs=self.n_workers,
                return_as="generator_unordered",
                pre_dispatch="2 * n_jobs",
                max_nbytes=None,
            )
        work = joblib.delayed(_run_in_worker)
        answers = parallel(work(block, context, self.tasks, os.getpid()) for block in blocks)
        try:
            # Not a `yield from` of answers, which would be closed before the warning is silenced.
            for records in answers:  # noqa: UP028
                yield records
        finally:
            with warnings.catch_warnings():
                # Stopping early is a caller's right, under a time limit say.
                warnings.simplefilter("ignore")
                answers.close()


def _handed_out(waiting: Mapping[str, Block], begun: dict[str, Block]) -> Iterator[Block]:
    for key, block in list(waiting.items()):
        begun[key] = block
        yield block


def _run_in_worker(
    block: Block, context: Context, tasks: Mapping[str, TaskFunction], driver: int
) -> list[TrialRecord]:
    watch_driver(driver)
    worker = f"process-{os.getpid()}"
    records = [run_trial(trial, context, tasks, worker) for trial in block]
    freeze_libraries()
    return records
