"""What the page of performance gaps says: which source hurts, how surely, and which of its rows."""

from typing import Any

from priorlift.plots.gaps import gap_sides
from priorlift.ranking.gap.parts import UNITS, Gap, SourceGap
from priorlift.ranking.gap.result import GapResult
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.verdict_cells import verdict_cell

_MOST_DRAWN = 40
_SPOKEN = 12
_WORST = 20

LOSSES = {
    "zero_one": "0-1 loss (accuracy)",
    "log_loss": "log-loss",
    "squared": "squared error, over the variance of the target's labels",
    "absolute": "absolute error, over the standard deviation of the target's labels",
}


def gap_context(result: GapResult) -> dict[str, Any]:
    """Return what the template of a page of gaps needs."""
    settings = result.settings
    title = numbers.minus(f"{result.summary[:1].upper()}{result.summary[1:]}.")
    return {
        "title": f"Performance gaps: {result.summary}",
        "sentence": title,
        "verdict": "hurts" if result.hurting else "not-shown",
        "sentences": [(row.name, numbers.minus(f"{row.sentence}.")) for row in result.rows],
        "warnings": list(result.warnings),
        "facts": [
            ("Estimator", result.estimator),
            ("Target rows", f"{result.n_target:,}"),
            ("Sources measured", f"{len(result.rows):,}"),
            ("Led by", LOSSES[result.losses[0]]),
            ("Permutations", f"{settings['n_permutations']:,}"),
            ("Time", numbers.seconds(result.seconds)),
        ],
        "plots": [(loss, LOSSES[loss], _plot(result, loss)) for loss in result.losses]
        if result.rows
        else [],
        "tables": [_table(result, loss) for loss in result.losses],
        "worst": _worst(result) if result.rows else None,
        "left_out_sources": list(result.skipped.items()),
        "settings": [
            ("Folds", str(settings["n_splits"])),
            ("Drawn", numbers.count(settings["n_repeats"], "time")),
            ("Source's model learns from", _size(settings["matched_size"])),
            ("Preprocessing", settings["preprocess"]),
            ("Level of the intervals", numbers.percent(settings["level"])),
            ("Seed", str(settings["seed"])),
            ("Fingerprint of the target", result.target_fingerprint),
        ],
        "fingerprints": Table(
            "fingerprints",
            "Fingerprints of the sources",
            [
                Column("Source", heads=True),
                Column("Rows used", "number"),
                Column("Rows left out", "number"),
                Column("Fingerprint"),
            ],
            [
                [
                    Cell(row.name),
                    number(f"{row.n_rows:,}", row.n_rows),
                    number(f"{row.n_left_out:,}", row.n_left_out),
                    Cell(row.fingerprint, mark="code"),
                ]
                for row in result.rows
            ],
        ),
    }


def _size(matched: bool) -> str:
    return "as many rows as the target's" if matched else "all its training rows"


def _scale(rows: tuple[SourceGap, ...], loss: str) -> Scale:
    return Scale.of(
        value
        for row in rows
        for gap in (row.on_target[loss], row.on_source[loss])
        for value in (gap.value, gap.low, gap.high)
    )


def _plot(result: GapResult, loss: str) -> Plot:
    drawn = result.rows[:_MOST_DRAWN]
    figure = gap_sides(
        [row.name for row in drawn],
        *_side([row.on_target[loss] for row in drawn]),
        *_side([row.on_source[loss] for row in drawn]),
        UNITS[loss],
    )
    scale = _scale(result.rows, loss)
    spoken = [
        f"{row.name}: {scale.signed(row.on_target[loss].value)} on the target, "
        f"{scale.signed(row.on_source[loss].value)} on the source"
        for row in drawn[:_SPOKEN]
    ]
    rest = len(result.rows) - len(spoken)
    more = f"; and {rest} more, in the table below" if rest else ""
    bands = (
        " Grey bands: where the gap would lie if target and source were one domain."
        if result.settings["n_permutations"]
        else ""
    )
    return plot(
        figure,
        f"Performance gaps by {UNITS[loss]}",
        f"The smallest gap on the target first. {'; '.join(spoken)}{more}.",
        "Circles: what the source's model loses on the target. Squares: what the target's model "
        f"loses on the source. Lines: intervals for new rows of that domain.{bands}",
    )


def _side(gaps: list[Gap]) -> tuple[list[float], list[Any], list[Any]]:
    return (
        [gap.value for gap in gaps],
        [(gap.low, gap.high) for gap in gaps],
        [(gap.null_low, gap.null_high) for gap in gaps],
    )


def _table(result: GapResult, loss: str) -> Table:
    leads = loss == result.losses[0]
    scale = _scale(result.rows, loss)
    columns = [
        Column("Source", heads=True),
        *([Column("Pooling")] if leads else ()),
        Column("Gap on the target", "number", sorted_by="ascending" if leads else ""),
        Column("Were they one domain", "number"),
        Column("p", "number"),
        Column("Gap on the source", "number"),
        Column("Were they one domain", "number"),
        Column("p", "number"),
    ]
    rows = [
        [
            Cell(row.name),
            *([verdict_cell(row.verdict)] if leads else ()),
            *_cells(row.on_target[loss], scale),
            *_cells(row.on_source[loss], scale),
        ]
        for row in result.rows
    ]
    level = numbers.percent(result.settings["level"])
    caption = f"Gaps by {LOSSES[loss]}; small print: {level} intervals"
    return Table(f"gaps-{loss.replace('_', '-')}", caption, columns, rows)


def _cells(gap: Gap, scale: Scale) -> list[Cell]:
    known = gap.null_mean is not None
    return [
        number(scale.signed(gap.value), gap.value, scale.interval(gap.low, gap.high)),
        number(
            scale.signed(gap.null_mean),
            gap.null_mean,
            scale.interval(gap.null_low, gap.null_high) if known else "",
        ),
        number(numbers.NONE if gap.p_value is None else f"{gap.p_value:.3f}", gap.p_value),
    ]


def _worst(result: GapResult) -> Table:
    worst = result.worst_rows(_WORST)
    scale = Scale.of(v for row in worst for v in (row.loss_by_target, row.loss_by_source))
    return Table(
        "worst-rows",
        f"Source rows that hurt most, by {LOSSES[result.rows[0].row_loss]}",
        [
            Column("Source", heads=True),
            Column("Row", "number"),
            Column("Label"),
            Column("Lost by the target's model", "number"),
            Column("Lost by the source's model", "number"),
            Column("Difference", "number", sorted_by="descending"),
        ],
        [
            [
                Cell(row.source),
                number(f"{row.row:,}", row.row),
                Cell(str(row.label)),
                number(scale.plain(row.loss_by_target), row.loss_by_target),
                number(scale.plain(row.loss_by_source), row.loss_by_source),
                number(scale.signed(row.contribution), row.contribution),
            ]
            for row in worst
        ],
    )
