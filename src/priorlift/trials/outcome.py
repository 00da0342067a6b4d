"""What a trial gives back: values, arrays, what it cost, and whether it failed.

A failed trial is a record like any other, with its error in one line, so that a run's table has a
row where other tools have a hole, and so that a deterministic failure is not tried again and again.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from priorlift.core.errors import InputError
from priorlift.trials.trial import Trial, canonical_json

STORABLE_KINDS = "biufcUSmM"
Status = Literal["done", "failed"]
Kind = Literal["error", "time", "memory", "lost"]


@dataclass(frozen=True)
class Outcome:
    """What a task function returns.

    Parameters
    ----------
    values : mapping of str to JSON values
        Small results: scores, counts, names. NaN is refused; None says that there is no value.
    arrays : mapping of str to ndarray
        Results by row: predictions, row numbers. Any dtype but object.

    Raises
    ------
    InputError
        A value is not JSON, or an array holds Python objects.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", json.loads(canonical_json(self.values, "values")))
        arrays = {name: np.asarray(array) for name, array in self.arrays.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in STORABLE_KINDS:
                raise InputError(
                    f"arrays[{name!r}] has dtype {array.dtype}, which cannot be stored",
                    remedy="use numbers or fixed-width strings, array.astype(str) for labels",
                )
        object.__setattr__(self, "arrays", arrays)


@dataclass(frozen=True)
class Measured:
    """What running a trial cost; the only part of a record that differs between runs.

    Parameters
    ----------
    wall_seconds, cpu_seconds : float
        Elapsed time, and processor time of the process that ran the trial.
    peak_memory_mb : float or None
        Largest resident memory of that process during the trial, in MiB; None where the platform
        does not tell.
    worker : str
        Name of the process.
    started_at, finished_at : str
        ISO 8601 time stamps, UTC.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float | None
    worker: str
    started_at: str
    finished_at: str


@dataclass(frozen=True)
class TrialRecord:
    """One row of the journal: a trial with its outcome or its error, and its cost.

    Parameters
    ----------
    trial : Trial
        What was run.
    status : {"done", "failed"}
        How it ended.
    outcome : Outcome or None
        What it gave; None if it failed.
    error : str or None
        One line, `Type: message`; None if it is done.
    measured : Measured
        What it cost.
    kind : {"error", "time", "memory", "lost"} or None
        Why it failed: its task raised, it passed a limit, or its worker died; None if it is done.
        Only a lost one may end otherwise when it is run again.
    """

    trial: Trial
    status: Status
    outcome: Outcome | None
    error: str | None
    measured: Measured
    kind: Kind | None = None

    def __post_init__(self) -> None:
        if self.status == "failed" and self.kind is None:
            object.__setattr__(self, "kind", "error")


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes | None:
    """Write arrays as one line of JSON with their names, then each in the NPY format.

    An NPZ file would take two to three times as long, and names some arrays wrongly.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        What to write, of any dtype but object.

    Returns
    -------
    bytes or None
        None if there are no arrays.
    """
    if not arrays:
        return None
    buffer = io.BytesIO()
    buffer.write(json.dumps(list(arrays)).encode() + b"\n")
    for array in arrays.values():
        np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def unpack_arrays(blob: bytes | None) -> dict[str, np.ndarray]:
    """Read arrays back from `pack_arrays`; nothing in the bytes is executed."""
    if blob is None:
        return {}
    buffer = io.BytesIO(blob)
    names = json.loads(buffer.readline())
    return {name: np.lib.format.read_array(buffer, allow_pickle=False) for name in names}
