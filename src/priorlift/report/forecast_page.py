"""What the page of a forecast says: how many labels, with which features, and how surely."""

from typing import TYPE_CHECKING, Any

from priorlift.plots.forecasts import forecast_curves
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.theory.forecast_result import Forecast, LabelsNeeded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = {
    "classes": "Gaussian classes around their means",
    "field": "signs of a Gaussian field",
}


def forecast_context(forecast: Forecast, target: float | None = None) -> dict[str, Any]:
    """Return what the template of a forecast's page needs."""
    needed = {} if target is None else forecast.labels_needed(target)
    sentence = forecast_sentence(forecast, needed)
    return {
        "title": f"Forecast: {sentence}",
        "sentence": numbers.minus(sentence),
        "predicts": forecast.predicts,
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
                f"{which} the error falls from {one.error[0]:.3f} with {one.n[0]:,} labels to "
                f"{one.error[-1]:.3f} with {one.n[-1]:,}; its floor is {one.floor:.3f}."
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
    return Table(
        "curves",
        "Forecast error by number of labels",
        [
            Column("Features", heads=True),
            Column("Labels", "number"),
            Column("Error", "number"),
            Column("C of LogisticRegression", "number"),
        ],
        [
            [
                Cell(name),
                number(f"{n:,}", n),
                number(f"{error:.3f}", error, f"{low:.3f} to {high:.3f}"),
                number(f"{C:.3g}", C),
            ]
            for name, one in forecast.maps.items()
            for n, error, low, high, C in zip(
                one.n, one.error, one.low, one.high, one.C, strict=True
            )
        ],
    )


def _check(forecast: Forecast) -> Table | None:
    rows = [
        [
            Cell(name),
            number(f"{row.n:,}", row.n),
            number(f"{row.predicted:.3f}", row.predicted),
            number(f"{row.observed:.3f}", row.observed, f"± {row.standard_error:.3f}"),
            number(numbers.minus(f"{100 * row.difference:+.0f} %"), row.difference),
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
            number(f"{one.floor:.3f}", one.floor),
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
