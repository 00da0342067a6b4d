"""The tables of a journal, how they are recognised, and how an older file is brought up to date.

Schema 1 had the table of trials without the kind of a failure. Schema 2 adds it, a table of
repeats (trials that ran twice and did not give the same), and a table of facts about the run.
"""

import sqlite3

SCHEMA_VERSION = 2
APPLICATION_ID = 0x50724C66  # "PrLf", so that a stranger's SQLite file is never written to

TRIALS = """
CREATE TABLE trials (
    hash TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    params TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
    outcome TEXT,
    arrays BLOB,
    error TEXT,
    wall_seconds REAL NOT NULL,
    cpu_seconds REAL NOT NULL,
    peak_memory_mb REAL,
    worker TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    kind TEXT
)
"""
REPEATS = """
CREATE TABLE repeats (
    hash TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    arrays BLOB,
    error TEXT,
    worker TEXT NOT NULL,
    finished_at TEXT NOT NULL
)
"""
FACTS = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)"

NAMES = (
    *("hash", "task", "params", "status", "outcome", "arrays", "error"),
    *("wall_seconds", "cpu_seconds", "peak_memory_mb", "worker", "started_at", "finished_at"),
    "kind",
)
COLUMNS = ", ".join(NAMES)
# A trial that was lost with its worker may be written again; any other record stays as it is.
INSERT = (
    f"INSERT INTO trials ({COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"
    f" ON CONFLICT (hash) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in NAMES)}"
    " WHERE trials.kind = 'lost'"
)
SAME = "SELECT status, outcome, arrays, error FROM trials WHERE hash = ?"
REPEAT = "INSERT INTO repeats VALUES (?, ?, ?, ?, ?, ?, ?)"


def create(connection: sqlite3.Connection) -> None:
    """Make the tables of the current schema; the caller holds a transaction."""
    for table in (TRIALS, REPEATS, FACTS):
        connection.execute(table)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a journal of schema 1 up to date; the caller holds a transaction."""
    connection.execute("ALTER TABLE trials ADD COLUMN kind TEXT")
    connection.execute("UPDATE trials SET kind = 'error' WHERE status = 'failed'")
    connection.execute(REPEATS)
    connection.execute(FACTS)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def select(version: int) -> str:
    """Return the query for records, of a file that may be older and only read."""
    columns = COLUMNS if version >= SCHEMA_VERSION else COLUMNS.replace(", kind", ", NULL")
    return f"SELECT {columns} FROM trials"
