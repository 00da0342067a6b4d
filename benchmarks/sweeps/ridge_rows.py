"""What the rows of ridge grids have in common: matched, dense with an extrapolated other side."""

import time
import warnings

import harness
import numpy as np
from sklearn.base import clone
from sklearn.feature_selection import VarianceThreshold
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from priorlift.search import SharedSearchCV
from priorlift.search.moments import MomentEngine
from sweeps import data, rows

MODEL = data.pipeline(RidgeClassifier())


def warm_searches():
    """Run both searches on a few rows, so that no side imports anything on the clock."""
    X, y, _, _ = data.digits()
    for kind in (GridSearchCV, SharedSearchCV):
        kind(clone(MODEL), data.grid(4, 8, axis(2)), cv=2, refit=False).fit(X[:200], y[:200])


def axis(n):
    return {"head__alpha": np.logspace(-4, 6, n)}


def dense(name, X, y, a, b, n_alphas, n_folds, *, goal, limit, theirs):
    """Measure a dense grid on our side, beside the other side's slice.

    Parameters
    ----------
    limit : float
        Seconds of wall time on two cores that the goal names.
    theirs : tuple of float
        CPU and wall seconds a fit of GridSearchCV, and the fits that were timed.
    """
    grid = data.grid(a, b, axis(n_alphas))
    rows.warm(rows.N_JOBS)
    cpu, wall = harness.cpu_seconds(), time.perf_counter()
    search = SharedSearchCV(
        clone(MODEL), grid, cv=data.folds(n_folds), n_jobs=rows.N_JOBS, refit=False
    ).fit(X, y)
    cpu, wall = harness.cpu_seconds() - cpu, time.perf_counter() - wall
    fits = len(search.cv_results_["params"]) * n_folds
    cpu_a_fit, wall_a_fit, timed = theirs
    return {
        "name": name,
        "kind": "extrapolated",
        "fits": fits,
        "theirs": {"cpu_seconds": cpu_a_fit * fits, "wall_seconds": wall_a_fit * fits},
        "ours": {"cpu_seconds": cpu, "wall_seconds": wall},
        "ratio": cpu_a_fit * fits / cpu,
        "difference": None,
        "goal": goal,
        "met": bool(wall < limit),
        "note": (
            f"wall {wall:.3g} s on {rows.N_JOBS} workers; GridSearchCV was timed on {timed:,} fits"
            f" of the same kind ({timed / fits:.1%} of this grid; {1000 * cpu_a_fit:.3g} ms CPU a"
            f" fit) and would take about {wall_a_fit * fits / 60:.3g} minutes; a dense grid's ratio"
            " grows with the grid by construction"
        ),
        "shared_work": str(search.shared_work_).splitlines(),
    }


def slice_of_theirs(X, y, a, b, n_alphas, n_folds):
    """Time GridSearchCV on some alphas; return CPU and wall seconds a fit, and the fits."""
    grid = data.grid(a, b, axis(n_alphas))
    rows.warm(rows.N_JOBS)
    cpu, wall = harness.cpu_seconds(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = GridSearchCV(
            clone(MODEL), grid, cv=data.folds(n_folds), n_jobs=rows.N_JOBS, refit=False
        ).fit(X, y)
    cpu, wall = harness.cpu_seconds() - cpu, time.perf_counter() - wall
    fits = len(found.cv_results_["params"]) * n_folds
    return cpu / fits, wall / fits, fits


def decision_values(name, X, y, a, b, alphas, n_folds=5):
    """Compare the engine's decision values with RidgeClassifier's: all stages, all folds."""
    splits = list(data.folds(n_folds).split(X, y))
    engine, head = MomentEngine(X, y, splits, {}), RidgeClassifier()
    settings = [{"alpha": alpha} for alpha in alphas]
    worst, labels_equal, seconds = 0.0, True, 0.0
    for fold, (train, test) in enumerate(splits):
        for stage in data.stages(a, b):
            chain = [VarianceThreshold(), stage["scale"][0], stage["reduce"][0]]
            start = time.process_time()
            answers = list(engine.answers(fold, chain, head, settings))
            seconds += time.process_time() - start
            steps = [clone(step) for step in chain if not isinstance(step, str)]
            fitted = make_pipeline(*steps)
            A, B = fitted.fit_transform(X[train], y[train]), fitted.transform(X[test])
            for found in answers:
                for i in range(found.test.n_settings):
                    alone = RidgeClassifier(**settings[found.first + i]).fit(A, y[train])
                    difference = np.abs(alone.decision_function(B) - found.test.decision[i]).max()
                    worst = max(worst, float(difference))
                    labels_equal &= bool((alone.predict(B) == found.test.predict(i)).all())
    return rows.absolute(
        name,
        worst,
        "largest difference",
        goal="below 1e-9",
        met=worst < 1e-9 and labels_equal,
        note=(
            f"8 stages x {len(alphas)} alphas x {n_folds} folds; all labels equal: {labels_equal};"
            f" the engine alone took {seconds:.3g} CPU s"
        ),
    )
