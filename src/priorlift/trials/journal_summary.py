"""What a run that is watched shows: counts, pace, mean scores and the last failures.

SQLite does the counting, so that a journal of a million records is read in about a second and the
run that writes it is not held up.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from priorlift.trials.journal import Journal

_SPAN = "SELECT MIN(started_at), MAX(finished_at) FROM trials"
_FAILURES = (
    "SELECT hash, error FROM trials WHERE status = 'failed' ORDER BY finished_at DESC LIMIT ?"
)
# The trials of a study or a sweep have a target and a method, those of a search neither.
_SCORES = """
SELECT COALESCE(json_extract(params, '$.target'), ''),
       json_extract(params, '$.method'), COUNT(*), AVG(json_extract(outcome, '$.score'))
FROM trials
WHERE status = 'done' AND json_extract(params, '$.method') IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Summary:
    """The state of a run.

    Parameters
    ----------
    planned : int or None
        Trials in all; None where the run has not noted it.
    done, failed : int
        Recorded ones.
    seconds : float
        From the first start to the last end.
    scores : tuple of (task, method, count, mean score or None)
        Of the trials that are done and have a method.
    failures : tuple of (trial hash, error)
        The last ones, newest first.
    repeats : int
        Trials that ran twice and gave another outcome.
    """

    planned: int | None
    done: int
    failed: int
    seconds: float
    scores: tuple[tuple[str, str, int, float | None], ...]
    failures: tuple[tuple[str, str], ...]
    repeats: int

    @property
    def pending(self) -> int | None:
        """Trials that are not recorded; None where the plan is not known."""
        return None if self.planned is None else max(self.planned - self.done - self.failed, 0)


def summary(path: str | Path, n_failures: int = 5) -> Summary:
    """Read the state of a run from its journal, which may be written meanwhile.

    Parameters
    ----------
    path : path-like
        The journal's file.
    n_failures : int
        How many of the last failures.

    Raises
    ------
    RunDirectoryError
        The file is no journal.
    """
    with Journal(path, read_only=True) as journal:
        counts = journal.counts()
        began, ended = journal.query(_SPAN)[0]
        return Summary(
            journal.expected(),
            counts["done"],
            counts["failed"],
            _seconds(began, ended),
            tuple(_rows(journal)),
            tuple((str(row[0]), str(row[1])) for row in journal.query(_FAILURES, (n_failures,))),
            len(journal.repeats()),
        )


def _rows(journal: Journal) -> list[tuple[str, str, int, float | None]]:
    return [(str(task), str(method), n, mean) for task, method, n, mean in journal.query(_SCORES)]


def _seconds(began: str | None, ended: str | None) -> float:
    if not began or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
