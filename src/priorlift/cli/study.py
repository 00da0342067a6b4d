"""`priorlift study`: the main job, from tables or a TOML file, and on from where it stopped."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from priorlift.cli import options
from priorlift.core.errors import InputError

if TYPE_CHECKING:
    from priorlift.cli.config import StudyConfig
    from priorlift.study.study import Study


def command(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="The target's table, a study.toml, or a run directory to resume."
        ),
    ],
    label: options.Label = None,
    sources: options.Sources = None,
    cut_by: options.CutBy = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="RUN", help="Run directory. [default: runs/<target>]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    methods: Annotated[
        str | None,
        typer.Option("--methods", metavar="A,B", help="[default: pooled,frozen_features]"),
    ] = None,
    budgets: Annotated[
        str | None,
        typer.Option("--budgets", metavar="N,M", help="Label budgets. [default: by the rows]"),
    ] = None,
    splits: Annotated[
        int | None, typer.Option("--splits", help="Draws of each budget. [default: 20]")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="[default: accuracy or neg_mean_absolute_error]"),
    ] = None,
    groups: options.Groups = None,
    task: options.Task = None,
    min_lift: Annotated[
        float | None, typer.Option("--min-lift", help="The smallest lift that matters.")
    ] = None,
    level: Annotated[
        float | None, typer.Option("--level", help="Of the intervals. [default: 0.95]")
    ] = None,
    rank: Annotated[
        bool | None, typer.Option("--rank/--no-rank", help="Rank the sources first.")
    ] = None,
    seed: options.Seed = None,
    runner: options.Runner = None,
    workers: options.Workers = None,
    address: options.Address = None,
    max_seconds: options.MaxSeconds = None,
    max_memory_mb: options.MaxMemory = None,
    time_budget: Annotated[
        float | None,
        typer.Option("--time-budget", metavar="S", help="Seconds; then no further fit is started."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Rank the sources, transfer, prove the lift, report.

    The same from a file: priorlift study study.toml. Every option is a key of the file, with _ for
    -, and an option wins over the file. A run that was stopped: priorlift study RUN --resume.
    """
    given = {
        "label": label,
        "sources": sources,
        "cut_by": cut_by,
        "out": out,
        "methods": options.listed(methods),
        "budgets": options.listed_numbers(budgets, "--budgets"),
        "splits": splits,
        "metric": metric,
        "groups": groups,
        "task": task,
        "min_lift": min_lift,
        "level": level,
        "rank": rank,
        "seed": seed,
        "runner": runner,
        "workers": workers,
        "address": address,
        "max_seconds": max_seconds,
        "max_memory_mb": max_memory_mb,
        "time_budget": time_budget,
    }
    config = settings(target, given)
    study = prepare(config)
    from priorlift.cli.running import run_and_show
    from priorlift.trials.runners import get_runner

    study.check_memory(get_runner(config.runner, config.workers, address=config.address).n_workers)
    keep_settings(config, resume=resume)

    run_and_show(
        study,
        config.run_directory,
        resume=resume,
        runner=config.runner,
        workers=config.workers,
        address=config.address,
        max_seconds=config.max_seconds,
        max_memory_mb=config.max_memory_mb,
        time_budget=config.time_budget,
        as_json=as_json,
    )


def settings(target: str, given: dict[str, Any]) -> "StudyConfig":
    """Return the settings of a study: from a run directory, a TOML file, or a table and options.

    Parameters
    ----------
    target : str
        What stands first on the command line.
    given : dict of str to object
        The options; None where one was not given.

    Raises
    ------
    InputError
        Something cannot be used.
    """
    from priorlift.cli.config import FILE_NAME, StudyConfig, read_config

    path = Path(target)
    if path.is_dir():
        if not (path / FILE_NAME).exists():
            raise InputError(
                f"is a folder without a {FILE_NAME}",
                where=target,
                cause="it is no run directory, or one that Python or the demo began",
                remedy="pass the target's table, or repeat the command that began the run",
            )
        return read_config(path / FILE_NAME, given)
    if path.suffix.lower() == ".toml":
        return read_config(path, given)
    return StudyConfig.resolve({"target": target, **given})


def prepare(config: "StudyConfig") -> "Study":
    """Read the tables and plan the study, without writing anything.

    Parameters
    ----------
    config : StudyConfig
        Its settings.

    Raises
    ------
    InputError
        A table or a setting cannot be used.
    """
    from priorlift.cli.tables import read_task
    from priorlift.study.study import Study

    target, pool = read_task(
        config.target,
        config.sources,
        config.cut_by,
        label=config.label,
        groups=config.groups,
        task=config.task,
    )
    return Study(
        target,
        pool,
        config.methods,
        config.budgets,
        config.splits,
        config.metric,
        level=config.level,
        min_lift=config.min_lift,
        random_state=config.seed,
        rank=config.rank,
    )


def keep_settings(config: "StudyConfig", *, resume: bool) -> None:
    """Write the resolved settings into the run directory, from which the run can be resumed.

    Those of a run that is resumed stay as they are: the plan says whether they are the same.

    Parameters
    ----------
    config : StudyConfig
        The settings.
    resume : bool
        Whether an earlier run may be there.

    Raises
    ------
    InputError, RunDirectoryError
        The directory holds another run, is in use or cannot be written.
    """
    from priorlift.cli.config import FILE_NAME
    from priorlift.trials.directory import RunDirectory

    with RunDirectory(config.run_directory, resume=resume) as directory:
        if not (resume and (directory.path / FILE_NAME).exists()):
            directory.write_text_atomic(FILE_NAME, config.to_toml(directory.path))
