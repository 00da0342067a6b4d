"""Heads that nothing solves together: what sharing the transformers alone brings."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from sweeps import data, rows


def run(mode):
    full = mode == "full"
    X, y, a, b = data.digits()
    repeats = 3 if full else 1
    n_c = 60 if full else 6
    logistic = data.pipeline(LogisticRegression(tol=1e-4, max_iter=2000))
    bayes = data.pipeline(GaussianNB())
    return [
        rows.matched(
            f"logistic regression, 8 stages x {n_c} C x 5 folds, digits",
            logistic,
            data.grid(a, b, {"head__C": np.logspace(-5, 1, n_c)}),
            X,
            y,
            cv=data.folds(),
            goal="at least 1.5 times less CPU",
            reached=lambda ratio: ratio >= 1.5,
            repeats=repeats,
            note="the same solver on the same rows: the objective gap is equal by construction",
        ),
        rows.matched(
            "naive Bayes, 8 stages x 20 settings x 5 folds, digits (prefixes dominate)",
            bayes,
            data.grid(a, b, {"head__var_smoothing": np.logspace(-9, 0, 20)}),
            X,
            y,
            cv=data.folds(),
            goal="at least 2.3 times less CPU",
            reached=lambda ratio: ratio >= 2.3,
            repeats=repeats,
        ),
    ]
