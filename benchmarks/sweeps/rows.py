"""How a row is measured and what it holds.

A row is a dictionary: `name`; `kind` ("matched": the same fits on both sides; "extrapolated": the
other side is measured on a slice; "absolute": one side alone); `fits`; `theirs` and `ours` with
CPU and wall seconds (as `harness.compare` gives them); `ratio` of CPU seconds, theirs by ours;
`difference`, the largest between the two sides' scores; `goal`, a sentence; `met`; and `note`.
"""

import warnings

import harness
import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from priorlift.search import SharedSearchCV

N_JOBS = 2


def matched(name, model, grid, X, y, *, goal, reached, repeats, note="", **options):
    """Measure both searches on the same grid.

    Parameters
    ----------
    name, goal, note : str
        For the page.
    model, grid, X, y : object
        The search.
    reached : callable
        Whether the ratio of CPU seconds (theirs by ours) meets the goal.
    repeats : int
        How often each side runs, in turns.
    **options
        For both searches; `ours` may hold options for `SharedSearchCV` alone.
    """
    ours = options.pop("ours", {})
    options = {"cv": 5, "refit": False, "n_jobs": N_JOBS, **options}
    last = {}

    def run(kind, **more):
        search = kind(clone(model), grid, **{**options, **more})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            last[kind] = search.fit(X, y)

    warm(options["n_jobs"])
    measured = harness.compare(
        {"theirs": lambda: run(GridSearchCV), "ours": lambda: run(SharedSearchCV, **ours)}, repeats
    )
    theirs, mine = last[GridSearchCV].cv_results_, last[SharedSearchCV].cv_results_
    n_splits = last[GridSearchCV].n_splits_
    keys = [key for key in theirs if key.startswith("split") and "test" in key]
    difference = max(float(np.abs(theirs[key] - mine[key]).max()) for key in keys)
    same_best = last[GridSearchCV].best_index_ == last[SharedSearchCV].best_index_
    ratio = measured["theirs"]["cpu_seconds"] / measured["ours"]["cpu_seconds"]
    return {
        "name": name,
        "kind": "matched",
        "fits": len(theirs["params"]) * n_splits,
        **measured,
        "ratio": ratio,
        "difference": difference,
        "same_best": bool(same_best),
        "goal": goal,
        "met": bool(reached(ratio)),
        "note": note,
        "shared_work": str(last[SharedSearchCV].shared_work_).splitlines(),
    }


def absolute(name, seconds, unit, *, goal, met, note=""):
    """Return a row of one side alone."""
    return {
        "name": name,
        "kind": "absolute",
        "value": seconds,
        "unit": unit,
        "goal": goal,
        "met": bool(met),
        "note": note,
    }


def warm(n_jobs):
    """Start the workers and let them import, before any clock runs."""
    if n_jobs != 1:
        joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_import)(i) for i in range(4 * n_jobs))


def _import(_):
    import time

    import sklearn.linear_model
    import sklearn.pipeline

    time.sleep(0.05)
    return sklearn.linear_model.__name__, sklearn.pipeline.__name__
