"""What every task function receives beside its trial: the data, the seed, the estimators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from priorlift.trials.outcome import Outcome
from priorlift.trials.store import DataStore, StoreReader
from priorlift.trials.trial import Trial


@dataclass(frozen=True)
class Context:
    """What the trials of a run share; small, because it travels to the workers with each batch.

    Parameters
    ----------
    directory : Path or None
        Folder of the run's `DataStore`, kept absolute; None if the tasks need no data.
    seed : int
        The run's seed; a task derives its own by `derive_seed(context.seed, trial.hash)`.
    extras : mapping of str to picklable objects
        Small things that JSON cannot hold, unfitted estimators say. They are not part of a trial's
        hash: what the outcome depends on must also be named in the trial's parameters. A task must
        not change them.
    reader : StoreReader, optional
        Where the run's data is read in place of the folder; a runner on a cluster sets it.
    """

    directory: Path | None = None
    seed: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)
    reader: StoreReader | None = None

    def __post_init__(self) -> None:
        if self.directory is not None:
            # Worker processes outlive a change of the working directory.
            object.__setattr__(self, "directory", Path(self.directory).absolute())

    @property
    def store(self) -> StoreReader:
        """The run's data, read-only: memory-mapped, or in a cluster's shared memory."""
        if self.reader is not None:
            return self.reader
        if self.directory is None:
            raise ValueError("this context has no data directory")
        return DataStore(self.directory)


TaskFunction: TypeAlias = Callable[[Trial, Context], Outcome]
