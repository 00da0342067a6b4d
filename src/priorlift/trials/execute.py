"""Run what is not recorded yet, and record it: the loop between a plan, a runner and a journal."""

import time
from collections.abc import Generator, Iterable

from priorlift.trials.context import Context
from priorlift.trials.journal import Journal
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.runners import Runner
from priorlift.trials.trial import Trial

SYNC_SECONDS = 0.1


def run_pending(
    trials: Iterable[Trial], runner: Runner, context: Context, journal: Journal
) -> Generator[TrialRecord, None, None]:
    """Run the trials that the journal lacks and yield each record once it is safe on the disk.

    A record is written at once, unless the last write was less than 0.1 seconds ago; then it waits
    for the next one, because a sync to the disk takes about as long as a short trial. Trials that
    are already recorded, done or failed, are not run and not yielded, unless they were lost with
    their workers; a trial given twice runs once.

    Parameters
    ----------
    trials : iterable of Trial
        The whole plan.
    runner : Runner
        What runs them.
    context : Context
        What their task functions receive.
    journal : Journal
        Where the records go.

    Yields
    ------
    TrialRecord
        A new record, already in the journal.

    Raises
    ------
    RunDirectoryError
        The journal cannot be written; what it holds stays.
    """
    waiting: list[TrialRecord] = []
    next_write = time.monotonic()
    pending = journal.pending(trials)
    recorded = journal.hashes()
    journal.expect(len(recorded.union(trial.hash for trial in pending)))
    running = runner.run(pending, context)
    try:
        for record in running:
            waiting.append(record)
            if time.monotonic() >= next_write:
                written, waiting = waiting, []
                journal.record(written)
                next_write = time.monotonic() + SYNC_SECONDS
                yield from written
    finally:
        # Also when the run is interrupted: what has been computed is not lost.
        running.close()
        journal.record(waiting)
    yield from waiting
