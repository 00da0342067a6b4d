"""Nearest neighbours for every k from one search, against one plain fit a k."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from priorlift.core import registry
from priorlift.search.block import Block
from priorlift.search.families.neighbors import FAMILY

KS = [{"n_neighbors": k} for k in (7, 1, 2, 3, 12)]
BOTH = [{"n_neighbors": k, "weights": w} for k in (1, 4, 9) for w in ("uniform", "distance")]


def block(n=40, p=4, kind="labels", seed=0, grid=False, **options):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + 15, p))
    if grid:
        X = np.round(X)
    signal = X[:, :2].sum(axis=1) + rng.normal(size=n + 15)
    y = {
        "labels": np.array(["c", "a", "b"])[np.digitize(signal, [-0.5, 0.7])],
        "two": (signal > 0).astype(int),
        "values": signal,
        "table": np.column_stack([signal, -(signal**2)]),
    }[kind]
    return Block(X[:n], y[:n], X[n:], **options)


def test_registered():
    assert registry.get("families", "neighbors") is FAMILY


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["labels", "two", "values", "table"]),
    axis=st.sampled_from([KS, BOTH]),
    metric=st.sampled_from(["minkowski", "manhattan", "chebyshev", "cosine"]),
    algorithm=st.sampled_from(["auto", "brute", "kd_tree"]),
    grid=st.booleans(),
    want_train=st.booleans(),
    seed=st.integers(0, 40),
)
def test_as_plain_fits(as_plain, kind, axis, metric, algorithm, grid, want_train, seed):
    kinds = KNeighborsRegressor if kind in ("values", "table") else KNeighborsClassifier
    if metric == "cosine":
        algorithm = "brute"
    here = block(kind=kind, seed=seed, grid=grid, want_train=want_train)
    assert as_plain(FAMILY, kinds(metric=metric, algorithm=algorithm), axis, here) == len(axis)


def test_all_rows_may_be_neighbours(as_plain):
    here = block(n=20, grid=True)
    axis = [{"n_neighbors": k} for k in range(1, 21)]
    assert as_plain(FAMILY, KNeighborsClassifier(), axis, here) == 20


def test_far_from_the_origin(as_plain):
    here = block(kind="labels")
    far = Block(here.X_train + 1e6, here.y_train, here.X_test + 1e6)
    assert as_plain(FAMILY, KNeighborsClassifier(algorithm="brute"), BOTH, far) == len(BOTH)


@pytest.mark.parametrize(
    ("head", "axis", "changes", "reason"),
    [
        (KNeighborsClassifier(metric=lambda a, b: 0.0), KS, {}, "metric"),
        (KNeighborsClassifier(p=-1), KS, {}, "invalid"),
        (KNeighborsClassifier(), [{"n_neighbors": 0}, *KS], {}, "n_neighbors"),
        (KNeighborsClassifier(), [{"n_neighbors": 41}, *KS], {}, "n_neighbors"),
        (KNeighborsClassifier(weights=lambda d: d), KS, {}, "weights"),
        (KNeighborsClassifier(), KS, {"X_test": np.full((3, 4), np.nan)}, "NaN"),
        (KNeighborsClassifier(), KS, {"y_train": np.ones(40)}, "labels"),
    ],
)
def test_declines(head, axis, changes, reason):
    assert reason in FAMILY.declines(head, axis, Block(**{**block().__dict__, **changes}))
