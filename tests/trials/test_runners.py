import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.trials import Context, Outcome, Trial, get_runner


def make_tasks():
    """Make functions that travel as code, because the workers cannot import a test module."""

    def draw(trial, context):
        if trial.params["number"] % 5 == 3:
            raise ValueError(f"no\n  {trial.params['number']}")
        rng = np.random.default_rng([context.seed, int(trial.hash, 16)])
        matrix = rng.normal(size=(80, 60))
        values = np.linalg.svd(matrix)[1]
        return Outcome({"norm": float(np.linalg.norm(matrix.T @ matrix))}, {"values": values})

    def sleep(trial, context):
        time.sleep(trial.params["seconds"])
        return Outcome({"extra": context.extras.get("extra")})

    def wait(trial, context):
        deadline = time.monotonic() + 60
        while not os.path.exists(trial.params["file"]) and time.monotonic() < deadline:
            time.sleep(0.01)
        return Outcome({"extra": context.extras["extra"]})

    def die(trial, context):
        if trial.params["number"] == 6:
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome()

    def interrupt(trial, context):
        raise KeyboardInterrupt

    def wrong(trial, context):
        return {"score": 1.0}

    def place(trial, context):
        return Outcome({"directory": str(context.directory), "there": context.directory.exists()})

    return {task.__name__: task for task in (draw, sleep, wait, die, interrupt, wrong, place)}


TASKS = make_tasks()


def content(record):
    outcome = record.outcome
    if outcome is None:
        return record.status, record.error
    return record.status, outcome.values, {k: v.tobytes() for k, v in outcome.arrays.items()}


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_results_are_bit_for_bit_the_same_for_any_number_of_workers(n_workers):
    trials = [Trial("draw", {"number": number}) for number in range(25)]
    serial = list(get_runner("serial", tasks=TASKS).run(trials, Context(seed=7)))
    runner = get_runner("processes", n_workers, tasks=TASKS)
    records = list(runner.run(trials[::-1], Context(seed=7)))
    assert (runner.name, runner.n_workers) == ("processes", n_workers)
    assert [record.trial for record in serial] == trials
    assert len(records) == len(trials)
    expected = {record.trial: content(record) for record in serial}
    assert {record.trial: content(record) for record in records} == expected
    other_seed = next(get_runner("serial", tasks=TASKS).run(trials, Context(seed=8)))
    assert content(other_seed) != content(serial[0])


def test_a_failing_task_is_a_record_with_one_line(runner_name):
    trials = [Trial("draw", {"number": number}) for number in range(6)]
    records = list(get_runner(runner_name, 2, tasks=TASKS).run(trials, Context()))
    assert sorted(record.status for record in records) == ["done"] * 5 + ["failed"]
    (failed,) = (record for record in records if record.status == "failed")
    assert failed.error == "ValueError: no 3"
    assert failed.outcome is None
    assert failed.trial.params == {"number": 3}
    assert failed.measured.wall_seconds > 0


def test_a_task_that_returns_something_else_fails_with_its_type():
    (record,) = get_runner(tasks=TASKS).run([Trial("wrong", {})], Context())
    assert record.error == "TypeError: task 'wrong' returned a dict, no Outcome"


def test_a_long_error_is_cut():
    def shout(trial, context):
        raise ValueError("x" * 10_000)

    (record,) = get_runner(tasks={"shout": shout}).run([Trial("shout", {})], Context())
    assert len(record.error) == 500
    assert record.error.endswith("x...")


def test_an_unknown_task_stops_before_anything_runs(runner_name):
    trials = [Trial("draw", {"number": 0}), Trial("dwar", {})]
    with pytest.raises(UnknownNameError, match="unknown task 'dwar'"):
        next(get_runner(runner_name, 2, tasks=TASKS).run(trials, Context()))


def test_records_arrive_as_they_end_and_the_context_travels(tmp_path):
    file = tmp_path / "go"
    trials = [Trial("wait", {"file": str(file)}), Trial("sleep", {"seconds": 0.01})]
    running = get_runner("processes", 2, tasks=TASKS).run(trials, Context(extras={"extra": "here"}))
    first = next(running)
    assert first.trial == trials[1]
    file.touch()
    (second,) = running
    assert second.trial == trials[0]
    assert first.outcome.values == second.outcome.values == {"extra": "here"}
    assert first.measured.worker != second.measured.worker


