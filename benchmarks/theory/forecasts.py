"""Forecasts on real features: predicted beside measured errors, where they fail, who had warned.

For each case three fifths of the rows are the pool. A forecast sees the pool without labels and a
few hundred of its labels. What it predicts is measured by heads with its regulariser, fitted to
samples of the pool and judged by rows that neither has seen. Nothing is averaged over label sets
before it is compared.
"""

import os
import time
from pathlib import Path

import numpy as np

from priorlift.core.errors import InputError
from priorlift.theory import forecast
from priorlift.theory.forecast_check import fitted_errors
from priorlift.theory.label_alignment import Directions
from theory.forecast_data import cases

N_GRID = (50, 100, 200, 500, 1000)
LABELS = (200, 400, 800)
DRAWS = {"quick": 1, "full": 2}
SAMPLES = {"quick": 4, "full": 10}
FAR = 0.10
FACTOR = 1.5


def run(mode):
    """Return one row a case and number of labels, and the summary."""
    data = Path(os.environ["PRIORLIFT_DATA"])
    rows, refused = [], []
    for name, X, labels in cases(data, mode):
        y = np.where(labels, 1, 0)
        for n_labels in LABELS:
            for draw in range(DRAWS[mode]):
                try:
                    row = _one(name, np.asarray(X, float), y, n_labels, draw, SAMPLES[mode])
                except InputError as error:
                    refused.append({"case": name, "labels": n_labels, "why": str(error)})
                    continue
                if row is not None:
                    rows.append(row)
        print(name, flush=True)
    return {"summary": summary(rows, refused), "refused": refused, "forecasts": rows}


def _one(name, X, y, n_labels, draw, samples):
    rng = np.random.default_rng([draw, n_labels])
    order = rng.permutation(len(y))
    cut = int(0.6 * len(y))
    pool = order[:cut]
    if n_labels > 0.9 * len(pool):
        return None
    n_grid = [n for n in N_GRID if n <= 0.8 * len(pool)]
    labelled = pool[:n_labels]
    start = time.process_time()
    found = forecast(X[pool], X[labelled], y[labelled], n_grid, random_state=draw)["features"]
    seconds = time.process_time() - start
    directions = Directions.of(X[pool])
    along, signs = directions.coordinates(X), np.where(y, 1.0, -1.0)
    measured = [
        _measured(along, signs, pool, labelled, n, found.lam[place], samples, draw)
        for place, n in enumerate(n_grid)
    ]
    relative = [e / m - 1 if m else None for e, m in zip(found.error, measured, strict=True)]
    return {
        "case": name,
        "labels": n_labels,
        "draw": draw,
        "p": found.p,
        "picture": found.picture,
        "n": n_grid,
        "predicted": _short(found.error),
        "low": _short(found.low),
        "high": _short(found.high),
        "measured": _short(measured),
        "relative": _short(relative),
        "warned": any("held-out rows" in text for text in found.warnings),
        "differs": any("held-out rows say" in text for text in found.warnings),
        "factors": _short(_factors(found, n_grid, measured)),
        "cpu_seconds": round(seconds, 2),
    }


def _short(values):
    return [None if value is None else float(f"{value:.4g}") for value in values]


def _measured(along, signs, pool, labelled, n, lam, samples, draw):
    """Return the mean error of heads on n rows of the pool, on rows that nothing has seen."""
    rng = np.random.default_rng([draw, n, 1])
    errors = []
    for _ in range(samples):
        chosen = rng.choice(pool, n, replace=False)
        unseen = np.setdiff1d(np.arange(len(signs)), np.concatenate([chosen, labelled]))
        train, test = (along[chosen], signs[chosen]), (along[unseen], signs[unseen])
        errors.append(fitted_errors(train, test, n, lam, 1, 0)[0])
    return float(np.mean(errors))


def _factors(found, n_grid, measured):
    """Return predicted by true number of labels for the errors measured inside the grid."""
    factors = []
    for n, error in zip(n_grid[1:], measured[1:], strict=True):
        needed = found.labels_needed(min(max(error, 1e-4), 0.499)).n
        factors.append(None if needed is None else needed / n)
    return factors


def summary(rows, refused):
    """Return the headline numbers; every forecast and every n counts once."""
    distances = np.array([abs(r) for row in rows for r in row["relative"] if r is not None])
    inside = [
        low <= m <= high
        for row in rows
        for low, m, high in zip(row["low"], row["measured"], row["high"], strict=True)
    ]
    factors = [f for row in rows for f in row["factors"]]
    near = [f is not None and 1 / FACTOR <= f <= FACTOR for f in factors]
    failed = [max(abs(r) for r in row["relative"] if r is not None) > FAR for row in rows]
    warned = [row["warned"] for row in rows]
    pairs = list(zip(failed, warned, strict=True))
    silent = [abs(r) for row in rows if not row["warned"] for r in row["relative"] if r is not None]
    return {
        "forecasts": len(rows),
        "cases": len({row["case"] for row in rows}),
        "refused": len(refused),
        "median_relative_error": float(np.median(distances)),
        "share_within_10_percent": float(np.mean(distances <= FAR)),
        "median_relative_error_where_not_warned": float(np.median(silent)) if silent else None,
        "by_labels": {
            str(k): float(
                np.median(
                    [
                        abs(r)
                        for row in rows
                        if row["labels"] == k
                        for r in row["relative"]
                        if r is not None
                    ]
                )
            )
            for k in sorted({row["labels"] for row in rows})
        },
        "by_measured_error": {
            name: _within(rows, low, high)
            for name, low, high in (
                ("below 0.05", 0.0, 0.05),
                ("0.05 to 0.1", 0.05, 0.1),
                ("0.1 and above", 0.1, 1.0),
            )
        },
        "by_n": {
            str(n): float(
                np.median(
                    [
                        abs(row["relative"][row["n"].index(n)])
                        for row in rows
                        if n in row["n"] and row["relative"][row["n"].index(n)] is not None
                    ]
                )
            )
            for n in sorted({n for row in rows for n in row["n"]})
        },
        "labels_needed_within_factor_1.5": float(np.mean(near)),
        "labels_needed_called_unreachable": float(np.mean([f is None for f in factors])),
        "coverage_of_90_percent_band": float(np.mean(inside)),
        "failed_and_warned": pairs.count((True, True)),
        "failed_and_silent": pairs.count((True, False)),
        "held_and_warned": pairs.count((False, True)),
        "held_and_silent": pairs.count((False, False)),
        "median_cpu_seconds": float(np.median([row["cpu_seconds"] for row in rows])),
    }


def _within(rows, low, high):
    """Return how far forecasts are where the measured error lies in a range."""
    found = [
        abs(r)
        for row in rows
        for r, m in zip(row["relative"], row["measured"], strict=True)
        if r is not None and low <= m < high
    ]
    return {"points": len(found), "median_relative_error": float(np.median(found))}
