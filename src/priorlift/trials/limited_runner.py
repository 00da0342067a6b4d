"""Run trials in children that can be killed: slower to start, and nothing can hang the run."""

import queue
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from priorlift.trials.blocks import Block, blocks_of
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.limits import Child, Limits
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.run_trial import check_tasks
from priorlift.trials.trial import Trial

_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class LimitedRunner:
    """Runs each worker's trials in a child process of its own, within limits.

    Parameters
    ----------
    name : str
        "serial" (one child) or "processes".
    n_workers : int
        Number of children.
    tasks : mapping of str to callable
        Task functions that come before the registry's.
    limits : Limits
        Of each trial.
    """

    name: str
    n_workers: int
    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, as they end."""
        check_tasks(trials, self.tasks)
        yield from self.run_blocks(blocks_of(trials, self.n_workers), len(trials), context)

    def run_blocks(
        self, blocks: Iterable[Block], n_trials: int, context: Context
    ) -> Generator[TrialRecord, None, None]:
        """Yield the records of blocks that hold `n_trials` trials together."""
        waiting: queue.SimpleQueue[Block] = queue.SimpleQueue()
        for block in blocks:
            waiting.put(block)
        found: queue.SimpleQueue[TrialRecord | BaseException] = queue.SimpleQueue()
        stop = threading.Event()
        children = [Child(self.limits) for _ in range(min(self.n_workers, max(n_trials, 1)))]

        def work(child: Child) -> None:
            try:
                while not stop.is_set():
                    for trial in waiting.get_nowait():
                        if stop.is_set():
                            return
                        found.put(child.run(trial, context, self.tasks))
            except queue.Empty:
                return
            except BaseException as error:
                if not stop.is_set():
                    found.put(error)
            finally:
                child.close()

        threads = [threading.Thread(target=work, args=(c,), daemon=True) for c in children]
        for thread in threads:
            thread.start()
        try:
            for _ in range(n_trials):
                record = found.get()
                if isinstance(record, BaseException):
                    raise record
                yield record
        finally:
            stop.set()
            for child in children:
                child.stop()
            for thread in threads:
                thread.join(_STOP_SECONDS)
