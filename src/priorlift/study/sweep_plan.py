"""The plan of a sweep: a study's plan for each task under each encoder, and one family of claims.

The features of an encoder are known by what they depend on (the raw rows, the encoder, the rows it
was fitted on), so a sweep is planned, counted and refused before anything is encoded. Splits follow
from labels, groups and the seed alone: all encoders of a task are judged on the same rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.study.description import without_code
from priorlift.study.design import Design, Split
from priorlift.study.plan import Arm, StudyPlan
from priorlift.trials.trial import Trial, canonical_json

TASK_FUNCTION = "sweep"
MOST_TRIALS = 5_000_000
AS_IS = "as is"

SharedModels: TypeAlias = Literal["budgets", "draws"]
SourceSets: TypeAlias = Literal["each and all", "each", "all"]


@dataclass(frozen=True, eq=False)
class Cell:
    """One task under one encoder: a study of its own, whose claims join the sweep's family.

    Attributes
    ----------
    task, encoder : str
        Their names.
    study : StudyPlan
        Arms, design, metric and fingerprints of the encoded rows.
    """

    task: str
    encoder: str
    study: StudyPlan

    @property
    def n_trials(self) -> int:
        """Number of fits."""
        design = self.study.design
        return len(self.study.arms) * design.n_draws * design.n_folds * len(design.budgets)


@dataclass(frozen=True)
class LeftOut:
    """A combination that cannot run, and why; an empty name means all of them."""

    task: str
    encoder: str
    method: str
    sources: str
    reason: str


@dataclass(frozen=True)
class SweepPlan:
    """Everything that a sweep will do.

    Attributes
    ----------
    cells : tuple of Cell
        Tasks under encoders that can run.
    skipped : tuple of LeftOut
        Combinations that cannot run, with the reason.
    tasks, encoders, methods : tuple of str
        All that were asked for, in order.
    seed : int
        Of the sweep.
    level, min_lift : float
        Of the family of verdicts.
    shared_models : {"budgets", "draws"}
        What one model of a source serves.
    code : mapping of str to mapping of str to str
        By encoder, the versions of the libraries that its scores depend on.
    """

    cells: tuple[Cell, ...]
    skipped: tuple[LeftOut, ...]
    tasks: tuple[str, ...]
    encoders: tuple[str, ...]
    methods: tuple[str, ...]
    seed: int
    level: float
    min_lift: float
    shared_models: SharedModels
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def n_trials(self) -> int:
        """Number of fits, told without planning each of them."""
        return sum(cell.n_trials for cell in self.cells)

    @cached_property
    def _estimators(self) -> Mapping[tuple[str, str, str], tuple[str, Mapping[str, str]]]:
        """The key of each estimator of each cell, and the code that its scores depend on."""
        return {
            (cell.task, cell.encoder, name): (
                estimator_key(described),
                {**self.code.get(cell.encoder, {}), **without_code(described)[1]},
            )
            for cell in self.cells
            for name, described in cell.study.methods.items()
        }

    @cached_property
    def all_code(self) -> Mapping[str, str]:
        """All versions, and digests of code of the user's own, that scores depend on, by name."""
        return {name: told for _, code in self._estimators.values() for name, told in code.items()}

    @cached_property
    def _rows(self) -> Mapping[tuple[str, str], tuple[tuple[str, Arm, Split], ...]]:
        return {
            (cell.task, cell.encoder): tuple(
                (trial.hash, arm, split) for trial, arm, split in self.trials(cell)
            )
            for cell in self.cells
        }

    def rows(self, cell: Cell) -> tuple[tuple[str, Arm, Split], ...]:
        """Return the hash, the arm and the split of each trial of a cell; they are told once."""
        return self._rows[cell.task, cell.encoder]

    @cached_property
    def _by_names(self) -> Mapping[tuple[str, str], Cell]:
        return {(cell.task, cell.encoder): cell for cell in self.cells}

    def cell(self, task: str, encoder: str) -> Cell | None:
        """Return a task under an encoder; None where the two cannot run."""
        return self._by_names.get((task, encoder))

    def trials(self, cell: Cell) -> Iterator[tuple[Trial, Arm, Split]]:
        """Give the trials of a cell: whole draws first, in each of them arm by arm.

        The budgets of one arm in one draw are a group: they share what was learned on the sources.
        """
        design = cell.study.design
        for draw in range(design.n_draws):
            for fold in range(design.n_folds):
                for arm in cell.study.arms:
                    for budget in design.budgets:
                        split = Split(budget, draw, fold)
                        yield self.trial(cell, arm, split), arm, split

    def trial(self, cell: Cell, arm: Arm, split: Split) -> Trial:
        """Return the trial that fits an arm of a cell on a split.

        Its identity holds what the score depends on and no more: a sweep with more seeds, budgets,
        methods or tasks finds what an earlier one has recorded.
        """
        study = cell.study
        estimator, code = self._estimators[cell.task, cell.encoder, arm.method]
        params = {
            "target": study.target_fingerprint,
            "task": study.task,
            "method": arm.method,
            "estimator": estimator,
            "sources": list(study.fingerprints(arm)),
            "metric": study.metric,
            "splits": split_identity(study.design),
            "split": asdict(split),
            "seed": self.seed,
            "shared_models": self.shared_models,
            "code": code,
        }
        group = (cell.task, cell.encoder, arm.method, "+".join(arm.sources), str(split.draw))
        return Trial(TASK_FUNCTION, params, group="|".join(group))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; equal plans give equal values."""
        cells = [
            {"task": c.task, "encoder": c.encoder, "study": c.study.to_dict()} for c in self.cells
        ]
        plain = {
            "cells": cells,
            "skipped": [asdict(one) for one in self.skipped],
            "tasks": self.tasks,
            "encoders": self.encoders,
            "methods": self.methods,
            "seed": self.seed,
            "level": self.level,
            "min_lift": self.min_lift,
            "shared_models": self.shared_models,
            "code": self.code,
        }
        found: dict[str, Any] = json.loads(json.dumps(plain))
        return found

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "SweepPlan":
        """Build a plan from `to_dict` after a journey through JSON."""
        values = dict(plain)
        values["cells"] = tuple(
            Cell(c["task"], c["encoder"], StudyPlan.from_dict(c["study"])) for c in plain["cells"]
        )
        values["skipped"] = tuple(LeftOut(**one) for one in plain["skipped"])
        for key in ("tasks", "encoders", "methods"):
            values[key] = tuple(plain[key])
        return cls(**values)


def estimator_key(described: Mapping[str, Any]) -> str:
    """Return a hash of a description of an estimator, less its code; the plan holds the whole.

    Code is a part of a trial beside the estimator, as versions are: what is edited is fitted again,
    on the same draws.
    """
    return arrays.fingerprint([canonical_json(without_code(described)[0])])


def with_source_sets(plan: StudyPlan, wanted: SourceSets) -> StudyPlan:
    """Keep the arms of the wanted sets of sources.

    Baselines stay, and what stands alone: the pool of a task with one source, and the pool of a
    method that chooses among the sources itself.
    """
    if wanted == "each and all":
        return plan
    largest = {
        method: max((len(arm.sources) for arm in plan.claims if arm.method == method), default=0)
        for method in plan.methods
    }

    def kept(arm: Arm) -> bool:
        if not arm.sources or largest[arm.method] == 1:
            return True
        return (len(arm.sources) == largest[arm.method]) == (wanted == "all")

    arms = tuple(arm for arm in plan.arms if kept(arm))
    chooses = {arm.method for arm in plan.claims} - {arm.method for arm in arms if arm.sources}
    whole = tuple(arm for arm in plan.claims if arm.method in chooses)
    return replace(plan, arms=(*arms, *whole))


def split_identity(design: Design) -> dict[str, Any]:
    """Return what the rows of a split depend on, beside its numbers and the target.

    Budgets and the number of draws are no part of it, but where the largest budget means all rows
    of a training fold.
    """
    identity: dict[str, Any] = {"kind": design.kind, "seed": design.seed}
    if design.kind == "label budgets":
        return identity | {"n_test": design.n_test}
    return identity | {"n_folds": design.n_folds, "all_rows": design.largest}


def design_of(identity: Mapping[str, Any]) -> Design:
    """Return a design that gives the rows of an identity's splits."""
    return Design(
        kind=identity["kind"],
        reason="",
        budgets=(identity.get("all_rows", 0),),
        n_draws=0,
        n_folds=identity.get("n_folds", 1),
        n_test=identity.get("n_test", 0),
        n_labelled=0,
        n_pool=0,
        grouped=False,
        seed=identity["seed"],
    )


def refuse_too_many(n_trials: int, axes: Mapping[str, int]) -> None:
    """Refuse a sweep that multiplies beyond what a journal is meant for, before it is planned.

    Raises
    ------
    InputError
        There are more than five million fits; the message has the number and its factors.
    """
    if n_trials > MOST_TRIALS:
        product = " x ".join(f"{n:,} {name}" for name, n in axes.items())
        raise InputError(
            f"the sweep multiplies to {n_trials:,} fits ({product}), more than {MOST_TRIALS:,}",
            remedy="take fewer seeds, budgets, methods or sources",
        )


def names_of(kind: str, given: Sequence[str]) -> tuple[str, ...]:
    """Return names after a check that each occurs once.

    Raises
    ------
    InputError
        A name occurs twice, or there is none.
    """
    if not given:
        raise InputError(f"no {kind} is given", remedy=f"pass at least one {kind}")
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise InputError(f"two {kind}s are named {twice[0]!r}", remedy="give each its own name")
    return tuple(given)
