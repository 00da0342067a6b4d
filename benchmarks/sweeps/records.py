"""What the journal costs: a recorded fit, and going on with 100,000 of them."""

import tempfile
import time

import numpy as np
from sklearn.dummy import DummyClassifier

from priorlift.search import SharedSearchCV
from sweeps import rows


def run(mode):
    n = 20_000 if mode == "full" else 2_000
    X, y = np.arange(40.0).reshape(-1, 1), np.arange(40) % 2
    grid = {"random_state": list(range(n))}
    search = SharedSearchCV(DummyClassifier(), grid, cv=5, refit=False)
    plain = _cpu(search.fit, X, y)
    with tempfile.TemporaryDirectory() as folder:
        recorded = SharedSearchCV(DummyClassifier(), grid, cv=5, refit=False, run_dir=folder)
        first = _cpu(recorded.fit, X, y)
        start = time.perf_counter()
        recorded.fit(X, y)
        again = time.perf_counter() - start
    overhead = 1000 * (first - plain) / (5 * n)
    return [
        rows.absolute(
            f"overhead of a recorded fit, {5 * n:,} fits",
            overhead,
            "ms CPU",
            goal="at most 0.05 ms",
            met=overhead <= 0.05,
            note="a search with a journal minus the same without, by the number of fits",
        ),
        rows.absolute(
            f"going on with {5 * n:,} recorded fits",
            again,
            "s wall",
            goal="at most 3 s for 100,000",
            met=again <= 3.0 * (5 * n) / 100_000 or again <= 3.0,
        ),
    ]


def _cpu(fit, X, y):
    start = time.process_time()
    fit(X, y)
    return time.process_time() - start
