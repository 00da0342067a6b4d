"""Last steps whose settings share work: neighbours, discriminants, components, ensembles."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sweeps import data, rows

_TWO = {"head__alpha": [1.0, 100.0]}


def run(mode):
    full = mode == "full"
    X, y, _, _ = data.digits()
    if not full:
        X, y = X[:900], y[:900]
    scaled = [("scale", StandardScaler())]
    return [
        _ten_times(
            "k nearest neighbours, 30 numbers of neighbours",
            Pipeline([*scaled, ("head", KNeighborsClassifier())]),
            {"head__n_neighbors": list(range(1, 31))},
            X,
            y,
            full,
        ),
        _ten_times(
            "linear discriminant analysis, 20 shrinkages",
            Pipeline([*scaled, ("head", LinearDiscriminantAnalysis(solver="lsqr"))]),
            {"head__shrinkage": np.linspace(0.05, 1.0, 20)},
            X,
            y,
            full,
        ),
        _ten_times(
            "PCA, 40 numbers of components, ridge with 2 alphas",
            Pipeline([*scaled, ("reduce", PCA(svd_solver="full")), ("head", RidgeClassifier())]),
            {"reduce__n_components": list(range(2, 62, 3 if not full else 1))[:40], **_TWO},
            X,
            y,
            full,
        ),
        _ten_times(
            "gradient boosting, 15 numbers of rounds",
            GradientBoostingClassifier(random_state=0, max_depth=2, max_features="sqrt"),
            {"n_estimators": list(range(2, 32, 2))},
            X,
            y,
            full,
            goal=5,
        ),
        _ten_times(
            "random forest, 15 numbers of trees",
            RandomForestClassifier(random_state=0),
            {"n_estimators": list(range(4, 64, 4))},
            X,
            y,
            full,
            goal=5,
        ),
    ]


def _ten_times(name, model, grid, X, y, full, goal=10):
    return rows.matched(
        name,
        model,
        grid,
        X,
        y,
        cv=data.folds(),
        goal=f"at least {goal} times less CPU",
        reached=lambda ratio: ratio >= goal,
        repeats=3 if full else 1,
    )
