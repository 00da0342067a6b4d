"""Expected labels saved: what theory says the target alone would need, past the last budget.

The measured number (`labels_saved`) ends at the study's largest budget: "more than 150". A forecast
from the target's own columns goes on: it says with how many labels a logistic head without sources
would err as little as transfer did. It is an expectation, never a verdict.
"""

from dataclasses import dataclass

import numpy as np

from priorlift.core.errors import InputError
from priorlift.encoders.table import TableEncoder
from priorlift.study.results import StudyResult
from priorlift.theory import Forecast, forecast


@dataclass(frozen=True)
class ExpectedSaved:
    """Labels that transfer is expected to save, by one claim.

    Attributes
    ----------
    sources, method : str
        The claim.
    budget : int
        Labels that it was given: the largest budget.
    error : float
        What it reached there.
    needed : int or None
        Labels that a logistic head on the target's own columns is expected to need for it; None
        where it never gets there.
    saved : int or None
        needed - budget.
    reason : str
        Why there is no number, or empty.
    """

    sources: str
    method: str
    budget: int
    error: float
    needed: int | None
    saved: int | None
    reason: str


def expected_labels_saved(
    result: StudyResult, *, found: Forecast | None = None, random_state: int = 0
) -> tuple[Forecast, tuple[ExpectedSaved, ...]]:
    """Return the forecast of the target's own columns, and what it says of each claim.

    Parameters
    ----------
    result : StudyResult
        A study of two classes that was judged by accuracy.
    found : Forecast, optional
        What an earlier call returned, to save its seconds.
    random_state : int
        Seed of the forecast.

    Returns
    -------
    forecast : Forecast
        Its `warnings` belong to every number below.
    expected : tuple of ExpectedSaved
        One a claim.

    Raises
    ------
    InputError
        There are more than two classes, another metric, or too few rows for a forecast.

    Notes
    -----
    Some seconds. All labelled rows of the target are used, those too that judged the study.
    """
    target, metric = result.target, result.plan.metric
    y = target.y[target.labelled]
    if result.plan.task != "classification" or len(np.unique(y)) != 2:
        raise InputError(
            "labels saved can be expected for two classes alone",
            cause="forecasts of several classes are one versus the rest, and no accuracy",
        )
    if metric != "accuracy":
        raise InputError(
            f"the study was judged by {metric}, a forecast is of the share of errors",
            remedy='run it with metric="accuracy"',
        )
    if found is None:
        rows = np.asarray(TableEncoder().fit_transform(target.X), dtype=float)
        unlabelled = None if target.labelled.all() else rows
        found = forecast(unlabelled, rows[target.labelled], y, random_state=random_state)
    largest = max(point.budget for point in result.curves)
    scores = {(p.sources, p.method): p.score for p in result.curves if p.budget == largest}
    expected = []
    for verdict in result.verdicts:
        score = scores.get((verdict.sources, verdict.method))
        if score is not None:
            claim = (verdict.sources, verdict.method, largest, 1.0 - score)
            expected.append(_expected(found, *claim))
    return found, tuple(expected)


def _expected(
    found: Forecast, sources: str, method: str, budget: int, error: float
) -> ExpectedSaved:
    if not 0.0 < error < 0.5:
        reason = f"an error of {error:.3f} is none that a forecast can be asked for"
        return ExpectedSaved(sources, method, budget, error, None, None, reason)
    answer = found["features"].labels_needed(error)
    saved = None if answer.n is None else answer.n - budget
    return ExpectedSaved(sources, method, budget, error, answer.n, saved, answer.reason)
