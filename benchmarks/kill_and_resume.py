"""Kill a study with SIGKILL at random moments, resume it, and compare it with one left in peace.

This is the harness; `faults.py` asks for fifty kills and the tests for three. A study of a small
table runs once without a fault. Then it is started again in another run directory, killed, resumed,
killed, and at last resumed to its end. Each moment is drawn: during the start, at some number of
recorded trials, or behind the last of them, while results are written.
"""

import csv
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field

import pyarrow.parquet as pq

# The command line as users get it, but every record is noted before it goes to the journal: the
# journal itself would not tell that a trial ran twice, because it keeps the first record.
CHILD = """
import os
from priorlift.trials.journal import Journal
real = Journal.record
def record(self, records):
    with open(os.environ["KILL_AND_RESUME_LOG"], "a") as log:
        log.writelines(record.trial.hash + "\\n" for record in records)
    return real(self, records)
Journal.record = record
from priorlift.cli.app import main
main()
"""
COMMITTED_WITHIN = 0.6  # seconds; longer than the time between two commits of a study
TIMEOUT = 300.0
SHARE_AT_START = 0.25
SPLITS_A_KILL = 20  # several commits, even on a fast machine
RUNNERS = ("serial", "processes")


@dataclass
class Story:
    """What happened to one study: when it was killed, and what was wrong afterwards."""

    n_planned: int
    recorded_at_kills: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def n_kills(self):
        return len(self.recorded_at_kills)


def kill_and_resume(folder, *, n_kills, seed, runners=RUNNERS, splits_a_kill=SPLITS_A_KILL):
    """Run one study in peace and one with `n_kills` kills, in an empty folder; return the `Story`.

    The starts of the one that is killed take the runners in turns. Fewer kills than asked for
    happen only if the study ends before the next moment comes. `splits_a_kill` is a third of the
    trials a kill.
    """
    rng = random.Random(seed)
    write_tables(folder, rng)
    started = time.monotonic()
    n_splits = splits_a_kill * n_kills
    peaceful = _start(folder, "whole", "serial", n_splits)
    while not _recorded(folder / "whole") and peaceful.poll() is None:
        time.sleep(0.02)
    seconds_to_first = time.monotonic() - started
    _finish(peaceful)
    story = Story(len(_recorded(folder / "whole")))
    step = max(2, story.n_planned // (2 * n_kills))  # so that most kills come before the end
    for number in range(n_kills):
        before = _recorded(folder / "broken")
        process = _start(folder, "broken", runners[number % len(runners)], n_splits, rng)
        if rng.random() < SHARE_AT_START:
            time.sleep(rng.uniform(0.0, seconds_to_first))
        else:
            wanted = min(len(before) + rng.randint(1, step), story.n_planned)
            _wait_for(process, folder / "broken", wanted)
            time.sleep(rng.uniform(0.0, COMMITTED_WITHIN))
        if process.poll() is not None:
            _finish(process)
            story.problems += _run_again(folder, before)
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        story.problems += _lost(before, _recorded(folder / "broken")) + _run_again(folder, before)
        story.recorded_at_kills.append(len(_recorded(folder / "broken")))
    before = _recorded(folder / "broken")
    _finish(_start(folder, "broken", runners[n_kills % len(runners)], n_splits, rng))
    story.problems += _lost(before, _recorded(folder / "broken")) + _run_again(folder, before)
    story.problems += _differences(folder / "whole", folder / "broken")
    return story


def write_tables(folder, rng):
    """Write a target of 24 rows in two groups, so that two folds train on 12 each, and a source."""
    (folder / "sources").mkdir(parents=True)
    for path, n in ((folder / "target.csv", 24), (folder / "sources" / "a.csv", 40)):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["x1", "x2", "ward", "outcome"])
            for row in range(n):
                x1, x2 = rng.gauss(0, 1), rng.gauss(0, 1)
                outcome = "ill" if x1 + rng.gauss(0, 0.5) > 0 else "well"
                writer.writerow([f"{x1:.4f}", f"{x2:.4f}", "ab"[row % 2], outcome])


def _start(folder, run, runner, n_splits, rng=None):
    (folder / "log").write_text("")
    if rng is not None and (folder / run / "study.toml").exists() and rng.random() < 0.5:
        what = [run]
    else:
        what = ["target.csv", "--label", "outcome", "--sources", "sources", "--out", run]
        what += ["--groups", "ward", "--methods", "pooled", "--budgets", "12"]
        what += ["--splits", str(n_splits)]
    environment = {
        **os.environ,
        "KILL_AND_RESUME_LOG": str(folder / "log"),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            CHILD,
            "study",
            *what,
            "--resume",
            "--runner",
            runner,
            "--workers",
            "2",
        ],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(process):
    out, err = process.communicate(timeout=TIMEOUT)
    if process.returncode:
        raise RuntimeError(f"a study ended with {process.returncode}: {err or out}")


def _wait_for(process, run, n_recorded):
    deadline = time.monotonic() + TIMEOUT
    while process.poll() is None and len(_recorded(run)) < n_recorded:
        if time.monotonic() > deadline:
            process.kill()
            raise TimeoutError(f"{n_recorded} trials were not recorded in {TIMEOUT:g} s")
        time.sleep(0.02)


def _recorded(run):
    """Return when and where each recorded trial ran, by hash; nothing is written while looking."""
    path = run / "journal.sqlite"
    if not path.exists():
        return {}
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        rows = connection.execute("SELECT hash, started_at, worker FROM trials")
        return {trial: (started, worker) for trial, started, worker in rows}
    except sqlite3.OperationalError:  # the table is not there yet
        return {}
    finally:
        connection.close()


def _lost(before, after):
    lost = [trial for trial in before if trial not in after]
    changed = [trial for trial in before if trial in after and after[trial] != before[trial]]
    return [f"{trial} was recorded and is lost" for trial in lost] + [
        f"{trial} was recorded and has changed" for trial in changed
    ]


def _run_again(folder, before):
    noted = (folder / "log").read_text().split()
    again = sorted({trial for trial in noted if trial in before or noted.count(trial) > 1})
    return [f"{trial} was recorded and ran again" for trial in again]


def _differences(whole, broken):
    found = []
    if set(_recorded(whole)) != set(_recorded(broken)):
        found.append("the two runs recorded different trials")
    tables = []
    for run in (whole, broken):
        table = pq.read_table(run / "results.parquet")
        kept = [name for name in table.column_names if not name.startswith("measured_")]
        tables.append(table.select(kept))
    if not tables[0].equals(tables[1]):
        found.append("results.parquet differs in columns that are not measured")
    if tables[0].num_rows != len(_recorded(whole)) or tables[0].num_columns < 5:
        found.append("results.parquet does not have one row a trial")
    found += [f"{path.name} was left behind" for path in broken.rglob(".tmp-*")]
    found += [
        f"{path.name} is missing" for path in whole.iterdir() if not (broken / path.name).exists()
    ]
    return found
