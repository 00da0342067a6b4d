"""From a result to one HTML file that asks the network for nothing.

Style, script and plots stand inside the file. Its content security policy forbids every request and
every script but the one whose hash it names, and everything that a user supplied is escaped.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from priorlift.core.errors import InputTypeError
from priorlift.plots.svg import printable
from priorlift.ranking.gap.result import GapResult
from priorlift.ranking.result import Ranking
from priorlift.ranking.task_ranking import TaskRanking
from priorlift.report.forecast_page import forecast_context
from priorlift.report.gap_page import gap_context
from priorlift.report.phase_page import phase_context
from priorlift.report.ranking_page import ranking_context
from priorlift.report.relation_page import relation_context
from priorlift.report.spending_page import spending_context
from priorlift.report.study_page import study_context
from priorlift.report.sweep_page import sweep_context
from priorlift.report.task_page import task_context
from priorlift.report.verification_page import verification_context
from priorlift.study.results import StudyResult
from priorlift.study.spending_result import Spending
from priorlift.study.sweep_result import SweepResult
from priorlift.study.verification import Verification
from priorlift.theory.forecast_result import Forecast
from priorlift.theory.phase_result import PhaseDiagram
from priorlift.transfer.task_relation import TaskRelation
from priorlift.trials.files import write_atomic

FILE_NAME = "report.html"

Reportable: TypeAlias = (
    StudyResult
    | SweepResult
    | Ranking
    | TaskRanking
    | Verification
    | Spending
    | GapResult
    | TaskRelation
    | Forecast
    | PhaseDiagram
)
"""What has a page."""


def write_report(result: Reportable, path: str | Path) -> Path:
    """Write the page of a result.

    Parameters
    ----------
    result : Reportable
        What to show: a StudyResult, SweepResult, Ranking, TaskRanking, Verification, Spending,
        GapResult, TaskRelation, Forecast or PhaseDiagram.
    path : path
        The file, or a folder in which it is called `report.html`. An earlier one is replaced whole
        or not at all.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputTypeError
        There is no page for such an object.
    RunDirectoryError
        The file cannot be written.
    """
    file = Path(path)
    if file.is_dir():
        file = file / FILE_NAME
    write_atomic(file, render_page(result).encode("utf-8"))
    return file


def write_forecast(result: Forecast, path: str | Path, target: float | None = None) -> Path:
    """Write the page of a forecast that also says how many labels reach an error.

    Parameters
    ----------
    result : Forecast
        What `priorlift.theory.forecast` returned.
    path : path
        The file.
    target : float, optional
        The error to reach, in (0, 0.5).

    Returns
    -------
    Path
        The file.
    """
    page = _render("forecast.html.j2", forecast_context(result, target))
    write_atomic(Path(path), page.encode("utf-8"))
    return Path(path)


def render_page(result: Reportable) -> str:
    """Return the page of a result as text; equal results give equal pages.

    Parameters
    ----------
    result : Reportable
        What to show: a StudyResult, SweepResult, Ranking, TaskRanking, Verification, Spending,
        GapResult, TaskRelation, Forecast or PhaseDiagram.

    Raises
    ------
    InputTypeError
        There is no page for such an object.
    """
    if isinstance(result, StudyResult):
        return _render("study.html.j2", study_context(result))
    if isinstance(result, SweepResult):
        return _render("sweep.html.j2", sweep_context(result))
    if isinstance(result, Ranking):
        return _render("ranking.html.j2", ranking_context(result))
    if isinstance(result, TaskRanking):
        return _render("tasks.html.j2", task_context(result))
    if isinstance(result, Verification):
        return _render("verification.html.j2", verification_context(result))
    if isinstance(result, Spending):
        return _render("spending.html.j2", spending_context(result))
    if isinstance(result, GapResult):
        return _render("gaps.html.j2", gap_context(result))
    if isinstance(result, TaskRelation):
        return _render("relation.html.j2", relation_context(result))
    if isinstance(result, Forecast):
        return _render("forecast.html.j2", forecast_context(result))
    if isinstance(result, PhaseDiagram):
        return _render("phases.html.j2", phase_context(result))
    raise InputTypeError(
        f"there is no report of a {type(result).__name__}",
        remedy="pass the result of Study(...).run(), Sweep(...).run(), rank_sources(...), "
        "rank_tasks(...), verify(...), run_spending(...), performance_gap(...), forecast(...) or "
        "phase_diagram(...)",
    )


def _render(template: str, context: dict[str, Any]) -> str:
    environment = _environment()
    style, script = (_inlined(environment, name) for name in ("style.css", "page.js"))
    page = environment.get_template(template).render(
        **context, style=Markup(style), script=Markup(script), policy=_policy(script)
    )
    return page.strip() + "\n"


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _inlined(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("priorlift.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
