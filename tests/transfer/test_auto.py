"""Auto: it takes the source that helps, leaves those that harm, and says truly what it did."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.svm import LinearSVC

from priorlift.core.errors import InputError, InputTypeError, UnknownNameError
from priorlift.pool import Source, SourcePool
from priorlift.ranking.inner_validation import inner_splits
from priorlift.ranking.rank import rank_sources
from priorlift.testing.problems import make_problem
from priorlift.testing.suite import recording
from priorlift.transfer import (
    AutoTransferClassifier,
    AutoTransferRegressor,
    FrozenFeaturesClassifier,
    PooledClassifier,
    PooledRegressor,
    TargetOnlyClassifier,
    TargetOnlyRegressor,
)
from priorlift.transfer.losses import paired_improvement, row_losses

SEEDS = range(5)
QUICK = {"methods": ["pooled"], "reference": PooledClassifier()}


def task(seed, n_source=150):
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(24 + n_source + 300, 8))
    signal = X[:, 0] - X[:, 1] + X[:, 2] - X[:, 3] + 0.3 * draws.normal(size=len(X))
    return np.split(X, [24, 24 + n_source]), np.split(signal, [24, 24 + n_source]), draws


@pytest.fixture(scope="module")
def chosen():
    """Decisions, and accuracies of the choice and of not transferring, by kind of pool."""
    found = {"helpful": [], "harmful": []}
    for seed in SEEDS:
        (X, X_source, X_test), (signal, s_source, s_test), draws = task(seed)
        y, y_source, y_test = (values > 0 for values in (signal, s_source, s_test))
        harmful = [
            Source("shuffled", X_source, draws.permutation(y_source)),
            Source("flipped", X_source, ~y_source),
        ]
        pools = {
            "helpful": SourcePool([*harmful, Source("related", X_source, y_source)]),
            "harmful": SourcePool(harmful),
        }
        alone = PooledClassifier().fit(X, y).score(X_test, y_test)
        for name, pool in pools.items():
            model = AutoTransferClassifier(**QUICK, random_state=seed).fit(X, y, sources=pool)
            found[name].append((model.decision_, model.score(X_test, y_test), alone))
    return found


def test_the_related_source_is_chosen_among_harmful_ones(chosen):
    related = [decision.sources == ("related",) for decision, _, _ in chosen["helpful"]]
    assert sum(related) >= 4


def test_the_choice_lifts_the_score(chosen):
    lifts = [score - alone for _, score, alone in chosen["helpful"]]
    assert np.mean(lifts) > 0.05


def test_nothing_is_transferred_from_harmful_sources(chosen):
    assert sum(not decision.transfers for decision, _, _ in chosen["harmful"]) >= 4


def test_not_transferring_has_a_lift_of_exactly_zero(chosen):
    for decision, score, alone in chosen["harmful"]:
        assert decision.transfers or score == alone


def test_regression_too():
    right = 0
    for seed in SEEDS:
        (X, X_source, _), (y, y_source, _), draws = task(seed)
        pool = SourcePool(
            [
                Source("shuffled", X_source, draws.permutation(y_source)),
                Source("related", X_source, y_source),
            ]
        )
        model = AutoTransferRegressor(["pooled"], reference=PooledRegressor(), random_state=seed)
        right += model.fit(X, y, sources=pool).decision_.sources == ("related",)
    assert right >= 4


@pytest.mark.parametrize(
    ("auto", "reference", "kind"),
    [
        (AutoTransferClassifier, TargetOnlyClassifier, "classification"),
        (AutoTransferRegressor, TargetOnlyRegressor, "regression"),
    ],
)
def test_without_sources_it_is_the_best_of_the_target(auto, reference, kind):
    p = make_problem(kind)
    model = auto(random_state=3).fit(p.X, p.y, groups=p.groups)
    twin = reference(random_state=3).fit(p.X, p.y, groups=p.groups)
    np.testing.assert_array_equal(model.predict(p.X_new), twin.predict(p.X_new))
    assert model.decision_.why == "There is no source to transfer from."
    assert (model.decision_.method, model.decision_.n_fits) == ("target_only", 1)


def test_other_baselines_are_opponents_and_never_the_choice():
    (X, X_source, X_test), (signal, s_source, _), _ = task(0)
    pool = SourcePool([Source("related", X_source, s_source > 0)])
    weak = PooledClassifier(DummyClassifier())
    model = AutoTransferClassifier(["pooled"], caution=1e6, reference=weak, random_state=0)
    decision = model.fit(X, signal > 0, sources=pool).decision_
    by_loss = sorted(decision.candidates, key=lambda one: one.loss)
    assert [one.method for one in by_loss if not one.sources] == ["pooled", "target_only"]
    assert (decision.method, decision.sources) == ("target_only", ())
    assert len(np.unique(model.predict_proba(X_test))) <= 2


def test_the_choice_is_what_its_method_gives_by_hand():
    p = make_problem("classification", source_rows=200)
    model = AutoTransferClassifier(**QUICK, caution=0.0, random_state=5)
    decision = model.fit(p.X, p.y, sources=p.pool).decision_
    assert decision.method == "pooled"
    assert decision.transfers
    by_hand = PooledClassifier(random_state=5).fit(p.X, p.y, p.pool.subset(decision.sources))
    np.testing.assert_array_equal(model.predict_proba(p.X_new), by_hand.predict_proba(p.X_new))
    assert model.sources_ == by_hand.sources_


def test_the_table_can_be_computed_again():
    p = make_problem("classification")
    weight = np.linspace(0.5, 1.5, len(p.y))
    splits = []

    def spying(*arguments):
        splits.extend(inner_splits(*arguments))
        return splits

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("priorlift.transfer.auto.inner_splits", spying)
        model = AutoTransferClassifier(**QUICK, random_state=0)
        model.fit(p.X, p.y, sources=p.pool, sample_weight=weight, groups=p.groups)
    tested = np.concatenate([test for _, test in splits])
    losses = {}
    for one in model.decision_.candidates:
        found = []
        for train, test in splits:
            fitted = PooledClassifier(random_state=0).fit(
                p.X[train], p.y[train], p.pool.subset(one.sources), weight[train], p.groups[train]
            )
            found.append(row_losses(fitted, p.X[test], p.y[test], "classification"))
        losses[one] = np.concatenate(found)
        assert one.loss == pytest.approx(np.average(losses[one], weights=weight[tested]))
    alone = [one for one in losses if not one.sources]
    opponent = losses[min(alone, key=lambda one: one.loss)]
    for one, values in losses.items():
        expected = paired_improvement(opponent, values, weight[tested], p.groups[tested])
        assert (one.improvement, one.standard_error) == pytest.approx(expected)


@pytest.mark.parametrize("caution", [0.0, 1.0, 1e6])
def test_the_rule_is_kept(caution):
    p = make_problem("classification", source_rows=200)
    model = AutoTransferClassifier(**QUICK, caution=caution, random_state=0)
    decision = model.fit(p.X, p.y, sources=p.pool).decision_
    better = [
        one
        for one in decision.candidates
        if one.sources and one.improvement > caution * one.standard_error
    ]
    if better:
        assert decision.sources == min(better, key=lambda one: one.loss).sources
    assert decision.transfers == bool(better) == (caution < 1e5)
    assert ("lowers" in decision.why) == decision.transfers


@pytest.mark.parametrize("max_fits", [1, 8, 10, 13, 30])
def test_the_budget_of_fits_is_kept_and_counted(max_fits):
    p = make_problem("classification")
    method, calls = recording(PooledClassifier())
    reference, alone = recording(PooledClassifier())
    model = AutoTransferClassifier([method], max_fits, reference=reference, random_state=0)
    decision = model.fit(p.X, p.y, sources=p.pool).decision_
    assert decision.n_fits == len(calls) + len(alone) <= max_fits
    assert sum(one.n_fits for one in decision.candidates) + 1 == decision.n_fits
    assert len(decision.candidates) == (0 if max_fits < 10 else min((max_fits - 1) // 3, 5))
    assert ("budget" in decision.why) == (max_fits < 10)
    left_out = [one for one in decision.skipped if "budget" in one.reason]
    assert len(decision.candidates) + len(left_out) == (0 if max_fits < 10 else 5)


@pytest.mark.parametrize(
    ("auto", "kind"),
    [(AutoTransferClassifier, "classification"), (AutoTransferRegressor, "regression")],
)
def test_by_default_boosting_is_among_the_candidates(auto, kind):
    p = make_problem(kind)
    model = auto(n_splits=2, random_state=0).fit(p.X, p.y, sources=p.pool)
    by_source = {}
    for one in model.decision_.candidates:
        by_source.setdefault(len(one.sources), set()).add(one.method)
    methods = {"pooled", "frozen_features", "gap_boost", "tradaboost"}
    assert by_source == {0: methods | {"target_only"}, 1: methods, 2: methods}
    assert model.decision_.n_fits <= 52


def test_candidates_come_in_the_order_of_the_ranking():
    p = make_problem("classification", source_rows=200)
    decision = AutoTransferClassifier(**QUICK, random_state=0).fit(p.X, p.y, p.pool).decision_
    ranking = rank_sources(p.X, p.y, p.pool, n_bootstrap=0, random_state=0)
    assert decision.ranking == ranking.names
    first, second = decision.ranking
    assert [one.sources for one in decision.candidates[:3]] == [(), (), (first,)]
    assert set(decision.candidates[3].sources) == {first, second}
    assert decision.candidates[4].sources == (second,)
    assert decision.considered == {source.name: source.fingerprint for source in p.pool}


def test_groups_stay_together_in_every_inner_fit():
    p = make_problem("classification")
    method, calls = recording(PooledClassifier())
    model = AutoTransferClassifier([method], reference=PooledClassifier(), random_state=0)
    model.fit(p.X, p.y, sources=p.pool, groups=p.groups)
    assert len(calls) >= 9
    for call in calls:
        _, counts = np.unique(call["groups"], return_counts=True)
        assert set(counts) == {4}


def test_a_source_that_a_method_cannot_use_is_skipped_with_the_reason():
    p = make_problem("classification")
    rows = np.random.default_rng(0).normal(size=(40, 4))
    strange = [
        Source("colours", rows, np.where(rows[:, 0] > 0, "red", "blue")),
        Source("narrow", rows[:, :2], rows[:, 0] > 0),
    ]
    pool = SourcePool([*p.pool, *strange], unusable={"broken.csv": "is empty"})
    small = FrozenFeaturesClassifier(hidden_layer_sizes=(4,), n_iterations=2, n_splits=2)
    model = AutoTransferClassifier(
        ["pooled", small], 40, n_splits=2, reference=PooledClassifier(), random_state=0
    )
    decision = model.fit(p.X, p.y, sources=pool).decision_
    skipped = {(one.method, one.sources): one.reason for one in decision.skipped}
    assert "shares no label" in skipped["pooled", ("colours",)]
    for method in ("pooled", "FrozenFeaturesClassifier"):
        assert "2 columns" in skipped[method, ("narrow",)]
    assert skipped["any method", ("broken.csv",)] == "is empty"
    tried = {(one.method, one.sources) for one in decision.candidates}
    assert ("FrozenFeaturesClassifier", ("colours",)) in tried
    assert "narrow" not in decision.ranking
    assert not any("narrow" in one.sources for one in decision.candidates)


def test_a_pool_without_any_usable_source_is_an_error():
    p = make_problem("classification")
    pool = SourcePool([Source("narrow", np.ones((5, 2)), [0, 1, 0, 1, 0])])
    with pytest.raises(InputError, match=r"none of the 1 sources can be used.*'narrow'.*2 columns"):
        AutoTransferClassifier(**QUICK).fit(p.X, p.y, sources=pool)


def test_too_few_labels_transfer_nothing_and_say_so():
    p = make_problem("classification")
    model = AutoTransferClassifier(**QUICK).fit(p.X[:3], [0, 0, 1], sources=p.pool)
    assert not model.decision_.transfers
    assert "too few labels" in model.decision_.why


def test_five_labels_are_enough_for_a_source_that_helps_on_each():
    (X, X_source, _), (signal, s_source, _), _ = task(1)
    order = np.argsort(-np.abs(signal))
    rows = [*order[signal[order] > 0][:3], *order[signal[order] < 0][:2]]
    pool = SourcePool([Source("related", X_source, s_source > 0)])
    model = AutoTransferClassifier(**QUICK, random_state=0)
    assert model.fit(X[rows], signal[rows] > 0, sources=pool).decision_.transfers


def test_a_method_without_probabilities_cannot_be_compared():
    p = make_problem("classification")
    model = AutoTransferClassifier(
        [PooledClassifier(LinearSVC())], reference=PooledClassifier(), random_state=0
    )
    decision = model.fit(p.X, p.y, sources=p.pool).decision_
    assert not decision.transfers
    assert {one.reason for one in decision.skipped} == {
        "gives no probabilities, by which candidates are compared."
    }
    assert decision.why == "No combination of method and source could be evaluated."


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"max_fits": 0}, InputError, "max_fits is 0"),
        ({"n_splits": 1}, InputError, "n_splits is 1"),
        ({"caution": -1.0}, InputError, "caution is -1.0"),
        ({"methods": "pooled"}, InputTypeError, "a list"),
        ({"methods": ["poled"]}, UnknownNameError, "did you mean 'pooled'"),
        ({"methods": ["pooled", "pooled"]}, InputError, "listed twice"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    p = make_problem("classification")
    with pytest.raises(error, match=message):
        AutoTransferClassifier(**parameters).fit(p.X, p.y, sources=p.pool)


def test_a_decision_reads_as_text_and_as_a_frame():
    p = make_problem("classification")
    decision = AutoTransferClassifier(**QUICK, max_fits=10).fit(p.X, p.y, p.pool).decision_
    text = str(decision)
    assert text.startswith(decision.why)
    assert "skipped: pooled with" in text
    frame = decision.to_frame()
    assert list(frame["loss"]) == [one.loss for one in decision.candidates]
    assert sum(frame["chosen"]) == 1
