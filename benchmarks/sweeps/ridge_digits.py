"""Ridge classifiers on scikit-learn's digits: the same fits, a dense grid, and `memory=`."""

import tempfile
import time

import harness
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sweeps import data, ridge_rows, rows
from sweeps.ridge_rows import MODEL, axis


def run(mode):
    full = mode == "full"
    ridge_rows.warm_searches()
    X, y, a, b = data.digits()
    grid = data.grid(a, b, axis(20))
    repeats = 3 if full else 1
    same = [
        rows.matched(
            f"ridge, 8 stages x 20 alphas x 5 folds, n_jobs={n_jobs}",
            MODEL,
            grid,
            X,
            y,
            cv=data.folds(),
            n_jobs=n_jobs,
            goal="at least 200 times less CPU",
            reached=lambda ratio: ratio >= 200,
            repeats=repeats,
        )
        for n_jobs in (1, 2)
    ]
    # 25 of 1,250 alphas are 2 % of the grid.
    theirs = ridge_rows.slice_of_theirs(X, y, a, b, 25 if full else 3, 10)
    n_alphas = 1_250 if full else 125
    return [
        *same,
        with_memory(X, y, grid),
        ridge_rows.dense(
            f"ridge, 8 stages x {n_alphas:,} alphas x 10 folds",
            X,
            y,
            a,
            b,
            n_alphas,
            10,
            goal="100,000 fits under 8 s wall on 2 cores",
            limit=8.0,
            theirs=theirs,
        ),
        ridge_rows.decision_values(
            "decision values of the second-moment engine", X, y, a, b, np.logspace(-4, 6, 20)
        ),
    ]


def with_memory(X, y, grid):
    """Tell what `Pipeline(memory=)` does for scikit-learn's own search."""

    def run(memory):
        model = clone(MODEL).set_params(memory=memory)
        GridSearchCV(model, grid, cv=data.folds(), n_jobs=rows.N_JOBS, refit=False).fit(X, y)

    rows.warm(rows.N_JOBS)
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, memory in (("without", None), ("with", folder)):
            cpu, wall = harness.cpu_seconds(), time.perf_counter()
            run(memory)
            seconds[name] = harness.cpu_seconds() - cpu, time.perf_counter() - wall
    ratio = seconds["with"][0] / seconds["without"][0]
    return rows.absolute(
        "GridSearchCV with memory= against without, the same 800 fits",
        ratio,
        "times the CPU",
        goal="reported",
        met=True,
        note=(
            f"{seconds['without'][0]:.3g} CPU s without, {seconds['with'][0]:.3g} with;"
            " scikit-learn alone on both sides"
        ),
    )
