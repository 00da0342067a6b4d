"""The relations between the gap, disagreement and loss differences, on fitted models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from priorlift.pool import Source, Target
from priorlift.ranking.gap.cross_fit import (
    Fold,
    Folding,
    cross_fit,
    dealt_splits,
    folds_of,
    matched,
    mean_gap,
)
from priorlift.ranking.gap.rows import pair_rows
from priorlift.ranking.inner_validation import inner_splits


def pair_of(seed, n_target=24, n_source=40):
    draws = np.random.default_rng(seed)
    rows = [draws.normal(size=(n, 3)) for n in (n_target, n_source)]
    labels = [(X @ draws.normal(size=3) + draws.normal(size=len(X)) > 0).astype(int) for X in rows]
    for y in labels:
        y[:2] = 0, 1
    weight = draws.uniform(0.1, 3.0, size=n_source)
    target = Target("target", rows[0], labels[0])
    source = Source("s", rows[1], labels[1], sample_weight=weight)
    return pair_rows(target, source, np.arange(n_target), None)


def in_sample(pair, C=1.0):
    """Return the two models, fitted on all rows of their domain, and the losses of all rows."""
    parts = [np.flatnonzero(~pair.of_target), np.flatnonzero(pair.of_target)]
    models = [
        LogisticRegression(C=C / pair.weight[rows].sum(), tol=1e-8, max_iter=2000).fit(
            pair.X[rows], pair.y[rows], sample_weight=pair.weight[rows]
        )
        for rows in parts
    ]
    everything = Fold(*parts, np.arange(len(pair.y)))
    return models, cross_fit(pair, [everything], [tuple(models)], ("zero_one", "log_loss"))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_source_side_is_at_most_the_weighted_disagreement(seed):
    pair = pair_of(seed)
    (by_source, by_target), found = in_sample(pair)
    own = ~pair.of_target
    gap = mean_gap(found.difference("zero_one", pair.of_target), pair.weight, own)
    differ = by_source.predict(pair.X[own]) != by_target.predict(pair.X[own])
    assert gap <= np.average(differ, weights=pair.weight[own]) + 1e-12


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_with_a_common_penalty_it_is_a_difference_of_losses_and_not_negative(seed):
    pair = pair_of(seed)
    models, found = in_sample(pair)
    sides = {}
    for name, of in (("S", ~pair.of_target), ("T", pair.of_target)):
        share = pair.weight[of] / pair.weight[of].sum()
        for model, losses in (("S", found.by_source), ("T", found.by_target)):
            sides[name, model] = float(share @ losses["log_loss"][of])
    penalty = {name: 0.5 * (model.coef_**2).sum() for name, model in zip("ST", models, strict=True)}
    objective = {(d, m): loss + penalty[m] for (d, m), loss in sides.items()}
    of_objectives = (objective["S", "T"] - objective["S", "S"]) + (
        objective["T", "S"] - objective["T", "T"]
    )
    of_losses = (sides["S", "T"] - sides["T", "T"]) + (sides["T", "S"] - sides["S", "S"])
    gap = sum(
        mean_gap(found.difference("log_loss", pair.of_target), pair.weight, of)
        for of in (pair.of_target, ~pair.of_target)
    )
    assert gap == pytest.approx(of_losses, abs=1e-12)
    assert gap == pytest.approx(of_objectives, abs=1e-12)
    assert objective["S", "T"] >= objective["S", "S"] - 1e-9
    assert objective["T", "S"] >= objective["T", "T"] - 1e-9
    # The objective is 1-strongly convex in the coefficients.
    distance = ((models[0].coef_ - models[1].coef_) ** 2).sum()
    assert gap >= distance - 1e-6


def test_each_row_is_judged_once_a_repeat_and_never_by_what_it_trained():
    pair = pair_of(0)
    how = Folding(3, 2, matched_size=False, losses=("zero_one",))
    folds = folds_of(pair, pair.of_target, how, 0)
    assert (np.bincount(np.concatenate([fold.test for fold in folds])) == 2).all()
    for fold in folds:
        assert not set(fold.test) & {*fold.source_train, *fold.target_train}
        assert pair.of_target[fold.target_train].all()
        assert not pair.of_target[fold.source_train].any()


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_dealt_folds_keep_what_inner_splits_keep(labels, n_splits, seed):
    y = np.array(labels)
    splits = dealt_splits(len(y), y, seed, n_splits)
    one_class = len(set(labels)) == 1
    if not one_class:
        assert len(splits) == len(inner_splits(y, None, "classification", seed, n_splits))
    if not splits:
        return
    counts = np.bincount(y)
    tests = np.concatenate([test for _, test in splits])
    assert sorted(tests) == np.flatnonzero(counts[y] > 1).tolist()
    sizes = [len(test) for _, test in splits]
    assert max(sizes) - min(sizes) <= 1
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(len(y)))
        assert set(y[train]) == set(labels)
        share = np.bincount(y[test], minlength=len(counts))
        assert (np.abs(share - np.where(counts > 1, counts, 0) / len(splits)) < 1).all()


def test_a_matched_sample_keeps_the_classes_and_their_shares():
    pair = pair_of(1, n_source=400)
    rows = np.flatnonzero(~pair.of_target)
    few = matched(pair, rows, 20, np.random.default_rng(0))
    assert len(set(few)) == 20
    assert pair.y[few].mean() == pytest.approx(pair.y[rows].mean(), abs=0.1)
    assert len(matched(pair, rows, 1, np.random.default_rng(0))) == 2
