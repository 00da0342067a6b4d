"""What the Ray runner costs: two workers against serial, and the overhead of a trial."""

import time

from priorlift.trials import Context, Outcome, Trial, get_runner
from sweeps import rows


def spin(trial, context):
    """Keep a processor busy for some processor time, whatever else runs."""
    end = time.process_time() + trial.params["seconds"]
    while time.process_time() < end:
        pass
    return Outcome({"n": trial.params["n"]})


def run(mode):
    n = 400 if mode == "full" else 120
    trials = [Trial("spin", {"seconds": 0.05, "n": k}, group=str(k % 24)) for k in range(n)]
    tiny = [Trial("spin", {"seconds": 0.0, "n": k}) for k in range(10 * n)]
    tasks = {"spin": spin}
    ray, serial = get_runner("ray", 2, tasks=tasks), get_runner("serial", tasks=tasks)
    list(ray.run(tiny[: n // 2], Context()))  # starts the cluster and its workers
    alone = _seconds(serial, trials)
    both = _seconds(ray, trials)
    each = 1000 * _seconds(ray, tiny) / len(tiny)
    return [
        rows.absolute(
            "Ray with 2 workers, trials of 50 ms of processor time, against serial",
            alone / both,
            "times faster",
            goal="at least 1.7",
            met=alone / both >= 1.7,
            note=f"{n} trials in 24 groups: {alone:.2f} s serially, {both:.2f} s on Ray; the "
            "start of the cluster is not counted; both cores must be free",
        ),
        rows.absolute(
            f"what Ray and its records cost a trial, of {len(tiny):,} empty ones",
            each,
            "ms wall",
            goal="below 3 ms",
            met=each < 3.0,
        ),
    ]


def _seconds(runner, trials):
    start = time.perf_counter()
    assert len(list(runner.run(trials, Context()))) == len(trials)
    return time.perf_counter() - start
