import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlift.core.errors import RunDirectoryError
from priorlift.trials import Journal, Measured, Outcome, Trial, TrialRecord, canonical_json

seconds = st.floats(0, 1e6)
numbers = st.floats(allow_nan=False, allow_infinity=False)
costs = st.builds(
    Measured,
    seconds,
    seconds,
    st.none() | seconds,
    st.text("ab-1"),
    st.just("t0"),
    st.just("t1"),
)
trials = st.builds(
    Trial, st.sampled_from(["fit", "score"]), st.dictionaries(st.text(), st.integers())
)
outcomes = st.builds(
    Outcome,
    st.dictionaries(st.text(), st.none() | numbers | st.text()),
    st.dictionaries(st.text(), st.lists(st.floats()).map(np.array), max_size=2),
)
finished = st.builds(TrialRecord, trials, st.just("done"), outcomes, st.none(), costs)
broken = st.builds(TrialRecord, trials, st.just("failed"), st.none(), st.text("abc: "), costs)


def same(one, other):
    if one.outcome is None or other.outcome is None:
        return one == other
    return (
        (one.trial, one.status, one.error, one.measured)
        == (other.trial, other.status, other.error, other.measured)
        and one.outcome.values == other.outcome.values
        and list(one.outcome.arrays) == list(other.outcome.arrays)
        and all(
            a.tobytes() == b.tobytes()
            for a, b in zip(one.outcome.arrays.values(), other.outcome.arrays.values(), strict=True)
        )
    )


