"""The paired intervals: closed forms, symmetries, degenerate input, and a small Monte Carlo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from priorlift.core.errors import InputError
from priorlift.study.interval import SAME_DIFFERENCE, SAME_PREDICTIONS
from priorlift.study.intervals import (
    crossed_components_interval,
    delong_components_interval,
    nadeau_bengio_interval,
    pigeonhole_interval,
    pigeonhole_metric_interval,
    row_interval,
)

MATRIX = np.array([[1.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, -1.0], [2.0, 1.0, 1.0, 0.0]])
matrices = arrays(float, st.tuples(st.integers(2, 5), st.integers(2, 6)), elements=st.floats(-1, 1))


def crossed(seed=0, n_draws=20, n_rows=60, draw=0.1, row=0.2, inter=0.3, mean=0.1):
    rng = np.random.default_rng(seed)
    return (
        mean
        + draw * rng.normal(size=(n_draws, 1))
        + row * rng.normal(size=(1, n_rows))
        + inter * rng.normal(size=(n_draws, n_rows))
    )


def quick_auc(y, score):
    """Area under the ROC curve without scikit-learn's checks, thirty times as fast."""
    n_pos = np.count_nonzero(y)
    ranks = stats.rankdata(score)[y == 1].sum()
    return (ranks - n_pos * (n_pos + 1) / 2) / (n_pos * (y.size - n_pos))


def quick_r2(y, guess):
    return 1 - ((y - guess) ** 2).sum() / ((y - y.mean()) ** 2).sum()


FORMULAS = {
    "row": row_interval,
    "row_bonett_price": lambda d: row_interval(np.clip(d, -1, 1), proportion=True),
    "nadeau_bengio": lambda d: nadeau_bengio_interval(d, 80, 20),
    "nadeau_bengio_floor": lambda d: nadeau_bengio_interval(d, 80, 20, floor=row_interval(d)),
    "crossed_components": lambda d: crossed_components_interval(d, overlap=0.25),
    "pigeonhole": lambda d: pigeonhole_interval(d, overlap=0.25),
}
DETERMINISTIC = [name for name in FORMULAS if name != "pigeonhole"]


def ends(interval):
    return np.array([interval.low, interval.estimate, interval.high])


