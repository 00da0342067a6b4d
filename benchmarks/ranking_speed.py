"""One ranking pass (LogME and the shrinkage H-score) against a straightforward LogME alone.

n = 10,000 rows of d = 768 float32 features, 20 classes. The other side is LogME as its first paper
(You et al., ICML 2021) writes it: a singular value decomposition of the features, then MacKay's
fixed point for each class. It is written here for this comparison, with the thin decomposition,
which is the kinder one. Both sides give the same LogME, which is checked before the clock starts.
"""

import statistics

import harness  # isort: skip  (before NumPy: it fixes the threads)

import numpy as np

from priorlift.ranking.scores import logme, shrinkage_h_score
from priorlift.ranking.statistics import TaskStatistics

N_CLASSES = 20
SIZES = {
    "quick": {"n_rows": 10_000, "n_features": 768, "repeats": 3},
    "full": {"n_rows": 10_000, "n_features": 768, "repeats": 9},
}


def main():
    size = harness.preset(__doc__.splitlines()[0])
    n_rows, n_features, repeats = SIZES[size].values()
    X, y = data(n_rows, n_features)
    one, two = logme(TaskStatistics.of(X, y), centre=False), straightforward_logme(X, y)
    if abs(one - two) > 1e-4:
        raise SystemExit(f"the two sides differ: {one:.6f} and {two:.6f}")
    sides = harness.compare(
        {
            "LogME and shrinkage-H, one pass": lambda: one_pass(X, y),
            "LogME by SVD and fixed point": lambda: straightforward_logme(X, y),
        },
        repeats,
    )
    walls = [side["wall_seconds_each"] for side in sides.values()]
    ratio = statistics.median(slow / fast for fast, slow in zip(*walls, strict=True))
    facts = {"n_rows": n_rows, "n_features": n_features, "n_classes": N_CLASSES}
    logmes = {"logme": one, "straightforward": two}
    harness.publish("ranking_speed", size, {**facts, **logmes, "sides": sides, "ratio": ratio})
    for name, side in sides.items():
        print(f"{name}: {side['wall_seconds']:.2f} s ({side['cpu_seconds']:.2f} CPU s)")
    print(f"SVD and fixed point / one pass: {ratio:.2f}")


def one_pass(X, y):
    found = TaskStatistics.of(X, y)
    return logme(found), shrinkage_h_score(found)


def straightforward_logme(X, y, max_steps=200, tolerance=1e-10):
    features = X.astype(np.float64)
    n, d = features.shape
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    values = singular**2
    evidences = []
    for label in np.unique(y):
        column = (y == label).astype(np.float64)
        projected = left.T @ column
        outside = max(column @ column - projected @ projected, 0.0)
        alpha = beta = 1.0
        for _ in range(max_steps):
            ratio = alpha / beta
            gamma = (values / (values + ratio)).sum()
            squared_weights = (values * projected**2 / (values + ratio) ** 2).sum()
            squared_errors = outside + (ratio**2 * projected**2 / (values + ratio) ** 2).sum()
            alpha, beta = gamma / squared_weights, (n - gamma) / squared_errors
            if abs(alpha / beta - ratio) <= tolerance * ratio:
                break
        evidence = (
            d * np.log(alpha)
            + n * np.log(beta)
            - np.log(alpha + beta * values).sum()
            - beta * squared_errors
            - alpha * squared_weights
            - n * np.log(2 * np.pi)
        )
        evidences.append(evidence / (2 * n))
    return float(np.mean(evidences))


def data(n_rows, n_features):
    rng = np.random.default_rng(0)
    y = rng.integers(0, N_CLASSES, n_rows)
    means = rng.standard_normal((N_CLASSES, n_features)) * 0.3
    return (means[y] + rng.standard_normal((n_rows, n_features))).astype(np.float32), y


if __name__ == "__main__":
    main()
