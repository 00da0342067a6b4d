"""Expected labels saved: what theory says the target alone would need, past the last budget.

The measured number (`labels_saved`) ends at the study's largest budget: "more than 150". A forecast
from the target's own columns goes on: it says with how many labels a logistic head without sources
would err as little as transfer did. It is an expectation, never a verdict, and it is made from
training rows and unlabelled ones alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.encoders.table import TableEncoder
from priorlift.pool import Target
from priorlift.study.design import training_part
from priorlift.study.plan import StudyPlan
from priorlift.study.results import StudyResult
from priorlift.study.target_forecast import ExpectedSaved, TargetForecast
from priorlift.study.tasks import unlabelled_rows
from priorlift.theory.forecasts import forecast

GRID = np.geomspace(4.0, 1e6, 26)
N_BOOTSTRAP = 40
MOST_ROWS = 20_000
MOST_FEATURES = 1_000


def forecast_target(plan: StudyPlan, target: Target) -> TargetForecast:
    """Forecast the error of the target alone, from the rows that a study trains with.

    Parameters
    ----------
    plan : StudyPlan
        Of a study.
    target : Target
        Its target.

    Returns
    -------
    TargetForecast
        Without a curve, but with a reason, where theory cannot speak of this study: more than two
        classes, numbers, another metric, raw inputs, too many columns, or too few rows.

    Notes
    -----
    Some seconds. Labels come from the rows that training samples are drawn from (with
    cross-validation: the training part of the first fold), the covariance of the columns from these
    and from unlabelled rows; test rows are not looked at. Sample weights are not taken into
    account.
    """
    refusal = _refusal(plan, target)
    if refusal:
        return TargetForecast(reason=refusal)
    train, test = training_part(target, plan.design, plan.task)
    rng = np.random.default_rng(derive_seed(plan.seed, "forecast"))
    train, others = _few(train, rng), unlabelled_rows(target, test)
    rows = np.concatenate([train, _few(others, rng, MOST_ROWS - len(train))])
    try:
        features = _features(target, rows)
        labelled = features[: len(train)]
        grid = sorted({*np.round(GRID).astype(int).tolist(), *_budgets(plan)})
        seed = int(rng.integers(2**31))
        given = None if len(rows) == len(train) else features
        found = forecast(
            given, labelled, target.y[train], grid, n_bootstrap=N_BOOTSTRAP, random_state=seed
        )
    except InputError as refused:
        return TargetForecast(reason=str(refused).rstrip("."))
    one = found["features"]
    error, low, high = (_falling(curve) for curve in (one.error, one.low, one.high))
    return TargetForecast(
        one.n,
        error,
        low,
        high,
        found.level,
        one.floor,
        one.p,
        one.n_labelled,
        one.n_unlabelled,
        one.check,
        one.warnings,
    )


def expected_labels_saved(
    result: StudyResult,
) -> tuple[TargetForecast, tuple[ExpectedSaved, ...]]:
    """Return the forecast of the target's own columns, and what it says of each claim.

    Parameters
    ----------
    result : StudyResult
        A study of two classes that was judged by accuracy.

    Returns
    -------
    forecast : TargetForecast
        The study's own, or made now, where it has none. Its `warnings` belong to every number
        below.
    expected : tuple of ExpectedSaved
        One a claim and budget.

    Raises
    ------
    InputError
        There are more than two classes, another metric, or too few rows for a forecast.
    """
    found = result.forecast or forecast_target(result.plan, result.target)
    if found.reason:
        raise InputError(f"labels saved cannot be expected: {found.reason}")
    return found, replace(result, forecast=found).expected_saved


def _refusal(plan: StudyPlan, target: Target) -> str:
    """Return why theory does not speak of a study, or nothing."""
    if plan.task != "classification":
        return "the target's labels are numbers, and labels saved are expected for two classes"
    if len(plan.classes) != 2:
        return (
            f"the target has {len(plan.classes)} classes, and a forecast of more than two is of "
            "each against the rest, not of accuracy"
        )
    if plan.metric != "accuracy":
        return (
            f"the study was judged by {plan.metric_title}, and a forecast is of the share of errors"
        )
    if arrays.kind_of(target.X) == "raw":
        return "the target's inputs are raw, and a forecast takes columns of features"
    wide = arrays.n_columns(target.X)
    if wide is not None and wide > MOST_FEATURES:
        return (
            f"the target has {wide:,} columns, more than {MOST_FEATURES:,}: take fewer, leading "
            "principal components for example, with `priorlift forecast`"
        )
    return ""


def _features(target: Target, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    encoded = TableEncoder().fit_transform(arrays.take_rows(target.X, rows))
    dense: Any = encoded.toarray() if hasattr(encoded, "toarray") else encoded
    return np.asarray(dense, dtype=float)


def _few(
    rows: NDArray[np.intp], rng: np.random.Generator, most: int = MOST_ROWS
) -> NDArray[np.intp]:
    if len(rows) <= most:
        return rows
    return np.sort(rng.choice(rows, most, replace=False))


def _budgets(plan: StudyPlan) -> list[int]:
    return [n for n in plan.design.budgets if n >= 2]


def _falling(curve: tuple[float, ...]) -> tuple[float, ...]:
    values = np.minimum.accumulate(np.maximum(curve, 1e-6))
    return tuple(values.tolist())