class TestClosedForms:
    def test_row_interval_is_the_one_sample_t_interval_of_row_means(self):
        rows = MATRIX.mean(axis=0)
        expected = stats.ttest_1samp(rows, 0.0)
        interval = row_interval(MATRIX)
        low, high = expected.confidence_interval(0.95)
        assert ends(interval) == pytest.approx([low, rows.mean(), high])
        assert interval.p_value == pytest.approx(expected.pvalue)
        assert (interval.df, interval.n_units, interval.formula) == (3, 4, "row")

    def test_bonett_price_is_the_published_adjusted_wald_form(self):
        # n12 = 5 wins, n21 = 2 losses, 13 ties; the published variance has divisor n + 2, ours
        # one less, and t stands for the normal quantile.
        wins, losses, n = 5, 2, 20
        d = np.array([1.0] * wins + [-1.0] * losses + [0.0] * (n - wins - losses))
        p12, p21 = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
        published = np.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
        interval = row_interval(d, proportion=True)
        assert interval.centre == pytest.approx(p12 - p21)
        assert interval.estimate == pytest.approx((wins - losses) / n)
        assert interval.standard_error == pytest.approx(published * np.sqrt((n + 2) / (n + 1)))
        assert interval.half_width == pytest.approx(
            stats.t.ppf(0.975, n + 1) * interval.standard_error
        )

    def test_nadeau_bengio_by_hand(self):
        folds = np.array([[0.0, 0.2], [0.1, 0.3]])
        interval = nadeau_bengio_interval(folds, n_train=60, n_test=30)
        variance = (1 / 4 + 30 / 60) * folds.var(ddof=1)
        assert interval.half_width == pytest.approx(stats.t.ppf(0.975, 3) * np.sqrt(variance))
        assert interval.estimate == pytest.approx(0.15)

    @pytest.mark.parametrize("overlap", [0.0, 0.5])
    def test_crossed_components_by_hand(self, overlap):
        # Both components are positive here; sums of squares are taken cell by cell.
        matrix = np.array([[3.0, 1.0, 2.0], [1.0, -1.0, 0.5]])
        grand, draws, rows = matrix.mean(), matrix.mean(axis=1), matrix.mean(axis=0)
        ms_draw = sum(3 * (draws[j] - grand) ** 2 for j in range(2)) / 1
        ms_row = sum(2 * (rows[i] - grand) ** 2 for i in range(3)) / 2
        ms_inter = (
            sum(
                (matrix[j, i] - draws[j] - rows[i] + grand) ** 2 for j in range(2) for i in range(3)
            )
            / 2
        )
        draw, row = (ms_draw - ms_inter) / 3, (ms_row - ms_inter) / 2
        factor = 1 / 2 + overlap / (1 - overlap)
        variance = draw * factor + row / 3 + ms_inter / 6
        terms = np.array([factor / 3 * ms_draw, ms_row / 6, -factor / 3 * ms_inter])
        df = max(1.0, variance**2 / (terms**2 / [1, 2, 2]).sum())
        interval = crossed_components_interval(matrix, overlap=overlap)
        assert interval.standard_error**2 == pytest.approx(variance)
        assert interval.df == pytest.approx(df)
        assert interval.half_width == pytest.approx(stats.t.ppf(0.975, df) * np.sqrt(variance))

    def test_negative_components_are_clipped_at_zero(self):
        # Rows and draws have equal means, so both components are negative before clipping.
        matrix = np.array([[1.0, -1.0], [-1.0, 1.0]])
        interval = crossed_components_interval(matrix, overlap=0.4)
        assert interval.standard_error**2 == pytest.approx(4.0 / 4)

    def test_pigeonhole_agrees_with_the_components(self):
        matrix = crossed(n_draws=40, n_rows=300)
        for overlap in (0.0, 0.4):
            exact = crossed_components_interval(matrix, overlap=overlap)
            resampled = pigeonhole_interval(matrix, overlap=overlap)
            assert resampled.standard_error == pytest.approx(exact.standard_error, rel=0.05)

    def test_overlap_stretches_what_is_due_to_draws_and_not_the_noise(self):
        # No draw component at all: sharing rows of the pool must cost nothing.
        matrix = crossed(draw=0, row=0.1, inter=0.5, n_rows=300)
        matrix -= matrix.mean(axis=1, keepdims=True)
        apart, shared = pigeonhole_interval(matrix), pigeonhole_interval(matrix, overlap=0.5)
        assert shared.half_width == pytest.approx(apart.half_width)

    def test_pseudo_rows_weigh_as_rows_in_groups_of_any_size(self):
        d = np.repeat(np.random.default_rng(0).choice([1.0, 0.0, -1.0], size=40), 5)
        groups = np.repeat(np.arange(40), 5)
        interval = row_interval(d, groups=groups, proportion=True)
        units = np.append(d[::5], [1 / 5, -1 / 5])
        assert interval.standard_error == pytest.approx(units.std(ddof=1) / np.sqrt(42))

    def test_delong_of_one_repeated_draw_is_delongs_paired_variance(self):
        rng = np.random.default_rng(3)
        y = np.repeat([0, 1], [30, 20])
        scores = rng.normal(size=(2, 50)) + y
        scores[1] = scores[1].round()  # ties count half
        structural = []
        for score in scores:
            wins = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
                score[y == 1][:, None] == score[y == 0]
            )
            structural.append((wins.mean(axis=1), wins.mean(axis=0)))
        variance = (structural[0][0] - structural[1][0]).var(ddof=1) / 20 + (
            structural[0][1] - structural[1][1]
        ).var(ddof=1) / 30
        interval = delong_components_interval(
            y, np.tile(scores[0], (2, 1)), np.tile(scores[1], (2, 1))
        )
        assert interval.estimate == pytest.approx(
            roc_auc_score(y, scores[0]) - roc_auc_score(y, scores[1])
        )
        assert interval.standard_error**2 == pytest.approx(variance)

    def test_delong_and_resampling_agree_on_the_area(self):
        rng = np.random.default_rng(5)
        y = np.repeat([0, 1], 100)
        base = rng.normal(size=(20, 200)) * 0.3 + 1.2 * y + rng.normal(size=200)
        better = base + 0.3 * y + 0.5 * rng.normal(size=(20, 1)) * rng.normal(size=200)
        closed = delong_components_interval(y, better, base, overlap=0.1)
        resampled = pigeonhole_metric_interval(quick_auc, y, better, base, overlap=0.1)
        assert resampled.estimate == pytest.approx(closed.estimate)
        assert resampled.standard_error == pytest.approx(closed.standard_error, rel=0.25)

    def test_metric_resampling_agrees_with_the_pigeonhole_on_a_row_mean(self):
        rng = np.random.default_rng(6)
        y = rng.integers(2, size=150)
        arms = [(rng.random((20, 150)) < 0.1 + drop) ^ (y == 1) for drop in (0.0, 0.1)]
        differences = (arms[0] == y).astype(float) - (arms[1] == y)
        exact = pigeonhole_interval(differences, overlap=0.3)
        resampled = pigeonhole_metric_interval(
            lambda truth, guess: float(np.mean(truth == guess)), y, *arms, overlap=0.3
        )
        assert resampled.estimate == pytest.approx(exact.estimate)
        assert resampled.standard_error == pytest.approx(exact.standard_error, rel=0.15)


