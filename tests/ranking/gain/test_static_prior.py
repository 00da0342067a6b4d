"""The static prior: a brute-force twin, shrinkage, and no way for an outcome to reach itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlift.ranking.gain.static_prior import STRENGTH, static_prior
from priorlift.ranking.pairs import Outcomes, PairFeatures

rows = st.lists(
    st.tuples(st.sampled_from("tuv"), st.sampled_from("abc"), st.integers(-8, 8)), max_size=12
)


def outcomes(table):
    targets, sources, gains = zip(*table, strict=True) if table else ((), (), ())
    return Outcomes(PairFeatures(tuple(targets), tuple(sources), {}), np.array(gains, float) / 8)


@given(rows)
def test_it_is_the_shrunk_mean_over_other_targets(table):
    asked = PairFeatures(("t", "u", "new"), ("a", "z", "b"), {})
    found = static_prior(outcomes(table), asked)
    for value, target, source in zip(found, asked.targets, asked.sources, strict=True):
        others = [gain / 8 for t, _, gain in table if t != target]
        own = [gain / 8 for t, s, gain in table if t != target and s == source]
        overall = np.mean(others) if others else 0.0
        expected = (sum(own) + STRENGTH * overall) / (len(own) + STRENGTH)
        assert value == pytest.approx(expected, abs=1e-12)


@given(rows, st.integers(-100, 100))
def test_outcomes_of_the_own_target_do_not_matter(table, shift):
    moved = [(t, s, gain + shift if t == "t" else gain) for t, s, gain in table]
    asked = PairFeatures(("t", "t"), ("a", "c"), {})
    before, after = static_prior(outcomes(table), asked), static_prior(outcomes(moved), asked)
    np.testing.assert_allclose(before, after, atol=1e-12)
