"""The tables of a sweep's page: verdicts, encoders, cost, failures, and what was left out."""

from priorlift.report import numbers
from priorlift.report.numbers import Scale
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.verdict_cells import VERDICT_ORDER, verdict_cell
from priorlift.study.sweep_result import SweepResult, SweptVerdict

MOST_CLAIMS = 1_000
MOST_FAILURES = 200


def verdict_table(result: SweepResult) -> Table | None:
    """Return every claim with its verdict, settled ones first; None where there is none."""
    if not result.verdicts:
        return None
    ordered = sorted(
        result.verdicts,
        key=lambda v: (VERDICT_ORDER[v.verdict.verdict], -v.verdict.against_same_class.estimate),
    )
    scale = Scale.of(
        end
        for v in ordered
        for end in (
            v.verdict.against_same_class.estimate,
            v.verdict.adjusted_against_same_class.low,
            v.verdict.adjusted_against_same_class.high,
        )
    )
    columns = [
        Column("Verdict", sorted_by="ascending"),
        Column("Task", heads=True),
        Column("Encoder"),
        Column("Method"),
        Column("Sources"),
        Column("Labels", "number"),
        Column("Lift", "number"),
        Column("Adjusted interval", "number"),
        Column("Over the best target-only model", "number"),
    ]
    rows = [_verdict_row(v, scale) for v in ordered[:MOST_CLAIMS]]
    cut = "" if len(ordered) <= MOST_CLAIMS else f"; the first {MOST_CLAIMS:,} of {len(ordered):,}"
    caption = f"Claims at the largest budget of each task, adjusted for all of them{cut}"
    return Table("verdict-table", caption, columns, rows, cards=True)


def _verdict_row(found: SweptVerdict, scale: Scale) -> list[Cell]:
    v = found.verdict
    adjusted, over = v.adjusted_against_same_class, v.adjusted_against_reference
    return [
        verdict_cell(v.verdict),
        Cell(found.task),
        Cell(found.encoder),
        Cell(v.method),
        Cell(v.sources),
        number(numbers.NONE if v.budget is None else f"{v.budget:,}", v.budget),
        number(scale.signed(v.against_same_class.estimate), v.against_same_class.estimate),
        number(scale.interval(adjusted.low, adjusted.high), adjusted.low),
        number(numbers.NONE, None)
        if over is None
        else number(
            scale.signed(over.estimate), over.estimate, scale.interval(over.low, over.high)
        ),
    ]


def encoder_table(result: SweepResult) -> Table | None:
    """Return the comparison of encoders without sources; None where there is none."""
    if not result.encoder_verdicts:
        return None
    intervals = [one.verdict.adjusted_against_same_class for one in result.encoder_verdicts]
    scale = Scale.of(end for i in intervals for end in (i.estimate, i.low, i.high))
    rows = [
        [
            Cell(one.task),
            Cell(one.encoder),
            Cell(one.against),
            Cell(one.word),
            number(scale.signed(i.estimate), i.estimate, scale.interval(i.low, i.high)),
        ]
        for one, i in zip(result.encoder_verdicts, intervals, strict=True)
    ]
    columns = [
        Column("Task", heads=True),
        Column("Encoder"),
        Column("Against"),
        Column("Verdict"),
        Column("Difference", "number"),
    ]
    caption = "The best target-only model under each encoder, on equal rows; intervals adjusted"
    return Table("encoder-table", caption, columns, rows)


def bill_table(result: SweepResult) -> Table:
    """Return what encoding and fits cost."""
    columns = [
        Column("Item", heads=True),
        Column("Arm"),
        Column("Fits", "number"),
        Column("Elapsed", "number"),
        Column("Processor", "number"),
        Column("Peak memory", "number"),
    ]
    rows = [
        [
            Cell(row.item),
            Cell(row.arm or numbers.NONE),
            number(f"{row.fits:,}" if row.fits else numbers.NONE, row.fits or None),
            number(numbers.seconds(row.wall_seconds), row.wall_seconds),
            number(numbers.seconds(row.cpu_seconds), row.cpu_seconds),
            number(numbers.memory(row.peak_memory_mb), row.peak_memory_mb),
        ]
        for row in result.bill
    ]
    return Table("bill-table", "What the sweep cost, summed over fits", columns, rows)


def failure_table(result: SweepResult) -> Table | None:
    """Return the failed fits, those of one reason together; None where none failed."""
    found: dict[tuple[str, ...], int] = {}
    for cell in result.plan.cells:
        for trial_hash, arm, _ in result.plan.rows(cell):
            record = result.records.get(trial_hash)
            if record is not None and record.status == "failed":
                key = (
                    cell.task,
                    cell.encoder,
                    arm.method,
                    cell.study.label(arm.sources),
                    record.error or "",
                )
                found[key] = found.get(key, 0) + 1
    if not found:
        return None
    rows = [
        [*(Cell(part) for part in key[:4]), number(f"{n:,}", n), Cell(key[4])]
        for key, n in list(found.items())[:MOST_FAILURES]
    ]
    columns = [
        Column("Task", heads=True),
        Column("Encoder"),
        Column("Method"),
        Column("Sources"),
        Column("Fits", "number"),
        Column("Reason", wide=True),
    ]
    total = numbers.count(sum(found.values()), "fit")
    return Table("failure-table", f"{total} failed; the table of fits has each", columns, rows)


def skipped_table(result: SweepResult) -> Table | None:
    """Return the combinations that cannot run; None where there is none."""
    if not result.plan.skipped:
        return None
    rows = [
        [
            Cell(s.task),
            Cell(s.encoder),
            Cell(s.method or "(all)"),
            Cell(s.sources or "(all)"),
            Cell(s.reason),
        ]
        for s in result.plan.skipped[:MOST_CLAIMS]
    ]
    columns = [
        Column("Task", heads=True),
        Column("Encoder"),
        Column("Method"),
        Column("Sources"),
        Column("Reason", wide=True),
    ]
    return Table("skipped-table", "Combinations that were left out", columns, rows)


def study_table(result: SweepResult) -> Table:
    """Return the design of each task under each encoder."""
    rows = [
        [
            Cell(cell.task),
            Cell(cell.encoder),
            number(f"{cell.study.n_labelled:,}", cell.study.n_labelled),
            Cell(cell.study.metric_title),
            Cell(cell.study.target_fingerprint, mark="code"),
            Cell(f"{cell.study.design.kind}: {cell.study.design.reason}"),
        ]
        for cell in result.plan.cells
    ]
    columns = [
        Column("Task", heads=True),
        Column("Encoder"),
        Column("Labelled rows", "number"),
        Column("Score"),
        Column("Fingerprint"),
        Column("Design", wide=True),
    ]
    return Table("study-table", "How each task was split", columns, rows)