class TestSymmetries:
    @pytest.mark.parametrize("name", FORMULAS)
    @given(matrix=matrices)
    @settings(max_examples=15, deadline=None)
    def test_swapping_arms_flips_the_interval(self, name, matrix):
        forward, backward = FORMULAS[name](matrix), FORMULAS[name](-matrix)
        np.testing.assert_allclose(ends(forward), -ends(backward)[::-1], atol=1e-12)
        assert forward.p_value == pytest.approx(backward.p_value)
        assert forward.reason == backward.reason

    @pytest.mark.parametrize("name", DETERMINISTIC)
    @given(matrix=matrices, seed=st.integers(0, 100))
    @settings(max_examples=15, deadline=None)
    def test_order_of_rows_and_draws_does_not_matter(self, name, matrix, seed):
        rng = np.random.default_rng(seed)
        shuffled = matrix[rng.permutation(len(matrix))][:, rng.permutation(matrix.shape[1])]
        np.testing.assert_allclose(
            ends(FORMULAS[name](shuffled)), ends(FORMULAS[name](matrix)), atol=1e-9
        )

    def test_order_matters_to_the_pigeonhole_only_within_monte_carlo_error(self):
        matrix = crossed()
        one, other = pigeonhole_interval(matrix), pigeonhole_interval(matrix[::-1, ::-1])
        assert other.low == pytest.approx(one.low, abs=0.15 * one.half_width)

    @pytest.mark.parametrize(
        "formula",
        [
            row_interval,
            lambda d, groups=None: row_interval(np.clip(d, -1, 1), groups=groups, proportion=True),
            crossed_components_interval,
            pigeonhole_interval,
        ],
    )
    def test_groups_of_size_one_equal_rows(self, formula):
        matrix = crossed()
        names = [f"g{i:03d}" for i in range(matrix.shape[1])]
        np.testing.assert_allclose(ends(formula(matrix, groups=names)), ends(formula(matrix)))

    @pytest.mark.parametrize("formula", [row_interval, crossed_components_interval])
    def test_repeating_every_row_of_a_group_changes_nothing(self, formula):
        matrix = crossed(n_rows=10)
        copies = np.repeat(matrix, 7, axis=1)
        grouped = formula(copies, groups=np.repeat(np.arange(10), 7))
        np.testing.assert_allclose(ends(grouped), ends(formula(matrix)))
        assert grouped.n_units == 10
        assert formula(copies).half_width < grouped.half_width

    def test_groups_are_resampled_whole_by_the_metric_interval(self):
        rng = np.random.default_rng(1)
        y = np.repeat(rng.normal(size=12), 10)
        arms = [y + np.repeat(rng.normal(size=(20, 12)), 10, axis=1) * s for s in (0.5, 0.8)]
        rows = pigeonhole_metric_interval(quick_r2, y, *arms)
        whole = pigeonhole_metric_interval(quick_r2, y, *arms, groups=np.repeat(np.arange(12), 10))
        assert whole.n_units == 12
        assert whole.standard_error > 1.2 * rows.standard_error


