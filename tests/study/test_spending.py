"""Budgeted search, on tables of truth whose oracle is known."""

import json
from itertools import permutations

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.ranking.gain import PredictedGains
from priorlift.ranking.measures import score_lost
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.study.spending import Overhead, PairOutcome, spend


def table(n_tasks=8, seed=0, signal=1.0, shift=0.0):
    """Pairs of tasks, their true lifts, and a feature that tells a part of them."""
    rng = np.random.default_rng(seed)
    names = [f"t{i}" for i in range(n_tasks)]
    keys = list(permutations(names, 2))
    lifts = 0.05 * rng.standard_normal(len(keys)) + shift
    hint = signal * lifts / 0.05 + rng.standard_normal(len(keys)) * (1.0 - signal)
    pairs = PairFeatures(
        tuple(t for t, _ in keys), tuple(s for _, s in keys), {"logme": hint.astype(float)}
    )
    return pairs, dict(zip(keys, lifts, strict=True))


class Trainer:
    """Gives the truth and counts what it was asked."""

    def __init__(self, lifts, single=0.5):
        self.lifts, self.single, self.asked = lifts, single, []

    def __call__(self, target, source):
        self.asked.append((target, source))
        seconds = 1.0 if source is None else 2.0 + int(source[1:])
        lift = 0.0 if source is None else self.lifts[target, source]
        return PairOutcome(self.single + lift, seconds)


class Knows:
    """A model that predicts what it is told, with intervals of a given width."""

    def __init__(self, values, half=0.001):
        self.values, self.half = values, half

    def predict(self, pairs):
        keys = zip(pairs.targets, pairs.sources, strict=True)
        mean = np.array([self.values[key] for key in keys])
        sure = (mean > 0).astype(float)
        return PredictedGains(mean, mean - self.half, mean + self.half, sure, "told")


def oracle(lifts, target):
    best = max((lift, s) for (t, s), lift in lifts.items() if t == target)
    return best if best[0] > 0 else (0.0, None)


def lost(found, lifts, pairs):
    trained = {(p.target, p.source) for p in found.history}
    keys = list(zip(pairs.targets, pairs.sources, strict=True))
    return score_lost([k in trained for k in keys], [lifts[k] for k in keys], targets=pairs.targets)


def test_the_whole_budget_finds_the_oracle_and_saves_nothing():
    pairs, lifts = table(5)
    train = Trainer(lifts)
    found = spend(pairs, train, min_gain=None)
    for target in found.targets:
        gain, source = oracle(lifts, target.target)
        assert (target.source, target.gain) == (source, pytest.approx(gain))
    assert sorted(map(str, train.asked)) == sorted(
        map(str, [*lifts, *((t, None) for t in {t for t, _ in lifts})])
    )
    assert found.bill.pairs_saved == 0.0
    assert found.bill.score_lost == 0.0
    assert not found.bill.extrapolated
    assert found.stopped == "all pairs are trained"


def test_more_budget_loses_less_on_average():
    budgets, n_worlds = (8, 16, 32, 56), 6
    mean = []
    for budget in budgets:
        options = {"max_pairs": budget, "min_gain": None, "batch_size": 16}
        worlds = [table(8, seed, signal=0.5) for seed in range(n_worlds)]
        mean.append(np.mean([lost(spend(p, Trainer(t), **options), t, p) for p, t in worlds]))
    assert mean == sorted(mean, reverse=True)
    assert mean[-1] == 0.0


def test_a_perfect_model_needs_one_pair_a_target():
    pairs, lifts = table(7, 3)
    found = spend(pairs, Trainer(lifts), model=Knows(lifts), random_share=0.0, min_gain=0.002)
    assert "no untrained pair promises more" in found.stopped
    assert found.bill.n_trained == 7  # one batch, one pair a target
    assert lost(found, lifts, pairs) == 0.0
    assert all(p.reason == "ucb" for p in found.history if p.source)
    assert all(t.predicted.mean == pytest.approx(t.gain) for t in found.targets if t.source)


def test_the_stop_rule_waits_for_the_first_batch():
    pairs, lifts = table(4, shift=-1.0)
    found = spend(pairs, Trainer(lifts), model=Knows(lifts), random_share=0.0, batch_size=3)
    assert found.bill.n_trained == 3
    assert "no untrained pair" in found.stopped


