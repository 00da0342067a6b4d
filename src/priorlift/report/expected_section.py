"""The forecast on a study's page: labels that transfer is expected to save, beside the measured."""

from typing import Any

from priorlift.plots.forecasts import forecast_curves
from priorlift.report import numbers
from priorlift.report.curves_section import saved_text
from priorlift.report.figures import Plot, plot
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.study.expected_sentence import band, expected_sentence, forecast_cautions
from priorlift.study.labels_saved import LabelsSaved
from priorlift.study.results import StudyResult
from priorlift.study.target_forecast import ExpectedSaved, TargetForecast

_SHOWN = 100_000
_FIRST = 4


def expected_section(result: StudyResult) -> dict[str, Any] | None:
    """Return what the page says of the forecast; None where none was asked for."""
    found = result.forecast
    if found is None:
        return None
    said: dict[str, Any] = {"sentence": numbers.minus(expected_sentence(result))}
    if found.reason:
        return {**said, "plot": None}
    return {
        **said,
        "level": numbers.percent(found.level),
        "rows": numbers.count(found.n_labelled, "labelled row"),
        "all_rows": f"{found.n_rows:,}",
        "columns": numbers.count(found.n_features, "column"),
        "learner": found.learner
        + (
            ""
            if found.n_heads == 1
            else ", one for each class, of which the highest score decides,"
        ),
        "folds": result.plan.design.n_folds > 1,
        "floor": f"{found.floor:.3f}",
        "warnings": list(forecast_cautions(result)),
        "plot": _plot(result, found),
        "claims": _claims(result, found),
        "curve": _curve(result, found),
        "check": _check(found),
    }


def _reference(result: StudyResult) -> dict[int, float]:
    """Return the errors that were measured without sources, by budget."""
    return {
        point.budget: 1.0 - point.score
        for point in result.curves
        if point.method == result.plan.reference and point.budget >= 2
    }


def _plot(result: StudyResult, found: TargetForecast) -> Plot:
    shown = [place for place, n in enumerate(found.n) if _FIRST <= n <= _SHOWN]
    error, low, high = ([c[i] for i in shown] for c in (found.error, found.low, found.high))
    measured = _reference(result)
    name = "target alone"
    figure = forecast_curves(
        {name: ([found.n[i] for i in shown], error, low, high)},
        {name: found.floor},
        {name: (list(measured), list(measured.values()), [0.0] * len(measured))},
        level=found.level,
    )
    ends = f"{found.error[shown[0]]:.3f} with {found.n[shown[0]]:,} labels to "
    ends += f"{found.error[shown[-1]]:.3f} with {found.n[shown[-1]]:,}"
    return plot(
        figure,
        "Forecast error of the target alone by number of labels",
        f"The expected error without sources falls from {ends}.",
        f"Line: forecast for {found.learner} on the columns of the target, with its band. Points: "
        f"what {result.plan.reference} measured in this study. Dotted: with endless labels.",
    )


def _claims(result: StudyResult, found: TargetForecast) -> Table:
    measured = {(s.sources, s.method, s.labels.budget): s.labels for s in result.labels_saved}
    columns = [
        Column("Method", heads=True),
        Column("Sources", heads=True),
        *(
            Column(title, "number")
            for title in (
                "Labels",
                "Error with sources",
                "Needed without, expected",
                "Labels saved, expected",
                "Labels saved, measured",
            )
        ),
    ]
    rows = [
        [
            Cell(one.method),
            Cell(one.sources),
            number(f"{one.budget:,}", one.budget),
            number(f"{one.error:.3f}", one.error),
            _needed_cell(one, found),
            _saved_cell(one, found),
            _measured_cell(measured.get((one.sources, one.method, one.budget))),
        ]
        for one in result.expected_saved
    ]
    caption = (
        "Labels saved, expected beside measured; small print: "
        f"{numbers.percent(found.level)} band of the forecast"
    )
    return Table("expected-table", caption, columns, rows)


def _needed_cell(one: ExpectedSaved, found: TargetForecast) -> Cell:
    text = _endless(one, found) if one.needed is None else f"{one.needed:,}"
    if one.needed is not None and one.needed <= found.n[0]:
        text = f"at most {text}"
    return number(text, one.needed, band(one, found.most))


def _saved_cell(one: ExpectedSaved, found: TargetForecast) -> Cell:
    if one.saved is None:
        return number(_endless(one, found), None)
    return number(numbers.minus(f"{one.saved:,}"), one.saved)


def _endless(one: ExpectedSaved, found: TargetForecast) -> str:
    return "never" if one.error <= found.floor else f"more than {found.most:,}"


def _measured_cell(labels: LabelsSaved | None) -> Cell:
    if labels is None:
        return number(numbers.NONE, None)
    return number(saved_text(labels), labels.saved)


def _curve(result: StudyResult, found: TargetForecast) -> Table:
    measured = _reference(result)
    shown = sorted({*measured, *(n for n in found.n if _FIRST <= n <= _SHOWN)})
    rows = []
    for n in shown:
        error, low, high = found.at(n)
        rows.append(
            [
                number(f"{n:,}", n),
                number(f"{error:.3f}", error, f"{low:.3f} to {high:.3f}"),
                number(f"{measured[n]:.3f}", measured[n])
                if n in measured
                else number(numbers.NONE, None),
            ]
        )
    columns = [
        Column("Labels", "number", heads=True),
        Column("Expected error", "number"),
        Column(f"Measured, {result.plan.reference}", "number"),
    ]
    return Table("expected-curve", "Expected error of the target alone", columns, rows)


def _check(found: TargetForecast) -> Table | None:
    if not found.check:
        return None
    titles = ("Labels", "Predicted", "Observed", "Difference")
    rows = [
        [
            number(f"{row.n:,}", row.n),
            number(f"{row.predicted:.3f}", row.predicted),
            number(f"{row.observed:.3f}", row.observed, f"± {row.standard_error:.3f}"),
            number(numbers.minus(f"{100 * row.difference:+.0f} %"), row.difference),
        ]
        for row in found.check
    ]
    caption = "The check: real logistic heads, judged by training rows that were held out"
    columns = [Column(title, "number", heads=title == "Labels") for title in titles]
    return Table("expected-check", caption, columns, rows)
