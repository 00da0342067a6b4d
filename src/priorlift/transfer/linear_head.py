"""A linear model on features, with its penalty chosen by inner validation on the target.

The same as a cross-validated search over penalties, on splits that respect groups; the penalties
of one split are fitted one after another, each from where the last one ended.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.pool import Task
from priorlift.ranking.inner_validation import Split
from priorlift.transfer.losses import row_losses

STRENGTHS = (0.001, 0.01, 0.1, 1.0)
WITHOUT_VALIDATION = 0.1


def fit_linear_head(
    features: NDArray[np.float64],
    y: NDArray[np.generic],
    sample_weight: NDArray[np.float64],
    task: Task,
    splits: list[Split],
) -> Pipeline:
    """Fit scaling and a logistic or ridge regression, the penalty chosen by mean validated loss.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        Features of the target's rows.
    y : ndarray of shape (n,)
        Their labels.
    sample_weight : ndarray of shape (n,)
        Their weights, in fits and in the mean.
    task : {"classification", "regression"}
        Log-loss and logistic regression, or squared error and ridge regression.
    splits : list of (train, test) index arrays
        For the choice; without any, the inverse penalty is 0.1.

    Returns
    -------
    Pipeline
        A `StandardScaler` and the linear model.
    """
    strength = WITHOUT_VALIDATION
    if splits:
        losses = [_path(features, y, sample_weight, task, *split) for split in splits]
        weight = np.concatenate([sample_weight[test] for _, test in splits])
        means = np.average(np.concatenate(losses, axis=1), axis=1, weights=weight)
        strength = STRENGTHS[int(np.argmin(means))]
    head = make_pipeline(StandardScaler(), _linear(strength, task))
    scaled = head[0].fit(features, sample_weight=sample_weight).transform(features)
    head[1].fit(scaled, y, sample_weight=sample_weight)
    return head


def _path(
    features: NDArray[np.float64],
    y: NDArray[np.generic],
    sample_weight: NDArray[np.float64],
    task: Task,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the losses of a split's test rows, shape (penalties, rows)."""
    weight = sample_weight[train]
    scaler = StandardScaler().fit(features[train], sample_weight=weight)
    X_train, X_test = scaler.transform(features[train]), scaler.transform(features[test])
    model = _linear(STRENGTHS[0], task)
    if task == "classification":
        model.set_params(warm_start=True)
    losses = []
    for strength in STRENGTHS:
        model.set_params(**_penalty(strength, task)).fit(X_train, y[train], sample_weight=weight)
        losses.append(row_losses(model, X_test, y[test], task))
    return np.stack(losses)


def _linear(strength: float, task: Task) -> LogisticRegression | Ridge:
    if task == "classification":
        return LogisticRegression(max_iter=300, **_penalty(strength, task))
    return Ridge(**_penalty(strength, task))


def _penalty(strength: float, task: Task) -> dict[str, float]:
    return {"C": strength} if task == "classification" else {"alpha": 1.0 / strength}