def test_bounds_that_promise_go_on():
    pairs, lifts = table(4, shift=-1.0)
    hopeful = Knows(lifts, half=5.0)
    assert spend(pairs, Trainer(lifts), model=hopeful).bill.n_trained == pairs.n_pairs


def test_no_transfer_where_every_lift_is_negative():
    pairs, lifts = table(4, shift=-1.0)
    found = spend(pairs, Trainer(lifts))
    assert [(t.source, t.gain) for t in found.targets] == [(None, 0.0)] * 4
    assert [p.source for p in found.history[:4]] == [None] * 4
    assert "no transfer" in repr(found)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 1.0])
@pytest.mark.parametrize("budget", [10, 20, 40])
def test_the_random_share_is_exact(share, budget):
    pairs, lifts = table(8, 1)
    options = {"max_pairs": budget, "random_share": share, "batch_size": 5, "min_gain": None}
    found = spend(pairs, Trainer(lifts), **options)
    assert found.check.n_drawn == round(share * budget)
    by_chance = [p for p in found.history if p.reason == "random"]
    assert len(by_chance) <= found.check.n_drawn
    assert found.bill.n_trained == budget
    assert (found.check.excess is None) == (share == 0.0)


def test_random_pairs_are_a_plain_sample():
    pairs, lifts = table(4, 1)
    counts = dict.fromkeys(lifts, 0)
    n_runs = 240
    for seed in range(n_runs):
        found = spend(
            pairs, Trainer(lifts), max_pairs=3, random_share=1.0, random_state=seed, batch_size=3
        )
        for p in found.history[4:]:
            counts[p.target, p.source] += 1
    expected = n_runs * 3 / 12
    # Beyond four standard deviations in one of twelve counts: once in a thousand.
    assert max(abs(n - expected) for n in counts.values()) < 4 * np.sqrt(expected * 0.75)


def test_the_check_estimates_what_a_random_pair_would_add():
    pairs, lifts = table(8, 2, signal=0.0)
    found = spend(pairs, Trainer(lifts), max_pairs=20, random_share=0.5, batch_size=4)
    own = {t: 0.0 for t, _ in lifts}
    for p in found.history:
        if p.source and p.reason != "random":
            own[p.target] = max(own[p.target], p.gain)
    above = [max(0.0, p.gain - own[p.target]) for p in found.history if p.reason == "random"]
    assert sum(above) > 0.0  # those that were bought before add nothing, but count
    assert found.check.excess == pytest.approx(sum(above) / found.check.n_drawn)
    assert found.check.regret_at_most == pytest.approx(7 * found.check.excess)


def test_charged_seconds_add_up():
    pairs, lifts = table(6)
    train = Trainer(lifts)
    found = spend(pairs, train, max_pairs=9, overhead=Overhead(3.0, 4.0))
    bill = found.bill
    assert bill.single_seconds == 6.0
    assert bill.single_seconds + bill.trained_seconds == sum(p.seconds for p in found.history)
    assert bill.spent_seconds == pytest.approx(
        7.0 + bill.model_seconds + sum(p.seconds for p in found.history)
    )
    assert bill.extrapolated
    assert bill.score_lost is None
    measured = found.with_truth(train)
    everything = 6.0 + sum(2.0 + int(s[1:]) for _, s in lifts)
    assert measured.bill.all_seconds == pytest.approx(everything)
    assert measured.bill.cost_saved == pytest.approx(1 - bill.spent_seconds / everything)
    assert measured.bill.score_lost == pytest.approx(lost(found, lifts, pairs))
    assert not measured.bill.extrapolated
    hows = {what: how for what, _, how in measured.bill.lines()}
    assert set(hows.values()) == {"measured"}
    hows = {what: how for what, _, how in bill.lines()}
    assert hows["seconds of untrained pairs"] == "extrapolated"
    assert hows["score lost"] == "not known"


def test_seconds_of_a_known_source_are_extrapolated_from_it():
    pairs, lifts = table(6)
    found = spend(pairs, Trainer(lifts), max_pairs=20)
    known = {p.source for p in found.history}
    assert {s for _, s in lifts} <= known
    everything = 6.0 + sum(2.0 + int(s[1:]) for _, s in lifts)
    assert found.bill.all_seconds == pytest.approx(everything)


def test_a_limit_in_seconds_ends_it_and_is_told():
    pairs, lifts = table(6)
    found = spend(pairs, Trainer(lifts), max_seconds=20.0, batch_size=2)
    assert not found.reproducible
    assert "20 seconds" in found.stopped
    spent = [p.seconds for p in found.history]
    assert sum(spent) >= 20.0 > sum(spent[:-2])


