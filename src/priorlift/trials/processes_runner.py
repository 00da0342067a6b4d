"""Run trials in processes of this machine, with the same results bit for bit."""

import gc
import os
import threading
import time
import warnings
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache

import joblib

from priorlift.core.errors import PriorliftError
from priorlift.trials.blocks import Block, blocks_of
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.run_trial import check_tasks, run_trial
from priorlift.trials.serial_runner import SerialRunner
from priorlift.trials.trial import Trial

_WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class ProcessesRunner:
    """Runs blocks of trials in processes of this machine, short ones in batches of 0.2 seconds.

    joblib's loky backend keeps the processes, sizes the batches and keeps two batches a worker in
    flight. Workers stop by themselves when this process is killed.
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
        blocks = blocks_of(trials, self.n_workers)
        answers = parallel(work(block, context, self.tasks, os.getpid()) for block in blocks)
        try:
            # Not a `yield from` of answers, which would be closed before the warning is silenced.
            for records in answers:
                yield from records
        except BrokenProcessPool as error:
            raise PriorliftError(
                "a worker process was ended from outside; every recorded trial is kept",
                cause="the machine ran out of memory",
                remedy="go on with --resume and fewer workers",
            ) from error
        finally:
            with warnings.catch_warnings():
                # Stopping early is a caller's right, under a time limit say.
                warnings.simplefilter("ignore")
                answers.close()


def _run_in_worker(
    block: Block, context: Context, tasks: Mapping[str, TaskFunction], driver: int
) -> list[TrialRecord]:
    watch_driver(driver)
    worker = f"process-{os.getpid()}"
    records = [run_trial(trial, context, tasks, worker) for trial in block]
    freeze_libraries()
    return records


@cache
def freeze_libraries() -> None:
    """Spare the loaded libraries the collection of garbage, which loky runs every second.

    Looking through the objects of scikit-learn and its kin takes up to a tenth of that second.
    """
    gc.collect()
    gc.freeze()


@cache
def watch_driver(driver: int) -> None:
    """End this worker soon after the driver is gone, even in the middle of a trial."""
    if os.name != "posix":
        return

    def watch() -> None:
        while os.getppid() == driver:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="priorlift-watch-driver", daemon=True).start()
