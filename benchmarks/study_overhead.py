"""What a study costs beside its fits, in milliseconds a trial: planning, journal and statistics.

The claim: under 5 ms a trial at 2,000 trials. The learners are trivial (they predict the most
frequent class), and what the trials themselves measured, the fits and scores, is subtracted from
the wall time of the whole study: planning, storing the data, looking for leakage, running, the
journal, intervals and verdicts, tables. The ranking is left out: it is no cost of a trial. Two
sides: a study without and one with a run directory of its own.
"""

import statistics
import tempfile
import time
from pathlib import Path

import harness  # isort: skip  (before NumPy: it fixes the threads)

import numpy as np
from sklearn.dummy import DummyClassifier

from priorlift.pool import Source, SourcePool, Target
from priorlift.study.study import Study
from priorlift.transfer.pooled import PooledClassifier
from priorlift.transfer.target_only import TargetOnlyClassifier

GOAL_MS = 5.0
N_BUDGETS, N_ARMS = 4, 10  # with 50 draws: 2,000 trials
SIZES = {"quick": {"n_draws": 50, "repeats": 1}, "full": {"n_draws": 50, "repeats": 5}}


def main():
    size = harness.preset(__doc__.splitlines()[0])
    result = measure(**SIZES[size])
    harness.publish("study_overhead", size, result)
    for name, side in result["sides"].items():
        parts = ", ".join(f"{part} {ms:.2f}" for part, ms in side["parts_ms"].items())
        print(f"{name}: {side['overhead_ms']:.2f} ms a trial beside {side['fit_ms']:.2f} ({parts})")
    worst = max(side["overhead_ms"] for side in result["sides"].values())
    print(f"overhead at {result['n_trials']} trials: {worst:.2f} ms a trial (goal: < {GOAL_MS})")


def measure(n_draws, repeats):
    target, pool = data()
    runs = {"in memory": [], "with a run directory": []}
    for repeat in range(repeats + 1):
        for name in list(runs)[:: 1 if repeat % 2 else -1]:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run" if name == "with a run directory" else None
                found = one_study(target, pool, n_draws, out)
            if repeat:  # the first warms up
                runs[name].append(found)
    medians = {
        name: {
            "overhead_ms": statistics.median(run["overhead_ms"] for run in found),
            "fit_ms": statistics.median(run["fit_ms"] for run in found),
            "parts_ms": {
                part: statistics.median(run["parts_ms"][part] for run in found)
                for part in found[0]["parts_ms"]
            },
            "each": found,
        }
        for name, found in runs.items()
    }
    n_trials = runs["in memory"][0]["n_trials"]
    return {"n_trials": n_trials, "goal_ms": GOAL_MS, "sides": medians}


def one_study(target, pool, n_draws, out):
    dummy = DummyClassifier()
    methods = {
        "target_only": TargetOnlyClassifier({"dummy": dummy}, preprocess=None),
        "pooled": PooledClassifier(dummy, preprocess=None),
    }
    moments = []

    def progress(done, planned, record):
        if done in (0, planned):
            moments.append(time.perf_counter())

    begin = time.perf_counter()
    study = Study(target, pool, methods, (10, 20, 50, 100), n_draws, rank=False)
    planned = time.perf_counter()
    result = study.run(out, progress=progress)
    end = time.perf_counter()
    n_trials = len(result.records)
    fits = sum(record.measured.wall_seconds for record in result.records)
    parts = {
        "plan": planned - begin,
        "prepare": moments[0] - planned,
        "run and journal": moments[1] - moments[0] - fits,
        "statistics and tables": end - moments[1],
    }
    return {
        "n_trials": n_trials,
        "overhead_ms": 1000 * (end - begin - fits) / n_trials,
        "fit_ms": 1000 * fits / n_trials,
        "parts_ms": {part: 1000 * seconds / n_trials for part, seconds in parts.items()},
    }


def data():
    rng = np.random.default_rng(0)

    def rows(n):
        return rng.standard_normal((n, 10)), np.arange(n) % 2

    target = Target("target", *rows(900))
    # One reference, one baseline, the sources and all of them together: N_ARMS in all.
    return target, SourcePool(Source(f"source {n}", *rows(300)) for n in range(N_ARMS - 3))


if __name__ == "__main__":
    main()