def test_garbage_features_are_no_worse_than_chance():
    differences = []
    for seed in range(12):
        pairs, lifts = table(7, seed, signal=0.0)
        searched = spend(pairs, Trainer(lifts), max_pairs=14, random_state=seed)
        chance = spend(pairs, Trainer(lifts), max_pairs=14, random_share=1.0, random_state=seed)
        differences.append(lost(searched, lifts, pairs) - lost(chance, lifts, pairs))
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert np.mean(differences) < 3 * error  # fails by chance about once in 500


def test_good_features_beat_chance():
    searched, chance = [], []
    for seed in range(5):
        pairs, lifts = table(7, seed, signal=0.8)
        searched.append(lost(spend(pairs, Trainer(lifts), max_pairs=14), lifts, pairs))
        random = spend(pairs, Trainer(lifts), max_pairs=14, random_share=1.0)
        chance.append(lost(random, lifts, pairs))
    assert np.mean(searched) < 0.7 * np.mean(chance)


def test_the_order_of_pairs_has_no_influence_and_runs_repeat():
    pairs, lifts = table(6, 4, signal=0.5)
    shuffled = pairs.take(np.random.default_rng(0).permutation(pairs.n_pairs))
    first, second = (spend(p, Trainer(lifts), max_pairs=15) for p in (pairs, shuffled))
    assert first.history == second.history
    assert first.targets == second.targets


def test_past_outcomes_are_learned_from_and_the_model_is_left_alone():
    pairs, lifts = table(8, 5)
    gains = np.array([lifts[key] for key in zip(pairs.targets, pairs.sources, strict=True)])
    past = Outcomes(
        PairFeatures(tuple(f"p{t}" for t in pairs.targets), pairs.sources, pairs.values), gains
    )
    model = Knows(lifts)
    spend(pairs, Trainer(lifts), model=model, max_pairs=4)
    assert vars(model) == {"values": lifts, "half": 0.001}
    found = spend(pairs, Trainer(lifts), past=past, max_pairs=16)
    assert found.history[8].reason in ("ucb", "random")
    assert found.history[8].upper is not None
    assert "cold start" not in found.prediction


def test_a_failed_fit_is_charged_told_and_never_chosen():
    pairs, lifts = table(4)
    _, source = oracle(lifts, "t0")

    def train(target, given):
        if (target, given) == ("t0", source):
            return PairOutcome(None, 5.0, "no luck")
        return Trainer(lifts)(target, given)

    found = spend(pairs, train)
    assert found["t0"].source != source
    assert found.warnings == (f"t0 with {source} failed: no luck",)
    assert found.bill.n_trained == pairs.n_pairs
    assert found.outcomes().n_pairs == pairs.n_pairs - 1

    nothing = spend(pairs, lambda t, s: PairOutcome(float("nan"), 1.0))
    assert {t.source for t in nothing.targets} == {None}


def test_outcomes_and_documents():
    pairs, lifts = table(4)
    found = spend(pairs, Trainer(lifts), max_pairs=5)
    outcomes = found.outcomes()
    for i in range(outcomes.n_pairs):
        key = outcomes.pairs.targets[i], outcomes.pairs.sources[i]
        assert outcomes.gains[i] == pytest.approx(lifts[key])
    document = json.loads(found.to_json())
    assert len(document["history"]) == 9
    assert document["bill"]["how"]["share of seconds saved"] == "extrapolated"
    assert len(found.to_frame()) == 4
    assert len(found.history_frame()) == 9
    assert "<table>" in found._repr_html_()
    assert found.summary.startswith("5 of 12 pairs trained")
    with pytest.raises(KeyError):
        found["nobody"]


@pytest.mark.parametrize(
    "options",
    [
        {"max_pairs": 0},
        {"batch_size": 0},
        {"max_seconds": 0.0},
        {"random_share": 1.5},
        {"min_gain": -1.0},
    ],
)
def test_nonsense_is_refused(options):
    pairs, lifts = table(3)
    with pytest.raises(InputError):
        spend(pairs, Trainer(lifts), **options)


def test_pairs_must_be_there_and_differ():
    with pytest.raises(InputError, match="no pair"):
        spend(PairFeatures((), (), {}), Trainer({}))
    with pytest.raises(InputError, match="twice"):
        spend(PairFeatures(("t", "t"), ("a", "a"), {}), Trainer({}))
