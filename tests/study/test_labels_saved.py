"""Labels saved: closed forms on straight curves, the ends of the curve, and its interval."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from priorlift.core.errors import InputError
from priorlift.study.labels_saved import (
    LabelsSaved,
    isotonic_rows,
    labels_saved,
    labels_saved_from_curves,
)

BUDGETS = [10, 20, 40, 80, 160]


def scores(shift=0.0, *, noise=0.05, n_draws=20, n_rows=200, seed=0, budgets=BUDGETS):
    """Scores whose mean is 0.1 log2(n), moved by `shift` doublings of the budget."""
    rng = np.random.default_rng(seed)
    mean = 0.1 * (np.log2(budgets) + shift)
    rows = rng.normal(size=n_rows) * noise
    return mean[:, None, None] + rows + noise * rng.normal(size=(len(budgets), n_draws, n_rows))


def exact(shift):
    return labels_saved(BUDGETS, scores(shift, noise=0), scores(noise=0), n_resamples=20)


class TestValue:
    def test_one_doubling_saves_as_many_labels_as_there_are(self):
        for answer in exact(1)[:-1]:
            assert answer.saved == pytest.approx(answer.budget)
            assert (answer.low, answer.high) == pytest.approx((answer.budget, answer.budget))
            assert not answer.beyond

    def test_linear_in_the_logarithm_between_budgets(self):
        assert exact(0.5)[1].equivalent == pytest.approx(20 * math.sqrt(2))

    def test_beyond_the_last_budget_is_a_value(self):
        last = exact(1)[-1]
        assert (last.beyond, last.saved, last.equivalent) == (True, 0, 160)
        assert "more than 0" in str(last)
        assert str(exact(3)[2]).startswith("more than 120")

    def test_negative_where_the_sources_hurt(self):
        answers = exact(-1)
        assert answers[2].saved == pytest.approx(-20)
        assert (answers[0].below, answers[0].saved) == (True, 0)
        assert "less than" in str(answers[0])

    def test_equal_arms_save_nothing_even_on_a_flat_curve(self):
        flat = np.full((5, 3, 8), 0.7)
        for arm in (scores(), flat, scores()[::-1]):
            for answer in labels_saved(BUDGETS, arm, arm, n_resamples=50):
                assert (answer.saved, answer.low, answer.high) == pytest.approx((0, 0, 0))
                assert (answer.beyond, answer.below) == (False, False)

    @given(
        curves=arrays(float, (2, 5), elements=st.floats(0, 1)),
        lift=st.floats(0, 0.5),
    )
    @settings(max_examples=60)
    def test_a_better_arm_never_saves_less(self, curves, lift):
        none = np.empty((1, 5))
        none[:] = 0.5
        base = labels_saved_from_curves(BUDGETS, curves[0], curves[1], none, none)
        more = labels_saved_from_curves(BUDGETS, curves[0] + lift, curves[1], none, none)
        for worse, better in zip(base, more, strict=True):
            assert better.equivalent >= worse.equivalent * (1 - 1e-6)

    @given(curves=arrays(float, (3, 6), elements=st.floats(-1, 1)))
    @settings(max_examples=60)
    def test_isotonic_rows_are_isotonic_regressions(self, curves):
        expected = [isotonic_regression(curve).x for curve in curves]
        np.testing.assert_allclose(isotonic_rows(curves), expected, atol=1e-12)


class TestInterval:
    def test_covers_and_narrows_with_rows(self):
        wide = labels_saved(BUDGETS, scores(1, seed=1), scores(seed=2))[2]
        narrow = labels_saved(BUDGETS, scores(1, seed=1, n_rows=5000), scores(seed=2, n_rows=5000))
        assert wide.low < 40 < wide.high
        assert narrow[2].high - narrow[2].low < (wide.high - wide.low) / 2

    def test_open_at_one_end(self):
        answer = labels_saved(BUDGETS, scores(0.95, seed=1), scores(seed=2))[3]
        assert answer.high_beyond
        assert not answer.low_beyond
        assert "to more than 80" in str(answer)

    def test_all_resamples_beyond(self):
        answer = labels_saved(BUDGETS, scores(4), scores())[3]
        assert str(answer) == "more than 80 (in 95 % of the resamples)"

    def test_same_seed_same_answer(self):
        arms = scores(1, seed=1), scores(seed=2)
        assert labels_saved(BUDGETS, *arms) == labels_saved(BUDGETS, *arms)
        assert labels_saved(BUDGETS, *arms) != labels_saved(BUDGETS, *arms, random_state=1)

    def test_draws_count_unless_they_are_repeats_of_the_same_rows(self):
        by_draw = 0.2 * np.random.default_rng(3).normal(size=(1, 20, 1))
        arms = scores(1, noise=0.01) + by_draw, scores(noise=0.01, seed=4)
        crossed = labels_saved(BUDGETS, *arms)[2]
        rows = labels_saved(BUDGETS, *arms, resample_draws=False)[2]
        assert rows.saved == pytest.approx(crossed.saved)
        assert crossed.high - crossed.low > 3 * (rows.high - rows.low)

    def test_groups_are_the_units(self):
        arms = [
            np.repeat(scores(shift, n_rows=10, seed=seed), 20, axis=2)
            for shift, seed in ((1, 1), (0, 2))
        ]
        rows = labels_saved(BUDGETS, *arms)[2]
        grouped = labels_saved(BUDGETS, *arms, groups=np.repeat(np.arange(10), 20))[2]
        assert grouped.high - grouped.low > 1.5 * (rows.high - rows.low)

    def test_to_dict_is_json(self):
        row = json.loads(json.dumps(exact(3)[4].to_dict(), allow_nan=False))
        assert row["beyond"] is True
        assert row["text"] == str(LabelsSaved(**{k: v for k, v in row.items() if k != "text"}))


@pytest.mark.parametrize(
    ("budgets", "arms"),
    [
        ([10, 20], (np.ones((3, 2, 4)), np.ones((3, 2, 4)))),
        ([20, 10], (np.ones((2, 2, 4)), np.ones((2, 2, 4)))),
        ([0, 10], (np.ones((2, 2, 4)), np.ones((2, 2, 4)))),
        ([10, 20], (np.ones((2, 2)), np.ones((2, 2)))),
        ([10, 20], (np.full((2, 2, 4), np.nan), np.ones((2, 2, 4)))),
        ([10, 20], (np.ones((2, 2, 4)), np.ones((2, 2, 5)))),
    ],
)
def test_bad_input_is_an_input_error(budgets, arms):
    with pytest.raises(InputError):
        labels_saved(budgets, *arms)
