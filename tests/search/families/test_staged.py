"""Ensembles of every size from the largest one, against one plain fit a size, to the last bit."""

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from priorlift.core import registry
from priorlift.search.block import Block
from priorlift.search.families import staged

SIZES = (6, 1, 2, 9)
ENSEMBLES = [
    (GradientBoostingClassifier(random_state=3, subsample=0.7, max_features=2), 3),
    (GradientBoostingClassifier(random_state=0), 2),
    (GradientBoostingRegressor(random_state=1, subsample=0.5), 0),
    (HistGradientBoostingClassifier(random_state=0, early_stopping=False, max_features=0.5), 3),
    (HistGradientBoostingClassifier(random_state=0, early_stopping=False), 2),
    (HistGradientBoostingRegressor(random_state=0, early_stopping=False), 0),
    (RandomForestClassifier(random_state=0, max_depth=4, class_weight="balanced_subsample"), 3),
    (RandomForestRegressor(random_state=np.int64(5), max_samples=0.5), 0),
    (ExtraTreesClassifier(random_state=0), 2),
    (ExtraTreesRegressor(random_state=0), 0),
]


def block(n_classes=3, n=60, **options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n + 20, 4))
    signal = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n + 20)
    y = signal
    if n_classes:
        cuts = np.quantile(signal, np.arange(1, n_classes) / n_classes)
        y = np.array(["c", "a", "b"])[np.digitize(signal, cuts)]
    return Block(X[:n], y[:n], X[n:], **options)


def family_of(head):
    known = (staged.BOOSTING, staged.HISTOGRAMS, staged.FORESTS)
    return next(family for family in known if type(head) in family.estimators)


def axis_of(head):
    (name,) = family_of(head).axis
    return [{name: size} for size in SIZES]


def test_registered():
    assert registry.get("families", "boosting") is staged.BOOSTING
    assert registry.get("families", "histogram_boosting") is staged.HISTOGRAMS
    assert registry.get("families", "forest") is staged.FORESTS


@pytest.mark.parametrize(("head", "n_classes"), ENSEMBLES)
@pytest.mark.parametrize("weighted", [False, True])
def test_exactly_as_plain_fits(as_plain, head, n_classes, weighted):
    weights = {"sample_weight": np.linspace(0.5, 2, 60)} if weighted else {}
    here = block(n_classes, want_train=weighted, fit_params=weights)
    assert as_plain(family_of(head), head, axis_of(head), here, 0.0) == len(SIZES)


@pytest.mark.parametrize(
    ("head", "changes", "reason"),
    [
        (GradientBoostingClassifier(), {}, "seed"),
        (GradientBoostingClassifier(random_state=0, n_iter_no_change=2), {}, "stop early"),
        (HistGradientBoostingClassifier(random_state=0), {}, "stop early"),
        (RandomForestClassifier(random_state=np.random.RandomState(0)), {}, "seed"),
        (RandomForestClassifier(random_state=0, n_jobs=2), {}, "order"),
        (RandomForestClassifier(random_state=0, warm_start=True), {}, "warm_start"),
        (RandomForestClassifier(random_state=0, max_depth=-1), {}, "invalid"),
        (RandomForestClassifier(random_state=0), {"X_train": np.full((60, 4), np.nan)}, "NaN"),
    ],
)
def test_declines(head, changes, reason):
    here = Block(**{**block().__dict__, **changes})
    assert reason in family_of(head).declines(head, axis_of(head), here)
