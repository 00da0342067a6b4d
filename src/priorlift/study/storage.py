"""A study's run directory: what is written where, and how a result is read back.

`plan.json` says what was asked, `journal.sqlite` and `data/` hold the trials and their rows,
`ranking.json` the ranking, `forecast.json` what theory says of the target alone, `result.json` and
`results.parquet` what was found. A result is read back by analysing the journal again, so there is
one source of truth.
"""

import io
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from priorlift.core.errors import InputError
from priorlift.pool import Target
from priorlift.ranking.result import Ranking
from priorlift.study import analysis
from priorlift.study.plain_json import plain_json
from priorlift.study.plan import StudyPlan
from priorlift.study.results import StudyResult, Warned
from priorlift.study.target_forecast import TargetForecast
from priorlift.trials.directory import JOURNAL, STORE, RunDirectory
from priorlift.trials.journal import Journal
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.store import DataStore

PLAN = "plan.json"
STATE = "state.json"
RANKING = "ranking.json"
FORECAST = "forecast.json"
RESULT = "result.json"
TABLE = "results.parquet"
PACKAGES = ("priorlift", "numpy", "scipy", "scikit-learn", "pyarrow", "narwhals")


def environment() -> dict[str, str]:
    """Return the versions of Python, the platform and the libraries that a result depends on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def write_plan(directory: RunDirectory, plan: StudyPlan) -> None:
    """Write the plan of a new run, or check that a resumed run has the same one.

    Raises
    ------
    InputError
        The directory holds a run of another plan; the message names what differs.
    """
    path = directory.path / PLAN
    plain = json.loads(json.dumps(plan.to_dict()))
    # A plan under which nothing was run binds nobody.
    if path.exists() and any(directory.journal.counts().values()):
        earlier = read_json(path)
        if earlier != plain:
            differing = sorted(key for key in plain if plain[key] != earlier.get(key))
            raise InputError(
                f"holds a run of another study: {', '.join(differing)} differ",
                where=str(directory.path),
                remedy="use another --out, or the settings of that run (study.toml)",
            )
        return
    for kept in (RANKING, FORECAST):  # they would be of the earlier plan
        (directory.path / kept).unlink(missing_ok=True)
    directory.write_text_atomic(PLAN, json.dumps(plain, sort_keys=True, indent=1))


def write_state(directory: RunDirectory, warnings: tuple[Warned, ...], reproducible: bool) -> None:
    """Write what the journal does not tell: the warnings and whether a time limit cut in."""
    state = {
        "warnings": [warned.__dict__ for warned in warnings],
        "reproducible": reproducible,
        "environment": environment(),
    }
    directory.write_text_atomic(STATE, json.dumps(state, sort_keys=True, indent=1))


def write_result(directory: RunDirectory, result: StudyResult) -> None:
    """Write the tables and the JSON of a finished study."""
    directory.write_bytes_atomic(TABLE, parquet(result.columns()))
    directory.write_text_atomic(RESULT, result.to_json())


def parquet(columns: Mapping[str, list[Any]]) -> bytes:
    """Return columns as the bytes of a Parquet file."""
    table = pa.table({name: _arrow(values) for name, values in columns.items()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def build_result(
    plan: StudyPlan,
    target: Target,
    records: list[TrialRecord],
    ranking: Ranking | None,
    warnings: tuple[Warned, ...],
    reproducible: bool,
    versions: dict[str, str],
    forecast: TargetForecast | None = None,
) -> StudyResult:
    """Analyse records into a result; equal input gives an equal result."""
    ordered = tuple(sorted(records, key=lambda record: record.trial.hash))
    read = analysis.Analysis(plan, target, ordered)
    lifts = analysis.lifts(read)
    return StudyResult(
        plan=plan,
        verdicts=analysis.verdicts(read, lifts),
        lifts=lifts,
        curves=analysis.curves(read),
        labels_saved=analysis.saved_labels(read),
        bill=analysis.bill(ordered, None if ranking is None else ranking.seconds),
        warnings=(*warnings, *_failures(plan, ordered)),
        ranking=ranking,
        reproducible=reproducible,
        environment=versions,
        records=ordered,
        target=target,
        forecast=forecast,
    )


def write_forecast(directory: RunDirectory, forecast: TargetForecast) -> None:
    """Write what theory says of the target alone."""
    directory.write_text_atomic(FORECAST, plain_json(forecast.to_dict()))


def read_forecast(path: Path) -> TargetForecast | None:
    """Read it from a run directory; None where none was made."""
    if not (path / FORECAST).exists():
        return None
    return TargetForecast.from_dict(read_json(path / FORECAST))


def save_result(result: StudyResult, path: Path) -> Path:
    """Write a result as a run directory.

    Raises
    ------
    InputError
        The folder holds another run.
    """
    with RunDirectory(path) as directory:
        write_plan(directory, result.plan)
        directory.store.put_task(result.target)
        directory.journal.record(list(result.records))
        if result.ranking is not None:
            directory.write_text_atomic(RANKING, result.ranking.to_json())
        if result.forecast is not None:
            write_forecast(directory, result.forecast)
        own = tuple(w for w in result.warnings if w.kind != "failed fits")
        write_state(directory, own, result.reproducible)
        write_result(directory, result)
    return path


def load_result(path: Path) -> StudyResult:
    """Read a result from a run directory, finished or not.

    Raises
    ------
    InputError
        The folder is no run directory, or nothing was recorded yet.
    """
    if not (path / PLAN).exists() or not (path / JOURNAL).exists():
        raise InputError(
            "is no run directory of a study",
            where=str(path),
            remedy="pass the folder given as --out",
        )
    plan = StudyPlan.from_dict(read_json(path / PLAN))
    state = read_json(path / STATE) if (path / STATE).exists() else {}
    ranking = None
    if (path / RANKING).exists():
        ranking = Ranking.from_json((path / RANKING).read_text(encoding="utf-8"))
    with Journal(path / JOURNAL, read_only=True) as journal:
        records = list(journal.records())
    if not records:
        raise InputError(
            "no trial is recorded yet", where=str(path), remedy="run the study with --resume"
        )
    return build_result(
        plan,
        DataStore(path / STORE).target(plan.target_fingerprint, plan.target_name),
        records,
        ranking,
        tuple(Warned(**warned) for warned in state.get("warnings", ())),
        bool(state.get("reproducible", False)),
        dict(state.get("environment", {})),
        read_forecast(path),
    )


def _failures(plan: StudyPlan, records: tuple[TrialRecord, ...]) -> tuple[Warned, ...]:
    failed: dict[tuple[str, str], list[TrialRecord]] = {}
    for record in records:
        if record.status == "failed":
            params = record.trial.params
            failed.setdefault((params["method"], plan.label_of(params["sources"])), []).append(
                record
            )
    return tuple(
        Warned(
            "failed fits",
            f"{len(part)} fits of {method} with {sources} failed, first: {part[0].error}",
            "splits that failed are left out of both sides of a comparison",
        )
        for (method, sources), part in sorted(failed.items())
    )


def read_json(path: Path) -> Any:
    """Read a JSON file of a run directory.

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read: {error}", where=str(path), remedy="start again with another --out"
        ) from error


def _arrow(values: list[Any]) -> pa.Array:
    if all(value is None for value in values):
        return pa.array(values, type=pa.string())
    return pa.array(values)
