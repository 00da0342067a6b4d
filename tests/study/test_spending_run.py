"""Budgeted search for real: exactly once, resumable, the same for any number of workers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from priorlift.core.errors import InputError, NotRunnableError
from priorlift.pool import Source, SourcePool, Target
from priorlift.ranking.pairs import PairFeatures
from priorlift.study import spending_run
from priorlift.study.spending_run import run_spending
from priorlift.transfer.pooled import PooledClassifier
from priorlift.trials.journal import Journal

QUICK = PooledClassifier(LogisticRegression(), preprocess=None)


def family(n_tasks=4, n=60, seed=0):
    """Tasks of which the even ones share a rule, and the odd ones its opposite."""
    rng = np.random.default_rng(seed)
    tasks = []
    for i in range(n_tasks):
        X = rng.standard_normal((n, 5))
        y = (X[:, 0] + 0.5 * rng.standard_normal(n) > 0).astype(int)
        tasks.append(Target(f"t{i}", X, y if i % 2 == 0 else 1 - y))
    return tasks


def features(tasks):
    keys = [(t.name, s.name) for t in tasks for s in tasks if s is not t]
    alike = [float((int(t[1:]) - int(s[1:])) % 2 == 0) for t, s in keys]
    names = tuple(t for t, _ in keys), tuple(s for _, s in keys)
    return PairFeatures(*names, {"logme": np.array(alike)})


def search(tasks, **options):
    known = {"method": QUICK, "pairs": features(tasks), "n_draws": 2, "max_pairs": 4}
    return run_spending(tasks, **{**known, **options})


def told(found):
    """Everything but what was timed."""
    return [replace(p, seconds=0.0) for p in found.history], found.targets, found.check


def test_one_pair_a_target_is_trained_and_judged_on_validation_rows():
    tasks = family()
    found = search(tasks, random_share=0.0)
    bought = {(p.target, p.source) for p in found.history if p.source}
    assert bought == {("t0", "t2"), ("t2", "t0"), ("t1", "t3"), ("t3", "t1")}
    for target in found.targets:
        assert 0.0 <= target.single_score <= 1.0
        assert target.n_trained == 1
    assert found.bill.trained_seconds > 0.0
    assert found.bill.pairs_saved == pytest.approx(1 - 4 / 12)


def test_the_ranking_sees_training_rows_only(monkeypatch):
    tasks, seen = family(3), {}

    class Told:
        seconds = 1.5

        def pair_features(self):
            return features(tasks)

    def rank_tasks(targets, pool, random_state):
        seen.update({t.name: np.asarray(t.X) for t in targets})
        return Told()

    monkeypatch.setattr(spending_run, "rank_tasks", rank_tasks)
    found = search(tasks, pairs=None)
    assert found.bill.scoring_seconds == 1.5
    assert {name: len(X) for name, X in seen.items()} == {"t0": 40, "t1": 40, "t2": 40}


def test_validation_rows_of_a_shared_matrix_are_taken_from_the_source():
    X = np.random.default_rng(0).standard_normal((60, 4))
    tasks = [Target("t0", X, (X[:, 0] > 0) * 1), Target("t1", X, (X[:, 1] > 0) * 1)]
    setting = spending_run._Setting.of(tasks, None, QUICK, None, 1, 1 / 3, 0)
    _, test = setting.parts("t0")
    given = setting.source_for("t0", "t1")
    assert given.n_rows == 60 - len(test) == 40
    rows = {tuple(row) for row in np.asarray(given.X)}
    assert not rows & {tuple(X[i]) for i in test}


def test_an_interrupted_search_goes_on_to_the_same_end(tmp_path):
    tasks = family()
    whole = search(tasks, out=tmp_path / "whole")

    class StopError(Exception):
        pass

    def stop(n_done, n_total, record=None):
        assert n_total == 2 * (12 + 4)
        if n_done == 5:
            raise StopError

    with pytest.raises(StopError):
        search(tasks, out=tmp_path / "part", progress=stop)
    with Journal(tmp_path / "part" / "journal.sqlite", read_only=True) as journal:
        before = {record.trial.hash: record.measured for record in journal.records()}
    assert 0 < len(before) < 16
    with pytest.raises(InputError, match="--resume"):
        search(tasks, out=tmp_path / "part")
    found = search(tasks, out=tmp_path / "part", resume=True)
    assert told(found) == told(whole)
    with Journal(tmp_path / "part" / "journal.sqlite", read_only=True) as journal:
        after = {record.trial.hash: record.measured for record in journal.records()}
    assert len(after) == 16  # exactly once: 4 single tasks and 4 pairs of 2 draws
    assert {key: after[key] for key in before} == before
    document = json.loads((tmp_path / "part" / "spending.json").read_text())
    assert document["summary"] == found.summary


def test_any_number_of_workers_gives_the_same():
    tasks = family(3)
    serial = search(tasks, max_pairs=3)
    workers = search(tasks, max_pairs=3, runner="processes", n_workers=2)
    assert told(serial) == told(workers)


def test_a_pool_of_its_own_and_pairs_that_cannot_be_used():
    few, same, swapped, _ = family()
    other = Source("narrow", np.ones((30, 2)), np.arange(30) % 2)
    pool = SourcePool([Source("a", same.X, same.y), Source("b", swapped.X, swapped.y), other])
    pairs = PairFeatures(("t0",) * 4, ("a", "b", "narrow", "nobody"), {"logme": np.zeros(4)})
    found = run_spending([few], pool, method=QUICK, pairs=pairs, n_draws=1)
    assert {p.source for p in found.history} == {None, "a", "b"}
    assert [w.split(":")[1].strip() for w in found.warnings] == [
        "t0 with narrow",
        "t0 with nobody",
    ]


def test_every_single_task_failing_is_an_error():
    tasks = family(2)
    broken = PooledClassifier(LogisticRegression(C=-1.0), preprocess=None)
    with pytest.raises(NotRunnableError, match="no single task"):
        search(tasks, method=broken)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_draws": 0}, "n_draws"),
        ({"validation_share": 1.0}, "validation_share"),
    ],
)
def test_nonsense_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        search(family(2), **change)


def test_tasks_that_do_not_fit_are_refused():
    mixed = [family(1)[0], Target("r", np.ones((30, 5)), np.linspace(0, 1, 30))]
    with pytest.raises(InputError, match="one kind"):
        run_spending(mixed, method=QUICK)
    with pytest.raises(InputError, match="no task"):
        run_spending([], method=QUICK)
    with pytest.raises(InputError, match="at least 12"):
        run_spending(family(2, n=10), method=QUICK)
    with pytest.raises(InputError, match="no pair"):
        search(family(2), pairs=PairFeatures(("t0",), ("nobody",), {}))
