"""Run a search as trials: on any runner, and with a journal that survives a crash.

A unit of work is a trial. Its identity is made of what its scores depend on: the rows, the split,
the estimator and every candidate's settings, the scorer, and the versions of the code. A search
that is started again with the same content therefore finds the units that are recorded, whatever
its runner and number of workers, and evaluates the rest.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn

import priorlift
from priorlift.core import arrays
from priorlift.core.errors import InputError, PriorliftError
from priorlift.search.fold import alone_reason
from priorlift.search.keys import by_pickle, digest
from priorlift.search.memory import MemoryRefusedError
from priorlift.search.plan import Candidate
from priorlift.search.running import evaluate_here
from priorlift.search.score_table import ScoreTable
from priorlift.search.shared_work import Tally
from priorlift.search.shipping import Shipped
from priorlift.search.units import units_of
from priorlift.search.work import Unit, Work
from priorlift.trials import Context, Outcome, RunDirectory, Trial, get_runner, run_pending
from priorlift.trials.directory import run_directory

TASK = "search"
# Units must not depend on the number of workers, or another number could not go on with them.
WANTED_UNITS = 16
MOST_UNITS_APART = 2_000

Result = tuple[Unit, ScoreTable, Tally]


@dataclass(frozen=True, eq=False)
class Payload:
    """What the task function needs beside its trial.

    Parameters
    ----------
    work : Work
        Without the rows if these are in the run's store.
    units : mapping of str to Unit
        By key.
    stored : mapping of str to str
        Keys in the store of the parts "X" and "y".
    """

    work: Work
    units: Mapping[str, Unit]
    stored: Mapping[str, str]

    def work_in(self, context: Context) -> Work:
        """Return the work with its rows, memory-mapped where they are stored."""
        if not self.stored:
            return self.work
        return replace(
            self.work, **{part: context.store.get_array(key) for part, key in self.stored.items()}
        )


def run_as_trials(
    work: Work,
    candidates: Sequence[Candidate],
    splits: Sequence[tuple[Any, Any]],
    *,
    runner: str | None,
    n_jobs: int | None,
    address: str | None,
    run_dir: str | Path | None,
    resume: bool,
) -> Iterator[Result]:
    """Evaluate a search's units as trials of a run directory.

    Parameters
    ----------
    work : Work
        Common to all units.
    candidates : sequence of Candidate
        All of them.
    splits : sequence of (train, test)
        Rows of each fold.
    runner : {"serial", "processes", "ray"} or None
        None takes "processes" if `n_jobs` asks for more than one.
    n_jobs, address, run_dir, resume : object
        As in `SharedSearchCV`; without `run_dir` a temporary folder is used.

    Yields
    ------
    tuple of Unit, ScoreTable, Tally
        Recorded ones first, then new ones as they end.

    Raises
    ------
    InputError
        Something cannot be sent to another process, or the folder holds something else.
    PriorliftError
        A unit failed and `error_score` is "raise".
    """
    n_workers = int(joblib.effective_n_jobs(n_jobs))
    name = runner or ("processes" if n_workers > 1 else "serial")
    n_apart = sum(bool(alone_reason(candidate)) for candidate in candidates) * len(splits)
    chunk = max(-(-n_apart // MOST_UNITS_APART), 1)
    by_moments = work.recipe is not None
    units = units_of(candidates, splits, WANTED_UNITS, chunk, moments=by_moments)
    with run_directory(run_dir, resume=resume) as directory:
        trials = _trials(work, units)
        recorded = _recorded(directory, trials)
        for key, outcome in recorded.items():
            yield _result(trials[key][1], outcome, work)
        left = [trial for key, (trial, _) in trials.items() if key not in recorded]
        if not left:
            return
        shipped = _shipped(work, trials, directory, in_place=name == "serial")
        chosen = get_runner(
            name,
            None if n_jobs is None else n_workers,
            tasks={TASK: score_unit},
            address=address,
        )
        context = Context(directory.store.directory, extras={TASK: shipped})
        for record in run_pending(left, chosen, context, directory.journal):
            unit = trials[record.trial.hash][1]
            yield _result(unit, record.outcome if record.outcome else record.error, work)


def score_unit(trial: Trial, context: Context) -> Outcome:
    """Evaluate one unit: the task function of a search.

    Parameters
    ----------
    trial : Trial
        Its parameter "unit" names the unit.
    context : Context
        Its extras hold the search.

    Returns
    -------
    Outcome
        Arrays `test`, `train` (scorers x settings), `fit_time`, `score_time`; values that say who
        solved what.
    """
    payload: Payload = context.extras[TASK].open()
    table, tally = evaluate_here(payload.work_in(context), payload.units[trial.params["unit"]])
    values = {
        "scorers": list(table.test),
        "multiple": table.multiple,
        "errors": {str(position): text for position, text in table.errors.items()},
        "solved": [[*key, n] for key, n in tally.scores.items()],
        "transformer_fits": tally.transformer_fits,
        "transformer_fits_alone": tally.transformer_fits_alone,
        "head_fits": tally.head_fits,
        "peak_bytes": tally.peak_bytes,
    }
    columns = {"fit_time": table.fit_time, "score_time": table.score_time}
    for name, scores in (("test", table.test), ("train", table.train)):
        if scores:
            columns[name] = np.array(list(scores.values()))
    return Outcome(values, columns)


def _trials(work: Work, units: Sequence[Unit]) -> dict[str, tuple[Trial, Unit]]:
    search, keys = search_key(work), _Keys()
    splits: dict[int, str] = {}
    found = {}
    for unit in units:
        if unit.fold not in splits:
            splits[unit.fold] = digest([np.asarray(unit.train), np.asarray(unit.test)])
        key = digest([splits[unit.fold], *(keys.of(candidate) for candidate in unit.candidates)])
        params = {"search": search, "unit": key, "n_settings": len(unit.candidates)}
        trial = Trial(TASK, params, group=_group(unit))
        found[trial.hash] = (trial, unit)
    return found


def _group(unit: Unit) -> str | None:
    """Return what keeps a unit near those that read the same rows; None where it shares nothing.

    Units of one fold follow one another in a worker, which still has the fold's moments, and in
    the order in which they were cut, so that pieces of one beginning stay together.
    """
    return None if alone_reason(unit.candidates[0]) else f"fold {unit.fold}"


class _Keys:
    """Digests of candidates' settings; each candidate and each value is digested once."""

    def __init__(self) -> None:
        self._candidates: dict[int, str] = {}
        self._values: dict[int, str] = {}

    def of(self, candidate: Candidate) -> str:
        found = self._candidates.get(candidate.index)
        if found is None:
            pairs = sorted((name, self._value(name, v)) for name, v in candidate.params.items())
            found = self._candidates[candidate.index] = digest(pairs)
        return found

    def _value(self, name: str, value: Any) -> str:
        # The candidates hold the values, so none of them gives its place in memory to another.
        if id(value) not in self._values:
            self._values[id(value)] = _named_digest(f"parameter {name!r}", value)
        return self._values[id(value)]


