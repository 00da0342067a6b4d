"""The plan of a study: every combination of method, sources and split, resolved beforehand.

Plans are compared on resume and stored with the results, so two sources can never be compared under
different settings. Combinations that cannot work are listed with the reason instead of being
dropped.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from priorlift.core import arrays, registry
from priorlift.core.errors import InputError
from priorlift.pool import Source, SourcePool, Target, Task, align_source
from priorlift.study.design import Design, Split
from priorlift.transfer.base import NO_MODELS, TransferEstimator
from priorlift.trials.trial import Trial

TASK_FUNCTION = "study"
REFERENCE = "target_only"
NO_SOURCES = "(no sources)"
ALL_USABLE = "(all usable)"


@dataclass(frozen=True)
class SourceInfo:
    """What a plan keeps of a source."""

    name: str
    fingerprint: str
    n_rows: int
    n_labelled: int
    n_dropped_columns: int
    licence: str
    description: str


@dataclass(frozen=True)
class Arm:
    """A method with a set of sources: by name, empty for the baseline."""

    method: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """A combination that is left out, and why."""

    method: str
    sources: str
    reason: str


@dataclass(frozen=True)
class StudyPlan:
    """Everything that a study will do.

    Attributes
    ----------
    target_name, target_fingerprint : str
        The target.
    task : {"classification", "regression"}
        Its kind of task.
    sources : tuple of SourceInfo
        All sources of the pool that could be read.
    methods : mapping of str to dict
        Names of the methods and canonical descriptions of their estimators.
    arms : tuple of Arm
        Which method is fitted with which sources; each method's baseline included.
    skipped : tuple of Skipped
        Combinations left out.
    reference : str
        Name of the target-only reference.
    metric, metric_title : str
        What is scored.
    design : Design
        How rows are split.
    seed : int
        Of the run.
    level : float
        Of the intervals.
    min_lift : float
        Practical threshold of *helps*.
    setting : str
        "inductive": test rows are never seen in training, not even without their labels.
    """

    target_name: str
    target_fingerprint: str
    n_rows: int
    n_labelled: int
    classes: tuple[str, ...]
    task: Task
    sources: tuple[SourceInfo, ...]
    methods: Mapping[str, Mapping[str, Any]]
    arms: tuple[Arm, ...]
    skipped: tuple[Skipped, ...]
    reference: str
    metric: str
    metric_title: str
    design: Design
    seed: int
    level: float
    min_lift: float
    setting: str = "inductive"

    @property
    def claims(self) -> tuple[Arm, ...]:
        """The arms that claim a lift: those with sources."""
        return tuple(arm for arm in self.arms if arm.sources)

    def trial(self, arm: Arm, split: Split) -> Trial:
        """Return the trial that fits an arm on a split."""
        return Trial(
            TASK_FUNCTION,
            {
                "target": self.target_fingerprint,
                "task": self.task,
                "method": arm.method,
                "estimator": self.methods[arm.method],
                "sources": list(self.fingerprints(arm)),
                "metric": self.metric,
                "design": {k: v for k, v in self.design.to_dict().items() if k != "reason"},
                "split": asdict(split),
                "seed": self.seed,
            },
        )

    def trials(self) -> list[Trial]:
        """Return all trials, each once, whole draws first."""
        found: dict[str, Trial] = {}
        for split in self.design.splits:
            for arm in self.arms:
                trial = self.trial(arm, split)
                found[trial.hash] = trial
        return list(found.values())

    def label(self, names: Sequence[str]) -> str:
        """Return how the sources of an arm are called: none, one, or all its method can use."""
        if not names:
            return NO_SOURCES
        return names[0] if len(names) == 1 else ALL_USABLE

    def label_of(self, fingerprints: Sequence[str]) -> str:
        """Return how sources of these fingerprints are called in tables."""
        wanted = set(fingerprints)
        return self.label([s.name for s in self.sources if s.fingerprint in wanted])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; equal plans give equal values."""
        plain: dict[str, Any] = asdict(self)
        plain["design"] = self.design.to_dict()
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "StudyPlan":
        """Build a plan from `to_dict` after a journey through JSON."""
        values = dict(plain)
        design = dict(values["design"])
        design["budgets"] = tuple(design["budgets"])
        values["design"] = Design(**design)
        values["classes"] = tuple(values["classes"])
        values["sources"] = tuple(SourceInfo(**source) for source in values["sources"])
        values["arms"] = tuple(Arm(a["method"], tuple(a["sources"])) for a in values["arms"])
        values["skipped"] = tuple(Skipped(**skipped) for skipped in values["skipped"])
        return cls(**values)

    def fingerprints(self, arm: Arm) -> tuple[str, ...]:
        """Return the fingerprints of an arm's sources, sorted."""
        return tuple(sorted(s.fingerprint for s in self.sources if s.name in arm.sources))


