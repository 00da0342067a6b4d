import json
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Source, SourcePool, Target
from priorlift.study.plan import Arm, StudyPlan, plan_arms, resolve_methods
from priorlift.study.study import Study
from priorlift.transfer.base import TransferTags
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.pooled import PooledClassifier, PooledRegressor
from priorlift.transfer.target_only import TargetOnlyClassifier


class Choosy(PooledClassifier):
    transfer_tags: ClassVar[TransferTags] = TransferTags(selects_sources=True)


class DenseOnly(PooledClassifier):
    transfer_tags: ClassVar[TransferTags] = TransferTags(sparse=False)


def plan_of(task, **kwargs):
    target, pool = task
    return Study(target, pool, **({"methods": {"pooled": PooledClassifier()}} | kwargs)).plan


def hashes(plan):
    return {trial.hash for trial in plan.trials()}


def test_a_trial_is_planned_once_for_each_arm_and_split(task):
    plan = plan_of(task)
    trials = plan.trials()
    assert len(hashes(plan)) == len(trials) == len(plan.arms) * len(plan.design.splits)
    assert plan.arms == (
        Arm("target_only", ()),
        Arm("pooled", ()),
        Arm("pooled", ("same",)),
        Arm("pooled", ("swapped",)),
        Arm("pooled", ("same", "swapped")),
    )
    assert [arm.sources for arm in plan.claims] == [("same",), ("swapped",), ("same", "swapped")]


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "neg_log_loss"},
        {"random_state": 1},
        {"label_budgets": [8]},
        {"n_splits": 60},
        {"methods": {"pooled": PooledClassifier(source_weight=0.5)}},
        {"methods": {"pooled": PooledClassifier(LogisticRegression(C=2.0))}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_matters_changes_every_hash_of_the_method(task, change):
    def of_pooled(plan):
        return {t.hash for t in plan.trials() if t.params["method"] == "pooled"}

    assert not of_pooled(plan_of(task)) & of_pooled(plan_of(task, **change))


def test_one_changed_value_of_a_source_changes_the_hashes_of_its_arms_only(task):
    target, pool = task
    X = pool["same"].X.copy()
    X[3, 2] += 1e-9
    changed = plan_of((target, SourcePool([Source("same", X, pool["same"].y), pool["swapped"]])))
    both = hashes(plan_of(task)) & hashes(changed)
    n_splits = len(changed.design.splits)
    assert len(both) == 3 * n_splits  # the reference, the baseline, and the other source


def test_names_and_orders_change_no_hash(task):
    target, pool = task
    named = SourcePool(
        [
            Source("b", pool["swapped"].X, pool["swapped"].y),
            Source("a", pool["same"].X, pool["same"].y),
        ]
    )
    methods = {"one": PooledClassifier(), "two": PooledClassifier(source_weight=0.1)}
    turned = dict(reversed(methods.items()))
    renamed = Target("another name", target.X, target.y)
    assert hashes(plan_of(task, methods=methods)) == hashes(
        plan_of((renamed, named), methods=turned)
    )


def test_level_and_threshold_change_no_trial_because_they_are_read_afterwards(task):
    assert hashes(plan_of(task)) == hashes(plan_of(task, level=0.9, min_lift=0.1))


def test_a_plan_survives_the_journey_through_json(task):
    target, pool = task
    pool = SourcePool([*pool, Source("short", np.eye(3), [0, 1, 0])], unusable={"gone": "no file"})
    plan = plan_of((target, pool), methods={"deep": FrozenFeaturesClassifier(), "p": Choosy()})
    again = StudyPlan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again == plan
    assert hashes(again) == hashes(plan)


def test_combinations_that_cannot_work_are_listed_with_the_reason(task):
    target, pool = task
    rng = np.random.default_rng(0)
    odd = [
        Source("other labels", rng.standard_normal((9, 5)), list("abcabcabc")),
        Source("narrow", rng.standard_normal((9, 3)), [0, 1, 0] * 3),
        Source("sparse", sp.csr_matrix(rng.standard_normal((8, 5))), [0, 1] * 4),
        Source("bare", rng.standard_normal((8, 5)), [None] * 8, task="classification"),
    ]
    pool = SourcePool([*pool, *odd], unusable={"broken": "broken.csv: no rows."})
    arms, skipped = plan_arms(target, pool, {"dense": DenseOnly()})
    reasons = {(s.method, s.sources): s.reason for s in skipped}
    assert set(reasons) == {
        ("(any)", "broken"),
        ("dense", "other labels"),
        ("dense", "narrow"),
        ("dense", "sparse"),
        ("dense", "bare"),
    }
    assert "no rows" in reasons["(any)", "broken"]
    assert "shares no label" in reasons["dense", "other labels"]
    assert "has 3 columns, the target 5" in reasons["dense", "narrow"]
    assert "sparse" in reasons["dense", "sparse"]
    assert "no labelled row" in reasons["dense", "bare"]
    assert {arm.sources for arm in arms} == {(), ("same",), ("swapped",), ("same", "swapped")}


def test_a_missing_column_is_named():
    frame = pd.DataFrame(np.eye(12)[:, :3], columns=["a", "b", "c"])
    target = Target("t", frame, [0, 1] * 6)
    pool = SourcePool([Source("s", frame.drop(columns="b"), [0, 1] * 6)])
    _, skipped = plan_arms(target, pool, {"pooled": PooledClassifier()})
    assert "lacks 1 of the target's columns: 'b'" in skipped[0].reason


def test_words_are_no_source_of_numbers(task):
    target = Target("t", np.eye(12), np.linspace(0.1, 1, 12))
    pool = SourcePool([Source("s", np.eye(12), ["a", "b"] * 6)])
    _, skipped = plan_arms(target, pool, {"pooled": PooledRegressor()})
    assert "not numbers" in skipped[0].reason


def test_a_method_that_takes_any_labels_skips_no_label_set(task):
    target, pool = task
    pool = SourcePool([Source("other", pool["same"].X, ["a", "b", "c"] * 50)])
    arms, skipped = plan_arms(target, pool, {"frozen": FrozenFeaturesClassifier()})
    assert Arm("frozen", ("other",)) in arms
    assert not skipped


def test_a_method_that_chooses_among_sources_gets_the_whole_pool_only(task):
    arms, _ = plan_arms(*task, {"choosy": Choosy()})
    assert arms == (Arm("choosy", ()), Arm("choosy", ("same", "swapped")))
    target, pool = task
    arms, _ = plan_arms(target, pool.subset(["same"]), {"choosy": Choosy()})
    assert arms == (Arm("choosy", ()), Arm("choosy", ("same",)))


def test_a_method_without_sources_makes_no_claim(task):
    arms, skipped = plan_arms(*task, {"alone": TargetOnlyClassifier()})
    assert arms == (Arm("alone", ()),)
    assert {s.reason for s in skipped} == {"the method learns from no source"}


def test_sets_of_sources_have_names_for_tables(task):
    plan = plan_of(task)
    assert plan.label(()) == "(no sources)"
    assert plan.label(("same",)) == "same"
    assert plan.label(("swapped", "same")) == "(all usable)"
    assert plan.label_of(plan.fingerprints(plan.claims[1])) == "swapped"


def test_methods_come_by_name_as_estimators_or_in_a_mapping():
    mine = PooledClassifier(source_weight=0.5)
    found = resolve_methods(["frozen_features", mine], "classification")
    assert list(found) == ["frozen_features", "pooled"]
    assert found["pooled"] is mine
    assert isinstance(resolve_methods(["pooled"], "regression")["pooled"], PooledRegressor)
    assert list(resolve_methods({"x": "pooled"}, "classification")) == ["x"]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ([PooledClassifier(), PooledClassifier(source_weight=2)], "named twice"),
        (["pooled", PooledClassifier()], "named twice"),
        ([LogisticRegression()], "no transfer estimator for classification"),
        ([PooledRegressor()], "no transfer estimator for classification"),
        ([], "no method is given"),
    ],
)
def test_methods_that_cannot_be_used_are_refused(methods, message):
    with pytest.raises(InputError, match=message):
        resolve_methods(methods, "classification")


def test_an_unknown_method_gets_the_closest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'pooled'"):
        resolve_methods(["poled"], "classification")