def _named_digest(where: str, value: Any) -> str:
    try:
        return digest(value, by_pickle)
    except InputError as error:
        raise InputError(str(error).rstrip("."), where=where) from error


def search_key(work: Work) -> str:
    """Return the digest of all that every score of a search depends on."""
    versions = [m.__version__ for m in (priorlift, sklearn, np, scipy)]
    rows = [arrays.fingerprint(work.X), arrays.fingerprint(work.y)]
    rest = {
        "estimator": work.estimator,
        "scoring": work.scoring.parts,
        "error_score": work.scoring.error_score,
        "return_train_score": work.return_train_score,
        "warm_start_paths": work.paths,
        "fit parameters": _by_content(work.fit_params),
        "score parameters": _by_content(work.scoring.params),
    }
    return digest([versions, rows, *(_named_digest(name, part) for name, part in rest.items())])


def _by_content(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "fingerprint", value) for name, value in params.items()}


def _recorded(
    directory: RunDirectory, trials: Mapping[str, tuple[Trial, Unit]]
) -> dict[str, Outcome | str | None]:
    found: dict[str, Outcome | str | None] = {}
    search = next(iter(trials.values()))[0].params["search"]
    n_foreign = 0
    for record in directory.journal.records():
        if record.trial.hash in trials:
            found[record.trial.hash] = record.outcome if record.outcome else record.error
        elif record.trial.params.get("search") != search:
            n_foreign += 1
    if n_foreign:
        warnings.warn(
            f"{directory.path}: {n_foreign} recorded units are not used, because the data, the "
            "estimator, the scoring or a version of the code is another one now",
            stacklevel=2,
        )
    return found


def _shipped(
    work: Work,
    trials: Mapping[str, tuple[Trial, Unit]],
    directory: RunDirectory,
    *,
    in_place: bool,
) -> Shipped:
    units = {trial.params["unit"]: unit for trial, unit in trials.values()}
    key = next(iter(trials.values()))[0].params["search"]
    if in_place:
        return Shipped(Payload(work, units, {}), key)
    stored = {}
    for part in ("X", "y"):
        value = getattr(work, part)
        if arrays.kind_of(value) in ("dense", "sparse") or _is_plain_vector(value):
            stored[part] = arrays.fingerprint(value)
            directory.store.put_array(stored[part], value)
    absent: dict[str, Any] = dict.fromkeys(stored)
    sent = replace(work, **absent)
    shipped = Shipped(Payload(sent, units, stored), f"{key}-{digest(sorted(units))}")
    parts = {"estimator": work.estimator, "scoring": work.scoring.scorer}
    parts |= {f"fit parameter {name!r}": value for name, value in work.fit_params.items()}
    for unit in units.values():
        for candidate in unit.candidates:
            parts |= {f"parameter {n!r}": value for n, value in candidate.params.items()}
    shipped.pack(parts)
    return shipped


def _is_plain_vector(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biufUS"


def _result(unit: Unit, outcome: Outcome | str | None, work: Work) -> Result:
    if not isinstance(outcome, Outcome):
        return unit, _failed(unit, outcome or "unknown error", work), Tally()
    values, columns = outcome.values, outcome.arrays
    table = ScoreTable(len(unit.candidates), multiple=values["multiple"])
    for name, side in (("test", table.test), ("train", table.train)):
        if name in columns:
            side.update(zip(values["scorers"], columns[name], strict=True))
    table.fit_time[:], table.score_time[:] = columns["fit_time"], columns["score_time"]
    table.errors.update({int(position): text for position, text in values["errors"].items()})
    solved = Counter({tuple(key): n for *key, n in values["solved"]})
    tally = Tally(solved, *(values[name] for name in _COUNTS))
    return unit, table, tally


_COUNTS = ("transformer_fits", "transformer_fits_alone", "head_fits", "peak_bytes")


def _failed(unit: Unit, error: str, work: Work) -> ScoreTable:
    """Give every candidate of a unit that was lost the error that lost it."""
    if error.startswith(MemoryRefusedError.__name__):
        raise MemoryRefusedError(error.partition(": ")[2].rstrip("."))
    if work.scoring.error_score == "raise":
        raise PriorliftError(f"a fit failed: {error}")
    table = ScoreTable(len(unit.candidates))
    table.errors.update(dict.fromkeys(range(len(unit.candidates)), error))
    return table
