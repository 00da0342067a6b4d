"""What gapBoost costs: CPU seconds beside TrAdaBoost, and memory at a million sparse rows.

Our own TrAdaBoost stands for that of adapt 0.4.5, which needs TensorFlow (1.9 GB). It is measured
as it is, with warm starts, and as adapt fits: each round from nothing.
"""

import resource
import subprocess
import sys

import harness
import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from priorlift.pool import Source, SourcePool
from priorlift.transfer import GapBoostClassifier, TrAdaBoostClassifier

N_ROUNDS = 10
REPEATS = {"quick": 3, "full": 15}


class Cold(LogisticRegression):
    """A logistic regression that no earlier fit helps."""


def run(mode):
    """Return seconds and accuracies by number of source rows, and the memory of a large fit."""
    found = {str(n): _at(n, REPEATS[mode]) for n in (2_000, 20_000)}
    if mode == "full":
        found["a million sparse rows"] = _large()
    return found


def task(n_source):
    """Return source, target and new rows of the synthetic task."""
    draws = np.random.RandomState(0)
    w = draws.randn(20)
    other = w + 0.7 * draws.randn(20)
    S = draws.randn(n_source, 20) + 0.3
    s = np.sign(S @ other + 0.5 * draws.randn(n_source))
    T = draws.randn(200, 20)
    t = np.sign(T @ w + 0.5 * draws.randn(200))
    E = draws.randn(5_000, 20)
    return SourcePool([Source("source", S, s)]), (T, t), (E, np.sign(E @ w))


def _at(n_source, repeats):
    pool, train, test = task(n_source)
    plain = {"n_estimators": N_ROUNDS, "preprocess": None, "random_state": 0}
    sides = {
        "TrAdaBoost, cold": TrAdaBoostClassifier(Cold(), **plain),
        "TrAdaBoost": TrAdaBoostClassifier(**plain),
        "TrAdaBoost, soft": TrAdaBoostClassifier(variant="soft", **plain),
        "gapBoost": GapBoostClassifier(**plain),
        "gapBoost, balanced": GapBoostClassifier(target_mass=0.5, **plain),
        "gapBoost, balanced, gap_every=2": GapBoostClassifier(
            target_mass=0.5, gap_every=2, **plain
        ),
        "gapBoost, balanced, gap_every=5": GapBoostClassifier(
            target_mass=0.5, gap_every=5, **plain
        ),
    }
    seconds = harness.compare(
        {name: lambda m=model: clone(m).fit(*train, sources=pool) for name, model in sides.items()},
        repeats,
    )
    accuracy = {
        name: clone(model).fit(*train, sources=pool).score(*test) for name, model in sides.items()
    }
    alone = LogisticRegression(max_iter=200).fit(*train).score(*test)
    return {"seconds": seconds, "accuracy": {"target-only": alone, **accuracy}}


def _large():
    """Fit in a process of its own, whose peak memory is its own."""
    code = "from gap import speed; speed.fit_large()"
    folder = str(harness.RESULTS.parent)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    before, after, seconds = map(float, done.stdout.split())
    return {
        "matrix_mb": before,
        "peak_mb": after,
        "dense_mb": 1_000_000 * 100 * 8 / 2**20,
        "cpu_seconds": seconds,
    }


def fit_large():
    """Fit a million sparse rows; print MB of the matrix, MB at the peak, CPU seconds."""
    import time

    import scipy.sparse as sp

    draws = np.random.default_rng(0)
    n, d, per_row = 1_000_000, 100, 5
    indices = np.sort(draws.integers(d, size=(n, per_row)), axis=1).ravel()
    X = sp.csr_matrix(
        (draws.random(n * per_row), indices, np.arange(0, n * per_row + 1, per_row)), shape=(n, d)
    )
    X.sum_duplicates()
    y = (np.asarray(X[:, :50].sum(axis=1)).ravel() > 1.25).astype(int)
    matrix = (X.data.nbytes + X.indices.nbytes + X.indptr.nbytes) / 2**20
    pool = SourcePool([Source("large", X, y)])
    started = time.process_time()
    GapBoostClassifier(n_estimators=10, target_mass=0.5, random_state=0).fit(
        X[:200], y[:200], sources=pool
    )
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{matrix:.1f} {peak:.1f} {seconds:.1f}")
