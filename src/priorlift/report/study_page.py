"""What the page of a study says, section by section, in plain values for the template."""

import json
import re
from typing import Any

from priorlift.plots.lifts import VERDICTS as SIGNS
from priorlift.report import numbers
from priorlift.report.curves_section import curve_sections
from priorlift.report.expected_section import expected_section
from priorlift.report.explained import DESIGNS, SETTINGS, VERDICTS
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.ranking_page import ranking_section
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.verdict_cells import VERDICT_ORDER, verdict_cell
from priorlift.study.interval import Interval
from priorlift.study.results import StudyResult
from priorlift.study.verdicts import Verdict

_SPOKEN = 12
# The numbers in a reason stand in the columns beside it.
_RANGE = re.compile(r" \([+-][\d.]+, [+-][\d.]+ to [+-][\d.]+\)")
_LEAKAGE = ("duplicates", "near duplicates", "groups on both sides", "label among features")


def study_context(result: StudyResult) -> dict[str, Any]:
    """Return what the template of a study needs."""
    return {
        "title": f"{result.plan.target_name}: does transfer help?",
        "target": result.plan.target_name,
        "sentence": numbers.minus(result.sentence),
        "overall": "helps" if any(v.verdict == "helps" for v in result.verdicts) else "not shown",
        "signs": {word: sign for word, (sign, _, _) in SIGNS.items()},
        "counts": _counts(result),
        "facts": _facts(result),
        "warnings": _warnings(result),
        "verdicts": _verdict_table(result),
        "notes": _notes(result),
        "lift_plot": _lift_plot(result) if result.verdicts else None,
        "curves": curve_sections(result),
        "expected": expected_section(result),
        "one_budget": len(result.plan.design.budgets) < 2,
        "ranking": None if result.ranking is None else ranking_section(result.ranking),
        "bill": _bill(result),
        "fits": numbers.count(sum(row.fits for row in result.bill), "fit"),
        "spent": numbers.seconds(sum(row.cpu_seconds for row in result.bill)),
        "method": _method(result),
        "skipped": _skipped(result),
        "reproduce": _reproduce(result),
    }


def _counts(result: StudyResult) -> list[tuple[str, int]]:
    words: list[str] = [verdict.verdict for verdict in result.verdicts]
    return [(word, words.count(word)) for word in SIGNS if word != "equivalent" or word in words]


def _facts(result: StudyResult) -> list[tuple[str, str]]:
    plan = result.plan
    used = {name for arm in plan.claims for name in arm.sources}
    kind = f"{plan.task}, {len(plan.classes)} classes" if plan.classes else plan.task
    labelled = numbers.count(plan.n_labelled, "labelled row")
    return [
        ("Target", f"{plan.target_name}: {labelled} of {plan.n_rows:,}"),
        ("Task", kind),
        ("Score", f"{plan.metric_title}, higher is better"),
        ("Sources", f"{len(used)} used of {len(plan.sources)}"),
        ("Judged at", f"{plan.design.largest:,} training labels"),
        ("Design", f"{plan.design.kind}, {_splits(result)}"),
    ]


def _splits(result: StudyResult) -> str:
    design = result.plan.design
    if design.n_folds == 1:
        return f"{design.n_draws} draws of each budget"
    return f"{design.n_draws} repeats of {design.n_folds} folds"


def _warnings(result: StudyResult) -> list[dict[str, Any]]:
    ordered = sorted(result.warnings, key=lambda w: w.kind not in _LEAKAGE)
    found = [
        {
            "kind": warned.kind[:1].upper() + warned.kind[1:],
            "message": warned.message,
            "remedy": warned.remedy,
            "leakage": warned.kind in _LEAKAGE,
        }
        for warned in ordered
    ]
    if not result.reproducible:
        found.append(
            {
                "kind": "Not reproducible",
                "message": "a time limit or a stop cut this study short, so how many splits it "
                "rests on depends on the speed of the machine",
                "remedy": "go on with --resume until all trials are run",
                "leakage": False,
            }
        )
    return found


def _ordered(result: StudyResult) -> list[Verdict]:
    return sorted(
        result.verdicts, key=lambda v: (VERDICT_ORDER[v.verdict], -v.against_same_class.estimate)
    )


