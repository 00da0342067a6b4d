"""Workers, a node and the driver of a run on Ray are killed, and the table is the same."""

import importlib.util

import pytest

from priorlift.core.errors import RunDirectoryError
from priorlift.trials import Context, Journal, Outcome, Trial, get_runner, run_pending

pytest.importorskip("ray")
pytestmark = pytest.mark.fault


@pytest.fixture(scope="session")
def faults(repository):
    path = repository / "benchmarks" / "sweeps" / "ray_faults.py"
    spec = importlib.util.spec_from_file_location("ray_faults", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def undisturbed(faults, tmp_path_factory):
    folder = tmp_path_factory.mktemp("peace")
    faults.story(folder, "peace", 0)
    return faults.table(folder)[0]


@pytest.mark.parametrize(("kind", "n_kills"), [("worker", 3), ("node", 1), ("driver", 1)])
def test_nothing_is_lost_and_nothing_counted_twice(faults, undisturbed, tmp_path, kind, n_kills):
    assert faults.story(tmp_path, kind, n_kills, seed=1) == n_kills
    rows, log = faults.table(tmp_path)
    assert rows == undisturbed
    assert len(rows) == 120
    assert len(set(log)) == len(log)  # no record was delivered twice


def test_a_full_disk_loses_nothing_that_is_recorded(ray_cluster, tmp_path):
    def fill(trial, context):
        return Outcome({"text": "x" * 3000, "n": trial.params["n"]})

    trials = [Trial("fill", {"n": n}) for n in range(60)]
    runner = get_runner("ray", 2, tasks={"fill": fill})
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.query("PRAGMA max_page_count = 30")
        with pytest.raises(RunDirectoryError, match="disk is full"):
            list(run_pending(trials, runner, Context(), journal))
        kept = {record.trial.hash: record for record in journal.records()}
        journal.query("PRAGMA max_page_count = 100000")
        again = list(run_pending(trials, runner, Context(), journal))
        assert len(kept) + len(again) == 60
        assert {k: journal.get(k).measured for k in kept} == {
            k: r.measured for k, r in kept.items()
        }
