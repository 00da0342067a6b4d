"""Run trials one after another in this process."""

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from priorlift.trials.blocks import blocks_of
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.run_trial import OneThread, check_tasks, run_trial
from priorlift.trials.trial import Trial


@dataclass(frozen=True)
class SerialRunner:
    """Runs one trial after another in this process.

    A numerical library that is first loaded in the middle of a trial keeps its own number of
    threads until the next trial: import it where the task function is defined.
    """

    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    name: str = field(default="serial", init=False)
    n_workers: int = field(default=1, init=False)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, in the order given; a group's trials together."""
        check_tasks(trials, self.tasks)
        one_thread = OneThread()
        for block in blocks_of(trials, 1):
            for trial in block:
                with one_thread.limit():
                    record = run_trial(trial, context, self.tasks, worker=f"serial-{os.getpid()}")
                yield record
