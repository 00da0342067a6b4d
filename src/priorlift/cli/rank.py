"""`priorlift rank`: which sources to try first, before anything is trained on the target."""

from pathlib import Path
from typing import Annotated

import typer

from priorlift.cli import options
from priorlift.core.errors import InputError


def command(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The target's table.")],
    label: options.Label = None,
    sources: options.Sources = None,
    cut_by: options.CutBy = None,
    scores: Annotated[
        str | None,
        typer.Option("--scores", metavar="A,B", help="[default: all that suit the task]"),
    ] = None,
    groups: options.Groups = None,
    task: options.Task = None,
    seed: options.Seed = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="FILE", help="Write a page, too.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say which sources to try first, before training on them."""
    import json

    from priorlift.cli import output
    from priorlift.cli.tables import read_task
    from priorlift.ranking.rank import rank_sources

    few, pool = read_task(
        target,
        None if cut_by else _required(sources, "--sources", "DIR"),
        cut_by,
        label=_required(label, "--label", "COL"),
        groups=groups,
        task=_known_task(task),
    )
    ranking = rank_sources(
        few.X,
        few.y,
        pool,
        groups=few.groups,
        task=few.task,
        scores=options.listed(scores) or "default",
        random_state=seed or 0,
    )
    if not ranking.rows:
        reasons = "; ".join(
            f"{n}: {why}" for n, why in {**pool.unusable, **ranking.skipped}.items()
        )
        raise InputError(f"no source can be ranked for {target}: {reasons}")
    if report is not None:
        from priorlift.cli.running import write_page

        write_page(ranking, Path(report))
    if as_json:
        output.write_json({**json.loads(ranking.to_json()), "unusable": pool.unusable})
        return
    output.show_ranking(ranking)
    if report is not None:
        print(f"\nOpen the page: {report}")


def _required(value: str | None, option: str, metavar: str) -> str:
    if not value:
        raise InputError(
            f"{option} is not given", remedy=f"priorlift rank TARGET {option} {metavar}"
        )
    return value


def _known_task(task: str | None) -> str | None:
    if task not in (None, "classification", "regression"):
        raise InputError(
            f"task {task!r} is unknown", where="--task", remedy="classification or regression"
        )
    return task