class TestLevels:
    @pytest.mark.parametrize("name", FORMULAS)
    def test_p_value_and_ends_agree(self, name):
        interval = FORMULAS[name](np.clip(crossed(), -1, 1))
        for null in (0.0, 0.03):
            p = interval.p_value_against(null)
            assert not interval.at(1 - p * 0.97).low > null
            assert interval.at(1 - min(p * 1.03, 0.99)).low > null

    @pytest.mark.parametrize("name", FORMULAS)
    def test_a_higher_level_is_wider_and_the_way_back_is_exact(self, name):
        interval = FORMULAS[name](MATRIX / 4)
        strict = interval.at(0.99)
        assert strict.low < interval.low < interval.high < strict.high
        assert strict.level == 0.99
        np.testing.assert_array_equal(ends(strict.at(0.95)), ends(interval))

    def test_floor_holds_at_every_level(self):
        floor = row_interval(crossed())
        narrow = nadeau_bengio_interval([[0.1, 0.1001, 0.1, 0.1]], 80, 20, floor=floor)
        for level in (0.5, 0.95, 0.999):
            assert narrow.at(level).half_width == pytest.approx(floor.at(level).half_width)
        assert nadeau_bengio_interval([[1.0, -1.0]], 80, 20, floor=floor).half_width > 1


class TestDegenerate:
    @pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"row_bonett_price"}))
    @pytest.mark.parametrize(("value", "reason"), [(0, SAME_PREDICTIONS), (0.1, SAME_DIFFERENCE)])
    def test_zero_variance_has_a_reason_and_never_width_zero(self, name, value, reason):
        interval = FORMULAS[name](np.full((20, 30), value))
        assert interval.reason == reason
        assert np.isnan([interval.low, interval.high, interval.half_width]).all()
        assert not interval.excludes_zero
        assert interval.p_value == 1.0
        assert np.isnan(interval.at(0.99).low)

    def test_identical_fits_keep_their_reason_and_a_width_under_bonett_price(self):
        interval = row_interval(np.zeros((10, 40)), proportion=True)
        assert interval.reason == SAME_PREDICTIONS
        assert interval.low < 0 < interval.high
        assert not interval.excludes_zero

    def test_a_win_on_every_row_is_no_zero_variance_under_bonett_price(self):
        interval = row_interval(np.ones((10, 40)), proportion=True)
        assert interval.reason is None
        assert interval.excludes_zero
        assert interval.low < 1

    def test_one_draw_or_one_test_row(self):
        for formula in (crossed_components_interval, pigeonhole_interval):
            assert "one draw" in formula([[0.1, 0.2, 0.3]]).reason
            assert "one test unit" in formula([[0.1], [0.2]]).reason
        assert "two units" in row_interval([[0.5], [0.1]]).reason
        y, scores = [0, 0, 1, 1], np.array([[0.1, 0.3, 0.2, 0.4]])
        assert "one draw" in delong_components_interval(y, scores, scores[:, ::-1] ** 2).reason
        one = pigeonhole_metric_interval(f1_score, y, [[0, 0, 1, 1]], [[0, 1, 1, 1]])
        assert "one draw" in one.reason

    def test_one_class_in_a_fold_is_left_out_and_counted(self):
        folds = [[0.1, np.nan, 0.3], [0.2, 0.4, np.nan]]
        interval = nadeau_bengio_interval(folds, 80, 20)
        assert interval.n_units == 4
        assert interval.notes == ("2 of 6 folds left out: score undefined",)
        np.testing.assert_allclose(
            ends(interval), ends(nadeau_bengio_interval([0.1, 0.3, 0.2, 0.4], 80, 20))
        )
        assert nadeau_bengio_interval([np.nan, 0.2], 80, 20).reason is not None

    def test_one_class_on_the_test_rows(self):
        scores = np.random.default_rng(0).normal(size=(20, 6))
        with pytest.raises(InputError, match="two classes, not 1"):
            delong_components_interval(np.ones(6), scores, -scores)
        lonely = delong_components_interval([1, 0, 0, 0, 0, 0], scores, -scores)
        assert "one class" in lonely.reason
        undefined = pigeonhole_metric_interval(roc_auc_score, np.ones(6), scores, -scores)
        assert "undefined" in undefined.reason

    def test_rows_missing_in_a_repeat_are_averaged_over_the_others(self):
        d = np.array([[0.2, np.nan, 0.5, np.nan], [0.4, 0.1, 0.5, np.nan]])
        interval = row_interval(d, groups=["a", "b", "c", "d"])
        np.testing.assert_allclose(ends(interval), ends(row_interval([0.3, 0.1, 0.5])))
        assert interval.notes == ("1 of 4 rows left out: never judged",)

    @pytest.mark.parametrize(
        "call",
        [
            lambda: row_interval([]),
            lambda: row_interval([np.inf, 1.0]),
            lambda: row_interval([np.nan, np.nan]),
            lambda: row_interval([3.0, 0.0], proportion=True),
            lambda: row_interval([0.1, 0.2], groups=["a"]),
            lambda: row_interval([0.1, 0.2], level=1.0),
            lambda: nadeau_bengio_interval([0.1, 0.2], 0, 5),
            lambda: crossed_components_interval(MATRIX, overlap=1.0),
            lambda: crossed_components_interval(np.where(MATRIX == 0, np.nan, MATRIX)),
            lambda: delong_components_interval([0, 1], np.ones((2, 2)), np.ones((3, 2))),
            lambda: pigeonhole_metric_interval(f1_score, [0, 1], np.ones((2, 3)), np.ones((2, 3))),
        ],
    )
    def test_bad_input_is_an_input_error(self, call):
        with pytest.raises(InputError):
            call()


