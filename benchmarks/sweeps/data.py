"""The data and the eight feature stages that most rows share."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler


def digits():
    """Return 1,797 x 64 and the sizes (a, b) of the reduced stages."""
    return *load_digits(return_X_y=True), 16, 32


def big(n=10_000, p=768):
    """Return a generated set of 10 classes with correlated columns, and (a, b)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n)
    means = rng.normal(size=(10, 40))
    Z = rng.normal(size=(n, 40)) + 0.55 * means[y]
    B = rng.normal(size=(40, p)) / np.sqrt(1 + np.arange(40))[:, None]
    X = Z @ B + 0.7 * rng.normal(size=(n, p)) + rng.normal(size=p)
    return X * np.exp(0.5 * rng.normal(size=p)), y, p // 4, p // 2


def folds(n=5):
    return StratifiedKFold(n, shuffle=True, random_state=0)


def pipeline(head):
    """Return the pipeline whose steps "scale" and "reduce" take the stages' settings."""
    return Pipeline(
        [
            ("keep", VarianceThreshold()),
            ("scale", StandardScaler()),
            ("reduce", "passthrough"),
            ("head", head),
        ]
    )


def stages(a, b):
    """Return the eight settings of "scale" and "reduce"."""
    standard, eigen = StandardScaler(), {"svd_solver": "covariance_eigh"}
    return [
        {"scale": [standard], "reduce": ["passthrough"]},
        {"scale": [MinMaxScaler()], "reduce": ["passthrough"]},
        {"scale": [MaxAbsScaler()], "reduce": ["passthrough"]},
        {"scale": [standard], "reduce": [PCA(a, **eigen)]},
        {"scale": [standard], "reduce": [PCA(b, **eigen)]},
        {"scale": [standard], "reduce": [PCA(b, whiten=True, **eigen)]},
        {"scale": [standard], "reduce": [SelectKBest(f_classif, k=b)]},
        {"scale": [standard], "reduce": [SelectKBest(f_classif, k=a)]},
    ]


def grid(a, b, axis):
    """Return the eight stages times the settings of an axis of the head."""
    return [{**stage, **axis} for stage in stages(a, b)]
