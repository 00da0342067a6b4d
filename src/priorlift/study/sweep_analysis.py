"""From the records of a sweep to lifts, one family of verdicts, and encoders on equal rows.

Each cell is read as a study. What is added is the family: Holm's adjustment runs over the claims of
all tasks and encoders together, so that trying more tasks or encoders never makes a false *helps*
more likely.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from priorlift.pool import Target
from priorlift.study import analysis
from priorlift.study.analysis import Analysis, paired_interval
from priorlift.study.plan import Arm
from priorlift.study.results import BillRow
from priorlift.study.sweep_plan import TASK_FUNCTION, Cell, SweepPlan
from priorlift.study.sweep_result import EncoderVerdict, SweptCurve, SweptLift, SweptVerdict
from priorlift.study.verdicts import Claim, decide
from priorlift.trials.outcome import TrialRecord
from priorlift.trials.trial import Trial

WORDS = {"helps": "better", "hurts": "worse"}

Analyses = dict[Cell, Analysis]


def read_cells(
    plan: SweepPlan, targets: Mapping[str, Target], records: Mapping[str, TrialRecord]
) -> Analyses:
    """Return each cell that has a finished fit with its records.

    Parameters
    ----------
    plan : SweepPlan
        The sweep.
    targets : mapping of str to Target
        By fingerprint; they give labels and groups.
    records : mapping of str to TrialRecord
        By trial hash.
    """
    found: Analyses = {}
    for cell in plan.cells:
        own = [records[key] for key, _, _ in plan.rows(cell) if key in records]
        if any(record.outcome is not None for record in own):
            found[cell] = Analysis(cell.study, targets[cell.study.target_fingerprint], own)
    return found


def lifts(cells: Analyses) -> tuple[SweptLift, ...]:
    """Return the lift of each claim at each budget, unadjusted."""
    return tuple(
        SweptLift(cell.task, cell.encoder, lift)
        for cell, read in cells.items()
        for lift in analysis.lifts(read)
    )


def curves(cells: Analyses) -> tuple[SweptCurve, ...]:
    """Return the learning curves of all arms."""
    return tuple(
        SweptCurve(cell.task, cell.encoder, point)
        for cell, read in cells.items()
        for point in analysis.curves(read)
    )


def verdicts(plan: SweepPlan, found: Iterable[SweptLift]) -> tuple[SweptVerdict, ...]:
    """Return the verdict of each claim at its task's largest budget, adjusted over all claims."""
    where: list[tuple[str, str]] = []
    claims: list[Claim] = []
    for one in found:
        cell = plan.cell(one.task, one.encoder)
        assert cell is not None
        study, lift = cell.study, one.lift
        if lift.budget != study.design.largest:
            continue
        where.append((one.task, one.encoder))
        claims.append(
            Claim(
                lift.sources,
                lift.method,
                lift.against_same_class,
                lift.against_reference,
                budget=lift.budget,
                n_labels=study.design.n_labelled,
                reference=study.reference,
                metric=study.metric,
            )
        )
    judged = decide(claims, level=plan.level, min_lift=plan.min_lift)
    return tuple(SweptVerdict(*place, v) for place, v in zip(where, judged, strict=True))


def encoder_verdicts(plan: SweepPlan, cells: Analyses) -> tuple[EncoderVerdict, ...]:
    """Compare the target-only reference under each encoder with that under the first, task by task.

    All encoders of a task are judged on the same training and test rows, so the differences are
    paired as lifts are.
    """
    places: list[tuple[str, str, str]] = []
    claims: list[Claim] = []
    for task in plan.tasks:
        own = {cell.encoder: read for cell, read in cells.items() if cell.task == task}
        if len(own) < 2:
            continue
        first, *others = own
        read = _as_arms(own)
        budget = read.plan.design.largest
        for encoder in others:
            interval = paired_interval(read, Arm(encoder, ()), Arm(first, ()), budget)
            if interval is not None:
                places.append((task, encoder, first))
                claims.append(Claim("", encoder, interval, budget=budget, metric=read.plan.metric))
    judged = decide(claims, level=plan.level)
    return tuple(
        EncoderVerdict(*place, WORDS.get(verdict.verdict, "not shown"), verdict)
        for place, verdict in zip(places, judged, strict=True)
    )


def _as_arms(cells: Mapping[str, Analysis]) -> Analysis:
    """Read the references of several encoders as the arms of one study."""
    first = next(iter(cells.values()))
    arms = tuple(Arm(encoder, ()) for encoder in cells)
    plan = replace(first.plan, arms=arms, reference=arms[0].method)
    renamed = []
    for encoder, read in cells.items():
        for record in read.records:
            params = record.trial.params
            if params["method"] == read.plan.reference and not params["sources"]:
                kept = {"method": encoder, "sources": [], "split": params["split"]}
                renamed.append(replace(record, trial=Trial(TASK_FUNCTION, kept)))
    return Analysis(plan, first.target, renamed)


def bill(cells: Analyses, encoding: Mapping[str, float]) -> tuple[BillRow, ...]:
    """Return what encoding and each method cost, by encoder; shared fits count once."""
    rows = [
        BillRow(f"encoding: {name}", "", 0, seconds, seconds, None)
        for name, seconds in encoding.items()
    ]
    encoders = dict.fromkeys(cell.encoder for cell in cells)
    for encoder in encoders:
        own = chain.from_iterable(r.records for cell, r in cells.items() if cell.encoder == encoder)
        unique = list({record.trial.hash: record for record in own}.values())
        label = "" if len(encoders) == 1 else f" on {encoder}"
        rows += [replace(row, item=f"{row.item}{label}") for row in analysis.bill(unique, None)]
    return tuple(rows)
