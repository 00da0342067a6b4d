"""What every task function receives beside its trial: the data, the seed, the estimators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from priorlift.trials.outcome import Outcome
from priorlift.trials.store import DataStore
from priorlift.trials.trial import Trial


@dataclass(frozen=True)
class Context:
    """What the trials of a run share; small, because it travels to the workers with each batch.

    Parameters
    ----------
    directory : Path or None
        Folder of the run's `DataStore`; None if the tasks need no data.
    seed : int
        The run's seed; a task derives its own by `derive_seed(context.seed, trial.hash)`.
    extras : mapping of str to picklable objects
        Small things that JSON cannot hold, unfitted estimators say. They are not part of a trial's
        hash: what the outcome depends on must also be named in the trial's parameters. A task must
        not change them.
    """

    directory: Path | None = None
    seed: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> DataStore:
        """The run's data, memory-mapped."""
        if self.directory is None:
            raise ValueError("this context has no data directory")
        return DataStore(self.directory)


TaskFunction: TypeAlias = Callable[[Trial, Context], Outcome]
