"""What a sweep found: every fit, every lift, one family of verdicts, encoders on equal rows.

`SweepResult` is frozen and is made from a plan and a journal, so a saved run gives the same result
again. Its table has one row for each planned fit, whether it is done, failed or pending.
"""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from priorlift.core.tables import to_frame
from priorlift.pool import Target
from priorlift.study.interval import Interval
from priorlift.study.plain_json import plain_json
from priorlift.study.plan import Arm
from priorlift.study.results import BillRow, CurvePoint, Lift, Warned
from priorlift.study.sweep_plan import SweepPlan
from priorlift.study.verdicts import Verdict
from priorlift.trials.outcome import TrialRecord

FORMAT = 1
MEASURED = ("wall_seconds", "cpu_seconds", "peak_memory_mb", "worker", "started_at", "finished_at")
OUTCOME = ("score", "seed", "n_train", "n_test", "train_rows", "test_rows", "note")


@dataclass(frozen=True)
class SweptLift:
    """The lift of a claim of a sweep, unadjusted: a task, an encoder, and a study's `Lift`."""

    task: str
    encoder: str
    lift: Lift


@dataclass(frozen=True)
class SweptVerdict:
    """The verdict of a claim of a sweep, adjusted over all claims of all tasks and encoders."""

    task: str
    encoder: str
    verdict: Verdict


@dataclass(frozen=True)
class SweptCurve:
    """A point of a learning curve of a task under an encoder."""

    task: str
    encoder: str
    point: CurvePoint


@dataclass(frozen=True)
class EncoderVerdict:
    """Whether features of one encoder are better than the first encoder's, without any source.

    Attributes
    ----------
    task, encoder, against : str
        The task, the encoder, and the one it is compared with.
    word : {"better", "worse", "not shown"}
        Of the target-only reference at the largest budget, adjusted over all such comparisons.
    verdict : Verdict
        The intervals; its words speak of lifts, `word` speaks of encoders.
    """

    task: str
    encoder: str
    against: str
    word: str
    verdict: Verdict