def resolve_methods(
    methods: Sequence[Any] | Mapping[str, Any], task: Task
) -> dict[str, TransferEstimator]:
    """Turn names and estimators into named, unfitted estimators.

    Parameters
    ----------
    methods : sequence of str or TransferEstimator, or mapping of str to TransferEstimator
        Names are looked up in the registry.
    task : {"classification", "regression"}
        Chooses the class of a named method.

    Raises
    ------
    InputError
        A method occurs twice, or is no transfer estimator for the task.
    """
    if isinstance(methods, Mapping):
        given = list(methods.items())
    else:
        given = [(m if isinstance(m, str) else _name_of(m), m) for m in methods]
    resolved: dict[str, TransferEstimator] = {}
    for name, method in given:
        if isinstance(method, str):
            method = registry.get("methods", method).for_task(task)()
        if not isinstance(method, TransferEstimator) or method._task != task:
            raise InputError(
                f"method {name!r} is a {type(method).__name__}, no transfer estimator for {task}",
                remedy="pass a registered name or an estimator of priorlift.transfer",
            )
        if name in resolved:
            raise InputError(
                f"method {name!r} is named twice",
                remedy="pass a mapping of distinct names to estimators",
            )
        resolved[name] = method
    if not resolved:
        raise InputError(
            "no method is given", remedy=f"choose from {', '.join(registry.names('methods'))}"
        )
    return resolved


def plan_arms(
    target: Target, pool: SourcePool, methods: Mapping[str, TransferEstimator]
) -> tuple[tuple[Arm, ...], tuple[Skipped, ...]]:
    """Decide which method is fitted with which sources.

    Returns
    -------
    arms : tuple of Arm
        For each method its baseline, each usable source, and all usable sources together.
    skipped : tuple of Skipped
        What cannot be used, and why.
    """
    arms: list[Arm] = []
    skipped = [Skipped("(any)", name, reason) for name, reason in pool.unusable.items()]
    for name, method in methods.items():
        arms.append(Arm(name, ()))
        usable = []
        for source in pool:
            reason = why_unusable(method, target, source)
            if reason is None:
                usable.append(source.name)
            else:
                skipped.append(Skipped(name, source.name, reason))
        skipped += [Skipped(name, model.name, _why_no_model(method)) for model in pool.models]
        if not method.transfer_tags.selects_sources:
            arms.extend(Arm(name, (source,)) for source in usable)
        if len(usable) > 1 or (usable and method.transfer_tags.selects_sources):
            arms.append(Arm(name, tuple(usable)))
    return tuple(arms), tuple(skipped)


def _why_no_model(method: TransferEstimator) -> str:
    if not method.transfer_tags.uses_sources:
        return "the method learns from no source"
    return "a study compares sources that have rows" if method.transfer_tags.models else NO_MODELS


def why_unusable(method: TransferEstimator, target: Target, source: Source) -> str | None:
    """Return why a method cannot use a source for a target; None where it can."""
    tags = method.transfer_tags
    if not tags.uses_sources:
        return "the method learns from no source"
    if tags.columns == "target":
        try:
            align_source(source, target.columns, arrays.n_columns(target.X))
        except InputError as error:
            return str(error)
    if arrays.kind_of(source.X) == "sparse" and not tags.sparse:
        return "the method does not take sparse features"
    if not source.labelled.any():
        return "it has no labelled row"
    if tags.labels == "any":
        return None
    return _label_mismatch(method, target, source)


def _label_mismatch(method: TransferEstimator, target: Target, source: Source) -> str | None:
    if method._task == "classification":
        if not np.isin(source.y[source.labelled], np.unique(target.y[target.labelled])).any():
            return "it shares no label with the target, and the method needs shared labels"
        return None
    try:
        source.y[source.labelled].astype(float)
    except (TypeError, ValueError):
        return "its labels are not numbers, and the target's are"
    return None


def _name_of(estimator: Any) -> str:
    name = type(estimator).__name__.removesuffix("Classifier").removesuffix("Regressor")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
