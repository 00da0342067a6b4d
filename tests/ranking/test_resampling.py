"""Half-samples: halves without repetition, whole groups, and the right spread."""

import dataclasses

import numpy as np
import pytest

from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.resampling import half_samples


def plan(n_bootstrap=50, **changes):
    settings = {
        "task": "classification",
        "scores": ("logme",),
        "hidden_layer_sizes": (8,),
        "alpha": 1e-3,
        "max_iter": 10,
        "preprocess": "auto",
        "encoder": "",
        "transfer": "any",
        "max_target_rows": 100,
        "max_source_rows": 100,
        "n_bootstrap": n_bootstrap,
        "resampled": "rows",
        "level": 0.9,
        "seed": 1,
        "target_fingerprint": "ab",
    }
    return ScoringPlan(**{**settings, **changes})


@pytest.mark.parametrize("n_rows", [3, 20, 21])
def test_halves_hold_no_row_twice(n_rows):
    found = half_samples(np.arange(n_rows) % 2, None, plan())
    assert len(found) == 50
    for rows in found:
        assert len(np.unique(rows)) == len(rows) == (n_rows + 1) // 2


def test_groups_stay_whole():
    groups = np.array(list("aabbbccdddd"))
    for rows in half_samples(np.arange(11) % 2, groups, plan()):
        inside = set(groups[rows])
        assert len(inside) == 2
        assert len(rows) == sum((groups == group).sum() for group in inside)


def test_labels_always_vary():
    y = np.array([0] * 19 + [1])
    found = half_samples(y, None, plan(20))
    assert found
    assert all(len(np.unique(y[rows])) == 2 for rows in found)


def test_what_cannot_be_halved_gives_none():
    assert half_samples(np.array([0, 1]), np.array(["a", "a"]), plan()) == []
    assert half_samples(np.array([0, 1] * 5), None, plan(0)) == []


def test_draws_follow_the_seed_and_the_target():
    y = np.arange(30) % 2
    first, again = half_samples(y, None, plan()), half_samples(y, None, plan())
    np.testing.assert_array_equal(first, again)
    for change in ({"seed": 2}, {"target_fingerprint": "cd"}):
        other = half_samples(y, None, dataclasses.replace(plan(), **change))
        assert not np.array_equal(first, other)


def test_a_mean_varies_between_halves_as_between_samples_of_full_size():
    values = np.random.default_rng(0).normal(size=200)
    halves = half_samples(np.arange(200) % 2, None, plan(4000))
    spread = np.std([values[rows].mean() for rows in halves])
    assert spread == pytest.approx(values.std(ddof=1) / np.sqrt(200), rel=0.05)