def _scale(result: StudyResult) -> Scale:
    return Scale.of(
        end
        for v in result.verdicts
        for end in (
            v.against_same_class.estimate,
            v.against_same_class.low,
            v.against_same_class.high,
        )
    )


def _verdict_table(result: StudyResult) -> Table:
    level = numbers.percent(result.plan.level)
    columns = [
        Column("Verdict", sorted_by="ascending"),
        Column("Method", heads=True),
        Column("Sources", heads=True),
        Column("Lift", "number"),
        Column("Adjusted interval", "number"),
        Column(f"Unadjusted {level} interval", "number"),
        Column("Over the best target-only model", "number"),
        Column("Labels to settle", "number"),
        Column("Reason", wide=True),
    ]
    scale = _scale(result)
    rows = [_verdict_row(v, scale) for v in _ordered(result)]
    n = numbers.count(len(rows), "claim")
    budget, title = result.plan.design.largest, result.plan.metric_title
    caption = f"{n} at {budget:,} training labels; lifts in {title}, small print adjusted"
    return Table("verdict-table", caption, columns, rows, cards=True)


def _verdict_row(v: Verdict, scale: Scale) -> list[Cell]:
    adjusted, own, reference = (
        v.adjusted_against_same_class,
        v.against_same_class,
        v.adjusted_against_reference,
    )
    return [
        verdict_cell(v.verdict),
        Cell(v.method),
        Cell(v.sources),
        number(scale.signed(own.estimate), own.estimate),
        _interval_cell(adjusted, scale),
        _interval_cell(own, scale),
        _reference_cell(reference, scale),
        number(
            numbers.NONE if v.labels_to_settle is None else f"{v.labels_to_settle:,}",
            v.labels_to_settle,
        ),
        Cell(numbers.minus(_RANGE.sub("", v.reason))),
    ]


def _interval_cell(interval: Interval, scale: Scale) -> Cell:
    return number(scale.interval(interval.low, interval.high), interval.low)


def _reference_cell(interval: Interval | None, scale: Scale) -> Cell:
    if interval is None:
        return number(numbers.NONE, None)
    return number(
        scale.signed(interval.estimate),
        interval.estimate,
        scale.interval(interval.low, interval.high),
    )


def _notes(result: StudyResult) -> list[str]:
    """Return notes on the intervals, each once, with the claims that it is about."""
    claims: dict[str, list[str]] = {}
    for v in result.verdicts:
        for note in v.against_same_class.notes:
            claims.setdefault(note, []).append(f"{v.method} ← {v.sources}")
    everywhere = len(result.verdicts)
    return [
        note if len(about) == everywhere else f"{note}: {', '.join(about)}"
        for note, about in claims.items()
    ]


def _lift_plot(result: StudyResult) -> Plot:
    scale = _scale(result)
    spoken = [
        f"{v.method} with {v.sources}: {scale.signed(v.against_same_class.estimate)} "
        f"({_interval_cell(v.adjusted_against_same_class, scale).text}), {v.verdict}"
        for v in result.verdicts[:_SPOKEN]
    ]
    rest = len(result.verdicts) - len(spoken)
    more = f"; and {rest} more, in the verdict table" if rest else ""
    title = result.plan.metric_title
    return plot(
        result.plot_lifts(),
        f"Lift of each claim at {result.plan.design.largest} labels",
        f"Lift in {title} with its adjusted interval. {'; '.join(spoken)}{more}.",
        "Right of the line at 0 the method scores better with sources than without. Thick lines: "
        f"unadjusted {numbers.percent(result.plan.level)} intervals; thin lines: adjusted for all "
        "claims. Filled triangles are settled claims, hollow signs are not.",
    )


def _bill(result: StudyResult) -> Table:
    columns = [
        Column("Item", heads=True),
        Column("Arm"),
        Column("Fits", "number"),
        Column("Elapsed", "number"),
        Column("Processor", "number"),
        Column("Processor a fit", "number"),
        Column("Peak memory", "number"),
    ]
    rows = []
    for row in result.bill:
        each = row.cpu_seconds / row.fits if row.fits else None
        rows.append(
            [
                Cell(row.item),
                Cell(row.arm or numbers.NONE),
                number(f"{row.fits:,}" if row.fits else numbers.NONE, row.fits or None),
                number(numbers.seconds(row.wall_seconds), row.wall_seconds),
                number(numbers.seconds(row.cpu_seconds), row.cpu_seconds),
                number(numbers.seconds(each), each),
                number(numbers.memory(row.peak_memory_mb), row.peak_memory_mb),
            ]
        )
    return Table("bill-table", "What the study cost, summed over fits", columns, rows)


