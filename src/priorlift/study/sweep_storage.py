"""A sweep's run directory: what is written where, and how a result is read back.

`sweep.json` holds the plan, `journal.sqlite` and `data/` the fits and their rows, `features/` what
the encoders gave, `state.json` what encoding cost and warned of, `result.json` and
`results.parquet` what was found. Fits are known by their content, so a directory may hold those of
an earlier, smaller or older sweep; only those of the plan count.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import priorlift
from priorlift.core.errors import InputError
from priorlift.encoders.base import RawEncoder
from priorlift.pool import Target
from priorlift.study import storage, sweep_analysis
from priorlift.study.results import Warned
from priorlift.study.storage import RESULT, STATE, TABLE, environment
from priorlift.study.sweep_plan import TASK_FUNCTION, SweepPlan
from priorlift.study.sweep_result import SweepResult
from priorlift.trials.directory import JOURNAL, STORE, RunDirectory
from priorlift.trials.journal import Journal
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.store import DataStore

if TYPE_CHECKING:
    from priorlift.study.sweep_run import FeatureBill

PLAN = "sweep.json"
LIBRARIES = ("numpy", "scipy", "scikit-learn")


def code_versions(encoder: Any) -> dict[str, str]:
    """Return the versions that scores under an encoder depend on: priorlift's, its libraries'."""
    names = {*LIBRARIES, *(encoder.libraries if isinstance(encoder, RawEncoder) else ())}
    return {"priorlift": priorlift.__version__} | {name: _version(name) for name in sorted(names)}


def begin(directory: RunDirectory, plan: SweepPlan) -> tuple[Warned, ...]:
    """Write the plan of a sweep, and tell what the directory holds that it cannot use.

    Raises
    ------
    InputError
        The directory holds a run of another kind.
    """
    refuse_other_runs(directory.path)
    wanted = {key for cell in plan.cells for key, _, _ in plan.rows(cell)}
    other_code: dict[str, int] = {}
    for record in directory.journal.records():
        if record.trial.task != TASK_FUNCTION:
            raise _foreign(directory.path)
        if record.trial.hash not in wanted:
            told = _changed(record.trial.params.get("code", {}), plan.all_code)
            if told:
                other_code[told] = other_code.get(told, 0) + 1
    changed = _changed_rows(directory.path, plan)
    directory.write_text_atomic(PLAN, json.dumps(plan.to_dict(), sort_keys=True, indent=1))
    return changed + tuple(
        Warned(
            "other version of the code",
            f"{n} recorded fits are not used, because the code has changed since: {told}",
            "they are run again; the old rows stay in the journal",
        )
        for told, n in sorted(other_code.items())
    )


def refuse_other_runs(path: Path) -> None:
    """Refuse a run directory of a study.

    Raises
    ------
    InputError
        It is one.
    """
    if (path / storage.PLAN).exists():
        raise _foreign(path)


def read_result(
    directory: RunDirectory, plan: SweepPlan, features: "FeatureBill", foreign: tuple[Warned, ...]
) -> SweepResult:
    """Read a result from an open directory, and keep what the journal does not tell."""
    state = _state(directory.path)
    seconds = dict(state.get("encoding_seconds", {}))
    for name, spent in features.seconds.items():
        seconds[name] = seconds.get(name, 0.0) + spent
    kept = [Warned(**one) for one in state.get("warnings", ())]
    warnings = list(dict.fromkeys([*kept, *features.warnings]))
    written = {
        "encoding_seconds": seconds,
        "n_encoded": state.get("n_encoded", 0) + features.n_encoded,
        "warnings": [asdict(warned) for warned in warnings],
        "environment": environment(),
    }
    directory.write_text_atomic(STATE, json.dumps(written, sort_keys=True, indent=1))
    records = {r.trial.hash: r for r in directory.journal.records()}
    return _result(plan, directory.store, records, (*foreign, *warnings), seconds, environment())


def write_result(directory: RunDirectory, result: SweepResult) -> None:
    """Write the table and the JSON of a sweep."""
    directory.write_bytes_atomic(TABLE, storage.parquet(result.columns()))
    directory.write_text_atomic(RESULT, result.to_json())


def save_result(result: SweepResult, path: Path) -> Path:
    """Write a result as a run directory.

    Raises
    ------
    InputError
        The folder holds another run.
    """
    with RunDirectory(path) as directory:
        begin(directory, result.plan)
        for target in result.targets.values():
            directory.store.put_task(target)
        directory.journal.record(list(result.records.values()))
        own = [asdict(w) for w in result.warnings if w.kind not in ("failed fits",)]
        seconds = {
            row.item.removeprefix("encoding: "): row.wall_seconds
            for row in result.bill
            if row.item.startswith("encoding: ")
        }
        state = {"warnings": own, "encoding_seconds": seconds, "environment": result.environment}
        directory.write_text_atomic(STATE, json.dumps(state, sort_keys=True, indent=1))
        write_result(directory, result)
    return path


def is_sweep(path: Path) -> bool:
    """Whether a folder is the run directory of a sweep."""
    return (path / PLAN).exists()


def load_result(path: Path) -> SweepResult:
    """Read a result from a run directory, finished or not.

    Raises
    ------
    InputError
        The folder is no run directory of a sweep, or cannot be read.
    """
    if not is_sweep(path) or not (path / JOURNAL).exists():
        raise InputError(
            "is no run directory of a sweep",
            where=str(path),
            remedy="pass the folder given as --out",
        )
    plan = SweepPlan.from_dict(storage.read_json(path / PLAN))
    state = _state(path)
    with Journal(path / JOURNAL, read_only=True) as journal:
        records = {record.trial.hash: record for record in journal.records()}
    return _result(
        plan,
        DataStore(path / STORE),
        records,
        tuple(Warned(**one) for one in state.get("warnings", ())),
        dict(state.get("encoding_seconds", {})),
        dict(state.get("environment", {})),
    )


def _result(
    plan: SweepPlan,
    store: DataStore,
    records: Mapping[str, TrialRecord],
    warnings: tuple[Warned, ...],
    encoding: Mapping[str, float],
    versions: Mapping[str, str],
) -> SweepResult:
    targets = _targets(plan, store, records)
    cells = sweep_analysis.read_cells(plan, targets, records)
    lifts = sweep_analysis.lifts(cells)
    wanted = {key for cell in plan.cells for key, _, _ in plan.rows(cell)}
    own = {key: records[key] for key in sorted(wanted & set(records))}
    return SweepResult(
        plan=plan,
        verdicts=sweep_analysis.verdicts(plan, lifts),
        lifts=lifts,
        curves=sweep_analysis.curves(cells),
        encoder_verdicts=sweep_analysis.encoder_verdicts(plan, cells),
        bill=sweep_analysis.bill(cells, encoding),
        warnings=(*warnings, *_failures(plan, own)),
        environment=versions,
        records=own,
        targets=targets,
    )


def _targets(
    plan: SweepPlan, store: DataStore, records: Mapping[str, TrialRecord]
) -> dict[str, Target]:
    done = {r.trial.params["target"] for r in records.values() if r.outcome is not None}
    return {
        cell.study.target_fingerprint: store.target(cell.study.target_fingerprint, cell.task)
        for cell in plan.cells
        if cell.study.target_fingerprint in done
    }


def _failures(plan: SweepPlan, records: Mapping[str, TrialRecord]) -> tuple[Warned, ...]:
    found: dict[tuple[str, str, str], list[TrialRecord]] = {}
    for cell in plan.cells:
        for key, arm, _ in plan.rows(cell):
            record = records.get(key)
            if record is not None and record.status == "failed":
                found.setdefault((cell.task, cell.encoder, arm.method), []).append(record)
    return tuple(
        Warned(
            "failed fits",
            f"{len(part)} fits of {method} on {task} under {encoder} failed, first: "
            f"{part[0].error}",
            "they stay in the table; splits that failed are left out of both sides of a "
            'comparison; resume="always" runs them again',
        )
        for (task, encoder, method), part in found.items()
    )


def _changed(code: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Tell what has changed of the code that a fit depends on; what is used no more does not."""
    return ", ".join(
        f"{name} {_short(told)} -> {_short(now[name])}"
        for name, told in sorted(code.items())
        if now.get(name, told) != told
    )


def _short(version: str) -> str:
    # A digest of code says no more than that it is another one.
    return version[:8] if len(version) == 32 else version


def _changed_rows(path: Path, plan: SweepPlan) -> tuple[Warned, ...]:
    """Tell which tasks have other rows, or another encoder, than when the directory was begun."""
    if not (path / PLAN).exists():
        return ()
    earlier = SweepPlan.from_dict(storage.read_json(path / PLAN))
    found = []
    for cell in plan.cells:
        before = earlier.cell(cell.task, cell.encoder)
        if before and before.study.target_fingerprint != cell.study.target_fingerprint:
            found.append(f"{cell.task} under {cell.encoder}")
    if not found:
        return ()
    return (
        Warned(
            "other rows or encoder",
            "recorded fits are not used, because the rows or the encoder have changed since: "
            + ", ".join(found),
            "they are run again; the old rows stay in the journal",
        ),
    )


def _foreign(path: Path) -> InputError:
    return InputError(
        "holds a run of another kind, no sweep", where=str(path), remedy="use another --out"
    )


def _state(path: Path) -> dict[str, Any]:
    if not (path / STATE).exists():
        return {}
    found: dict[str, Any] = storage.read_json(path / STATE)
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
