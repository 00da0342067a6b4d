from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from priorlift.cli.progress import duration
from priorlift.trials import Journal, Measured, Outcome, Trial, TrialRecord, to_parquet
from priorlift.trials.journal_summary import summary

COST = Measured(1.0, 1.0, None, "w", "2020-01-01T00:00:00+00:00", "2020-01-01T00:00:10+00:00")


def record(number, method="pooled", score=0.5, error=None):
    trial = Trial("study", {"target": "abc", "method": method, "n": number})
    if error:
        return TrialRecord(trial, "failed", None, error, COST)
    return TrialRecord(trial, "done", Outcome({"score": score}), None, COST)


@pytest.fixture
def run(tmp_path):
    records = [record(n, score=n / 10) for n in range(5)]
    records += [record(9, "alone", 0.25), record(10, error="ValueError: no luck")]
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record(records)
        journal.expect(21)
        yield tmp_path, journal  # open, as while the run writes


def test_the_summary_counts_and_averages(run):
    state = summary(run[0] / "journal.sqlite")
    assert (state.planned, state.done, state.failed, state.pending) == (21, 6, 1, 14)
    assert state.seconds == 10
    assert state.scores == (("abc", "alone", 1, 0.25), ("abc", "pooled", 5, pytest.approx(0.2)))
    assert [error for _, error in state.failures] == ["ValueError: no luck"]


def test_watch_shows_the_state_while_the_journal_is_open(run, cli):
    ended = cli("watch", run[0], "--once")
    assert ended.code == 0
    for said in ("21", "14", duration(20), "pooled", "0.2000", "ValueError: no luck"):
        assert said in ended.out


def test_watch_says_when_a_run_is_complete(run, cli):
    run[1].record([replace(record(100 + n)) for n in range(14)])
    assert "complete" in cli("watch", run[0]).out


def test_watch_of_no_run_is_refused(tmp_path, cli):
    ended = cli("watch", tmp_path)
    assert ended.code == 2
    assert "holds no run" in ended.err


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_the_parquet_export_holds_every_record(run, chunk_rows):
    folder, journal = run
    assert to_parquet(journal, folder / "all.parquet", chunk_rows) == 7
    table = pq.read_table(folder / "all.parquet").to_pylist()
    assert [row["hash"] for row in table] == sorted(journal.hashes())
    assert {row["hash"]: row["error"] for row in table} == {
        r.trial.hash: r.error for r in journal.records()
    }
    assert not list(folder.glob(".tmp-*"))
