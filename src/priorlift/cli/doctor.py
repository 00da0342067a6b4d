"""`priorlift doctor`: what is installed, on which machine, what is missing and how to get it."""

import typer

from priorlift.cli import options


def command(as_json: options.Json = False) -> None:
    """Say what is installed, and how to get what is missing."""
    from priorlift.cli import output
    from priorlift.cli.checkup import examine, healthy

    findings = examine()
    if as_json:
        output.write_json(
            {
                "healthy": healthy(findings),
                "findings": [{"part": f.part, "mark": f.mark, "text": f.text} for f in findings],
            }
        )
    else:
        width = max(len(f.part) for f in findings)
        for found in findings:
            print(f"{found.mark:<7}  {found.part:<{width}}  {found.text}")
    if not healthy(findings):
        raise typer.Exit(1)
