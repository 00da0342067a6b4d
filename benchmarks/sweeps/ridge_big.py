"""Ridge classifiers on 10,000 x 768 generated rows: the same fits, and dense grids."""

import numpy as np

from sweeps import data, ridge_rows, rows
from sweeps.ridge_rows import MODEL, axis


def run(mode):
    full = mode == "full"
    ridge_rows.warm_searches()
    X, y, a, b = data.big() if full else data.big(2_000, 96)
    sizes = (100, 500, 1_250) if full else (100,)
    same = rows.matched(
        "ridge, 8 stages x 4 alphas x 5 folds",
        MODEL,
        data.grid(a, b, axis(4)),
        X,
        y,
        cv=data.folds(),
        goal="at least 20 times less CPU",
        reached=lambda ratio: ratio >= 20,
        repeats=1,
    )
    # 25 of 1,250 alphas are 2 % of the largest grid.
    theirs = ridge_rows.slice_of_theirs(X, y, a, b, 25 if full else 1, 10)
    return [
        same,
        *(
            ridge_rows.dense(
                f"ridge, 8 stages x {n_alphas:,} alphas x 10 folds",
                X,
                y,
                a,
                b,
                n_alphas,
                10,
                goal="100,000 fits under 90 s wall on 2 cores",
                limit=90.0,
                theirs=theirs,
            )
            for n_alphas in sizes
        ),
        ridge_rows.decision_values(
            "decision values of the second-moment engine", X, y, a, b, np.logspace(-4, 6, 4)
        ),
    ]
