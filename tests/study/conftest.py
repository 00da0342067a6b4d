"""Small studies on made-up data whose truth is known, and a reference that costs little."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.pool import Source, SourcePool, Target
from priorlift.transfer import target_only

D = 5
DIRECTION = np.arange(1.0, D + 1) / np.linalg.norm(np.arange(1.0, D + 1))


def blobs(n, rng, sign=1.0, distance=1.6, direction=DIRECTION):
    """Two balanced Gaussian classes along a direction; sign -1 swaps their labels."""
    y = np.arange(n) % 2
    X = rng.standard_normal((n, D)) + distance * np.outer(y - 0.5, direction)
    return X, y if sign > 0 else 1 - y


def make_task(n=60, n_source=150, seed=0, **kwargs):
    """A target, and a pool of a source of the same population and one with swapped labels."""
    rng = np.random.default_rng(seed)
    target = Target("few", *blobs(n, rng), **kwargs)
    pool = SourcePool(
        [
            Source("same", *blobs(n_source, rng)),
            Source("swapped", *blobs(n_source, rng, sign=-1.0)),
        ]
    )
    return target, pool


@pytest.fixture(autouse=True)
def quick_reference(monkeypatch):
    """Let one linear model stand for the choice among several learners."""
    monkeypatch.setattr(
        target_only.TargetOnlyClassifier, "_default", lambda self: {"a": LogisticRegression()}
    )
    monkeypatch.setattr(target_only.TargetOnlyRegressor, "_default", lambda self: {"a": Ridge()})


@pytest.fixture
def task():
    """Sixty labelled rows and two sources."""
    return make_task()
