"""Expected labels saved: what theory says the target alone would need, past the last budget.

The measured number (`labels_saved`) ends at the study's largest budget: "more than 150". A forecast
from the target's own columns goes on: it says with how many labels a logistic head without sources
would err as little as transfer did; several classes have a head each, and the highest score
decides. It is an expectation, never a verdict, and it is made from
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
from priorlift.theory.forecast_check import check_cautions
from priorlift.theory.forecast_result import MapForecast
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
        Without a curve, but with a reason, where theory cannot speak of this study: numbers,
        another metric, raw inputs, too many columns, or too few rows.

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
        enough = GRID[2 * len(plan.classes) <= GRID]
        grid = sorted({*np.round(enough).astype(int).tolist(), *_budgets(plan)})
        seed = int(rng.integers(2**31))
        given = None if len(rows) == len(train) else features
        found = forecast(
            given, labelled, target.y[train], grid, n_bootstrap=N_BOOTSTRAP, random_state=seed
        )
    except InputError as refused:
        return TargetForecast(reason=str(refused).rstrip("."))
    one = found["features"]
    several = len(plan.classes) > 2
    if several and one.top_class is None:
        return TargetForecast(
            reason=f"{len(train)} labelled rows are too few to hold some of each class out, which "
            "tells how errors of several heads become wrong classes"
        )
    said = one.top_class if several and one.top_class else one
    error, low, high = (_falling(curve) for curve in (said.error, said.low, said.high))
    return TargetForecast(
        one.n,
        error,
        low,
        high,
        found.level,
        said.floor,
        one.p,
        one.n_labelled,
        one.n_unlabelled,
        said.check,
        _warnings(one),
        n_heads=len(plan.classes) if several else 1,
    )


def expected_labels_saved(
    result: StudyResult,
) -> tuple[TargetForecast, tuple[ExpectedSaved, ...]]:
    """Return the forecast of the target's own columns, and what it says of each claim.

    Parameters
    ----------
    result : StudyResult
        A study of classes that was judged by accuracy.

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
        There are numbers for labels, another metric, or too few rows for a forecast.
    """
    found = result.forecast or forecast_target(result.plan, result.target)
    if found.reason:
        raise InputError(f"labels saved cannot be expected: {found.reason}")
    return found, replace(result, forecast=found).expected_saved


def _refusal(plan: StudyPlan, target: Target) -> str:
    """Return why theory does not speak of a study, or nothing."""
    if plan.task != "classification":
        return "the target's labels are numbers, and labels saved are expected for classes"
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


def _warnings(one: MapForecast) -> tuple[str, ...]:
    """Return what to be careful about; of several classes by the check of wrong classes."""
    if one.top_class is None:
        return one.warnings
    apart = check_cautions(one.check)
    return (*(text for text in one.warnings if text not in apart), *one.top_class.warnings)


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
