"""What earlier studies teach: the lift of each source that was tried, beside what was known of it.

A run directory holds the ranking that was made before anything was trained, and the trials from
which the lift follows. Together they are outcomes that a gain model learns from. Nothing is fitted
here: lifts are read from the journals again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.ranking.result import Ranking
from priorlift.study.plan import StudyPlan
from priorlift.study.results import StudyResult
from priorlift.study.storage import PLAN, RESULT
from priorlift.trials.directory import JOURNAL

Kind: TypeAlias = tuple[str, str]  # method, metric


@dataclass(frozen=True, eq=False)
class PastOutcomes(Outcomes):
    """Outcomes of earlier studies, of one method and one metric.

    Attributes
    ----------
    method, metric : str
        Whose lifts, and in which score; empty where there is no outcome.
    budgets : ndarray of int, shape (N,)
        Labelled rows of the target that each lift belongs to.
    runs : tuple of str of length N
        The run directory of each.
    skipped : mapping of str to str
        Runs and pairs that could not be used, and why.
    """

    method: str = ""
    metric: str = ""
    budgets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    runs: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What there is, in one sentence."""
        n_targets = len(set(self.pairs.targets))
        text = f"{self.n_pairs} outcomes of {n_targets} target{'s' * (n_targets != 1)}"
        if self.n_pairs:
            n_runs = len(set(self.runs))
            text += f" from {n_runs} run{'s' * (n_runs != 1)}: lift of {self.method} in "
            text += self.metric
        return text + (f"; {len(self.skipped)} left out" if self.skipped else "")


@dataclass(frozen=True)
class _Run:
    """What a run directory teaches."""

    path: str
    plan: StudyPlan
    ranking: Ranking
    lifts: Mapping[str, Mapping[str, float]]  # by method, then source
    finished_at: str

    @property
    def fingerprints(self) -> frozenset[str]:
        return frozenset(source.fingerprint for source in self.plan.sources)

    def kinds(self) -> Counter[Kind]:
        ranked = set(self.ranking.names)
        return Counter(
            {
                (method, self.plan.metric): len(ranked & set(found))
                for method, found in self.lifts.items()
            }
        )


def read_outcomes(
    runs: str | Path | Iterable[str | Path],
    *,
    method: str | None = None,
    metric: str | None = None,
) -> PastOutcomes:
    """Read the outcomes of earlier studies from their run directories.

    Parameters
    ----------
    runs : path or iterable of paths
        Run directories, or folders of them.
    method : str, optional
        Whose lifts; by default the method of which most claims are there. Lifts of several methods
        are never mixed: their mean would depend on which methods a run happened to try.
    metric : str, optional
        In which score; by default the one of most claims. Lifts in accuracy and in mean absolute
        error have no common scale.

    Returns
    -------
    PastOutcomes
        One outcome for each target and source: the lift over the same method without sources, at
        the largest budget, beside the features of the run's ranking. Studies that are unfinished,
        unreadable or without a ranking are in `skipped` with the reason, and so are single pairs.

    Raises
    ------
    InputError
        A path does not exist, or holds no run at all.

    Notes
    -----
    Two runs have the same target if its rows are the same, or if its name is and they share a
    source (a target that has grown). The same target and source count once, as the latest run saw
    them: repeats are no independent evidence.

    Examples
    --------
    >>> read_outcomes("no such folder")
    Traceback (most recent call last):
    priorlift.core.errors.InputError: no such folder: there is no such folder. ...
    """
    skipped: dict[str, str] = {}
    found: list[_Run] = []
    for path in _directories([runs] if isinstance(runs, str | Path) else runs):
        try:
            found.append(_read(path))
        except Exception as error:  # whatever a stranger's folder holds, the other runs count
            skipped[str(path)] = " ".join(str(error).split()) or type(error).__name__
    kinds = sum((run.kinds() for run in found), Counter[Kind]())
    asked = {
        kind: n
        for kind, n in kinds.items()
        if method in (None, kind[0]) and metric in (None, kind[1])
    }
    if not asked:
        for run in found:
            skipped[run.path] = _nothing_asked(run, method, metric)
        nothing = PairFeatures((), (), {})
        return PastOutcomes(nothing, np.empty(0), skipped=MappingProxyType(skipped))
    chosen = min(asked, key=lambda kind: (-asked[kind], kind))
    return _joined(found, chosen, skipped)


def _directories(paths: Iterable[str | Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for given in paths:
        path = Path(given)
        if not path.is_dir():
            raise InputError(
                "there is no such folder",
                where=str(given),
                remedy="pass a run directory, or a folder of them",
            )
        inside = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir())]
        runs = [folder for folder in inside if _is_run(folder)]
        if not runs:
            raise InputError(
                "holds no run of a study",
                where=str(given),
                remedy="pass the folder given as --out, or the folder of several",
            )
        found |= {folder.resolve(): folder for folder in runs}
    return list(found.values())


