"""Trials per second: two worker processes against one process, on fits of at least 50 ms.

The claim: two workers reach at least 1.7 times the trials per second of `serial`. Workers are
started before the clock; what starting them takes is reported beside it, and so is what a trial
that does nothing costs in each runner, with its record in the journal.
"""

import statistics
import tempfile
import time
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from priorlift.trials import Context, DataStore, Journal, Outcome, Trial, get_runner, run_pending

N_WORKERS = 2
GOAL = 1.7
SIZES = {
    "quick": {"n_fits": 40, "repeats": 3, "n_nothing": 200},
    "full": {"n_fits": 120, "repeats": 7, "n_nothing": 1000},
}


def fit(trial, context):
    X, y = context.store.get_array("X"), context.store.get_array("y")
    rows = slice(trial.params["number"] % 7, None)
    model = LogisticRegression(C=10.0, max_iter=100).fit(X[rows], y[rows])
    return Outcome({"score": float(model.score(X, y))})


def nothing(trial, context):
    return Outcome({"score": 0.0})


def main():
    size = harness.preset(__doc__.splitlines()[0])
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), size)
    harness.publish("runner_throughput", size, result)
    print(
        f"a fit takes {result['median_fit_ms']:.0f} ms,"
        f" starting {N_WORKERS} workers {result['start_workers_seconds']:.1f} s"
    )
    for name, cost in result["overhead_ms_per_recorded_trial"].items():
        side = result["fits"][name]
        print(
            f"{name}: {result['n_fits'] / side['wall_seconds']:.1f} fits/s,"
            f" {side['cpu_seconds']:.2f} CPU s; overhead {cost:.2f} ms a recorded trial"
        )
    ratio = result["throughput_ratio"]
    print(f"throughput, {N_WORKERS} workers / serial: {ratio:.2f} (goal: at least {GOAL})")


def measure(folder, size):
    n_fits, repeats, n_nothing = SIZES[size].values()
    X, y = load_digits(return_X_y=True)
    store = DataStore(folder)
    store.put_array("X", X / 16)
    store.put_array("y", y)
    context = Context(store.directory)
    tasks = {"fit": fit, "nothing": nothing}
    runners = {
        "serial": get_runner("serial", tasks=tasks),
        "processes": get_runner("processes", N_WORKERS, tasks=tasks),
    }
    trials = [Trial("fit", {"number": number}) for number in range(n_fits)]

    begin = time.perf_counter()
    fit_seconds = _median_fit(runners["processes"].run(trials[: 2 * N_WORKERS], context))
    start_seconds = time.perf_counter() - begin - 2 * fit_seconds
    fit_seconds = _median_fit(runners["serial"].run(trials[:10], context))

    sides = {
        name: lambda run=runner: list(run.run(trials, context)) for name, runner in runners.items()
    }
    fits = harness.compare(sides, repeats)
    idle = [Trial("nothing", {"number": number}) for number in range(n_nothing)]
    sides = {name: lambda run=runner: _recorded(idle, run) for name, runner in runners.items()}
    overhead = harness.compare(sides, repeats)

    walls = (fits[name]["wall_seconds_each"] for name in runners)
    ratio = statistics.median(serial / processes for serial, processes in zip(*walls, strict=True))
    per_trial = {name: 1000 * side["wall_seconds"] / n_nothing for name, side in overhead.items()}
    return {
        "n_workers": N_WORKERS,
        "n_fits": n_fits,
        "median_fit_ms": 1000 * fit_seconds,
        "start_workers_seconds": start_seconds,
        "fits": fits,
        "overhead_ms_per_recorded_trial": per_trial,
        "throughput_ratio": ratio,
        "goal": GOAL,
    }


def _median_fit(records):
    return statistics.median(record.measured.wall_seconds for record in records)


def _recorded(trials, runner):
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal") as journal:
        for _ in run_pending(trials, runner, Context(), journal):
            pass


if __name__ == "__main__":
    main()
