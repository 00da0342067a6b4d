"""Discriminant analysis for every shrinkage at once, against one plain fit a shrinkage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from priorlift.core import registry
from priorlift.search.block import Block
from priorlift.search.families.lda import FAMILY

SHRINKAGES = [{"shrinkage": s} for s in (0.05, 1.0, 0.4, 0.0, 0.9)]


def block(n=60, p=5, n_classes=3, seed=0, **options):
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n + 10 - n_classes)])
    X = rng.normal(size=(n + 10, p)) * np.exp(rng.normal(size=p)) + rng.normal(size=p)
    X[:, : min(2, p)] += codes[:, None]
    y = np.array(["w", "q", "z", "k"])[codes]
    return Block(X[:n], y[:n], X[n:], **options)


def test_registered():
    assert registry.get("families", "lda") is FAMILY


@settings(max_examples=30, deadline=None)
@given(
    solver=st.sampled_from(["lsqr", "eigen"]),
    shape=st.sampled_from([(60, 5), (20, 12), (15, 1)]),
    n_classes=st.integers(2, 4),
    want_train=st.booleans(),
    seed=st.integers(0, 40),
)
def test_as_plain_fits(as_plain, solver, shape, n_classes, want_train, seed):
    here = block(*shape, n_classes, seed, want_train=want_train)
    head = LinearDiscriminantAnalysis(solver=solver)
    assert as_plain(FAMILY, head, SHRINKAGES, here, 1e-8) == len(SHRINKAGES)


def test_more_columns_than_rows_and_a_constant_one(as_plain):
    here = block(20, 30)
    here.X_train[:, 3] = 2.0
    head = LinearDiscriminantAnalysis(solver="lsqr")
    assert as_plain(FAMILY, head, SHRINKAGES, here, 1e-7) == len(SHRINKAGES)


@pytest.mark.parametrize(
    ("params", "axis", "changes", "reason"),
    [
        ({"solver": "svd"}, SHRINKAGES, {}, "shrink"),
        ({}, [{"shrinkage": "auto"}, {"shrinkage": 0.5}], {}, "shrinkage"),
        ({"priors": [0.2, 0.3, 0.5]}, SHRINKAGES, {}, "priors"),
        ({"n_components": 3}, SHRINKAGES, {}, "n_components"),
        ({"tol": -1.0}, SHRINKAGES, {}, "invalid"),
        ({}, SHRINKAGES, {"X_train": np.ones((60, 5), "f4")}, "float32"),
        ({}, SHRINKAGES, {"y_train": np.linspace(0, 1, 60)}, "labels"),
    ],
)
def test_declines(params, axis, changes, reason):
    head = LinearDiscriminantAnalysis(**{"solver": "lsqr", **params})
    assert reason in FAMILY.declines(head, axis, Block(**{**block().__dict__, **changes}))
