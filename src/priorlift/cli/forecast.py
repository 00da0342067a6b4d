"""`priorlift forecast`: how many labels will be needed, before more are bought.

The table holds numbers (or categories, which are one-hot encoded) and a column of labels that may
be empty in most rows; see `priorlift.theory.forecasts`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.cli import options
from priorlift.cli.output import note, sentence, write_json, write_table
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.theory.forecast_result import Forecast, LabelsNeeded

RESULT, REPORT, FIGURE = "forecast.json", "report.html", "forecast"


def command(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="CSV, Parquet, or .npz with X, y and perhaps X_unlabelled."
        ),
    ],
    label: options.Label = None,
    unlabelled: Annotated[
        str | None,
        typer.Option("--unlabelled", metavar="FILE", help="A table of more rows without labels."),
    ] = None,
    n_grid: Annotated[
        str | None,
        typer.Option("--n-grid", metavar="A,B", help="Numbers of labels. [default: 20 to 5,000]"),
    ] = None,
    target_error: Annotated[
        float | None,
        typer.Option("--target-error", metavar="E", help="Say how many labels reach this error."),
    ] = None,
    groups: Annotated[
        str | None, typer.Option("--groups", metavar="COL", help="A column that is no feature.")
    ] = None,
    task: options.Task = None,
    seed: options.Seed = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Write result, figures and page into a folder."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say how many labels a head on these features will need."""
    grid = options.listed_numbers(n_grid, "--n-grid")
    if target_error is not None and not target_error > 0.0:
        raise InputError(f"is {target_error}", where="--target-error", remedy="an error above 0")
    everything, labelled, y = _read(table, label, unlabelled, groups, task)
    from priorlift.theory.forecast_labels import task_of
    from priorlift.theory.forecasts import N_GRID, forecast

    _check_target(target_error, task_of(y, task), y)
    note(f"forecast  {len(labelled)} labelled rows, {len(everything)} rows in all")
    alone = len(everything) == len(labelled)
    found = forecast(
        None if alone else everything,
        labelled,
        y,
        grid or N_GRID,
        task=task,
        random_state=seed or 0,
    )
    needed = {} if target_error is None else found.labels_needed(target_error)
    page = None if out is None else _write(found, target_error, needed, Path(out))
    if as_json:
        write_json({**_document(found, needed), "report": page})
        return
    _show(found, needed)
    if page:
        print(f"\nEverything is in {out}. Open the page: {page}")


def _check_target(target_error: float | None, task: str, y: Any) -> None:
    """Refuse an error that is reached without any label."""
    numeric = task == "regression" and y.dtype.kind in "fiu"
    most, what = (float(y.std()), "standard deviation of the labels") if numeric else (0.5, "")
    if target_error is not None and target_error >= most and (numeric or task != "regression"):
        raise InputError(
            f"is {target_error}",
            where="--target-error",
            remedy=f"an error between 0 and {most:.4g}" + (f", the {what}" if what else ""),
        )


def _read(
    path: str, label: str | None, unlabelled: str | None, groups: str | None, task: str | None
) -> tuple[Any, Any, Any]:
    """Return features of all rows, features of the labelled ones, and their labels."""
    if path.endswith(".npz"):
        for option, value in (("--label", label), ("--unlabelled", unlabelled)):
            if value is not None:
                raise InputError("goes with a table, not with .npz", where=option)
        return _arrays(Path(path))
    if not label:
        raise InputError("--label is not given", remedy="priorlift forecast TABLE --label COL")
    import numpy as np

    from priorlift.core import arrays, files
    from priorlift.encoders.table import TableEncoder
    from priorlift.pool import Target

    few = Target.read(path, label=label, groups=groups, task=task)
    if not few.labelled.any():
        raise InputError(f"no row has a value in {label!r}", where=path)
    parts = [few.X]
    if unlabelled is not None:
        more = files.read_table(Path(unlabelled))
        columns = arrays.column_names(few.X) or ()
        for column in columns:
            files.require_column(more, column, "feature", Path(unlabelled))
        parts.append(more.select(list(columns)))
    rows = arrays.stack_rows(parts)
    encoder = TableEncoder().fit(rows)
    everything = np.asarray(encoder.transform(rows))
    return everything, everything[: few.n_rows][few.labelled], few.y[few.labelled]


