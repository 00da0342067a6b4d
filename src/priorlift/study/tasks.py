"""The task function of a study: fit one arm on one split and score it on the split's test rows.

Everything that it does follows from the trial's parameters, so it gives the same outcome in any
process.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning

from priorlift.core import arrays
from priorlift.core.seeds import derive_seed
from priorlift.pool import SourcePool, Target, Task, align_source
from priorlift.study.design import Design, Split, split_rows
from priorlift.study.metrics import METRICS, Metric, predict_for
from priorlift.transfer.base import TransferEstimator
from priorlift.transfer.routing import fit_params
from priorlift.trials.context import Context
from priorlift.trials.outcome import Outcome
from priorlift.trials.trial import Trial


def fit_and_score(trial: Trial, context: Context) -> Outcome:
    """Fit one arm on one split and score it.

    Parameters
    ----------
    trial : Trial
        Made by `StudyPlan.trial`.
    context : Context
        Its store holds target and sources; `extras["methods"]` the unfitted estimators,
        `extras["names"]` the sources' names by fingerprint.

    Returns
    -------
    Outcome
        Values `score`, `seed`, `n_train`, `n_test`, hashes of the rows and a `note`; arrays `test`
        (row numbers) and `rows` (the score of each test row) or `prediction`.
    """
    params = trial.params
    design = Design(
        **{**params["design"], "budgets": tuple(params["design"]["budgets"]), "reason": ""}
    )
    target = context.store.target(params["target"])
    names = context.extras["names"]
    sources = SourcePool([context.store.source(f, name=names[f]) for f in params["sources"]])
    train, test = split_rows(target, design, params["task"], Split(**params["split"]))
    seed = derive_seed(context.seed, trial.hash)
    estimator = seeded(context.extras["methods"][params["method"]], seed)
    return outcome_of(estimator, seed, target, sources, train, test, METRICS[params["metric"]])


def outcome_of(
    estimator: TransferEstimator,
    seed: int,
    target: Target,
    sources: SourcePool,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    metric: Metric,
) -> Outcome:
    """Fit an estimator on training rows of a target and score it on test rows.

    Parameters
    ----------
    estimator : TransferEstimator
        Fitted in place.
    seed : int
        For the record.
    target : Target
        The target.
    sources : SourcePool
        Empty for a baseline.
    train, test : ndarray of int
        Rows of the target; without training rows the sources stand in.
    metric : Metric
        What is scored.
    """
    classes = (
        np.unique(target.y[target.labelled]) if metric.task == "classification" else np.array([])
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if len(train):
            note, model = fit_arm(estimator, target, train, test, sources)
        else:
            note, model = _fit_without_labels(estimator, target, test, sources, metric.task)
        prediction = predict_for(metric, model, arrays.take_rows(target.X, test), classes)
    return _outcome(metric, target, classes, prediction, train, test, seed, note)


def seeded(estimator: TransferEstimator, seed: int) -> TransferEstimator:
    """Return an unfitted copy that is seeded, unless the user has seeded it."""
    model: TransferEstimator = clone(estimator)
    if model.random_state is None:
        model.set_params(random_state=seed)
    return model


def fit_arm(
    estimator: TransferEstimator,
    target: Target,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    sources: SourcePool,
) -> tuple[str | None, Any]:
    """Fit an estimator on training rows of the target, with sources where there are any.

    Parameters
    ----------
    estimator : TransferEstimator
        Fitted in place.
    target : Target
        The target.
    train, test : ndarray of int
        Its training rows, and the rows that will judge the fit.
    sources : SourcePool
        Empty for a baseline.

    Returns
    -------
    note : str or None
        What an estimator that chooses among sources has decided.
    estimator : TransferEstimator
        Fitted.
    """
    rows, y = train, target.y
    if estimator.transfer_tags.unlabelled_rows:
        rows = np.concatenate([train, unlabelled_rows(target, test)])
        y = _with_missing_labels(target)
    weight = None if target.sample_weight is None else target.sample_weight[rows]
    routed = fit_params(
        estimator,
        sources=sources if sources.n_sources else None,
        groups=None if target.groups is None else target.groups[rows],
    )
    estimator.fit(arrays.take_rows(target.X, rows), y[rows], sample_weight=weight, **routed)
    decision = getattr(estimator, "decision_", None)
    return (None if decision is None else str(decision)), estimator


def unlabelled_rows(target: Target, test: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the unlabelled rows of a target, but none of a group that is judged.

    Parameters
    ----------
    target : Target
        The target.
    test : ndarray of int
        The rows that judge.
    """
    unlabelled = ~target.labelled
    if target.groups is not None:
        unlabelled = unlabelled & ~np.isin(target.groups, target.groups[test])
    return np.flatnonzero(unlabelled)


def _with_missing_labels(target: Target) -> NDArray[Any]:
    """Return y with one sign for a missing label, whatever value stands for it in the target."""
    if target.unlabeled is None:
        return np.asarray(target.y)
    y = target.y.astype(object)
    y[~target.labelled] = None
    return np.asarray(y)


def _fit_without_labels(
    estimator: TransferEstimator,
    target: Target,
    test: NDArray[np.intp],
    sources: SourcePool,
    task: Task,
) -> tuple[str, Any]:
    """At budget 0 the sources stand in for the target; the baseline is the dummy of the prior."""
    if sources.n_sources:
        first, *others = sources.by_fingerprint()
        usable = first.labelled
        if task == "classification":
            usable = usable & np.isin(first.y, np.unique(target.y[target.labelled]))
        aligned = align_source(first, target.columns, arrays.n_columns(target.X))
        X = arrays.take_rows(aligned.X, usable)
        return "no target label: the first source stands in", estimator.fit(
            X, first.y[usable], sources=SourcePool(others)
        )
    others_than_test = np.setdiff1d(np.flatnonzero(target.labelled), test)
    y = target.y[others_than_test]
    dummy = DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()
    return "prior dummy", dummy.fit(np.zeros((len(y), 1)), y)


def _outcome(
    metric: Metric,
    target: Target,
    classes: NDArray[Any],
    prediction: NDArray[Any],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    seed: int,
    note: str | None,
) -> Outcome:
    truth = target.y[test]
    y = np.searchsorted(classes, truth) if metric.task == "classification" else truth.astype(float)
    stored: dict[str, NDArray[Any]] = {"test": test.astype(np.int64)}
    if metric.rows is not None:
        stored["rows"] = metric.rows(y, prediction)
        score = float(stored["rows"].mean())
    else:
        stored["prediction"] = prediction
        score = _whole(metric, y, prediction)
    values = {
        "score": score if np.isfinite(score) else None,
        "seed": seed,
        "n_train": len(train),
        "n_test": len(test),
        "train_rows": arrays.fingerprint(train),
        "test_rows": arrays.fingerprint(test),
        "note": note,
    }
    return Outcome(values, stored)


def _whole(metric: Metric, y: NDArray[Any], prediction: NDArray[Any]) -> float:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return metric.whole(y, prediction)
    except ValueError:
        # A score such as the area under the ROC curve is undefined on a test fold of one class.
        return float("nan")
