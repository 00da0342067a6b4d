"""Run trials on a Ray cluster: a bare local one, or any that is running.

A task of Ray is a bundle of blocks that takes about half a second or more, because a task costs
milliseconds. Ray places the tasks and repeats those whose worker or node died; an exception in a
trial is a record and is not repeated. What comes back is written by the driver's journal, which
knows each trial by its hash: a trial that ran twice counts once.
"""

import contextlib
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import joblib

import priorlift
from priorlift.core.errors import PriorliftError
from priorlift.trials.blocks import Block, Bundles, blocks_of
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.limits import Limits
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.ray_cluster import connect, load_ray, slots
from priorlift.trials.ray_store import put_store
from priorlift.trials.ray_worker import Payload, run_block
from priorlift.trials.run_trial import check_tasks, lost_record
from priorlift.trials.sending import check_sendable
from priorlift.trials.store import DataStore
from priorlift.trials.trial import Trial

RETRIES, RETRIES_ALONE = 2, 1
_WAIT_SECONDS = 1.0


@dataclass(eq=False)
class RayRunner:
    """Runs blocks of trials as tasks of a Ray cluster.

    Parameters
    ----------
    wanted : int or None
        Number of trials at the same time; None takes every slot of the cluster, also those that
        join later, and one for each processor on this machine.
    tasks : mapping of str to callable
        Task functions that come before the registry's.
    address : str or None
        "auto", "host:port" or "ray://host:port"; None starts a private cluster on this machine, or
        uses the one to which this process is connected.
    num_cpus, num_gpus : float
        What one worker takes; fractions of a GPU are shared.
    object_store_memory : int or None
        Bytes of shared memory for a private cluster.
    limits : Limits
        Of each trial.

    Notes
    -----
    At most twice the cluster's slots are in flight, or `wanted` where that is less than its slots.
    """

    wanted: int | None = None
    tasks: Mapping[str, TaskFunction] = field(default_factory=dict)
    address: str | None = None
    num_cpus: float = 1.0
    num_gpus: float = 0.0
    object_store_memory: int | None = None
    limits: Limits = field(default_factory=Limits)
    name: str = field(default="ray", init=False)
    _put: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _session: str = field(default="", init=False, repr=False)

    @property
    def n_workers(self) -> int:
        """How many trials run at the same time; asks the cluster if nothing was wanted."""
        if self.wanted is not None:
            return self.wanted
        if self.address is None and not load_ray().is_initialized():
            return int(joblib.cpu_count())
        self._connect()
        return slots(self.num_cpus, self.num_gpus)

    def run(self, trials: Sequence[Trial], context: Context) -> Generator[TrialRecord, None, None]:
        """Yield one record for each trial, as the blocks end."""
        ray = load_ray()
        check_tasks(trials, self.tasks)
        check_sendable(
            {f"task {name!r}": task for name, task in self.tasks.items()}
            | {f"extras[{name!r}]": extra for name, extra in context.extras.items()}
        )
        private = self._connect()
        shared = [
            ray.put(Payload(self._reachable(context, private), self.tasks, self.limits, _version()))
        ]
        flight = _Flight(ray, shared, self.num_cpus, self.num_gpus)
        bundles = Bundles(blocks_of(trials, self.n_workers), self.n_workers)
        alone: deque[Trial] = deque()
        try:
            while bundles or alone or flight:
                room = self._most_in_flight() - len(flight)
                for _ in range(room):
                    if alone:
                        flight.start((alone.popleft(),), RETRIES_ALONE, alone=True)
                    elif bundles:
                        flight.start(bundles.take(), RETRIES)
                for block, was_alone, records, death in flight.landed():
                    if records is None:
                        if len(block) > 1 and not was_alone:
                            alone.extend(block)
                        else:
                            yield from (lost_record(trial, "ray", death) for trial in block)
                        continue
                    bundles.note(record.measured.wall_seconds for record in records)
                    yield from records
        finally:
            flight.cancel()

    def _connect(self) -> bool:
        n_workers = self.wanted or int(joblib.cpu_count())
        private = connect(
            self.address,
            n_workers * self.num_cpus,
            n_workers * self.num_gpus,
            self.object_store_memory,
        )
        session = load_ray().get_runtime_context().get_job_id()
        if self._session != session:
            # What an earlier connection had put is gone with it.
            self._put, self._session = {}, session
        return private

    def _most_in_flight(self) -> int:
        available = slots(self.num_cpus, self.num_gpus)
        if self.wanted is not None and self.wanted < available:
            return self.wanted
        return 2 * available

    def _reachable(self, context: Context, private: bool) -> Context:
        if private or context.directory is None:
            return context
        return replace(context, reader=put_store(DataStore(context.directory), self._put))


class _Flight:
    """The tasks that Ray holds at the moment."""

    def __init__(self, ray: Any, shared: list[Any], num_cpus: float, num_gpus: float) -> None:
        self._ray, self._shared = ray, shared
        self._task = ray.remote(run_block)
        self._options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "retry_exceptions": False}
        self._flying: dict[Any, tuple[Block, bool]] = {}

    def __len__(self) -> int:
        return len(self._flying)

    def start(self, block: Block, retries: int, alone: bool = False) -> None:
        reference = self._task.options(max_retries=retries, **self._options).remote(
            block, self._shared
        )
        self._flying[reference] = block, alone

    def landed(self) -> Generator[tuple[Block, bool, list[TrialRecord] | None, str], None, None]:
        """Give what has ended: records, or None and how the worker died."""
        if not self._flying:
            return
        flying = list(self._flying)
        ready, _ = self._ray.wait(flying, num_returns=1, timeout=_WAIT_SECONDS)
        if len(flying) > 1:
            ready, _ = self._ray.wait(flying, num_returns=len(flying), timeout=0)
        for reference in ready:
            block, alone = self._flying.pop(reference)
            records, death = self._answer(reference)
            yield block, alone, records, death

    def cancel(self) -> None:
        """Stop what is left; nothing of it would be read."""
        for reference in self._flying:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.cancel(reference, force=True)
        self._flying.clear()

    def _answer(self, reference: Any) -> tuple[list[TrialRecord] | None, str]:
        errors = self._ray.exceptions
        died = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.LocalRayletDiedError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
        )
        try:
            answer = self._ray.get(reference)
        except died as error:
            return None, type(error).__name__
        except errors.RayTaskError as error:
            raise _unable(error) from error
        except errors.RayError as error:
            raise PriorliftError(
                f"the Ray cluster failed ({' '.join(str(error).split())[:300]}); every recorded "
                "trial is kept",
                remedy="look at `ray status`, then go on with --resume",
            ) from error
        if answer is None:
            raise KeyboardInterrupt
        if isinstance(answer, str):
            raise PriorliftError(
                f"the cluster's workers have priorlift {answer}, the driver has {_version()}",
                remedy="install the same version on both sides",
            )
        return answer, ""


def _version() -> str:
    return str(priorlift.__version__)


def _unable(error: Exception) -> PriorliftError:
    line = str(error).strip().splitlines()[-1]
    return PriorliftError(
        f"a worker of the Ray cluster could not run a block ({line[:300]})",
        cause="its environment lacks a package or module that the driver has",
        remedy=f"install priorlift {_version()} and what your tasks import in the cluster's image",
    )
