import pytest

from priorlift.core.errors import RunDirectoryError
from priorlift.trials import Context, Journal, Outcome, Trial, get_runner, run_pending

PLAN = [Trial("count", {"number": number}) for number in range(8)]


def runner_that_logs(log):
    def count(trial, context):
        log.append(trial.params["number"])
        if trial.params["number"] == 5:
            raise ValueError("five")
        return Outcome({"number": trial.params["number"]})

    return get_runner(tasks={"count": count})


def test_every_trial_runs_once_and_is_recorded_before_it_is_given(tmp_path):
    log = []
    with Journal(tmp_path / "j") as journal:
        for record in run_pending(PLAN + PLAN, runner_that_logs(log), Context(), journal):
            assert journal.get(record.trial.hash) is not None
        assert log == list(range(8))
        assert journal.counts() == {"done": 7, "failed": 1}
        assert list(run_pending(PLAN, runner_that_logs(log), Context(), journal)) == []
    assert log == list(range(8))


def test_a_run_that_was_stopped_goes_on_without_repeating(tmp_path):
    log = []
    with Journal(tmp_path / "j") as journal:
        running = run_pending(PLAN, runner_that_logs(log), Context(), journal)
        next(running)
        running.close()
        assert len(journal.hashes()) == len(log) < len(PLAN)
        list(run_pending(PLAN, runner_that_logs(log), Context(), journal))
        assert journal.hashes() == {trial.hash for trial in PLAN}
    assert log == list(range(8))


def test_an_interrupt_keeps_what_has_been_computed(tmp_path):
    def count(trial, context):
        if trial.params["number"] == 6:
            raise KeyboardInterrupt
        return Outcome()

    with Journal(tmp_path / "j") as journal:
        with pytest.raises(KeyboardInterrupt):
            list(run_pending(PLAN, get_runner(tasks={"count": count}), Context(), journal))
        assert len(journal.hashes()) == 6


def test_a_journal_that_cannot_be_written_ends_the_run(tmp_path):
    with Journal(tmp_path / "j") as journal:
        list(run_pending(PLAN[:1], runner_that_logs([]), Context(), journal))
        journal._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(RunDirectoryError, match="read-only"):
            list(run_pending(PLAN, runner_that_logs([]), Context(), journal))
        assert len(journal.hashes()) == 1
