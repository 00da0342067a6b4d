"""`priorlift report`: the page of a run again, without fitting anything."""

from pathlib import Path
from typing import Annotated

import typer

from priorlift.cli import options


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory.")],
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="The page. [default: RUN/report.html]"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Write the report of a run again, finished or not."""
    import json

    from priorlift.cli import output
    from priorlift.cli.running import REPORT, write_page
    from priorlift.cli.sweep import show_loaded_sweep
    from priorlift.study.results import StudyResult
    from priorlift.study.sweep_result import SweepResult
    from priorlift.study.sweep_storage import is_sweep

    if is_sweep(Path(run)):
        swept = SweepResult.load(run)
        page = write_page(swept, Path(out) if out else Path(run) / REPORT)
        show_loaded_sweep(swept, run, str(page), as_json=as_json)
        return
    result = StudyResult.load(run)
    page = write_page(result, Path(out) if out else Path(run) / REPORT)
    if as_json:
        document = json.loads(result.to_json())
        output.write_json({**document, "run": run, "report": str(page)})
        return
    output.show_study(result)
    print(f"\nOpen the report: {page}")
