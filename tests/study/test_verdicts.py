"""Verdicts: what each word asks for, Holm's family, and what a reader is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlift.core.errors import InputError
from priorlift.study.interval import SAME_PREDICTIONS, t_interval
from priorlift.study.intervals import pigeonhole_interval, row_interval
from priorlift.study.verdicts import Claim, decide, labels_to_settle


def interval(estimate, error=0.01, reason=None):
    return t_interval(estimate, error, 30, formula="row", n_units=31, level=0.95, reason=reason)


def claim(same, reference=None, *, name="a", error=0.01, n_labels=None):
    against = None if reference is None else interval(reference, error)
    return Claim(name, "pooled", interval(same, error), against, budget=50, n_labels=n_labels)


def word(*args, min_lift=0.0, **options):
    return decide([claim(*args, **options)], min_lift=min_lift)[0].verdict


class TestWords:
    def test_helps_needs_both(self):
        assert word(0.05, 0.04) == "helps"
        assert word(0.05, 0.005) == "not shown"
        assert word(0.005, 0.05) == "not shown"
        assert word(0.05) == "helps"

    def test_hurts_is_judged_against_the_same_class(self):
        assert word(-0.05, 0.05) == "hurts"
        assert word(-0.05, -0.05) == "hurts"
        assert word(0.005, -0.05) == "not shown"

    def test_threshold(self):
        assert word(0.05, 0.05, min_lift=0.02) == "helps"
        assert word(0.05, 0.05, min_lift=0.04) == "not shown"
        assert word(0.05, 0.045, min_lift=0.025) == "not shown"
        assert word(0.005, 0.0, min_lift=0.04) == "equivalent"
        assert word(0.005, 0.0, min_lift=0.02) == "not shown"
        assert word(-0.03, min_lift=0.06) == "hurts"

    def test_no_equivalence_without_a_threshold(self):
        assert word(0.0, error=1e-6) == "not shown"

    def test_identical_fits_are_not_shown_with_the_reason(self):
        for same in (row_interval(np.zeros(40)), row_interval(np.zeros(40), proportion=True)):
            for min_lift in (0.0, 0.9):
                verdict = decide([Claim("a", "pooled", same)], min_lift=min_lift)[0]
                assert (verdict.verdict, verdict.reason) == ("not shown", SAME_PREDICTIONS)
                assert verdict.p_value == 1.0
                assert verdict.labels_to_settle is None

    def test_a_reference_that_predicts_the_same_is_not_beaten(self):
        same = Claim("a", "pooled", interval(0.05), row_interval(np.zeros(9)))
        assert "not the best target-only model: both" in decide([same])[0].reason


class TestFamily:
    def test_adjustment_takes_a_claim_that_would_pass_alone(self):
        weak = claim(0.022, 0.03)
        assert decide([weak])[0].verdict == "helps"
        among_many = decide([weak, *(claim(0.0, name=f"s{i}") for i in range(9))])[0]
        assert among_many.verdict == "not shown"
        assert among_many.against_same_class.low > 0 > among_many.adjusted_against_same_class.low
        assert among_many.adjusted_level == pytest.approx(1 - 0.05 / 10)
        assert among_many.n_claims == 10

    def test_clear_claims_make_way_for_the_weak_one(self):
        clear = [claim(0.2, 0.2, name=f"s{i}") for i in range(9)]
        assert decide([*clear, claim(0.022, 0.03)])[-1].verdict == "helps"

    def test_claims_over_the_reference_are_adjusted_too(self):
        # All beat their own baseline by far, so a family over that alone would step down to 95 %.
        claims = [claim(0.2 + 0.01 * i, 0.022, name=f"s{i}") for i in range(10)]
        assert {verdict.verdict for verdict in decide(claims)} == {"not shown"}

    def test_equal_claims_get_equal_verdicts(self):
        twins = decide([claim(0.022, name=name) for name in "abc"])
        assert len({(v.verdict, v.adjusted_p_value, v.adjusted_level) for v in twins}) == 1

    @given(
        values=st.lists(st.sampled_from([-0.05, -0.022, 0.0, 0.022, 0.03, 0.1]), max_size=6),
        seed=st.integers(0, 50),
        min_lift=st.sampled_from([0.0, 0.01]),
    )
    @settings(max_examples=40, deadline=None)
    def test_order_of_claims_does_not_matter_and_words_agree_with_p(self, values, seed, min_lift):
        claims = [claim(v, v + 0.01, name=str(i)) for i, v in enumerate(values)]
        verdicts = decide(claims, min_lift=min_lift)
        order = np.random.default_rng(seed).permutation(len(claims))
        again = decide([claims[i] for i in order], min_lift=min_lift)
        assert [verdicts[i] for i in order] == list(again)
        for verdict in verdicts:
            shown = verdict.verdict in ("helps", "hurts")
            assert shown == (verdict.adjusted_p_value <= 0.05)

    @pytest.mark.parametrize("at_zero", [("same",), ("reference",), ("same", "reference")])
    def test_family_error_is_held_when_the_truth_is_zero(self, at_zero):
        rng = np.random.default_rng(0)
        false = 0
        for _ in range(300):
            noise = rng.normal(size=(6, 2)) * 0.01
            same, reference = noise.T + 0.5
            same = same - 0.5 * ("same" in at_zero)
            reference = reference - 0.5 * ("reference" in at_zero)
            claims = [claim(s, r) for s, r in zip(same, reference, strict=True)]
            words = {verdict.verdict for verdict in decide(claims)}
            false += bool(words & {"helps", "hurts"})
        assert false <= 27  # exact binomial bound at 5 %: exceeded once in a thousand

    def test_no_claims_no_verdicts(self):
        assert decide([]) == ()

    @pytest.mark.parametrize("options", [{"level": 1.0}, {"min_lift": -0.1}])
    def test_bad_options(self, options):
        with pytest.raises(InputError):
            decide([claim(0.1)], **options)


class TestLabelsToSettle:
    def test_four_times_the_labels_halve_the_interval(self):
        same = interval(0.01)
        wanted = (same.half_width / 0.01) ** 2 * 80
        assert labels_to_settle(claim(0.01, n_labels=80)) == int(np.ceil(wanted))
        assert labels_to_settle(claim(-0.01, n_labels=80)) == int(np.ceil(wanted))

    def test_the_harder_of_the_two_comparisons_counts(self):
        assert labels_to_settle(claim(0.05, 0.01, n_labels=80)) == labels_to_settle(
            claim(0.01, n_labels=80)
        )
        assert labels_to_settle(claim(0.05, -0.01, n_labels=80)) is None

    def test_none_where_the_estimate_is_zero_unless_equivalence_can_be_shown(self):
        assert labels_to_settle(claim(0.0, n_labels=80)) is None
        assert labels_to_settle(claim(0.0, n_labels=80), min_lift=0.01) == int(
            np.ceil((interval(0.0).half_width / 0.01) ** 2 * 80)
        )

    def test_only_for_not_shown_and_at_the_adjusted_level(self):
        assert decide([claim(0.05, n_labels=80)])[0].labels_to_settle is None
        pair = decide([claim(0.015, n_labels=80), claim(0.0, name="b")])[0]
        assert pair.labels_to_settle == labels_to_settle(claim(0.015, n_labels=80), level=0.975)


class TestReading:
    def test_reasons_are_sentences_with_the_numbers(self):
        reason = decide([claim(0.05, 0.04)])[0].reason
        assert "+0.050" in reason
        assert "best target-only model" in reason
        assert "beats its own baseline but not" in decide([claim(0.05, 0.0)])[0].reason
        assert "reaches zero" in decide([claim(0.0)])[0].reason
        assert "falls below" in decide([claim(-0.05)])[0].reason
        assert "more than 0.01" in decide([claim(0.05, 0.05)], min_lift=0.01)[0].reason
        assert "no target-only reference" in decide([claim(0.05)])[0].reason

    def test_rows_of_a_table_are_flat_and_alike(self):
        rows = [v.to_dict() for v in decide([claim(0.05, 0.04), claim(0.0, name="b")])]
        assert rows[0].keys() == rows[1].keys()
        assert rows[0]["lift"] == 0.05
        assert rows[0]["lift_adjusted_low"] < rows[0]["lift_low"]
        assert rows[1]["over_reference"] is None
        for value in rows[0].values():
            assert value is None or isinstance(value, str | int | float)

    def test_percentile_intervals_can_be_adjusted(self):
        matrix = 0.2 + 0.1 * np.random.default_rng(0).normal(size=(20, 50))
        strong = Claim("a", "pooled", pigeonhole_interval(matrix))
        verdict = decide([strong, claim(0.0, name="b")])[0]
        assert verdict.verdict == "helps"
        assert verdict.adjusted_against_same_class.low < verdict.against_same_class.low