@dataclass(frozen=True)
class SweepResult:
    """The outcome of a sweep.

    Attributes
    ----------
    plan : SweepPlan
        What was asked, and what could not run, with the reason.
    verdicts : tuple of SweptVerdict
        One a claim (task, encoder, method, sources) at its task's largest budget; Holm's adjustment
        is over all of them.
    lifts : tuple of SweptLift
        At every budget, unadjusted.
    curves : tuple of SweptCurve
        Means over all seeds.
    encoder_verdicts : tuple of EncoderVerdict
        Encoders against the first one, on equal rows; a family of their own.
    bill : tuple of BillRow
        What encoding and fits cost, by encoder and method.
    warnings : tuple of Warned
        Leakage, failures, rows of another version of the code.
    environment : mapping of str to str
        Versions and platform.
    records : mapping of str to TrialRecord
        What is recorded of the plan, by trial hash.
    targets : mapping of str to Target
        The encoded targets of the cells that have results, by fingerprint.
    """

    plan: SweepPlan
    verdicts: tuple[SweptVerdict, ...]
    lifts: tuple[SweptLift, ...]
    curves: tuple[SweptCurve, ...]
    encoder_verdicts: tuple[EncoderVerdict, ...]
    bill: tuple[BillRow, ...]
    warnings: tuple[Warned, ...]
    environment: Mapping[str, str]
    records: Mapping[str, TrialRecord] = field(repr=False)
    targets: Mapping[str, Target] = field(repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many fits are planned, done, failed and pending; the last three sum to the first.

        Fits that two cells share, because all that they depend on is equal, count in both.
        """
        found = dict.fromkeys(("planned", "done", "failed", "pending"), 0)
        for cell in self.plan.cells:
            for key, _, _ in self.plan.rows(cell):
                record = self.records.get(key)
                found["pending" if record is None else record.status] += 1
        return found | {"planned": self.plan.n_trials}

    @property
    def sentence(self) -> str:
        """The outcome in a few sentences, verdicts first."""
        words = [v.verdict.verdict for v in self.verdicts]
        n_tasks = len({v.task for v in self.verdicts if v.verdict.verdict == "helps"})
        tasks = len({cell.task for cell in self.plan.cells})
        head = (
            f"{words.count('helps')} of {len(words)} claims help, on {n_tasks} of {tasks} tasks; "
            f"{words.count('hurts')} hurt; for the others nothing is shown."
            if words
            else "No comparison could be made."
        )
        counts = self.counts
        rest = [f"{counts[word]:,} {word}" for word in ("failed", "pending") if counts[word]]
        return f"{head} {counts['done']:,} of {counts['planned']:,} fits are done" + (
            f", {' and '.join(rest)}." if rest else "."
        )

    def to_frame(self) -> Any:
        """Return one row a planned fit, in the plan's order; costs are in `measured_` columns."""
        return to_frame(self.columns())

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of `to_frame` as lists: what `results.parquet` holds."""
        head = ("task", "encoder", "method", "sources", "budget", "draw", "fold", "trial")
        names = (*head, "status", "error", *OUTCOME, *(f"measured_{name}" for name in MEASURED))
        columns: dict[str, list[Any]] = {name: [] for name in names}
        for cell in self.plan.cells:
            for key, arm, split in self.plan.rows(cell):
                record = self.records.get(key)
                label = cell.study.label(arm.sources)
                place = (cell.task, cell.encoder, arm.method, label)
                number = (split.budget, split.draw, split.fold, key)
                row = (*place, *number, *_recorded(record))
                for name, value in zip(names, row, strict=True):
                    columns[name].append(value)
        return columns

    def verdict_frame(self) -> Any:
        """Return one row a verdict, with adjusted and unadjusted intervals."""
        rows = [
            {"task": v.task, "encoder": v.encoder, **v.verdict.to_dict()} for v in self.verdicts
        ]
        return _frame(rows)

    def lift_frame(self) -> Any:
        """Return one row a lift at each budget, with its unadjusted interval."""
        return _frame([lift_row(lift) for lift in self.lifts])

    def encoder_frame(self) -> Any:
        """Return one row a comparison of encoders."""
        return _frame([encoder_row(one) for one in self.encoder_verdicts])

    def skipped_frame(self) -> Any:
        """Return one row a combination that cannot run, with the reason."""
        return _frame([one.__dict__ for one in self.plan.skipped])

    def to_dict(self) -> dict[str, Any]:
        """Return the result without its fits as plain values, for JSON."""
        return {
            "format": FORMAT,
            "sentence": self.sentence,
            "counts": self.counts,
            "plan": self.plan.to_dict(),
            "verdicts": [
                {"task": v.task, "encoder": v.encoder, **v.verdict.to_dict()} for v in self.verdicts
            ],
            "lifts": [lift_row(lift) for lift in self.lifts],
            "encoders": [encoder_row(one) for one in self.encoder_verdicts],
            "curves": [
                {"task": c.task, "encoder": c.encoder, **c.point.__dict__} for c in self.curves
            ],
            "warnings": [warned.__dict__ for warned in self.warnings],
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON with sorted keys; NaN becomes null."""
        return plain_json(self.to_dict())

    def save(self, path: str | Path) -> Path:
        """Save the result as a run directory, from which `SweepResult.load` gives it back.

        Parameters
        ----------
        path : path
            A folder; made if needed. Features are not copied to it.
        """
        from priorlift.study.sweep_storage import save_result

        return save_result(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "SweepResult":
        """Load a result from a run directory, finished or not, without fitting anything.

        Parameters
        ----------
        path : path
            A folder that `save`, or a sweep with `out=`, has written.
        """
        from priorlift.study.sweep_storage import load_result

        return load_result(Path(path))

    def claims_of(self, task: str, encoder: str) -> dict[Arm, SweptVerdict]:
        """Return the verdicts of a task under an encoder by arm."""
        cell = self.plan.cell(task, encoder)
        if cell is None:
            return {}
        arms = {(a.method, cell.study.label(a.sources)): a for a in cell.study.claims}
        return {
            arms[v.verdict.method, v.verdict.sources]: v
            for v in self.verdicts
            if (v.task, v.encoder) == (task, encoder)
        }

    def _repr_html_(self) -> str:
        header = ("task", "encoder", "method", "sources", "verdict", "lift", "interval")
        rows = [
            (
                v.task,
                v.encoder,
                v.verdict.method,
                v.verdict.sources,
                v.verdict.verdict,
                f"{v.verdict.against_same_class.estimate:+.3f}",
                _ends(v.verdict.adjusted_against_same_class),
            )
            for v in self.verdicts
        ]
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row)}</tr>" for row in rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{html.escape(self.sentence)}</p>{table}"


def lift_row(one: SweptLift) -> dict[str, Any]:
    """Return a lift as one flat row."""
    lift = one.lift
    row: dict[str, Any] = {
        "task": one.task,
        "encoder": one.encoder,
        "method": lift.method,
        "sources": lift.sources,
        "budget": lift.budget,
    }
    for name, interval in (
        ("lift", lift.against_same_class),
        ("over_reference", lift.against_reference),
    ):
        row[name] = None if interval is None else interval.estimate
        row[f"{name}_low"] = None if interval is None else interval.low
        row[f"{name}_high"] = None if interval is None else interval.high
    return row | {"formula": lift.against_same_class.formula}


def encoder_row(one: EncoderVerdict) -> dict[str, Any]:
    """Return a comparison of encoders as one flat row."""
    interval = one.verdict.adjusted_against_same_class
    return {
        "task": one.task,
        "encoder": one.encoder,
        "against": one.against,
        "budget": one.verdict.budget,
        "verdict": one.word,
        "difference": interval.estimate,
        "low": interval.low,
        "high": interval.high,
        "adjusted_p_value": one.verdict.adjusted_p_value,
    }


def _recorded(record: TrialRecord | None) -> tuple[Any, ...]:
    if record is None:
        return ("pending", *[None] * (1 + len(OUTCOME) + len(MEASURED)))
    values = {} if record.outcome is None else record.outcome.values
    found = [values.get(name) for name in OUTCOME]
    cost = [getattr(record.measured, name) for name in MEASURED]
    return (record.status, record.error, *found, *cost)


def _frame(rows: list[dict[str, Any]]) -> Any:
    return to_frame({key: [row[key] for row in rows] for key in rows[0]} if rows else {})


def _ends(interval: Interval) -> str:
    if interval.reason is not None:
        return interval.reason
    return f"{interval.low:+.3f} to {interval.high:+.3f}"