def test_workers_of_an_earlier_run_find_a_relative_folder(tmp_path, monkeypatch):
    trials = [Trial("place", {"number": number}) for number in range(4)]
    for name in ("first", "second"):
        (tmp_path / name / "data").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / name)
        runner = get_runner("processes", 2, tasks=TASKS)
        for record in runner.run(trials, Context(Path("data"))):
            assert record.outcome.values == {
                "directory": str(tmp_path / name / "data"),
                "there": True,
            }


def test_closing_the_iterator_stops_the_work_in_silence(runner_name, recwarn):
    trials = [Trial("sleep", {"seconds": 0.05, "number": number}) for number in range(200)]
    running = get_runner(runner_name, 2, tasks=TASKS).run(trials, Context())
    next(running)
    begin = time.monotonic()
    running.close()
    assert time.monotonic() - begin < 3
    assert not [warning for warning in recwarn if "joblib" in str(warning.filename)]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_trial_that_kills_its_worker_is_lost_and_the_others_are_not():
    trials = [Trial("die", {"number": number}) for number in range(10)]
    records = list(get_runner("processes", 2, tasks=TASKS).run(trials, Context()))
    assert sorted(record.trial.params["number"] for record in records) == list(range(10))
    (lost,) = [record for record in records if record.status == "failed"]
    assert (lost.trial.params["number"], lost.kind) == (6, "lost")
    assert lost.error.startswith("WorkerLost: ")


def test_an_interrupt_is_not_a_failed_trial(runner_name):
    trials = [Trial("interrupt", {"number": number}) for number in range(3)]
    with pytest.raises(KeyboardInterrupt):
        list(get_runner(runner_name, 2, tasks=TASKS).run(trials, Context()))


THREADS = """
import sys
import numpy as np
from threadpoolctl import threadpool_info
from priorlift.trials import Context, Outcome, Trial, get_runner
def count(trial, context):
    return Outcome({"threads": [library["num_threads"] for library in threadpool_info()]})
for name in ("serial", "processes"):
    trials = [Trial("count", {"number": number}) for number in range(3)]
    for record in get_runner(name, 2, tasks={"count": count}).run(trials, Context()):
        print(name, sorted(set(record.outcome.values["threads"])))
print("after", max(library["num_threads"] for library in threadpool_info()))
"""


def test_each_trial_has_one_thread_and_the_caller_gets_its_own_back(start):
    threads = {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
    out, err = start(THREADS, **threads).communicate(timeout=60)
    lines = out.splitlines()
    assert lines[:6] == ["serial [1]"] * 3 + ["processes [1]"] * 3, err
    assert int(lines[6].split()[1]) > 1


ORPHANS = """
import os, sys, time
from pathlib import Path
from priorlift.trials import Context, Outcome, Trial, get_runner
def hold(trial, context):
    Path(context.extras["folder"], str(os.getpid())).touch()
    time.sleep(60)
    return Outcome()
trials = [Trial("hold", {"number": number}) for number in range(4)]
extras = {"folder": sys.argv[1]}
list(get_runner("processes", 2, tasks={"hold": hold}).run(trials, Context(extras=extras)))
"""


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = f"/proc/{pid}/stat"
    return not (os.path.exists(stat) and open(stat).read().rsplit(")", 1)[1].split()[0] == "Z")


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_workers_end_soon_after_their_driver_is_killed(start, tmp_path):
    driver = start(ORPHANS, tmp_path)
    deadline = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    assert all(map(alive, workers))
    driver.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def test_a_wrong_runner_or_number_of_workers_is_refused():
    with pytest.raises(UnknownNameError, match=r"runner 'process'.*did you mean 'processes'"):
        get_runner("process")
    for n_workers in (0, -1, 1.5):
        with pytest.raises(InputError, match="n_workers"):
            get_runner("processes", n_workers)
    assert get_runner("processes").n_workers >= 1
