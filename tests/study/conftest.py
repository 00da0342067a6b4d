"""Small studies on made-up data whose truth is known, and a reference that costs little."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.pool import Source, SourcePool, Target
from priorlift.study.study import Study
from priorlift.transfer import target_only
from priorlift.transfer.pooled import PooledClassifier
from priorlift.transfer.target_only import TargetOnlyClassifier

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


@pytest.fixture(name="make_task", scope="session")
def _make_task():
    """Make a target and its pool, of any size."""
    return make_task


@pytest.fixture(name="blobs", scope="session")
def _blobs():
    """Draw rows of two classes."""
    return blobs


def quick_methods(**methods):
    """Methods, and the quick reference by value, so that worker processes have it too."""
    reference = TargetOnlyClassifier({"a": LogisticRegression()})
    return {"target_only": reference, **(methods or {"pooled": PooledClassifier()})}


@pytest.fixture(name="quick_methods", scope="session")
def _quick_methods():
    """Give methods with a reference that costs little."""
    return quick_methods


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A study with a run directory: a source that helps, one that hurts, ranked."""
    target, pool = make_task(320, seed=4)
    study = Study(target, pool, quick_methods(), (10, 40), random_state=7)
    folder = tmp_path_factory.mktemp("study") / "run"
    return study, study.run(folder), folder


@pytest.fixture
def task():
    """Sixty labelled rows and two sources."""
    return make_task()
