"""What the page of a forecast says: how many labels, with which features, and how surely."""

from typing import TYPE_CHECKING, Any

from priorlift.plots.forecasts import forecast_curves
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.theory.forecast_check import error_text
from priorlift.theory.forecast_result import Forecast, LabelsNeeded
from priorlift.theory.top_class import TopClass

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = {
    "classes": "Gaussian classes around their means",
    "field": "signs of a Gaussian field",
    "linear": "a linear part of a number, and a rest",
}


def forecast_context(forecast: Forecast, target: float | None = None) -> dict[str, Any]:
    """Return what the template of a forecast's page needs."""
    needed = {} if target is None else forecast.labels_needed(target)
    sentence = forecast_sentence(forecast, needed)
    return {
        "title": f"Forecast: {sentence}",
        "sentence": numbers.minus(sentence),
        "predicts": forecast.predicts,
        "heads": "logistic heads" if forecast.classes else "ridge heads",
        "regulariser": "C is" if forecast.classes else "Alpha is",
        "warnings": list(forecast.warnings),
        "plot": forecast_plot(forecast, target),
        "curves": _curves(forecast),
        "check": _check(forecast),
        "maps": _maps(forecast, needed),
        "level": numbers.percent(forecast.level),
    }


def forecast_sentence(forecast: Forecast, needed: dict[str, LabelsNeeded]) -> str:
    """Return the answer in one sentence for each feature map."""
    said = []
    for name, one in forecast.maps.items():
        which = f"With {name}" if len(forecast.maps) > 1 else "With these features"
        if name in needed:
            answer = needed[name]
            said.append(
                f"{which} an error of {answer.target_error:g} takes about {answer.n:,} labels."
                if answer.n is not None
                else f"{which} an error of {answer.target_error:g} cannot be reached: "
                f"{answer.reason}."
            )
        else:
            said.append(
                f"{which} the error falls from {error_text(one.error[0])} with {one.n[0]:,} labels "
                f"to {error_text(one.error[-1])} with {one.n[-1]:,}; its floor is "
                f"{error_text(one.floor)}."
            )
    return " ".join(said)


def forecast_figure(forecast: Forecast, target: float | None = None) -> "Figure":
    """Return the figure of the curves."""
    maps = forecast.maps
    return forecast_curves(
        {name: (one.n, one.error, one.low, one.high) for name, one in maps.items()},
        {name: one.floor for name, one in maps.items()},
        {
            name: (
                [row.n for row in one.check],
                [row.observed for row in one.check],
                [row.standard_error for row in one.check],
            )
            for name, one in maps.items()
        },
        target=target,
        level=forecast.level,
        quantity="error" if forecast.classes else "root of the mean squared error",
    )


def forecast_plot(forecast: Forecast, target: float | None = None) -> Plot:
    """Return the figure as it stands on the page."""
    return plot(
        forecast_figure(forecast, target),
        "Forecast error by number of labels",
        forecast_sentence(forecast, {}),
        "Lines: forecasts with the best regulariser, bands: what is uncertain because labels are "
        "few. Points: real heads on held-out rows, with standard errors. Dotted: floors.",
    )


def _curves(forecast: Forecast) -> Table:
    several = any(one.top_class for one in forecast.maps.values())
    return Table(
        "curves",
        "Forecast error by number of labels",
        [
            Column("Features", heads=True),
            Column("Labels", "number"),
            Column("Error", "number"),
            *([Column("Rows with a wrong class", "number")] if several else ()),
            Column("C of LogisticRegression" if forecast.classes else "alpha of Ridge", "number"),
        ],
        [
            [
                Cell(name),
                number(f"{n:,}", n),
                _with_band(one.error[i], one.low[i], one.high[i]),
                *([_wrong_class(one.top_class, i)] if several else ()),
                _regulariser(forecast, one.C[i]),
            ]
            for name, one in forecast.maps.items()
            for i, n in enumerate(one.n)
        ],
    )


def _with_band(error: float, low: float, high: float) -> Cell:
    return number(error_text(error), error, f"{error_text(low)} to {error_text(high)}")


def _wrong_class(top: TopClass | None, place: int) -> Cell:
    if top is None:
        return number(numbers.NONE, None)
    return _with_band(top.error[place], top.low[place], top.high[place])


def _regulariser(forecast: Forecast, C: float) -> Cell:
    value = C if forecast.classes else 1.0 / C
    return number(f"{value:.3g}", value)


def _check(forecast: Forecast) -> Table | None:
    rows = [
        [
            Cell(name),
            number(f"{row.n:,}", row.n),
            number(error_text(row.predicted), row.predicted),
            number(error_text(row.observed), row.observed, f"± {error_text(row.standard_error)}"),
            number(numbers.minus(percent_off(row.difference)), row.difference),
        ]
        for name, one in forecast.maps.items()
        for row in one.check
    ]
    if not rows:
        return None
    columns = [
        Column("Features", heads=True),
        *(Column(title, "number") for title in ("Labels", "Predicted", "Observed", "Difference")),
    ]
    return Table("check", "Predicted beside observed on held-out rows", columns, rows)


def percent_off(difference: float) -> str:
    """Return how far a prediction was off, in whole percent.

    Examples
    --------
    >>> percent_off(0.172), percent_off(-0.001)
    ('+17 %', '0 %')
    """
    whole = round(100 * difference)
    return f"{whole:+d} %" if whole else "0 %"


def _maps(forecast: Forecast, needed: dict[str, LabelsNeeded]) -> Table:
    columns = [
        Column("Features", heads=True),
        *(Column(title, "number") for title in ("Width", "Floor", "R² of the labels")),
        Column("Taken for"),
        *(Column(title, "number") for title in ("Rows", "Labelled rows")),
        *([Column("Labels needed", "number")] if needed else ()),
    ]
    rows = [
        [
            Cell(name),
            number(f"{one.p:,}", one.p),
            number(error_text(one.floor), one.floor),
            number(f"{one.reach:.3f}", one.reach, f"{one.reach_low:.3f} to {one.reach_high:.3f}"),
            Cell(PICTURES[one.picture]),
            number(f"{one.n_unlabelled:,}", one.n_unlabelled),
            number(f"{one.n_labelled:,}", one.n_labelled),
            *([_needed_cell(needed[name])] if needed else ()),
        ]
        for name, one in forecast.maps.items()
    ]
    return Table("maps", "The feature maps", columns, rows)


def _needed_cell(answer: LabelsNeeded) -> Cell:
    return number("unreachable" if answer.n is None else f"{answer.n:,}", answer.n)