def _method(result: StudyResult) -> dict[str, Any]:
    plan = result.plan
    bound = f"{plan.min_lift:g}" if plan.min_lift > 0 else "0"
    used = dict.fromkeys(
        interval.formula
        for v in result.verdicts
        for interval in (v.against_same_class, v.against_reference)
        if interval is not None
    )
    return {
        "design": plan.design.kind,
        "how": DESIGNS[plan.design.kind],
        "reason": plan.design.reason,
        "splits": _splits(result),
        "grouped": plan.design.grouped,
        "formulas": list(used),
        "meanings": [
            (word, text.format(bound=bound))
            for word, text in VERDICTS.items()
            if word != "equivalent" or plan.min_lift > 0
        ],
        "n_claims": len(result.verdicts),
        "risk": numbers.percent(1 - plan.level),
        "reference": plan.reference,
        "setting": plan.setting,
        "setting_means": SETTINGS.get(plan.setting, ""),
        "zero": 0 in plan.design.budgets,
        "methods": [
            (name, json.dumps(described, indent=1, sort_keys=True))
            for name, described in plan.methods.items()
        ],
    }


def _skipped(result: StudyResult) -> Table | None:
    if not result.plan.skipped:
        return None
    rows = [[Cell(s.sources), Cell(s.method), Cell(s.reason)] for s in result.plan.skipped]
    columns = [Column("Source", heads=True), Column("Method"), Column("Reason", wide=True)]
    return Table("skipped-table", "Combinations that were left out", columns, rows)


def _reproduce(result: StudyResult) -> dict[str, Any]:
    plan = result.plan
    finished = [record.measured.finished_at for record in result.records]
    n = len(result.records)
    done = sum(record.status == "done" for record in result.records)
    return {
        "settings": _settings(result),
        "seed": plan.seed,
        "reproducible": result.reproducible,
        "trials": f"{done:,} done, {n - done:,} failed, {len(plan.trials()):,} planned",
        "finished": max(finished, default=""),
        "versions": list(result.environment.items()),
        "target": plan.target_fingerprint,
        "fingerprints": _fingerprints(result),
    }


def _settings(result: StudyResult) -> str:
    """Return the study as a file of settings, with gaps for what only the user knows."""
    plan, design = result.plan, result.plan.design
    methods = list(dict.fromkeys(arm.method for arm in plan.claims))
    lines = [
        'target = "TARGET.csv"',
        'label = "LABEL"',
        'sources = "SOURCES/"',
        *(['groups = "GROUPS"'] if design.grouped else []),
        f"task = {json.dumps(plan.task)}",
        f"methods = {json.dumps(methods)}",
        f"budgets = {list(design.budgets)}",
        f"splits = {design.n_draws * design.n_folds}",
        f"metric = {json.dumps(plan.metric)}",
        f"level = {plan.level}",
        f"min_lift = {float(plan.min_lift)}",
        f"seed = {plan.seed}",
    ]
    return "\n".join(lines)


def _fingerprints(result: StudyResult) -> Table:
    columns = [
        Column("Source", heads=True),
        Column("Rows", "number"),
        Column("Labelled", "number"),
        Column("Extra columns left out", "number"),
        Column("Fingerprint"),
        Column("Licence and description", wide=True),
    ]
    rows = [
        [
            Cell(s.name),
            number(f"{s.n_rows:,}", s.n_rows),
            number(f"{s.n_labelled:,}", s.n_labelled),
            number(f"{s.n_dropped_columns:,}", s.n_dropped_columns),
            Cell(s.fingerprint, mark="code"),
            Cell("; ".join(part for part in (s.licence, s.description) if part) or numbers.NONE),
        ]
        for s in result.plan.sources
    ]
    return Table("fingerprint-table", "The sources as they were used", columns, rows)
