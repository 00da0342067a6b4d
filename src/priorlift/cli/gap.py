"""`priorlift gap`: which source is likely to hurt, and which of its rows.

For one estimator, a model of each source and one of the target are judged on each other's rows; see
`priorlift.performance_gap`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.cli import options
from priorlift.cli.output import note, number, sentence, write_json, write_table
from priorlift.cli.progress import progress
from priorlift.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from priorlift.pool import Target
    from priorlift.ranking.gap.result import GapResult

RESULT, ROWS, REPORT = "gaps.json", "rows.csv", "report.html"
N_SPLITS = 3
CLASSIFIERS = ("logistic", "forest", "boosting", "neighbours")
REGRESSORS = ("ridge", "forest", "boosting", "neighbours")


def command(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The target's table.")],
    label: options.Label = None,
    sources: options.Sources = None,
    cut_by: options.CutBy = None,
    estimator: Annotated[
        str | None,
        typer.Option(
            "--estimator",
            help="logistic (or ridge), forest, boosting, neighbours. [default: the first]",
        ),
    ] = None,
    permutations: Annotated[
        int, typer.Option("--permutations", min=0, metavar="N", help="Behind each p-value.")
    ] = 200,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, metavar="N", help="How often folds are drawn.")
    ] = 1,
    matched_size: Annotated[
        bool,
        typer.Option(
            "--matched-size", help="Let the source's model learn from as few rows as the target's."
        ),
    ] = False,
    top_rows: Annotated[
        int,
        typer.Option("--top-rows", min=0, metavar="N", help="Source rows to show that hurt most."),
    ] = 10,
    groups: options.Groups = None,
    task: options.Task = None,
    seed: options.Seed = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="FILE", help="Write a page, too.")
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Write result, rows and page into a folder."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say which sources are likely to hurt, and list the rows that do."""
    wanted = ((label, "--label", "COL"), (sources or cut_by, "--sources", "DIR"))
    for value, option, metavar in wanted:
        if not value:
            raise InputError(
                f"{option} is not given", remedy=f"priorlift gap TARGET {option} {metavar}"
            )
    options.known_task(task)
    from priorlift.cli.tables import read_task

    few, pool = read_task(
        target,
        None if cut_by else sources,
        cut_by,
        label=str(label),
        groups=groups,
        task=task,
    )
    model = _estimator(estimator, few)
    from priorlift.ranking.gap.performance import performance_gap

    note(f"gaps  {pool.n_sources} sources, {permutations} permutations each")
    fits = 2 * N_SPLITS * repeats
    with progress() as shown:
        result = performance_gap(
            model,
            few.X,
            few.y,
            pool,
            groups=few.groups,
            task=few.task,
            n_splits=N_SPLITS,
            n_repeats=repeats,
            matched_size=matched_size,
            n_permutations=permutations,
            random_state=seed or 0,
            progress=lambda done, total: shown(fits * done, fits * total),
        )
    if not result.rows:
        reasons = "; ".join(f"{name}: {why}" for name, why in result.skipped.items())
        raise InputError(f"no source can be measured for {few.name}: {reasons}")
    written = _write(result, out, report)
    if as_json:
        write_json({**json.loads(result.to_json()), "report": written})
        return
    _show(result, top_rows, None if cut_by else sources)
    if written:
        print(f"\nOpen the page: {written}")


def _estimator(name: str | None, few: "Target") -> Any:
    """Return the estimator of a name; the first of its task by default."""
    known = REGRESSORS if few.task == "regression" else CLASSIFIERS
    name = name or known[0]
    if name not in known:
        if name in CLASSIFIERS + REGRESSORS:
            raise InputError(
                f"{name} is not made for a {few.task}",
                where="--estimator",
                remedy=f"one of {', '.join(known)}",
            )
        raise UnknownNameError("estimator", name, known)
    from sklearn import ensemble, linear_model, neighbors

    if few.task == "regression":
        return {
            "ridge": linear_model.Ridge(),
            "forest": ensemble.RandomForestRegressor(),
            "boosting": ensemble.HistGradientBoostingRegressor(),
            "neighbours": neighbors.KNeighborsRegressor(),
        }[name]
    return {
        "logistic": linear_model.LogisticRegression(max_iter=1000),
        "forest": ensemble.RandomForestClassifier(),
        "boosting": ensemble.HistGradientBoostingClassifier(),
        "neighbours": neighbors.KNeighborsClassifier(),
    }[name]


def _write(result: "GapResult", out: str | None, report: str | None) -> str | None:
    """Write what was asked for and return the page's path, if there is one."""
    from priorlift.cli.running import write_page
    from priorlift.trials.files import write_atomic

    pages = [] if report is None else [Path(report)]
    if out is not None:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / RESULT, result.to_json().encode())
        write_atomic(folder / ROWS, _rows_csv(result).encode())
        pages.append(folder / REPORT)
    for page in pages:
        write_page(result, page)
    return str(pages[-1]) if pages else None


def _rows_csv(result: "GapResult") -> str:
    """Return the losses on all source rows, those that hurt most first."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["source", "row", "label", "contribution", "loss_by_target", "loss_by_source"])
    n = sum(row.n_rows for row in result.rows)
    for row in result.worst_rows(n):
        numbers = (row.contribution, row.loss_by_target, row.loss_by_source)
        writer.writerow([row.source, row.row, row.label, *(f"{v:.6g}" for v in numbers)])
    return text.getvalue()


def _show(result: "GapResult", top_rows: int, folder: str | None) -> None:
    from priorlift.ranking.gap.parts import UNITS

    print(f"\n{sentence(result.summary[:1].upper() + result.summary[1:])}\n")
    rows = [
        (
            row.name,
            row.verdict,
            number(row.leading.value, "+"),
            _range(row.leading.low, row.leading.high),
            number(row.leading.p_value),
            number(row.on_source[row.loss].value, "+"),
        )
        for row in result.rows
    ]
    right = ("gap on\ntarget", "interval", "p", "gap on\nsource")
    write_table(
        f"What the source's model loses on the target, in {UNITS[result.losses[0]]}",
        ("source", "pooling", *right),
        rows,
        numbers=right,
        wrapped="source",
    )
    for row in result.rows:
        print(sentence(f"{row.name}: {row.sentence}"))
    for name, reason in result.skipped.items():
        print(f"left out: {name}: {sentence(reason)}")
    for warning in result.warnings:
        print(f"warning: {sentence(warning)}")
    worst = result.worst_rows(top_rows)
    if worst:
        print()
        _show_rows(worst, UNITS[result.rows[0].row_loss], folder)


def _show_rows(worst: Any, unit: str, folder: str | None) -> None:
    first = "source" if folder is None else "file"
    files = _files(folder)
    header = (first, "row", "label", "target's\nmodel", "source's\nmodel", "difference")
    write_table(
        f"Source rows that hurt most, losses in {unit}",
        header,
        [
            (
                files.get(row.source, row.source),
                f"{row.row:,}",
                str(row.label),
                number(row.loss_by_target),
                number(row.loss_by_source),
                number(row.contribution, "+"),
            )
            for row in worst
        ],
        numbers=("row", *header[3:]),
        wrapped=first,
    )
    print(f"Rows are counted from 0, below the header{' of the file' * (folder is not None)}.")


def _files(folder: str | None) -> dict[str, str]:
    """Return the file of each source."""
    from priorlift.core import files

    if folder is None:
        return {}
    return {files.stem(path): str(path) for path in Path(folder).iterdir() if files.suffix(path)}


def _range(low: float, high: float) -> str:
    return "-" if low != low else f"{low:+.3f} to {high:+.3f}"
