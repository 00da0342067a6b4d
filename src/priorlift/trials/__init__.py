"""Trials: what a run consists of, where it is recorded, and how it is run.

A `Trial` describes one piece of work and is known by the hash of its content. A `Runner` runs
trials and yields a `TrialRecord` for each, a `Journal` keeps each record exactly once, a
`DataStore` holds the data that the trials read, and a `RunDirectory` holds all of it. Nothing here
knows a method by name.
"""

from priorlift.trials.context import Context, TaskFunction
from priorlift.trials.directory import RunDirectory
from priorlift.trials.execute import run_pending
from priorlift.trials.journal import Journal
from priorlift.trials.journal_export import to_parquet
from priorlift.trials.limits import Limits
from priorlift.trials.outcome import Measured, Outcome, TrialRecord
from priorlift.trials.runners import RUNNERS, Runner, get_runner
from priorlift.trials.store import DataStore
from priorlift.trials.trial import Trial, canonical_json

__all__ = [
    "RUNNERS",
    "Context",
    "DataStore",
    "Journal",
    "Limits",
    "Measured",
    "Outcome",
    "RunDirectory",
    "Runner",
    "TaskFunction",
    "Trial",
    "TrialRecord",
    "canonical_json",
    "get_runner",
    "run_pending",
    "to_parquet",
]
