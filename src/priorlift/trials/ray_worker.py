"""What runs in a worker of a Ray cluster: a block of trials, one after another.

What all blocks of a run share, the context and the task functions, is fetched and opened once in
each worker.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import priorlift
from priorlift.trials.blocks import Block
from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.limits import Child, Limits
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.run_trial import OneThread, run_trial


@dataclass(frozen=True, eq=False)
class Payload:
    """What all blocks of a run share.

    Parameters
    ----------
    context : Context
        For the task functions.
    tasks : mapping of str to callable
        Task functions that come before the registry's.
    limits : Limits
        Of each trial.
    version : str
        The driver's priorlift.
    """

    context: Context
    tasks: Mapping[str, TaskFunction]
    limits: Limits
    version: str


# The last payload that this worker has opened, by its reference.
_opened: dict[str, Payload] = {}
_one_thread = OneThread()


def run_block(block: Block, shared: Sequence[Any]) -> list[TrialRecord] | str | None:
    """Run the trials of a block.

    Parameters
    ----------
    block : tuple of Trial
        What to run, in order.
    shared : sequence of one ray.ObjectRef
        The payload; in a sequence, so that Ray passes the reference and not the content.

    Returns
    -------
    list of TrialRecord, str or None
        The records; the worker's version of priorlift if it is not the driver's; None if the
        trial was interrupted from the keyboard.
    """
    payload = _payload(shared[0])
    if payload.version != priorlift.__version__:
        return str(priorlift.__version__)
    worker = f"ray-{socket.gethostname()}-{os.getpid()}"
    records = []
    try:
        for trial in block:
            if payload.limits:
                child = _child(payload.limits)
                records.append(child.run(trial, payload.context, payload.tasks))
                continue
            with _one_thread.limit():
                records.append(run_trial(trial, payload.context, payload.tasks, worker))
    except KeyboardInterrupt:
        return None
    return records


@cache
def _child(limits: Limits) -> Child:
    return Child(limits)


def _payload(reference: Any) -> Payload:
    import ray

    key = reference.hex()
    if key not in _opened:
        _opened.clear()
        _opened[key] = ray.get(reference)
    return _opened[key]