def _is_run(folder: Path) -> bool:
    return (folder / PLAN).exists() or (folder / JOURNAL).exists()


def _read(path: Path) -> _Run:
    if not (path / RESULT).exists():
        raise InputError("the study is not finished", remedy="go on with --resume")
    result = StudyResult.load(path)
    if not result.reproducible:
        raise InputError("the study was cut short by a time limit", remedy="go on with --resume")
    if result.ranking is None:
        raise InputError("the study ranked nothing before it began", remedy="run it with --rank")
    single = {(arm.method, arm.sources[0]) for arm in result.plan.claims if len(arm.sources) == 1}
    lifts: dict[str, dict[str, float]] = {}
    for lift in result.lifts:
        if (lift.method, lift.sources) in single and lift.budget == result.plan.design.largest:
            lifts.setdefault(lift.method, {})[lift.sources] = lift.against_same_class.estimate
    finished = max(record.measured.finished_at for record in result.records)
    return _Run(str(path), result.plan, result.ranking, lifts, finished)


def _nothing_asked(run: _Run, method: str | None, metric: str | None) -> str:
    if metric not in (None, run.plan.metric):
        return f"the study measured {run.plan.metric}, not {metric}"
    methods = ", ".join(sorted(run.lifts)) or "no method"
    if method is None:
        return "no single source was both ranked and tried"
    return f"the study tried {methods} with single sources, not {method}"


def _joined(runs: list[_Run], kind: Kind, skipped: dict[str, str]) -> PastOutcomes:
    """Put the runs' pairs into one table, the latest of each target and source."""
    method, metric = kind
    names = _target_names(runs)
    rows: dict[tuple[str, str], tuple[_Run, PairFeatures, int]] = {}
    for run in sorted(runs, key=lambda run: (run.finished_at, run.path), reverse=True):
        if run.plan.metric != metric or not run.lifts.get(method):
            same = run.plan.metric == metric
            skipped[run.path] = _nothing_asked(run, method if same else None, metric)
            continue
        known = run.ranking.pair_features(names[run.path])
        for i, source in enumerate(known.sources):
            gain = run.lifts[method].get(source)
            if gain is None or not np.isfinite(gain):
                reason = "no lift was measured" if gain is None else "its lift is not a number"
                skipped[f"{run.path}: {source}"] = f"{reason} with {method}"
                continue
            rows.setdefault((names[run.path], source), (run, known, i))
    order = sorted(rows)
    kept = [rows[key] for key in order]
    features = sorted({name for _, known, _ in kept for name in known.names})
    values = {name: np.array([_value(known, name, i) for _, known, i in kept]) for name in features}
    return PastOutcomes(
        PairFeatures(tuple(t for t, _ in order), tuple(s for _, s in order), values),
        np.array([run.lifts[method][s] for (run, *_), (_, s) in zip(kept, order, strict=True)]),
        method=method,
        metric=metric,
        budgets=np.array([run.plan.design.largest for run, *_ in kept], dtype=np.int64),
        runs=tuple(run.path for run, *_ in kept),
        skipped=MappingProxyType(skipped),
    )


def _value(known: PairFeatures, name: str, i: int) -> float:
    return float(known.values[name][i]) if name in known.values else float("nan")


def _target_names(runs: list[_Run]) -> dict[str, str]:
    """Name each run's target; different targets of one name get their fingerprint beside it."""
    kinds: list[list[_Run]] = []
    for run in sorted(runs, key=lambda run: (run.plan.target_fingerprint, run.path)):
        same = [kind for kind in kinds if any(_same_target(run, other) for other in kind)]
        kinds = [kind for kind in kinds if kind not in same]
        kinds.append([run, *(other for kind in same for other in kind)])
    shared = Counter(name for kind in kinds for name in {run.plan.target_name for run in kind})
    names: dict[str, str] = {}
    for kind in kinds:
        first = min(kind, key=lambda run: (run.plan.target_fingerprint, run.path)).plan
        name = first.target_name
        if shared[name] > 1:
            name = f"{name} ({first.target_fingerprint[:8]})"
        names |= {run.path: name for run in kind}
    return names


def _same_target(one: _Run, other: _Run) -> bool:
    if one.plan.target_fingerprint == other.plan.target_fingerprint:
        return True
    named = one.plan.target_name == other.plan.target_name
    return named and bool(one.fingerprints & other.fingerprints)
