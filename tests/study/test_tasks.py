import json
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from priorlift.pool import Source, SourcePool, Target
from priorlift.study.design import Split, split_rows
from priorlift.study.plan import Arm
from priorlift.study.study import Study
from priorlift.study.tasks import fit_and_score
from priorlift.transfer.base import TransferTags
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.trials.context import Context
from priorlift.trials.store import DataStore

SEEN = []


class Watching(PooledClassifier):
    """Keeps what it was fitted on, and learns from the labelled rows."""

    transfer_tags: ClassVar[TransferTags] = TransferTags(unlabelled_rows=True)

    def fit(self, X, y, sources=None, sample_weight=None, groups=None):
        SEEN.append((X, y, groups))
        known = np.array([value is not None and value == value for value in y])
        X, y = X[known], np.array(y[known].tolist())
        weight = None if sample_weight is None else sample_weight[known]
        return super().fit(X, y, sources=sources, sample_weight=weight)


class WatchingLabelled(Watching):
    transfer_tags: ClassVar[TransferTags] = TransferTags()


@pytest.fixture
def outcome_of(tmp_path):
    """Run the trial of an arm and a split of a study, in a store of its own."""

    def run(study, arm, split=None, folder="data"):
        store = DataStore(tmp_path / folder)
        for part in (study.target, *study.sources):
            store.put_task(part)
        extras = {
            "methods": study.methods,
            "names": {source.fingerprint: source.name for source in study.sources},
        }
        split = split or Split(study.plan.design.largest, 0, 0)
        context = Context(store.directory, study.plan.seed, extras)
        SEEN.clear()
        return fit_and_score(study.plan.trial(arm, split), context)

    return run


def study_of(task, **kwargs):
    return Study(*task, **({"methods": {"m": PooledClassifier()}, "rank": False} | kwargs))


def same(one, two):
    assert one.values == two.values
    assert one.arrays.keys() == two.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name])


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "neg_log_loss"])
def test_the_same_trial_gives_the_same_outcome_twice(task, outcome_of, metric):
    study = study_of(task, metric=metric)
    for arm in study.plan.arms:
        same(outcome_of(study, arm), outcome_of(study, arm, folder="elsewhere"))


PROGRAM = """
import json, sys
from pathlib import Path
from priorlift.study.tasks import fit_and_score
from priorlift.transfer.pooled import PooledClassifier
from priorlift.trials import Context, Trial
params, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
names = {fingerprint: f"name {fingerprint}" for fingerprint in params["sources"]}
context = Context(folder, params["seed"], {"methods": {"m": PooledClassifier()}, "names": names})
outcome = fit_and_score(Trial("study", params), context)
print(json.dumps([outcome.values, outcome.arrays["rows"].tobytes().hex()]))
"""


def test_another_process_gives_the_same_outcome(task, outcome_of, tmp_path):
    study = study_of(task, metric="neg_log_loss")
    arm, split = study.plan.claims[-1], study.plan.design.splits[-1]
    expected = outcome_of(study, arm, split)
    params = json.dumps(study.plan.trial(arm, split).params)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, params, tmp_path / "data"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    values, rows = json.loads(done.stdout)
    assert values == expected.values
    assert rows == expected.arrays["rows"].tobytes().hex()


@pytest.mark.parametrize("n", [60, 300])
def test_all_arms_share_the_rows_of_a_split(make_task, outcome_of, n):
    study = study_of(make_task(n), label_budgets=[20])
    found = [outcome_of(study, arm, Split(20, 3, 0)) for arm in study.plan.arms]
    for outcome in found[1:]:
        assert outcome.values["train_rows"] == found[0].values["train_rows"]
        assert outcome.values["test_rows"] == found[0].values["test_rows"]
        np.testing.assert_array_equal(outcome.arrays["test"], found[0].arrays["test"])
    assert found[0].values["n_train"] == 20
    assert len({outcome.values["seed"] for outcome in found}) == len(found)


