"""Forests and support vector machines, where nothing can be shared: the price of asking."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from sweeps import data, rows

GOAL = "at most 10 % more CPU (3 % as a stretch)"


def run(mode):
    full = mode == "full"
    X, y, _, _ = data.digits()
    if not full:
        X, y = X[:900], y[:900]
    leaves = [1, 3, 9] if full else [1, 3]
    mixed = Pipeline([("head", SVC())])
    grid = [
        {"head": [SVC()], "head__C": np.logspace(-1, 2, 6), "head__gamma": np.logspace(-4, -2, 3)},
        {
            # The number of trees would be shared.
            "head": [RandomForestClassifier(n_estimators=40, random_state=0)],
            "head__min_samples_leaf": leaves,
            "head__max_depth": [4, 8, None],
        },
    ]
    return [
        rows.matched(
            f"random forests and SVMs mixed, n_jobs={n_jobs}",
            mixed,
            grid,
            X,
            y,
            cv=data.folds(),
            n_jobs=n_jobs,
            goal=GOAL,
            reached=lambda ratio: ratio >= 1 / 1.1,
            repeats=5 if full else 3,
        )
        for n_jobs in (1, 2)
    ]
