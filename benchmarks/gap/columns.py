"""The columns of the tables: every method on the same rows, base learner and rounds."""

import time
import warnings

import numpy as np
from sklearn.base import clone

from priorlift.pool import SourcePool
from priorlift.transfer import (
    GapBoostClassifier,
    GapBoostRegressor,
    PooledClassifier,
    PooledRegressor,
    TrAdaBoostClassifier,
    TrAdaBoostRegressor,
    TransferBoostClassifier,
    TwoStageTrAdaBoostRegressor,
)

BALANCED = "gapBoost, balanced mass"
GUARDED = "guarded gapBoost"
ALONE = "target-only"
POOLED = "pooled"


def classifiers(base, n_rounds):
    """Return name -> (estimator, whether it gets the sources)."""
    plain = {"preprocess": None, "random_state": 0}
    rounds = {"estimator": base, "n_estimators": n_rounds, **plain}
    # Without gap term and cap gapBoost is SAMME; its models of each domain are not needed.
    samme = GapBoostClassifier(rho_s=0.0, gamma_max=1.0, gap_every=n_rounds, **rounds)
    return {
        ALONE: (PooledClassifier(base, **plain), False),
        POOLED: (PooledClassifier(base, **plain), True),
        "AdaBoost on T": (samme, False),
        "AdaBoost on both": (samme, True),
        "TrAdaBoost": (TrAdaBoostClassifier(**rounds), True),
        "TrAdaBoost, soft": (TrAdaBoostClassifier(variant="soft", **rounds), True),
        "TransferBoost": (TransferBoostClassifier(**rounds), True),
        "gapBoost, no gap term": (
            GapBoostClassifier(rho_s=0.0, gap_every=n_rounds, **rounds),
            True,
        ),
        "gapBoost": (GapBoostClassifier(**rounds), True),
        BALANCED: (GapBoostClassifier(target_mass=0.5, **rounds), True),
        "gapBoost, balanced, soft": (
            GapBoostClassifier(target_mass=0.5, disagreement="soft", **rounds),
            True,
        ),
        GUARDED: (GapBoostClassifier(target_mass=0.5, guard=True, **rounds), True),
    }


def regressors(base, n_rounds):
    """Return name -> (estimator, whether it gets the sources)."""
    plain = {"preprocess": None, "random_state": 0}
    rounds = {"estimator": base, "n_estimators": n_rounds, **plain}
    r2 = GapBoostRegressor(rho_s=0.0, gamma_max=1.0, gap_every=n_rounds, **rounds)
    two_stage = TwoStageTrAdaBoostRegressor(base, 10, 10, **plain)
    return {
        ALONE: (PooledRegressor(base, **plain), False),
        POOLED: (PooledRegressor(base, **plain), True),
        "AdaBoost.R2 on T": (r2, False),
        "AdaBoost.R2 on both": (r2, True),
        "TrAdaBoost.R2": (TrAdaBoostRegressor(**rounds), True),
        "two-stage TrAdaBoost.R2": (two_stage, True),
        "gapBoostR, no gap term": (
            GapBoostRegressor(rho_s=0.0, gap_every=n_rounds, **rounds),
            True,
        ),
        "gapBoostR": (GapBoostRegressor(**rounds), True),
        "gapBoostR, balanced mass": (GapBoostRegressor(target_mass=0.5, **rounds), True),
        "guarded gapBoostR": (GapBoostRegressor(guard=True, **rounds), True),
    }


def one_split(columns, pool, train, test, loss):
    """Fit every column on one split; return losses on new rows, CPU seconds, the guard's choice."""
    losses, seconds, chosen = {}, {}, None
    for name, (estimator, with_sources) in columns.items():
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = clone(estimator).fit(*train, sources=pool if with_sources else SourcePool())
        seconds[name] = time.process_time() - started
        losses[name] = loss(model, *test)
        if hasattr(model, "decision_"):
            chosen = model.decision_.method
    return losses, seconds, chosen


def error(model, X, y):
    """Return the error in percent."""
    return 100.0 * float(np.mean(model.predict(X) != y))


def rmse(model, X, y):
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean((model.predict(X) - y) ** 2)))


def summary(tasks):
    """Return means and standard errors of tasks, each a list of results of `one_split`."""
    found = {}
    for task, splits in tasks.items():
        names = list(splits[0][0])
        values = {name: np.array([losses[name] for losses, _, _ in splits]) for name in names}
        chosen = [choice for _, _, choice in splits]
        found[task] = {
            "mean": {name: float(v.mean()) for name, v in values.items()},
            "standard_error": {name: _standard_error(v) for name, v in values.items()},
            "guard_chose": {choice: chosen.count(choice) for choice in sorted(set(chosen))},
        }
    seconds = [cpu for splits in tasks.values() for _, cpu, _ in splits]
    return {
        "splits": len(next(iter(tasks.values()))),
        "tasks": found,
        "mean": {n: float(np.mean([t["mean"][n] for t in found.values()])) for n in names},
        "cpu_seconds": {n: float(np.mean([one[n] for one in seconds])) for n in names},
        "differences": {n: _difference(found, n) for n in names},
    }


def _standard_error(values):
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def _difference(tasks, name):
    """Return target-only minus a column, with its standard error over the means of tasks."""
    each = np.array([task["mean"][ALONE] - task["mean"][name] for task in tasks.values()])
    return {"mean": float(each.mean()), "standard_error": _standard_error(each)}
