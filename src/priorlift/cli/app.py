"""The command `priorlift`: its subcommands, and the one place where it ends.

`main` is the entry point. `run` does the same inside a process and returns the exit code.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from priorlift import __version__
from priorlift.cli import (
    cells,
    demo,
    doctor,
    failures,
    forecast,
    gap,
    rank,
    report,
    study,
    sweep,
    theory,
    watch,
)

# Rich text in the help would cost a tenth of a second at every start.
app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("study")(study.command)
app.command("sweep")(sweep.command)
app.command("rank")(rank.command)
app.command("gap")(gap.command)
app.command("forecast")(forecast.command)
app.add_typer(theory.app, name="theory")
app.command("watch")(watch.command)
app.add_typer(cells.app, name="cells")
app.command("report")(report.command)
app.command("demo")(demo.command)
app.command("doctor")(doctor.command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"priorlift {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def front_page(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Learn from earlier data, and prove that it helped."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; no exception leaves it.

    Parameters
    ----------
    arguments : sequence of str
        What follows `priorlift`.

    Returns
    -------
    int
        0, 1 (it ran, but failed), 2 (bad input) or 130 (stopped).
    """
    as_json = "--json" in arguments
    try:
        with warnings.catch_warnings():
            if os.environ.get(failures.DEBUG) != "1":
                # Warnings of libraries are no news for a user: what matters is in the result's own.
                warnings.simplefilter("ignore")
            code = _click_command().main(
                args=list(arguments), prog_name="priorlift", standalone_mode=False
            )
        if code == failures.STOPPED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else failures.OK
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else failures.FAILED
    except BaseException as error:
        return failures.report_failure(error, as_json=as_json)


def main() -> None:
    """Run the command line with the arguments of this process and end it."""
    if os.environ.get(failures.DEBUG) != "1":
        # Worker processes inherit this.
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show must not stop the work.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _click_command() -> Any:
    return typer.main.get_command(app)


if __name__ == "__main__":
    main()
