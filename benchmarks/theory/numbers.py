"""Forecasts of numbers on real features: predicted beside measured errors of ridge.

As in `forecasts`: three fifths of the rows are the pool, a forecast sees them without labels and a
few hundred labels of them, and ridge with its regulariser, fitted to samples of the pool, is judged
by rows that neither has seen. The tables come with scikit-learn; one is made up and no line.
"""

import time

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, make_friedman1

from priorlift.core.errors import InputError
from priorlift.theory import forecast
from priorlift.theory.forecast_check import squared_errors
from priorlift.theory.label_alignment import Directions
from theory.checks import check

N_GRID = (25, 50, 100, 200, 500, 1000)
LABELS = (100, 200, 400)
DRAWS = {"quick": 2, "full": 10}
SAMPLES = 20
FAR = 0.10
FACTOR = 1.5
WARNINGS = ("held-out rows", "the band reaches")
PIXELS = (10, 21, 28, 35, 43, 52)


def run(mode):
    """Return the checks and one row a case, number of labels and draw."""
    rows, refused = [], []
    for name, X, y in cases():
        for n_labels in LABELS:
            for draw in range(DRAWS[mode]):
                try:
                    row = _one(name, X, y, n_labels, draw)
                except InputError as error:
                    refused.append({"case": name, "labels": n_labels, "why": str(error)})
                    continue
                if row is not None:
                    rows.append(row)
        print(name, flush=True)
    found = summary(rows, refused)
    return {"checks": _checks(found), "summary": found, "refused": refused, "forecasts": rows}


def cases():
    """Return name, standardised features and numbers of each case."""
    diabetes = load_diabetes()
    yield "diabetes", _standardised(diabetes.data), diabetes.target
    X, y = make_friedman1(3000, 10, noise=1.0, random_state=0)
    yield "friedman 1", _standardised(X), y
    pixels = load_digits().data
    yield "digits, lower ink", _standardised(pixels[:, :32]), pixels[:, 32:].sum(axis=1)
    for place in PIXELS:
        others = np.delete(pixels, place, axis=1)
        yield f"digits, pixel {place}", _standardised(others), pixels[:, place]


def _standardised(X):
    varying = X[:, X.std(axis=0) > 0]
    return (varying - varying.mean(axis=0)) / varying.std(axis=0)


def _one(name, X, y, n_labels, draw):
    rng = np.random.default_rng([draw, n_labels])
    order = rng.permutation(len(y))
    pool = order[: int(0.6 * len(y))]
    if n_labels > 0.9 * len(pool):
        return None
    n_grid = [n for n in N_GRID if n <= 0.8 * len(pool)]
    labelled = pool[:n_labels]
    start = time.process_time()
    settings = {"task": "regression", "random_state": draw}
    found = forecast(X[pool], X[labelled], y[labelled], n_grid, **settings)["features"]
    seconds = time.process_time() - start
    along = Directions.of(X[pool]).coordinates(X)
    measured = [
        _measured(along, y, pool, labelled, n, found.lam[place], draw)
        for place, n in enumerate(n_grid)
    ]
    return {
        "case": name,
        "labels": n_labels,
        "draw": draw,
        "p": found.p,
        "reach": float(f"{found.reach:.3g}"),
        "n": n_grid,
        "predicted": _short(found.error),
        "low": _short(found.low),
        "high": _short(found.high),
        "measured": _short(measured),
        "relative": _short(e / m - 1 for e, m in zip(found.error, measured, strict=True)),
        "warned": any(word in text for word in WARNINGS for text in found.warnings),
        "factors": _factors(found, n_grid, measured),
        "cpu_seconds": round(seconds, 2),
    }


def _short(values):
    return [float(f"{value:.4g}") for value in values]


def _measured(along, y, pool, labelled, n, lam, draw):
    """Return the root of the mean squared error on rows that nothing has seen."""
    rng = np.random.default_rng([draw, n, 1])
    squared = []
    for _ in range(SAMPLES):
        chosen = rng.choice(pool, n, replace=False)
        unseen = np.setdiff1d(np.arange(len(y)), np.concatenate([chosen, labelled]))
        train, test = (along[chosen], y[chosen]), (along[unseen], y[unseen])
        squared.append(squared_errors(train, test, n, lam, 1, 0)[0])
    return float(np.sqrt(np.mean(squared)))


def _factors(found, n_grid, measured):
    """Return predicted by true number of labels for the errors measured inside the grid."""
    factors = []
    for n, error in zip(n_grid[1:], measured[1:], strict=True):
        needed = found.labels_needed(error).n if error < found.most else None
        factors.append(None if needed is None else float(f"{needed / n:.3g}"))
    return factors


def summary(rows, refused):
    """Return the headline numbers; every forecast and every n counts once."""
    distances = np.array([abs(r) for row in rows for r in row["relative"]])
    inside = [
        low <= m <= high
        for row in rows
        for low, m, high in zip(row["low"], row["measured"], row["high"], strict=True)
    ]
    factors = [f for row in rows for f in row["factors"]]
    failed = [max(abs(r) for r in row["relative"]) > FAR for row in rows]
    pairs = list(zip(failed, (row["warned"] for row in rows), strict=True))
    return {
        "forecasts": len(rows),
        "cases": len({row["case"] for row in rows}),
        "refused": len(refused),
        "median_relative_error": float(np.median(distances)),
        "share_within_10_percent": float(np.mean(distances <= FAR)),
        "by_labels": {
            str(k): float(
                np.median([abs(r) for row in rows if row["labels"] == k for r in row["relative"]])
            )
            for k in sorted({row["labels"] for row in rows})
        },
        "labels_needed_within_factor_1.5": float(
            np.mean([f is not None and 1 / FACTOR <= f <= FACTOR for f in factors])
        ),
        "labels_needed_called_unreachable": float(np.mean([f is None for f in factors])),
        "coverage_of_90_percent_band": float(np.mean(inside)),
        "failed_and_warned": pairs.count((True, True)),
        "failed_and_silent": pairs.count((True, False)),
        "held_and_warned": pairs.count((False, True)),
        "held_and_silent": pairs.count((False, False)),
        "median_cpu_seconds": float(np.median([row["cpu_seconds"] for row in rows])),
    }


def _checks(found):
    off, near = found["median_relative_error"], found["labels_needed_within_factor_1.5"]
    silent = found["failed_and_silent"]
    goal = "at most 10 %"
    return [
        check("relative error of a forecast of numbers, median", f"{off:.1%}", goal, off <= FAR),
        check("labels needed within a factor of 1.5", f"{near:.0%}", "80 %", near >= 0.8),
        check(
            "off by more than 10 % somewhere: had warned, had not",
            f"{found['failed_and_warned']}, {silent}",
            "all had warned",
            not silent,
        ),
    ]
