"""What the page of a verification says: what was promised, what came out, and what it cost."""

import math
from typing import Any

from priorlift.plots.lifts import VERDICTS as SIGNS
from priorlift.plots.rankings import predicted_lifts
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.predictions import prediction_cells, prediction_columns
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.verdict_cells import verdict_cell
from priorlift.study.verification import Verification, VerifiedSource

_MOST_DRAWN = 40
_SPOKEN = 12


def verification_context(found: Verification) -> dict[str, Any]:
    """Return what the template of a verification needs."""
    return {
        "title": f"{found.target}: did the ranking keep its promise?",
        "target": found.target,
        "sentence": numbers.minus(f"{found.summary[:1].upper()}{found.summary[1:]}."),
        "harmful": ", ".join(found.harmful),
        "warnings": list(found.warnings),
        "facts": [
            ("Lift of", f"{found.method} at {found.budget:,} labels"),
            ("Score", f"{found.metric_title}, higher is better"),
            ("Judged on", numbers.count(found.n_rows, "row")),
            ("Rows unseen by the ranking", "yes" if found.unseen else "not known"),
            ("Ordered by", found.order),
            ("Sources compared", f"{len(found.rows):,}"),
        ],
        "plot": _plot(found),
        "compared": _table(found),
        "order": _order(found),
        "regrets": _regrets(found),
        "bill": _bill(found),
        "share": _share(found.share_of_cost),
        "left_out_sources": list(found.left_out.items()),
    }


def _scale(found: Verification) -> Scale:
    return Scale.of(
        value
        for row in found.rows
        for value in (
            row.lift,
            row.low,
            row.high,
            None if row.predicted is None else row.predicted.mean,
        )
    )


def _calibrated(found: Verification) -> bool:
    return found.order == "predicted lift"


def _plot(found: Verification) -> Plot:
    told = _calibrated(found)
    drawn = found.rows[:_MOST_DRAWN]
    lifts = [row.predicted if told else None for row in drawn]
    figure = predicted_lifts(
        labels=[row.source for row in drawn],
        means=[math.nan if lift is None else lift.mean for lift in lifts],
        intervals=[(None, None) if lift is None else (lift.low, lift.high) for lift in lifts],
        chances=[None if lift is None else lift.p_positive for lift in lifts],
        unit=found.metric_title,
        measured=[row.lift for row in drawn],
        measured_intervals=[(row.low, row.high) for row in drawn],
    )
    scale = _scale(found)
    spoken = [_spoken(row, scale, told) for row in drawn[:_SPOKEN]]
    rest = len(found.rows) - len(spoken)
    more = f"; and {rest} more, in the table below" if rest else ""
    circles = "Circles: the predicted lift and its interval. " if told else ""
    return plot(
        figure,
        "Promised and measured lifts" if told else "Measured lifts",
        f"In the order of the ranking. {'; '.join(spoken)}{more}.",
        f"Sources in the order of the ranking. {circles}Squares: the lift that was measured, with "
        "its unadjusted interval.",
    )


def _spoken(row: VerifiedSource, scale: Scale, told: bool) -> str:
    measured = f"{row.source}: measured {scale.signed(row.lift)}"
    if not told or row.predicted is None:
        return measured
    return f"{measured}, predicted {scale.signed(row.predicted.mean)}"


def _table(found: Verification) -> Table:
    scale = _scale(found)
    predicted = any(row.predicted is not None for row in found.rows)
    told = _calibrated(found)
    columns = [
        Column("Source", heads=True),
        Column("Rank", "number", sorted_by="ascending"),
        *(prediction_columns(told) if predicted else ()),
        *([Column("Recommended")] if told else ()),
        Column("Measured lift", "number"),
        Column("Verdict of the study"),
        Column("Time", "number"),
    ]
    rows = [
        [
            Cell(row.source),
            number(f"{row.rank}", row.rank, "tied for best" if row.in_top else ""),
            *(prediction_cells(row.predicted, scale, told) if predicted else ()),
            *([Cell("yes" if row.recommended else "no")] if told else ()),
            number(scale.signed(row.lift), row.lift, scale.interval(row.low, row.high)),
            _verdict(row),
            number(numbers.seconds(row.seconds), row.seconds),
        ]
        for row in found.rows
    ]
    caption = (
        f"Lift of {found.method} in {found.metric_title} at {found.budget:,} labels; small print: "
        "unadjusted intervals"
    )
    return Table("verified-table", caption, columns, rows)


def _verdict(row: VerifiedSource) -> Cell:
    if row.verdict not in SIGNS:
        return Cell(numbers.NONE, mark="empty")
    return verdict_cell(row.verdict)


def _order(found: Verification) -> list[tuple[str, str]]:
    facts = [
        ("Weighted tau of the order with the measured lifts", _plain(found.tau)),
        ("Ceiling: what repeating the measurement would reach", _plain(found.ceiling)),
        ("Weighted tau, lifts not told from 0 as ties", _plain(found.tau_proved)),
        ("Best source by measured lift", found.best or "none is above 0"),
    ]
    if found.top_holds_best is not None:
        facts.append(("Among those tied for first", "yes" if found.top_holds_best else "no"))
    if found.coverage is not None:
        held = numbers.percent(round(found.coverage, 3))
        facts.append(("Predicted intervals that hold the measured lift", held))
    return facts


def _regrets(found: Verification) -> Table:
    scale = Scale.of(v for regret in found.regrets for v in (regret.points, regret.random))
    return Table(
        "regret-table",
        f"What following the ranking loses against the best choice, in {found.metric_title}",
        [
            Column("Sources tried", "number", heads=True),
            Column("Lost", "number"),
            Column("Share of what was at stake", "number"),
            Column("Lost by as many random sources", "number"),
        ],
        [
            [
                number(f"{regret.k}", regret.k),
                number(scale.plain(regret.points), regret.points),
                number(_share(regret.relative), regret.relative),
                number(scale.plain(regret.random), regret.random),
            ]
            for regret in found.regrets
        ],
        sortable=False,
    )


def _bill(found: Verification) -> Table:
    lines = [
        ("Ranking the sources", "", found.ranking_seconds),
        ("Fits with one source", f"{found.n_fits:,}", found.transfer_seconds),
        ("Their baselines", "", found.baseline_seconds),
    ]
    return Table(
        "bill-table",
        "Elapsed time, summed over workers",
        [Column("What", heads=True), Column("Fits", "number"), Column("Time", "number")],
        [
            [
                Cell(what),
                number(fits or numbers.NONE, None),
                number(numbers.seconds(seconds), seconds),
            ]
            for what, fits, seconds in lines
        ],
        sortable=False,
    )


def _plain(value: float) -> str:
    return Scale(2).plain(value) if numbers.finite(value) else "not known"


def _share(value: float) -> str:
    return numbers.percent(round(value, 3)) if numbers.finite(value) else numbers.NONE
