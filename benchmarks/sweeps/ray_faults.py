"""What is left of a run on Ray after its workers, a node and its driver were killed.

Each story starts a driver in a process of its own, kills something at a drawn moment, goes on with
what is recorded, and compares the table with that of the serial runner. The tests ask for a few
kills; the benchmark, run in full, for forty of workers and forty of drivers.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Every record is noted before it goes to the journal, which would keep only the first of two.
DRIVER = """
import os, signal, sys, threading, time
import numpy as np
from pathlib import Path
folder, kind, n_kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.environ.update(RAY_AUTH_MODE="disabled", RAY_USAGE_STATS_ENABLED="0")
from priorlift.trials import Context, Journal, Outcome, Trial, get_runner, run_pending

def work(trial, context):
    time.sleep(0.04)
    rng = np.random.default_rng([context.seed, int(trial.hash, 16)])
    if trial.params["n"] % 11 == 5:
        raise ValueError("no")
    return Outcome({"score": float(rng.normal(size=50).sum()), "pid": os.getpid() * 0})

trials = [Trial("work", {"n": n}, group=str(n % 12)) for n in range(120)]
tasks, address = {"work": work}, None
if kind == "node":
    from ray.cluster_utils import Cluster
    args = {"num_cpus": 1, "object_store_memory": 80 * 10**6}
    cluster = Cluster(initialize_head=True, head_node_args={**args, "include_dashboard": False})
    node, address = cluster.add_node(**args), cluster.address
name = "serial" if kind == "peace" else "ray"
options = {} if name == "serial" else {"address": address, "object_store_memory": 80 * 10**6}
runner = get_runner(name, 2, tasks=tasks, **options)
rng = np.random.default_rng(seed)
moments = sorted(rng.choice(range(2, 100), size=n_kills, replace=False).tolist())
killed = 0
with Journal(folder / "j.sqlite") as journal, open(folder / "log", "a") as log:
    for number, record in enumerate(run_pending(trials, runner, Context(seed=1), journal)):
        print(record.trial.hash, file=log, flush=True)
        if killed < n_kills and number >= moments[killed]:
            killed += 1
            if kind == "worker":
                victim = int(record.measured.worker.rsplit("-", 1)[1])
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if kind == "node":
                cluster.remove_node(node, allow_graceful=False)
# Ray tells of deaths on stdout.
(folder / "kills").write_text(str(killed))
if kind == "node":
    os._exit(0)
"""


def story(folder, kind, n_kills, seed=0, timeout=240.0):
    """Run a driver with faults in an empty folder; return how many kills happened.

    Parameters
    ----------
    folder : Path
        For its journal.
    kind : {"peace", "worker", "node", "driver"}
        What is killed; "peace" runs serially without a fault.
    n_kills, seed : int
        How often, and when.
    timeout : float
        Seconds for one driver.
    """
    folder.mkdir(parents=True, exist_ok=True)
    happened = 0
    if kind == "driver":
        rng = random.Random(seed)
        step = max(1, 100 // n_kills)
        while happened < n_kills:
            process = _start(folder, "driver", 0, seed)
            wanted = _recorded(folder) + rng.randint(1, step)
            deadline = time.monotonic() + timeout
            while process.poll() is None and _recorded(folder) < wanted:
                if time.monotonic() > deadline:
                    process.kill()
                    raise TimeoutError("the driver records nothing")
                time.sleep(0.01)
            if process.poll() is not None:
                _end(process, timeout)
                return happened
            process.send_signal(signal.SIGKILL)
            process.communicate()
            happened += 1
    process = _start(folder, kind, n_kills if kind != "driver" else 0, seed)
    _end(process, timeout)
    return happened if kind == "driver" else int((folder / "kills").read_text())


def table(folder):
    """Return the journal's content without what a run cost, and the hashes noted by drivers."""
    from priorlift.trials import Journal

    with Journal(folder / "j.sqlite", read_only=True) as journal:
        rows = [
            (r.trial.hash, r.status, r.error, None if r.outcome is None else dict(r.outcome.values))
            for r in journal.records()
        ]
        assert journal.repeats() == []
    return rows, (folder / "log").read_text().split()


def _start(folder, kind, n_kills, seed):
    source = Path(__file__).parents[2] / "src"
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", DRIVER, *map(str, (folder, kind, n_kills, seed))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )


def _end(process, timeout):
    try:
        _, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        _, err = process.communicate()
        raise TimeoutError(f"a driver did not end: {err[-2000:]}") from None
    if process.returncode != 0:
        raise RuntimeError(err[-2000:])


def _recorded(folder):
    log = folder / "log"
    return len(log.read_text().split()) if log.exists() else 0


def run(mode):
    from sweeps import rows

    n_kills = (
        {"worker": 40, "node": 1, "driver": 40}
        if mode == "full"
        else dict.fromkeys(("worker", "node", "driver"), 3) | {"node": 1}
    )
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        story(folder / "peace", "peace", 0)
        expected, _ = table(folder / "peace")
        for kind, wanted in n_kills.items():
            happened, wrong = 0, 0
            # A story holds ten kills at most: more would leave no trial between them.
            while happened < wanted:
                place = folder / f"{kind}-{happened}"
                happened += max(story(place, kind, min(10, wanted - happened), seed=happened), 1)
                rows_, log = table(place)
                wrong += rows_ != expected or len(log) != len(set(log))
            found.append(
                rows.absolute(
                    f"{happened} times a {kind} of a run on Ray killed",
                    wrong,
                    "wrong tables",
                    goal="nothing lost, nothing twice, the undisturbed table",
                    met=wrong == 0,
                )
            )
    return found