def _arrays(path: Path) -> tuple[Any, Any, Any]:
    """Read features and labels from a file of arrays, without pickle."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except Exception as error:
        raise InputError(
            "cannot be read as a file of arrays",
            where=str(path),
            cause=str(error),
            remedy='np.savez("file.npz", X=features, y=labels, X_unlabelled=more_features)',
        ) from error
    for name in ("X", "y"):
        if name not in found:
            raise InputError(
                f"holds no array {name!r}, only {', '.join(sorted(found)) or 'nothing'}",
                where=str(path),
            )
    X, y = found["X"], found["y"]
    if y.ndim != 1 or len(X) != len(y):
        raise InputError(f"X has shape {X.shape} and y {y.shape}", where=str(path))
    labelled = np.isfinite(y) if y.dtype.kind == "f" else np.ones(len(y), dtype=bool)
    more = found.get("X_unlabelled", X[:0])
    if more.shape[1:] != X.shape[1:]:
        raise InputError(f"X has shape {X.shape} and X_unlabelled {more.shape}", where=str(path))
    return np.concatenate([X, more]), X[labelled], y[labelled]


def _document(found: "Forecast", needed: dict[str, "LabelsNeeded"]) -> dict[str, Any]:
    answers = {
        name: {"target_error": one.target_error, "n": one.n, "reason": one.reason}
        for name, one in needed.items()
    }
    return {**json.loads(found.to_json()), "labels_needed": answers}


def _write(
    found: "Forecast",
    target_error: float | None,
    needed: dict[str, "LabelsNeeded"],
    folder: Path,
) -> str:
    """Write the result, the figure twice and the page; return the page's path."""
    import io

    from priorlift.plots.svg import to_svg
    from priorlift.report.forecast_page import forecast_figure, forecast_sentence
    from priorlift.report.page import write_forecast
    from priorlift.trials.files import write_atomic

    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps(_document(found, needed), indent=1, allow_nan=False)
    write_atomic(folder / RESULT, document.encode())
    figure = forecast_figure(found, target_error)
    said = forecast_sentence(found, needed)
    write_atomic(
        folder / f"{FIGURE}.svg",
        to_svg(figure, "Forecast error by number of labels", said).encode(),
    )
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150, facecolor="white")
    write_atomic(folder / f"{FIGURE}.png", png.getvalue())
    return str(write_forecast(found, folder / REPORT, target_error))


def _show(found: "Forecast", needed: dict[str, "LabelsNeeded"]) -> None:
    from priorlift.report.forecast_page import forecast_sentence, percent_off
    from priorlift.theory.forecast_check import error_text

    print(f"\n{forecast_sentence(found, needed)}\n")
    one = next(iter(found.maps.values()))
    header = ("labels", "error", "band", "C" if found.classes else "alpha")
    rows = [
        (
            f"{n:,}",
            error_text(error),
            f"{error_text(low)} to {error_text(high)}",
            f"{C if found.classes else 1.0 / C:.3g}",
        )
        for n, error, low, high, C in zip(one.n, one.error, one.low, one.high, one.C, strict=True)
    ]
    write_table(
        f"Forecast: {found.predicts}; {100 * found.level:g} % bands",
        header,
        rows,
        numbers=header,
        wrapped="band",
    )
    if one.check:
        titles = ("labels", "predicted", "observed", "std. error", "difference")
        write_table(
            "Real heads on held-out rows",
            titles,
            [
                (
                    f"{row.n:,}",
                    error_text(row.predicted),
                    error_text(row.observed),
                    error_text(row.standard_error),
                    percent_off(row.difference),
                )
                for row in one.check
            ],
            numbers=titles,
            wrapped="difference",
        )
    for warning in found.warnings:
        print(f"warning: {sentence(warning)}")
