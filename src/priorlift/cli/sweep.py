"""`priorlift sweep`: many tasks, encoders, methods, budgets and seeds from one TOML file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.cli import options, output
from priorlift.cli.progress import duration, progress
from priorlift.core.errors import InputError, message

if TYPE_CHECKING:
    from priorlift.cli.sweep_config import SweepConfig
    from priorlift.study.sweep import Sweep
    from priorlift.study.sweep_result import SweepResult

MOST_ROWS = 60

_ORDER = {"helps": 0, "hurts": 1, "equivalent": 2, "not shown": 3}


def command(
    file: Annotated[
        str, typer.Argument(metavar="SWEEP", help="A sweep.toml, or a run directory to go on with.")
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="RUN", help="Run directory. [default: runs/sweep]"),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            help="missing: run what is not recorded; always: run all again; never: only tabulate. "
            "[default: missing]",
        ),
    ] = None,
    runner: options.Runner = None,
    workers: options.Workers = None,
    address: options.Address = None,
    max_seconds: options.MaxSeconds = None,
    max_memory_mb: options.MaxMemory = None,
    splits: Annotated[int | None, typer.Option("--splits", help="Seeds of each budget.")] = None,
    budgets: Annotated[
        str | None, typer.Option("--budgets", metavar="N,M", help="Label budgets.")
    ] = None,
    methods: Annotated[str | None, typer.Option("--methods", metavar="A,B")] = None,
    seed: options.Seed = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and what cannot, and stop.")
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    as_json: options.Json = False,
) -> None:
    """Sweep over tasks, encoders, sources, methods, budgets and seeds.

    Every data set is encoded once for each encoder. The same command goes on where a sweep stopped.
    """
    given = {
        "out": out,
        "resume": resume,
        "runner": runner,
        "workers": workers,
        "address": address,
        "max_seconds": max_seconds,
        "max_memory_mb": max_memory_mb,
        "splits": splits,
        "budgets": options.listed_numbers(budgets, "--budgets"),
        "methods": options.listed(methods),
        "seed": seed,
    }
    config = settings(file, given)
    if config.resume == "never":
        _show(_recorded(config.run_directory), config.run_directory, report, as_json)
        return
    from priorlift.study.sweep_storage import is_sweep

    sweep = prepare(config)
    begun = is_sweep(config.run_directory)
    # The pilot's fits run here, where no limit could end them.
    limited = config.max_seconds is not None or config.max_memory_mb is not None
    _announce(sweep, config, pilot=not limited and (dry_run or not begun))
    if dry_run:
        _show_plan(sweep, as_json)
        return
    keep_settings(config)
    with progress() as report_progress:
        result = sweep.run(
            config.run_directory,
            config.runner,
            config.resume,
            n_workers=config.workers,
            address=config.address,
            max_seconds=config.max_seconds,
            max_memory_mb=config.max_memory_mb,
            progress=report_progress,
            say=output.note,
        )
    _show(result, config.run_directory, report, as_json)


def settings(file: str, given: dict[str, Any]) -> "SweepConfig":
    """Return the settings of a sweep: from a TOML file, and options that win over it.

    Parameters
    ----------
    file : str
        What stands first on the command line.
    given : dict of str to object
        The options; None where one was not given.

    Raises
    ------
    InputError
        Something cannot be used.
    """
    from priorlift.cli.sweep_config import FILE_NAME, read_sweep

    path = Path(file)
    if path.is_dir():
        if not (path / FILE_NAME).exists():
            raise InputError(
                f"is a folder without a {FILE_NAME}",
                where=file,
                cause="it is no run directory of a sweep, or one that Python began",
                remedy="pass the sweep.toml, or repeat the command that began the run",
            )
        path = path / FILE_NAME
    return read_sweep(path, given)


def keep_settings(config: "SweepConfig") -> None:
    """Write the resolved settings into the run directory, from which the sweep can go on.

    Parameters
    ----------
    config : SweepConfig
        The settings.

    Raises
    ------
    InputError, RunDirectoryError
        The directory holds something else, is in use or cannot be written.
    """
    from priorlift.cli.sweep_config import FILE_NAME
    from priorlift.study.sweep_storage import refuse_other_runs
    from priorlift.trials.directory import RunDirectory

    with RunDirectory(config.run_directory, resume=True) as directory:
        refuse_other_runs(directory.path)
        directory.write_text_atomic(FILE_NAME, config.to_toml(directory.path))


def prepare(config: "SweepConfig") -> "Sweep":
    """Read the tables and plan the sweep, without encoding or writing anything.

    Parameters
    ----------
    config : SweepConfig
        Its settings.

    Raises
    ------
    InputError
        A table or a setting cannot be used, or the sweep is too large.
    """
    from priorlift.cli.named_parts import build_encoders, build_methods
    from priorlift.cli.sweep_tables import read_sources, read_tasks
    from priorlift.study.sweep import Sweep

    encoders, methods = build_encoders(config.encoders), build_methods(config.methods)
    return Sweep(
        read_tasks(config),
        encoders,
        read_sources(config),
        methods,
        config.budgets,
        config.splits,
        config.metric,
        source_sets=config.source_sets,
        level=config.level,
        min_lift=config.min_lift,
        random_state=config.seed,
        shared_models=config.shared_models,
        cache=config.cache,
        cache_mb=config.cache_mb,
    )


def _recorded(run: Path) -> "SweepResult":
    from priorlift.study.sweep_result import SweepResult

    return SweepResult.load(run)


def _announce(sweep: "Sweep", config: "SweepConfig", *, pilot: bool) -> None:
    from priorlift.trials.runners import get_runner

    n_workers = get_runner(config.runner, config.workers, address=config.address).n_workers
    plan = sweep.plan
    found = sweep.estimate(n_workers, pilot=pilot)
    draws = sorted({cell.study.design.n_draws * cell.study.design.n_folds for cell in plan.cells})
    budgets = sorted({b for cell in plan.cells for b in cell.study.design.budgets})
    output.note(f"tasks    {len(sweep.tasks)}; encoders {', '.join(sweep.encoders)}")
    output.note(
        f"methods  {', '.join(plan.methods)}; budgets {', '.join(map(str, budgets))}; "
        f"{' or '.join(map(str, draws))} seeds of each"
    )
    output.note(
        f"work     {found.n_trials:,} fits by {n_workers} worker{'s' * (n_workers > 1)}, "
        f"{found.n_rows:,} rows to encode, about {found.memory_mb:.0f} MiB of memory, "
        f"{_expected(found.seconds, found.encoding_seconds)}"
    )
    if plan.skipped:
        output.note(
            f"left out {len(plan.skipped)} combinations; --dry-run and the report list them"
        )
    output.note(f"run      {config.run_directory}")


def _expected(fits: float | None, encoding: float | None) -> str:
    if fits is None:
        return "the time left is known after the first fits"
    first = f"about {duration(encoding)} to encode and " if encoding else ""
    return f"{first}about {duration(fits)} for the fits"


def _show_plan(sweep: "Sweep", as_json: bool) -> None:
    plan = sweep.plan
    if as_json:
        output.write_json(plan.to_dict() | {"n_trials": plan.n_trials})
        return
    output.write_table(
        f"{plan.n_trials:,} fits planned",
        ("task", "encoder", "fits", "design"),
        [(c.task, c.encoder, f"{c.n_trials:,}", c.study.design.reason) for c in plan.cells],
        numbers=("fits",),
        wrapped="design",
    )
    for one in plan.skipped:
        parts = (one.task, one.encoder, one.method, one.sources)
        print(f"left out: {', '.join(p for p in parts if p)}: {output.sentence(one.reason)}")


def _show(result: "SweepResult", run: Path, report: bool, as_json: bool) -> None:
    from priorlift.cli.running import REPORT, write_page

    page = str(write_page(result, run / REPORT)) if report else None
    show_loaded_sweep(result, str(run), page, as_json=as_json)


def show_loaded_sweep(
    result: "SweepResult", run: str, page: str | None, *, as_json: bool = False
) -> None:
    """Write the outcome of a sweep, and where everything is.

    Parameters
    ----------
    result : SweepResult
        The outcome.
    run : str
        The run directory.
    page : str or None
        The report, where one was written.
    as_json : bool
        Show the outcome as one JSON document.
    """
    if as_json:
        document = json.loads(result.to_json())
        output.write_json({**document, "run": run, "report": page})
        return
    show_sweep(result)
    told = f" Open the report: {page}" if page else ""
    print(f"\nEverything is in {run}.{told}")


def show_sweep(result: "SweepResult") -> None:
    """Write the outcome of a sweep: the sentence, the verdicts, the warnings.

    Parameters
    ----------
    result : SweepResult
        The outcome.
    """
    print(f"\n{result.sentence}\n")
    ordered = sorted(
        result.verdicts,
        key=lambda v: (_ORDER[v.verdict.verdict], -v.verdict.against_same_class.estimate),
    )
    header = (
        "verdict",
        "task",
        "encoder",
        "method",
        "sources",
        "labels",
        "lift",
        "adjusted\ninterval",
    )
    rows = [
        (
            v.verdict.verdict,
            v.task,
            v.encoder,
            v.verdict.method,
            v.verdict.sources,
            f"{v.verdict.budget:,}",
            output.number(v.verdict.against_same_class.estimate, "+"),
            output.interval_text(v.verdict.adjusted_against_same_class),
        )
        for v in ordered[:MOST_ROWS]
    ]
    if rows:
        title = (
            f"Lifts at the largest budget, {100 * result.plan.level:g} % intervals adjusted for "
            f"{len(ordered)} claims"
        )
        output.write_table(title, header, rows, numbers=header[5:], wrapped="sources")
    if len(ordered) > MOST_ROWS:
        print(f"and {len(ordered) - MOST_ROWS} more: results.parquet, result.json and the report")
    for cells, reason in _left_out(result).items():
        print(f"left out: {cells}: {output.sentence(reason)}")
    for warned in result.warnings:
        print(f"warning: {message(warned.message, remedy=warned.remedy)}")


def _left_out(result: "SweepResult") -> dict[str, str]:
    """Return what was left out, combinations of one reason together."""
    reasons: dict[str, list[str]] = {}
    for one in result.plan.skipped:
        parts = (one.task, one.encoder, one.method, one.sources)
        reasons.setdefault(one.reason, []).append(", ".join(part for part in parts if part))
    return {
        f"{named[0]}{f' and {len(named) - 1} more' if len(named) > 1 else ''}": reason
        for reason, named in reasons.items()
    }
