import os
import signal
import time

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.trials import Context, Outcome, Trial, get_runner
from priorlift.trials.limits import Child, Limits

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")


def make_tasks():
    def work(trial, context):
        what = trial.params["what"]
        if what == "hang":
            time.sleep(60)
        if what == "eat":
            eaten = [np.ones(2**21) for _ in range(40)]
            time.sleep(60)
            return Outcome({"n": len(eaten)})
        if what == "raise":
            raise ValueError("no")
        return Outcome({"what": what})

    def die_once(trial, context):
        if not os.path.exists(trial.params["file"]):
            open(trial.params["file"], "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome({"alive": True})

    return {"work": work, "die_once": die_once}


TASKS = make_tasks()


def run(runner_name, whats, **limits):
    runner = get_runner(runner_name, 2, tasks=TASKS, **limits)
    assert runner.name == runner_name
    trials = [Trial("work", {"what": what}) for what in whats]
    return {record.trial.params["what"]: record for record in runner.run(trials, Context())}


def test_a_trial_that_hangs_is_a_failed_record_and_the_run_goes_on(runner_name):
    found = run(runner_name, ("a", "hang", "b", "raise", "c"), max_seconds=2)
    kinds = {what: record.kind for what, record in found.items()}
    assert kinds == {"a": None, "b": None, "c": None, "hang": "time", "raise": "error"}
    assert found["hang"].error == "TimeLimit: it ran longer than its limit of 2 seconds"
    assert 2 <= found["hang"].measured.wall_seconds < 20
    assert found["a"].outcome.values == {"what": "a"}


def test_a_trial_that_eats_memory_is_a_failed_record_and_the_run_goes_on(runner_name):
    found = run(runner_name, ("a", "eat", "b"), max_memory_mb=500)
    kinds = {what: record.kind for what, record in found.items()}
    assert kinds == {"a": None, "b": None, "eat": "memory"}
    assert found["eat"].error == "MemoryLimit: it took more memory than its limit of 500 MiB"


def test_a_process_that_dies_once_is_replaced(tmp_path):
    child = Child(Limits())
    trial = Trial("die_once", {"file": str(tmp_path / "once")})
    record = child.run(trial, Context(), TASKS)
    child.close()
    assert record.outcome.values == {"alive": True}


def test_closing_early_ends_the_children():
    trials = [Trial("work", {"what": what}) for what in ("a", "hang", "hang again")]
    running = get_runner("processes", 2, tasks=TASKS, max_seconds=50).run(trials, Context())
    next(running)
    begin = time.monotonic()
    running.close()
    assert time.monotonic() - begin < 5


def test_a_limit_must_be_positive():
    for limits in ({"max_seconds": 0}, {"max_memory_mb": -1.0}, {"max_seconds": float("nan")}):
        with pytest.raises(InputError, match=next(iter(limits))):
            get_runner("serial", **limits)