@settings(max_examples=10)
@given(st.lists(finished | broken, max_size=6, unique_by=lambda record: record.trial.hash))
def test_records_come_back_whole_and_sorted_by_hash(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    with Journal(path) as journal:
        assert journal.record(records) == len(records)
    with Journal(path, read_only=True) as journal:
        back = list(journal.records())
        expected = sorted(records, key=lambda record: record.trial.hash)
        assert [record.trial.hash for record in back] == [r.trial.hash for r in expected]
        assert all(same(a, b) for a, b in zip(back, expected, strict=True))
        assert all(same(journal.get(r.trial.hash), r) for r in records)
        assert journal.hashes() == {record.trial.hash for record in records}
        n_failed = sum(record.status == "failed" for record in records)
        assert journal.counts() == {"done": len(records) - n_failed, "failed": n_failed}
        assert journal.get("0" * 32) is None


def test_a_trial_is_recorded_once_and_its_first_record_stays(tmp_path, done):
    first = done(1)
    other = TrialRecord(first.trial, "failed", None, "ValueError: no", first.measured)
    with Journal(tmp_path / "j") as journal:
        assert journal.record([first, done(2), first]) == 2
        with pytest.warns(UserWarning, match="ran twice"):
            assert journal.record([other, done(3)]) == 1
        assert same(journal.get(first.trial.hash), first)
        assert journal.counts() == {"done": 3, "failed": 0}
        assert journal.record([]) == 0


def test_pending_trials_are_those_not_recorded_each_once_in_order(tmp_path, done):
    plan = [Trial("count", {"number": number}) for number in (5, 1, 4, 1, 2, 5)]
    with Journal(tmp_path / "j") as journal:
        journal.record([done(4)])
        assert [trial.params["number"] for trial in journal.pending(plan)] == [5, 1, 2]


def test_another_process_reads_while_this_one_writes(tmp_path, done, start):
    script = """
import sys
from priorlift.trials import Journal
with Journal(sys.argv[1], read_only=True) as journal:
    print(len(list(journal.records())))
"""
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.record([done(number) for number in range(3)])
        reading = journal.records()
        next(reading)
        journal.record([done(number) for number in range(3, 7)])
        out, err = start(script, path).communicate(timeout=30)
        assert out.split() == ["7"], err
        journal.record([done(7)])
        reading.close()


WRITER = """
import sys
from priorlift.trials import Journal, Measured, Outcome, Trial, TrialRecord, canonical_json
cost = Measured(0.0, 0.0, None, "w", "t", "t")
with Journal(sys.argv[1]) as journal:
    number = len(journal.hashes())
    while True:
        block = [Trial("count", {"number": number + i}) for i in range(5)]
        journal.record([TrialRecord(t, "done", Outcome({"n": 1}), None, cost) for t in block])
        print(*(t.hash for t in block), flush=True)
        number += 5
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path, start):
    path, acknowledged, chance = tmp_path / "j", [], random.Random(0)
    for _ in range(3):
        writer = start(WRITER, path)
        acknowledged += writer.stdout.readline().split()
        time.sleep(chance.uniform(0.0, 0.1))
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.communicate()[0].split()
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        with Journal(path) as journal:
            recorded = journal.hashes()
        assert set(acknowledged) <= recorded
        assert len(recorded) % 5 == 0  # a block is in as a whole, or not at all
    assert len(acknowledged) == len(set(acknowledged)) > 15


def test_a_full_disk_is_named_and_earlier_rows_stay(tmp_path, done):
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.record([done(1)])
        journal._connection.execute("PRAGMA max_page_count = 12")
        with pytest.raises(RunDirectoryError, match=r"disk is full.*before is intact.*--resume"):
            journal.record([done(number, size=4000) for number in range(2, 30)])
        assert journal.hashes() == {done(1).trial.hash}
        journal._connection.execute("PRAGMA max_page_count = 100000")
        assert journal.record([done(2)]) == 1
    with Journal(path) as journal:
        assert len(journal.hashes()) == 2


LIMITED = """
import resource, signal, sys
from priorlift.trials import Journal, Measured, Outcome, Trial, TrialRecord, canonical_json
cost = Measured(0.0, 0.0, None, "w", "t", "t")
def record(number, size):
    outcome = Outcome({"text": "x" * size})
    return TrialRecord(Trial("count", {"number": number}), "done", outcome, None, cost)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Journal(sys.argv[1]) as journal:
    journal.record([record(0, 10)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, 2**17))
    try:
        journal.record([record(number, 10_000) for number in range(1, 50)])
    except Exception as error:
        print(type(error).__name__, error)
    print(len(journal.hashes()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on the size of files")
def test_a_write_that_the_system_refuses_leaves_earlier_rows(tmp_path, done, start):
    out, err = start(LIMITED, tmp_path / "j").communicate(timeout=30)
    message, count = out.splitlines()
    assert message.startswith("RunDirectoryError"), err
    assert "--resume" in message
    assert count == "1"
    with Journal(tmp_path / "j") as journal:
        assert len(journal.hashes()) == 1
        assert journal.record([done(1)]) == 1


def test_a_file_of_something_else_is_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_bytes(b"these are notes and no database, long enough to be looked at" * 20)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as raw:
        raw.execute("CREATE TABLE trials (hash TEXT)")
    for path in (text, other):
        before = path.read_bytes()
        for read_only in (False, True):
            with pytest.raises(RunDirectoryError, match=r"not a.*journal.*Remedy"):
                Journal(path, read_only=read_only)
        assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_the_remedy(tmp_path, done):
    with Journal(tmp_path / "j") as journal:
        journal.record([done(1)])
        journal._connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(RunDirectoryError, match=r"schema 99.*upgrade priorlift"):
        Journal(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == before


def test_a_journal_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(RunDirectoryError, match="folder is missing"):
        Journal(tmp_path / "j", read_only=True)
    assert not (tmp_path / "j").exists()


def test_a_closed_journal_is_one_file_and_close_can_be_called_twice(tmp_path, done):
    journal = Journal(tmp_path / "j")
    journal.record([done(1)])
    journal.close()
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_read_only_journal_cannot_be_written(tmp_path, done):
    Journal(tmp_path / "j").close()
    refused = pytest.raises(RunDirectoryError, match="read-only")
    with Journal(tmp_path / "j", read_only=True) as journal, refused:
        journal.record([done(1)])


def test_what_is_forgotten_is_pending_again_and_nothing_else(tmp_path, done):
    records = [done(number) for number in range(3)]
    trials = [record.trial for record in records]
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record(records)
        assert journal.forget([trials[1].hash, "unknown"]) == 1
        assert journal.pending(trials) == [trials[1]]
        assert journal.forget([]) == 0


SCHEMA_1 = """
CREATE TABLE trials (hash TEXT PRIMARY KEY, task TEXT NOT NULL, params TEXT NOT NULL,
status TEXT NOT NULL, outcome TEXT, arrays BLOB, error TEXT, wall_seconds REAL NOT NULL,
cpu_seconds REAL NOT NULL, peak_memory_mb REAL, worker TEXT NOT NULL, started_at TEXT NOT NULL,
finished_at TEXT NOT NULL);
PRAGMA application_id = 0x50724C66;
PRAGMA user_version = 1;
"""


def test_a_journal_of_schema_1_is_read_as_it_is_and_brought_up_to_date_when_written(tmp_path):
    path = tmp_path / "old.sqlite"
    done, failed = Trial("count", {"number": 1}), Trial("count", {"number": 2})
    with closing(sqlite3.connect(path)) as old:
        old.executescript(SCHEMA_1)
        for trial, status, outcome, error in (
            (done, "done", '{"number":1}', None),
            (failed, "failed", None, "ValueError: no"),
        ):
            params = canonical_json(trial.params)
            row = (trial.hash, "count", params, status, outcome, None, error, 1, 1, 1, "w", "", "")
            old.execute(f"INSERT INTO trials VALUES ({', '.join('?' * 13)})", row)
        old.commit()
    with Journal(path, read_only=True) as journal:
        before = list(journal.records())
        assert (journal.expected(), journal.repeats()) == (None, [])
        assert journal.pending([done, failed]) == []
    with Journal(path) as journal:
        assert list(journal.records()) == before
        assert {record.trial: record.kind for record in before} == {done: None, failed: "error"}
        journal.expect(5)
    with Journal(path, read_only=True) as journal:
        assert journal.expected() == 5


def test_a_repeat_with_another_outcome_is_warned_of_and_kept_beside_the_first(tmp_path, done):
    first = done(1)
    other = replace(first, outcome=Outcome({"number": 2}))
    later = replace(first, measured=replace(first.measured, worker="another", wall_seconds=9.0))
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.record([first]) == 1
        assert journal.record([later]) == 0  # only its cost differs
        assert journal.repeats() == []
        with pytest.warns(UserWarning, match="ran twice and gave another outcome"):
            assert journal.record([done(3), other]) == 1
        assert journal.repeats() == [(first.trial.hash, '{"number":2}')]
        assert journal.get(first.trial.hash) == first


def test_a_lost_trial_is_pending_again_and_its_next_record_takes_its_place(tmp_path, done):
    record = done(1)
    lost = replace(record, status="failed", outcome=None, error="WorkerLost: x", kind="lost")
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.record([lost])
        assert journal.pending([record.trial]) == [record.trial]
        assert journal.record([record]) == 1
        assert journal.record([lost]) == 0
        assert list(journal.records()) == [record]
        assert journal.pending([record.trial]) == []
        assert journal.repeats() == []
