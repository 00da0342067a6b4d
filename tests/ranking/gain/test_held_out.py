"""Held-out targets: folds never part a name, nothing leaks from them, and the better one wins."""

import numpy as np
import pytest

from priorlift.ranking.cold_start import GROUP_NAMES
from priorlift.ranking.gain.held_out import (
    fit_scaled_cold_start,
    fit_static_prior,
    folds,
    held_out_predictions,
    never_below,
    target_offsets,
)
from priorlift.ranking.gain.pair_design import PairDesign, column_names, distinct, pair_design
from priorlift.ranking.gain.static_prior import static_prior
from priorlift.ranking.pairs import Outcomes, PairFeatures


def test_folds_hold_out_each_name_once_whatever_the_order():
    names = np.array([f"t{i % 13:02d}" for i in range(60)])
    parts = folds(names, 0, 5)
    assert len(parts) == 5
    assert (np.sum(parts, axis=0) == 1).all()
    for part in parts:
        assert not set(names[part]) & set(names[~part])
    order = np.random.default_rng(0).permutation(60)
    for part, again in zip(parts, folds(names[order], 0, 5), strict=True):
        np.testing.assert_array_equal(part[order], again)


def test_a_held_out_target_reaches_no_prediction_of_its_own():
    rng = np.random.default_rng(0)
    targets = tuple(f"t{i}" for i in range(5) for _ in range(4))
    sources = tuple("abcd" * 5)
    pairs = PairFeatures(targets, sources, {"knn": rng.normal(size=20)})
    gains, own = rng.normal(size=20), np.array(targets) == "t2"
    names = np.array(targets)
    for fit in (fit_static_prior, fit_scaled_cold_start):
        found = []
        for values in (gains, gains + 100.0 * own * rng.normal(size=20)):
            past = Outcomes(pairs, values)
            design = pair_design(pairs, column_names(pairs))
            found.append(held_out_predictions(fit, past, design, folds(names, 0, 5))[own])
        np.testing.assert_allclose(found[0], found[1])
    np.testing.assert_allclose(
        held_out_predictions(fit_static_prior, past, design, folds(names, 0, 5)),
        static_prior(past, pairs),
    )


def test_the_favourite_has_to_win():
    gains, targets = np.array([0.1, 0.3, 0.0, 0.4]), np.array(["a", "a", "b", "b"])
    good, level, bad = gains + np.array([5, 5, -5, -5]), np.zeros(4), -gains
    assert never_below("model", {"model": bad, "prior": level}, gains, targets) == "prior"
    assert never_below("model", {"model": good, "prior": level}, gains, targets) == "model"
    assert never_below("model", {"a": level, "model": level}, gains, targets) == "model"


def test_the_cold_start_in_points_keeps_its_order():
    rng = np.random.default_rng(0)
    groups, targets = rng.uniform(size=(40, len(GROUP_NAMES))), np.repeat(["a", "b", "c", "d"], 10)
    empty = np.empty((40, 0))
    design = PairDesign(groups, empty, empty, empty)
    exact = fit_scaled_cold_start(design, np.zeros(40), 0.1 + 2 * design.promise, targets)
    assert (exact.intercept, exact.slope) == pytest.approx((0.1, 2.0))
    against = fit_scaled_cold_start(design, np.zeros(40), -design.promise, targets)
    assert 0.0 < against.slope < 1e-6


def test_offsets_are_shrunk_and_vanish_without_a_level():
    rng = np.random.default_rng(0)
    targets = np.repeat([f"t{i:02d}" for i in range(20)], 10)
    level = rng.normal(size=20)
    found = target_offsets(np.repeat(level, 10) + rng.normal(size=200), targets)
    assert np.corrcoef(list(found.values()), level)[0, 1] > 0.9
    none = target_offsets(rng.normal(size=200), targets)
    assert np.abs(list(none.values())).max() < 0.25
    assert target_offsets(np.ones(3), np.array(["a", "b", "c"])) == {}


def test_repeats_become_their_mean():
    pairs = PairFeatures(("t", "t", "t"), ("b", "a", "b"), {"knn": np.array([1.0, 2.0, np.nan])})
    found = distinct(Outcomes(pairs, np.array([0.1, 0.5, 0.3])))
    assert found.pairs.sources == ("a", "b")
    np.testing.assert_allclose(found.gains, [0.5, 0.2])
    np.testing.assert_allclose(found.pairs.values["knn"], [2.0, 1.0])


def test_features_are_sorted_by_their_part():
    column = np.zeros(1)
    names = ("theirs", "logme", "log_n_target", "target_score", "static_prior", "proximity")
    found = column_names(PairFeatures(("t",), ("s",), dict.fromkeys(names, column)))
    assert found.scores == ("logme", "proximity", "theirs")
    assert found.extra == ("theirs",)
    assert found.levels == ("log_n_target", "target_score")
