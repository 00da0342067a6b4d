"""What heads look at, compared for all pairs: related tasks look at the same."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool, Target
from priorlift.ranking.linear_source import LinearSource, PrincipalSpace
from priorlift.ranking.source_models import LearnedSource
from priorlift.ranking.task_attributions import FEATURES, compare_attributions
from priorlift.ranking.tasks import rank_tasks
from priorlift.ranking.view import TargetView

D = 40


def pair(seed, flipped=False):
    """Return a target, and two sources, of which the first follows the target's rule."""
    draws = np.random.default_rng(seed)
    kin, stranger = np.zeros(D), np.zeros(D)
    kin[draws.choice(D, 3, replace=False)] = 1.0
    stranger[draws.choice(np.flatnonzero(kin == 0), 3, replace=False)] = 1.0

    def task(kind, name, n, rule):
        X = draws.normal(size=(n, D))
        return kind(name, X, (X @ rule > 0).astype(int))

    return (
        task(Target, "target", 60, kin),
        SourcePool(
            [
                task(Source, "kin", 300, -kin if flipped else kin),
                task(Source, "stranger", 300, stranger),
            ]
        ),
    )


def facts(seed, **options):
    target, pool = pair(seed, **options)
    found = rank_tasks([target], pool, attributions=True, random_state=seed)["target"]
    return {name: found[name].facts for name in ("kin", "stranger")}


def test_related_tasks_look_at_the_same():
    """Kin before the stranger in 12 draws of 12 would be chance once in 4,096."""
    found = [facts(seed) for seed in range(12)]
    attribution = np.array([[one[n]["attribution"] for n in ("kin", "stranger")] for one in found])
    assert (attribution[:, 0] > attribution[:, 1]).all()
    kin, stranger = attribution.mean(axis=0)
    assert kin > 2.0
    assert abs(stranger) < 1.0
    # Two features of 40: often the same for all permuted labels, and then not there.
    overlap = [[one[n].get(FEATURES[1], np.nan) for n in ("kin", "stranger")] for one in found]
    kin, stranger = np.nanmean(overlap, axis=0)
    assert kin > 1.0 > 0.0 > stranger


def test_swapped_classes_turn_the_sign():
    found = [facts(seed, flipped=True)["kin"]["attribution"] for seed in range(4)]
    assert max(found) < -1.0


def role(name, X, y, space, task="classification"):
    linear = LinearSource.of(X, y, task, space)
    return LearnedSource(name, name, linear, None, X, y, len(y))


def drawn(seed=0, n=50, d=8):
    X = np.random.default_rng(seed).normal(size=(n, d))
    return X, (X[:, 0] > 0).astype(int), PrincipalSpace.of(X)


def test_the_same_seed_gives_the_same_and_the_order_does_not_matter():
    X, y, space = drawn()
    sources = [role("a", X, y, space), role("b", X, (X[:, 1] > 0) * 1, space)]
    targets = {
        "s": TargetView(y[:20], "classification", X[:20], 0),
        "t": TargetView(y[20:], "classification", X[20:], 0),
    }
    one = compare_attributions(sources, targets, space, 3)
    again = compare_attributions(sources, targets, space, 3)
    turned = compare_attributions(sources[::-1], dict(reversed(targets.items())), space, 3)
    assert one == again
    assert set(one) == {(t, s) for t in "st" for s in "ab"}
    for key, values in one.items():
        assert turned[key] == pytest.approx(values, abs=1e-6)
    other = compare_attributions(sources, targets, space, 4)
    assert other["s", "a"]["attribution"] != one["s", "a"]["attribution"]


def test_a_constant_head_is_not_compared():
    X, y, space = drawn()
    same = np.ones_like(X)
    flat = TargetView(y, "classification", same, 0)
    found = compare_attributions([role("a", X, y, space)], {"t": flat}, space, 0)
    assert found == {("t", "a"): {}}


def test_regressions_and_classes_are_compared():
    X, y, space = drawn(n=200)
    numbers = role("numbers", X, X[:, 0] * 50.0 + 1000.0, space, "regression")
    other = role("other", X, X[:, 1], space, "regression")
    target = {"t": TargetView(y, "classification", X, 0)}
    found = compare_attributions([numbers, other], target, space, 0)
    assert found["t", "numbers"]["attribution"] > found["t", "other"]["attribution"] + 1.0


def test_two_heads_are_needed():
    X, y, space = drawn()
    with pytest.raises(InputError, match="between two tasks"):
        compare_attributions([], {"t": TargetView(y, "classification", X, 0)}, space, 0)