class TestCoverage:
    """Small Monte Carlo with fixed seed; bounds are exact binomial ones at one in ten thousand."""

    N_REPEATS = 400

    def at_least(self, covered, nominal):
        return stats.binom.cdf(covered, self.N_REPEATS, nominal) > 1e-4

    def test_crossed_formulas_cover_where_one_way_formulas_do_not(self):
        covered = dict.fromkeys(("components", "pigeonhole", "draws only", "rows only"), 0)
        for seed in range(self.N_REPEATS):
            matrix = crossed(seed, n_rows=50, draw=0.05, row=0.4, inter=0.3)
            for name, interval in {
                "components": crossed_components_interval(matrix),
                "pigeonhole": pigeonhole_interval(matrix, n_resamples=400),
                "draws only": row_interval(matrix.mean(axis=1)),
                "rows only": row_interval(matrix[:1]),
            }.items():
                covered[name] += interval.low <= 0.1 <= interval.high
        assert self.at_least(covered["components"], 0.95)
        assert self.at_least(covered["pigeonhole"], 0.93)
        assert not self.at_least(covered["draws only"], 0.75)

    def test_row_interval_covers_where_repeats_are_not_independent(self):
        # Repeats share rows: each row has one effect, seen ten times with little noise.
        covered, naive = 0, 0
        for seed in range(self.N_REPEATS):
            rng = np.random.default_rng(seed)
            d = 0.05 + rng.normal(size=(1, 40)) * 0.4 + rng.normal(size=(10, 40)) * 0.2
            rows = row_interval(d)
            cells = row_interval(d.ravel())
            covered += rows.low <= 0.05 <= rows.high
            naive += cells.low <= 0.05 <= cells.high
        assert self.at_least(covered, 0.95)
        assert not self.at_least(naive, 0.75)

    def test_bonett_price_covers_rare_discordant_pairs_where_the_plain_form_collapses(self):
        covered, plain = 0, 0
        for seed in range(self.N_REPEATS):
            rng = np.random.default_rng(seed)
            d = rng.choice([1.0, -1.0, 0.0], p=[0.02, 0.02, 0.96], size=40)
            adjusted, bare = row_interval(d, proportion=True), row_interval(d)
            covered += adjusted.low <= 0 <= adjusted.high
            plain += bare.low <= 0 <= bare.high
        assert self.at_least(covered, 0.95)
        assert not self.at_least(plain, 0.9)
