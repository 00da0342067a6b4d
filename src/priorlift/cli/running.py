"""Run a study that is planned: say what will happen, show how far it is, and show what came out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priorlift.cli import output
from priorlift.cli.progress import duration, progress

if TYPE_CHECKING:
    from priorlift.report.page import Reportable
    from priorlift.study.results import StudyResult
    from priorlift.study.study import Study

REPORT = "report.html"


def run_and_show(
    study: "Study",
    out: Path,
    *,
    as_json: bool = False,
    **how: Any,
) -> None:
    """Run a study into a run directory, write its report, and show the outcome.

    Parameters
    ----------
    study : Study
        What to run.
    out : Path
        The run directory.
    as_json : bool
        Show the outcome as one JSON document.
    **how
        As for `run`.
    """
    result = run(study, out, **how)
    page = write_page(result, out / REPORT)
    if as_json:
        document = json.loads(result.to_json())
        output.write_json({**document, "run": str(out), "report": str(page)})
        return
    output.show_study(result)
    print(f"\nEverything is in {out}. Open the report: {page}")


def run(
    study: "Study",
    out: Path,
    *,
    resume: bool = False,
    runner: str = "serial",
    workers: int | None = None,
    address: str | None = None,
    max_seconds: float | None = None,
    max_memory_mb: float | None = None,
    time_budget: float | None = None,
) -> "StudyResult":
    """Say what a study will do, and run it with its progress on stderr.

    Parameters
    ----------
    study, out : Study, Path
        As for `run_and_show`.
    resume, runner, workers, address, max_seconds, max_memory_mb, time_budget
        As for `Study.run`.
    """
    from priorlift.trials.runners import get_runner

    # The pilot's fits run here, where no limit could end them.
    pilot = max_seconds is None and max_memory_mb is None and not _recorded(out)
    _announce(study, out, get_runner(runner, workers, address=address).n_workers, pilot=pilot)
    with progress() as report_progress:
        return study.run(
            out,
            resume=resume,
            runner=runner,
            n_workers=workers,
            address=address,
            max_seconds=max_seconds,
            max_memory_mb=max_memory_mb,
            time_budget=time_budget,
            progress=report_progress,
        )


def write_page(result: "Reportable", path: Path) -> Path:
    """Write the report of a result.

    Parameters
    ----------
    result : StudyResult, Ranking, TaskRanking, Verification, Spending or GapResult
        The result.
    path : Path
        The page.
    """
    from priorlift.report import write_report

    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(result, path)
    return path


def _announce(study: "Study", out: Path, n_workers: int, *, pilot: bool) -> None:
    plan = study.plan
    estimate = study.estimate(n_workers, pilot=pilot)
    methods = ", ".join(name for name in plan.methods if name != plan.reference)
    usable = {name for arm in plan.claims for name in arm.sources}
    output.note(f"target   {plan.target_name}: {plan.n_labelled} labelled rows, {plan.task}")
    output.note(f"sources  {len(usable)} usable of {len(plan.sources)}; methods {methods}")
    output.note(f"design   {plan.design.kind}: {plan.design.reason}")
    output.note(
        f"work     {estimate.n_trials} fits by {n_workers} worker{'s' * (n_workers > 1)}, about "
        f"{estimate.memory_mb:.0f} MiB of memory, {_expected(estimate.seconds)}"
    )
    output.note(f"run      {out}")


def _recorded(out: Path) -> int:
    """Return how many trials a run directory holds already."""
    from priorlift.trials.directory import JOURNAL
    from priorlift.trials.journal import Journal

    if not (out / JOURNAL).exists():
        return 0
    with Journal(out / JOURNAL, read_only=True) as journal:
        return sum(journal.counts().values())


def _expected(seconds: float | None) -> str:
    if seconds is None:
        return "the time left is known after the first fits"
    return f"about {duration(seconds)} for the fits"
