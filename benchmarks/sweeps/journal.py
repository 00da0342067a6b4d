"""The journal at scale: writing, reading, watching and exporting a million records."""

import tempfile
import time
from pathlib import Path

from priorlift.trials import Journal, Measured, Outcome, Trial, TrialRecord, to_parquet
from priorlift.trials.journal_summary import summary
from sweeps import rows

BATCH = 1_000
COST = Measured(0.1, 0.1, 50.0, "w", "2020-01-01T00:00:00+00:00", "2020-01-01T00:00:01+00:00")


def run(mode):
    n = 10**6 if mode == "full" else 50_000
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.sqlite"
        with Journal(path) as journal:
            start = time.process_time()
            for batch in _batches(n):
                journal.record(batch)
            wrote = time.process_time() - start
            size = (path.stat().st_size + Path(f"{path}-wal").stat().st_size) / n
            hashed = _seconds(journal.hashes)
            watched = _seconds(lambda: summary(path))
            exported = _seconds(lambda: to_parquet(journal, Path(name) / "all.parquet"))
            assert sum(journal.counts().values()) == n
    return [
        rows.absolute(
            f"writing {n:,} records, {BATCH} a transaction, making them included",
            n / wrote,
            "records a CPU second",
            goal="at least 10,000",
            met=n / wrote >= 10_000,
            note=f"{size:.0f} bytes a record",
        ),
        rows.absolute(
            f"finding which of {n:,} are recorded",
            hashed,
            "s wall",
            goal="at most 3 s",
            met=hashed <= 3,
        ),
        rows.absolute(
            f"what `priorlift watch` reads of {n:,}",
            watched,
            "s wall",
            goal="at most 5 s",
            met=watched <= 5,
        ),
        rows.absolute(
            f"exporting {n:,} to Parquet",
            exported,
            "s wall",
            goal="at most 30 s",
            met=exported <= 30,
        ),
    ]


def _batches(n):
    for begin in range(0, n, BATCH):
        yield [
            TrialRecord(
                Trial("fit", {"target": "t", "method": f"m{k % 4}", "n": k}),
                "done",
                Outcome({"score": k / n}),
                None,
                COST,
            )
            for k in range(begin, min(begin + BATCH, n))
        ]


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
