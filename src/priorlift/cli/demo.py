"""`priorlift demo`: the main job on data that come with scikit-learn."""

from pathlib import Path
from typing import Annotated

import typer

from priorlift.cli import options


def command(
    out: Annotated[str, typer.Option("--out", metavar="RUN", help="Run directory.")] = "runs/demo",
    runner: Annotated[str, typer.Option("--runner", help="serial or processes.")] = "processes",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Worker processes. [default: one a core]")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Run a whole study on handwritten digits.

    Repeated, it goes on where it stopped, or shows the outcome again.
    """
    from priorlift.cli.running import run_and_show
    from priorlift.readers.demo import LABEL_BUDGETS, N_SPLITS, SEED, demo_task
    from priorlift.study.study import Study

    target, sources = demo_task()
    study = Study(
        target, sources, label_budgets=LABEL_BUDGETS, n_splits=N_SPLITS, random_state=SEED
    )
    run_and_show(study, Path(out), resume=True, runner=runner, workers=workers, as_json=as_json)
