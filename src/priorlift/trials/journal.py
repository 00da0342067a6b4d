"""The journal: one SQLite row for each trial that has run, written exactly once.

The journal is what a run can be resumed from, so it holds its promises against crashes. A record
that `record` has acknowledged survives `kill -9` (write-ahead log) and a power cut (synchronous
FULL: a sync for each call, about a millisecond, which is why records come in lists). A trial is
keyed by its hash and the first record stays: writing it again changes nothing and is not counted,
unless the trial was lost with its worker. A repeat that gives something else is warned of and kept
beside the first. Other processes can read while the run writes.
"""

import contextlib
import json
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from priorlift.core.errors import RunDirectoryError
from priorlift.trials import journal_schema as schema
from priorlift.trials.outcome import Measured, Outcome, TrialRecord, pack_arrays, unpack_arrays
from priorlift.trials.trial import Trial, canonical_json

_BUSY_SECONDS = 10.0
_COMPARED = slice(3, 7)  # status, outcome, arrays, error: what a repeat must give again


class Journal:
    """The records of a run, keyed by trial hash.

    Parameters
    ----------
    path : path-like
        The SQLite file; made if it is not there, unless `read_only`.
    read_only : bool
        Open for reading, for instance while another process writes.

    Raises
    ------
    RunDirectoryError
        The file is not a journal, comes from a newer version, or cannot be read or written.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only
        with self._clear_errors():
            self._connection = self._connect()
            try:
                self._check_or_create()
            except BaseException:
                self._connection.close()
                raise

    def record(self, records: Sequence[TrialRecord]) -> int:
        """Write records in one transaction: after an error either all of them are in, or none.

        Parameters
        ----------
        records : sequence of TrialRecord
            What has run.

        Returns
        -------
        int
            How many were new. A trial that is already recorded keeps its first record; if the
            other one does not give the same, a warning says so and `repeats` has it.

        Raises
        ------
        RunDirectoryError
            The disk is full or the file cannot be written; what was recorded before is intact.
        """
        if not records:
            return 0
        rows = [_to_row(record) for record in records]
        with self._clear_errors(), self._transaction():
            before = self._connection.total_changes
            self._connection.executemany(schema.INSERT, rows)
            n_new = self._connection.total_changes - before
            if n_new < len(rows):
                self._keep_repeats(rows)
            return n_new

    def hashes(self) -> set[str]:
        """Return the hashes of all recorded trials, done or failed."""
        with self._clear_errors():
            return {row[0] for row in self._connection.execute("SELECT hash FROM trials")}

    def pending(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the trials that are not recorded or were lost, each once, in the order given."""
        with self._clear_errors():
            query = "SELECT hash FROM trials" + (" WHERE kind IS NOT 'lost'" * self._current)
            recorded = {row[0] for row in self._connection.execute(query)}
        unique = {trial.hash: trial for trial in trials}
        return [trial for key, trial in unique.items() if key not in recorded]

    def forget(self, hashes: Iterable[str]) -> int:
        """Remove records, so that their trials are pending again; return how many were removed."""
        wanted = [(trial_hash,) for trial_hash in hashes]
        if not wanted:
            return 0
        with self._clear_errors(), self._transaction():
            before = self._connection.total_changes
            self._connection.executemany("DELETE FROM trials WHERE hash = ?", wanted)
            return self._connection.total_changes - before

    def get(self, trial_hash: str) -> TrialRecord | None:
        """Return the record of one trial; None if there is none."""
        with self._clear_errors():
            found = self._connection.execute(
                f"{self._select} WHERE hash = ?", (trial_hash,)
            ).fetchone()
        return None if found is None else _from_row(found)

    def records(self) -> Iterator[TrialRecord]:
        """Give all records, sorted by trial hash, so that the order says nothing about the run."""
        with self._clear_errors():
            for row in self._connection.execute(f"{self._select} ORDER BY hash"):
                yield _from_row(row)

    def stream(self) -> Iterator[tuple[Any, ...]]:
        """Give all rows as they are stored, sorted by trial hash; columns as in the schema."""
        with self._clear_errors():
            yield from self._connection.execute(f"{self._select} ORDER BY hash")

    def query(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query of SQL that only reads; tables as in the schema."""
        with self._clear_errors():
            return self._connection.execute(text, values).fetchall()

    def counts(self) -> dict[str, int]:
        """Return how many trials are recorded as "done" and as "failed"."""
        query = "SELECT status, COUNT(*) FROM trials GROUP BY status"
        with self._clear_errors():
            return {"done": 0, "failed": 0} | dict(self._connection.execute(query).fetchall())

    def repeats(self) -> list[tuple[str, str]]:
        """Return the hash of each repeat that gave something else, and what it gave in one line."""
        if not self._current:
            return []
        query = "SELECT hash, COALESCE(error, outcome, status) FROM repeats ORDER BY rowid"
        with self._clear_errors():
            return [(row[0], row[1]) for row in self._connection.execute(query)]

    def expect(self, n_trials: int) -> None:
        """Note how many trials the run plans, unless more are noted; for those who watch it.

        Parameters
        ----------
        n_trials : int
            Recorded ones included.
        """
        if n_trials > (self.expected() or 0):
            with self._clear_errors(), self._transaction():
                self._connection.execute(
                    "INSERT OR REPLACE INTO facts VALUES ('expected', ?)", (str(n_trials),)
                )

    def expected(self) -> int | None:
        """Return how many trials the run plans; None if it has not been noted."""
        if not self._current:
            return None
        with self._clear_errors():
            found = self._connection.execute(
                "SELECT value FROM facts WHERE name = 'expected'"
            ).fetchone()
        return None if found is None else int(found[0])

    def close(self) -> None:
        """Close the file, and leave it readable from a read-only folder; safe to call twice."""
        with contextlib.suppress(sqlite3.Error):  # closed, read-only, or another process reads
            if not self.read_only:
                self._connection.execute("PRAGMA busy_timeout = 0")
                self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _connect(self) -> sqlite3.Connection:
        if not self.read_only:
            return sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)

    def _check_or_create(self) -> None:
        application = self._pragma("application_id")
        version = self._pragma("user_version")
        empty = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0
        if application not in (0, schema.APPLICATION_ID) or (application == 0 and not empty):
            raise self._stranger()
        if version > schema.SCHEMA_VERSION:
            raise RunDirectoryError(
                f"the journal has schema {version}, this priorlift knows {schema.SCHEMA_VERSION}",
                where=str(self.path),
                cause="a newer priorlift wrote it",
                remedy="upgrade priorlift, or use another --out",
            )
        if self.read_only:
            if empty:
                raise self._stranger()
            self._note_version(version)
            return
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        if empty or version < schema.SCHEMA_VERSION:
            with self._transaction():
                (schema.create if empty else schema.migrate)(self._connection)
        self._note_version(schema.SCHEMA_VERSION)

    def _note_version(self, version: int) -> None:
        self._current = version == schema.SCHEMA_VERSION
        self._select = schema.select(version)

    def _keep_repeats(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            kept = self._connection.execute(schema.SAME, (row[0],)).fetchone()
            if kept == row[_COMPARED] or row[-1] == "lost":
                continue
            self._connection.execute(schema.REPEAT, (row[0], *row[_COMPARED], row[10], row[12]))
            warnings.warn(
                f"{self.path}: trial {row[0]} ran twice and gave another outcome; the first is "
                "kept, and the journal's repeats have the other",
                stacklevel=3,
            )

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _stranger(self) -> RunDirectoryError:
        return RunDirectoryError(
            "this is not a priorlift journal",
            where=str(self.path),
            remedy="use another --out; the file was left as it is",
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back already; a second ROLLBACK would hide that error.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> RunDirectoryError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    causes = {
        sqlite3.SQLITE_FULL: ("the disk is full", "free space, then go on with --resume"),
        sqlite3.SQLITE_IOERR: (
            "the disk is full, over quota or failing",
            "free space, then go on with --resume",
        ),
        sqlite3.SQLITE_READONLY: (
            "the file or its folder is read-only",
            "make the folder writable, or use another --out",
        ),
        sqlite3.SQLITE_CANTOPEN: (
            "the folder is missing or not accessible",
            "make the folder accessible, or use another --out",
        ),
        sqlite3.SQLITE_NOTADB: ("the file is not a journal", "use another --out"),
        sqlite3.SQLITE_CORRUPT: (
            "the file was damaged from outside",
            "restore it from a copy, or start again with another --out",
        ),
        sqlite3.SQLITE_BUSY: (
            "another process holds the journal",
            "wait for it to end, or use another --out",
        ),
    }
    cause, remedy = causes.get(code, (None, "use another --out"))
    return RunDirectoryError(
        f"the journal cannot be used ({error}); what was recorded before is intact"
        if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
        else f"the journal cannot be read ({error})",
        where=str(path),
        cause=cause,
        remedy=remedy,
    )


def _to_row(record: TrialRecord) -> tuple[Any, ...]:
    outcome, cost = record.outcome, record.measured
    return (
        record.trial.hash,
        record.trial.task,
        canonical_json(record.trial.params),
        record.status,
        None if outcome is None else canonical_json(outcome.values),
        None if outcome is None else pack_arrays(outcome.arrays),
        record.error,
        cost.wall_seconds,
        cost.cpu_seconds,
        cost.peak_memory_mb,
        cost.worker,
        cost.started_at,
        cost.finished_at,
        record.kind,
    )


def _from_row(row: tuple[Any, ...]) -> TrialRecord:
    _, task, params, status, values, arrays, error, *cost, kind = row
    outcome = None if values is None else Outcome(json.loads(values), unpack_arrays(arrays))
    return TrialRecord(
        Trial(task, json.loads(params)), status, outcome, error, Measured(*cost), kind
    )
