"""Regression: one third of a table, cut along a feature, is the target; two thirds are the source.

Four public tables, and Friedman's function with shifted coefficients for the source (Pardoe &
Stone, 2010). 25 labelled target rows; the rest of the part is new.
"""

import csv

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.tree import DecisionTreeRegressor

from gap import columns
from priorlift.pool import Source, SourcePool

N_ROUNDS = 20
N_TRAIN = 25
SPLITS = {"quick": 1, "full": 20}
WANTED_CORRELATION = 0.4


def run(data, mode):
    """Return one summary a table; root mean squared errors."""
    folder = data / "gap" / "regression"
    tables = {
        "Concrete": _numbers(folder / "Concrete_Data.csv", header=True),
        "Housing": _numbers(folder / "BostonHousing.csv", header=False),
        "Auto-MPG": _auto_mpg(folder / "auto_mpg.csv"),
        "Diabetes": load_diabetes(return_X_y=True),
    }
    base = DecisionTreeRegressor(max_depth=6, min_samples_leaf=2)
    methods = columns.regressors(base, N_ROUNDS)
    found = {}
    for name, (X, y) in tables.items():
        parts = np.array_split(np.argsort(X[:, _cut(X, y)], kind="stable"), 3)
        tasks = {
            f"part {k + 1}": [_split(methods, X, y, parts, k, seed) for seed in range(SPLITS[mode])]
            for k in range(3)
        }
        found[name] = columns.summary(tasks)
    tasks = {
        f"dissimilarity {d:g}": [_friedman(methods, d, seed) for seed in range(SPLITS[mode])]
        for d in (0.5, 1.0, 2.0)
    }
    found["Friedman"] = columns.summary(tasks)
    return found


def _numbers(path, header):
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1 if header else 0 :]
    table = np.array([[float(value) for value in row] for row in rows if row])
    return table[:, :-1], table[:, -1]


def _auto_mpg(path):
    wanted = ("cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year")
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if all(row[name] for name in wanted)]
    X = np.array([[float(row[name]) for name in wanted] for row in rows])
    return X, np.array([float(row["mpg"]) for row in rows])


def _cut(X, y):
    """Return the feature whose correlation with the label is nearest to a moderate one."""
    found = [abs(np.corrcoef(column, y)[0, 1]) if np.ptp(column) > 0 else 9.0 for column in X.T]
    return int(np.argmin(np.abs(np.array(found) - WANTED_CORRELATION)))


def _split(methods, X, y, parts, k, seed):
    source = np.concatenate([part for place, part in enumerate(parts) if place != k])
    order = np.random.RandomState(seed).permutation(parts[k])
    train, test = order[:N_TRAIN], order[N_TRAIN:]
    pool = SourcePool([Source("other parts", X[source], y[source], task="regression")])
    return columns.one_split(methods, pool, (X[train], y[train]), (X[test], y[test]), columns.rmse)


def _friedman(methods, dissimilarity, seed):
    draws = np.random.RandomState(seed)
    a, b = (draws.normal(1.0, 0.1 * dissimilarity, 5) for _ in range(2))
    c = draws.normal(0.0, 0.05 * dissimilarity, 5)
    ones, zeros = np.ones(5), np.zeros(5)
    source = _friedman_rows(draws, 500, a, b, c)
    train, test = (_friedman_rows(draws, n, ones, ones, zeros) for n in (N_TRAIN, 600))
    pool = SourcePool([Source("shifted", *source, task="regression")])
    return columns.one_split(methods, pool, train, test, columns.rmse)


def _friedman_rows(draws, n, a, b, c):
    X = draws.uniform(size=(n, 10))
    Z = b * X[:, :5] + c
    y = a[0] * 10 * np.sin(np.pi * Z[:, 0] * Z[:, 1]) + a[1] * 20 * (Z[:, 2] - 0.5) ** 2
    return X, y + a[2] * 10 * Z[:, 3] + a[3] * 5 * Z[:, 4] + draws.normal(size=n)