def test_held_out_rows_have_no_influence_on_the_fit(task, outcome_of):
    target, pool = task
    study = study_of((target, pool))
    arm, split = study.plan.claims[0], Split(study.plan.design.largest, 0, 0)
    train, test = split_rows(target, study.plan.design, "classification", split)
    models = []
    for poison in (False, True):
        X = target.X.copy()
        if poison:  # far away, so that scaling or fitting with them would show
            X[test] = 1e6
        poisoned = Target("few", X, target.y)
        other = study_of((poisoned, pool), methods={"m": WatchingLabelled()})
        outcome_of(other, arm, split, folder=f"data {poison}")
        seen_X, seen_y, _ = SEEN[0]
        models.append((np.asarray(seen_X), np.asarray(seen_y)))
    for before, after in zip(*models, strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(models[0][0], target.X[train])


def test_scores_are_those_of_a_fit_by_hand(task, outcome_of):
    target, pool = task
    study = study_of((target, pool))
    split = Split(study.plan.design.largest, 2, 1)
    outcome = outcome_of(study, Arm("m", ("same",)), split)
    train, test = split_rows(target, study.plan.design, "classification", split)
    model = PooledClassifier(random_state=outcome.values["seed"])
    model.fit(target.X[train], target.y[train], sources=pool.subset(["same"]))
    hits = model.predict(target.X[test]) == target.y[test]
    np.testing.assert_array_equal(outcome.arrays["rows"], hits)
    assert outcome.values["score"] == hits.mean()


def with_unlabelled(make_task, **kwargs):
    target, pool = make_task()
    y = [None if row % 4 == 3 else int(label) for row, label in enumerate(target.y)]
    return Target("few", target.X, y, **kwargs), pool


def test_rows_without_a_label_go_to_methods_that_ask_for_them(make_task, outcome_of):
    target, pool = with_unlabelled(make_task)
    for method, extra in ((Watching(), 15), (WatchingLabelled(), 0)):
        study = study_of((target, pool), methods={"m": method})
        outcome = outcome_of(study, Arm("m", ()))
        X, y, _ = SEEN[0]
        assert len(X) == outcome.values["n_train"] + extra
        assert sum(value is None for value in y) == extra
        assert not np.isin(outcome.arrays["test"], np.flatnonzero(~target.labelled)).any()


def test_a_value_that_stands_for_a_missing_label_is_no_class(make_task, outcome_of):
    target, pool = make_task()
    y = np.where(np.arange(60) % 4 == 3, -1, target.y)
    study = study_of((Target("few", target.X, y, unlabeled=-1), pool), methods={"m": Watching()})
    outcome_of(study, Arm("m", ()))
    assert set(SEEN[0][1]) == {0, 1, None}


def test_unlabelled_rows_of_a_judged_group_stay_out_of_training(make_task, outcome_of):
    groups = np.arange(60) // 6
    target, pool = with_unlabelled(make_task, groups=groups)
    study = study_of((target, pool), methods={"m": Watching()})
    outcome = outcome_of(study, Arm("m", ()))
    seen = SEEN[0][2]
    assert not set(groups[outcome.arrays["test"]]) & set(seen)
    assert len(seen) > outcome.values["n_train"]


def test_without_a_label_the_baseline_is_the_prior(make_task, outcome_of):
    study = study_of(make_task(300), label_budgets=[0, 20], metric="neg_log_loss")
    outcome = outcome_of(study, Arm("m", ()), Split(0, 0, 0))
    assert outcome.values["note"] == "prior dummy"
    assert outcome.values["score"] == pytest.approx(np.log(0.5), abs=1e-3)


def test_without_a_label_the_sources_stand_in(make_task, outcome_of):
    study = study_of(make_task(300), label_budgets=[0, 20])
    good = outcome_of(study, Arm("m", ("same",)), Split(0, 0, 0)).values
    bad = outcome_of(study, Arm("m", ("swapped",)), Split(0, 0, 0)).values
    assert good["n_train"] == bad["n_train"] == 0
    assert "stands in" in good["note"]
    assert good["score"] > 0.7 > 0.3 > bad["score"]


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_without_a_label_a_source_may_have_columns_in_another_order_or_no_names(
    make_task, outcome_of
):
    target, pool = make_task(300)
    names = list("abcde")
    frame = pd.DataFrame(target.X, columns=names)
    turned = pd.DataFrame(pool["same"].X, columns=names)[names[::-1]].assign(extra=1.0)
    scores = []
    for X in (pool["same"].X, turned):
        source = Source("same", X, pool["same"].y)
        named = Target("few", frame, target.y)
        study = study_of((named, SourcePool([source])), label_budgets=[0, 20])
        arm = Arm("m", ("same",))
        scores.append(outcome_of(study, arm, Split(0, 0, 0), str(len(scores))).values["score"])
    assert scores[0] == scores[1] > 0.7


def test_a_score_that_is_not_defined_is_none(outcome_of):
    X = np.arange(40.0).reshape(-1, 1)
    groups = np.arange(40) // 10
    y = np.repeat([0, 1, 0, 1], 10)  # each group, so each fold, is of one class
    target = Target("t", X, y, groups=groups)
    pool = SourcePool([Source("s", X, y % 2)])
    study = study_of((target, pool), metric="roc_auc")
    outcomes = [
        outcome_of(study, Arm("m", ("s",)), split) for split in study.plan.design.splits[:4]
    ]
    undefined = [len(set(y[outcome.arrays["test"]].tolist())) < 2 for outcome in outcomes]
    assert any(undefined)
    assert [outcome.values["score"] is None for outcome in outcomes] == undefined


def test_regression(outcome_of):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    y = X @ [1.0, 2.0, 3.0] + 0.1 * rng.standard_normal(60)
    target = Target("t", X[:40], [*y[:39].tolist(), None], task="regression")
    pool = SourcePool([Source("s", X[40:], y[40:])])
    study = study_of((target, pool), methods={"m": PooledRegressor()})
    outcome = outcome_of(study, Arm("m", ("s",)))
    assert outcome.values["score"] == pytest.approx(outcome.arrays["rows"].mean())
    assert -1.0 < outcome.values["score"] < 0.0
    study = study_of((target, pool), methods={"m": PooledRegressor()}, metric="r2")
    assert 0.8 < outcome_of(study, Arm("m", ("s",))).values["score"] < 1.0
