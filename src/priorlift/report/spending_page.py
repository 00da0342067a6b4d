"""What the page of a budgeted search says: what was chosen, what was bought, what it cost."""

import math
from collections import Counter
from typing import Any

from priorlift.report import numbers
from priorlift.report.explained import REASONS
from priorlift.report.figures import Plot
from priorlift.report.numbers import Scale
from priorlift.report.predictions import prediction_cells, prediction_columns
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.task_maps import in_one_order, map_of_tasks
from priorlift.study.purchases import NO_TRANSFER, Purchase, SpentTarget
from priorlift.study.spending_result import Spending

MOST_PURCHASES = 1_000


def spending_context(found: Spending) -> dict[str, Any]:
    """Return what the template of a budgeted search needs."""
    bill = found.bill
    bought = Counter(purchase.reason for purchase in found.history)
    return {
        "title": f"Search: {found.summary}",
        "sentence": f"{found.summary}.",
        "reproducible": found.reproducible,
        "warnings": list(found.warnings),
        "facts": [
            ("Targets", f"{len(found.targets):,}"),
            ("Pairs trained", f"{bill.n_trained:,} of {bill.n_pairs:,}"),
            ("Single tasks trained", f"{bill.n_single:,}"),
            ("Time spent", numbers.seconds(bill.spent_seconds)),
            ("Stopped because", found.stopped),
            ("Model in the end", found.prediction),
        ],
        "map": _map(found),
        "chosen": _table(found),
        "check": _check(found),
        "bill": _bill(found),
        "extrapolated": bill.extrapolated,
        "bought": [(REASONS[reason], n) for reason, n in bought.items()],
        "history": _history(found) if len(found.history) <= MOST_PURCHASES else None,
        "settings": [
            (name.replace("_", " ").capitalize(), "none" if value is None else str(value))
            for name, value in found.settings.items()
        ],
    }


def _scale(found: Spending) -> Scale:
    return Scale.of(purchase.gain for purchase in found.history)


def _map(found: Spending) -> Plot | None:
    values = {
        (p.target, p.source): p.gain
        for p in found.history
        if p.source is not None and p.gain is not None
    }
    targets = [target.target for target in found.targets]
    sources = in_one_order(targets, list(dict.fromkeys(sorted(found.pairs.sources))))
    return map_of_tasks(
        values,
        targets,
        sources,
        what="Measured lift of the pairs that were trained",
        chosen={target.target: target.source for target in found.targets},
        caption="Empty cells were not trained.",
    )


def _table(found: Spending) -> Table:
    scale = _scale(found)
    scores = Scale.of(target.single_score for target in found.targets)
    lifts = [target.predicted for target in found.targets if target.predicted is not None]
    told = any(lift.p_positive is not None for lift in lifts)
    return Table(
        "chosen-table",
        "The source chosen for each target",
        [
            Column("Target", heads=True),
            Column("Source"),
            Column("Measured lift", "number"),
            Column("Score without transfer", "number"),
            *(prediction_columns(told) if lifts else ()),
            Column("Sources trained", "number"),
        ],
        [
            [
                Cell(target.target),
                Cell(target.source or NO_TRANSFER),
                _gain(target, scale),
                number(scores.plain(target.single_score), target.single_score),
                *(prediction_cells(target.predicted, scale, told) if lifts else ()),
                number(f"{target.n_trained:,} of {target.n_pairs:,}", target.n_trained),
            ]
            for target in found.targets
        ],
        cards=True,
    )


def _gain(target: SpentTarget, scale: Scale) -> Cell:
    if target.source is None:
        return number(numbers.NONE, None)
    return number(scale.signed(target.gain), target.gain)


def _check(found: Spending) -> str:
    check = found.check
    if check.excess is None or check.regret_at_most is None:
        return "No pair was drawn at random, so nothing is known of what the search overlooked."
    scale = Scale.of([check.excess, check.regret_at_most])
    return (
        f"{numbers.count(check.n_drawn, 'pair')} drawn at random lie on average "
        f"{scale.plain(check.excess)} above the best that the search had found for their target; "
        f"so it loses an estimated {scale.plain(check.regret_at_most)} a target or less."
    )


def _bill(found: Spending) -> Table:
    return Table(
        "bill-table",
        "The bill, against training every pair",
        [Column("What", heads=True), Column("Value", "number"), Column("Known how")],
        [
            [Cell(f"{what[:1].upper()}{what[1:]}"), _amount(what, value), Cell(how)]
            for what, value, how in found.bill.lines()
        ],
        sortable=False,
    )


def _amount(what: str, value: float | None) -> Cell:
    if value is None or not math.isfinite(value):
        return number(numbers.NONE, None)
    if what.startswith("seconds"):
        return number(numbers.seconds(value), value)
    if what.startswith("share"):
        return number(numbers.minus(numbers.percent(value)), value)
    return number(Scale.of([value]).plain(value), value)


def _history(found: Spending) -> Table:
    scale, scores = _scale(found), Scale.of(purchase.score for purchase in found.history)
    return Table(
        "history-table",
        "Everything that was trained, in order",
        [
            Column("Number", "number", heads=True, sorted_by="ascending"),
            Column("Batch", "number"),
            Column("Target"),
            Column("Source"),
            Column("Why"),
            Column("Upper bound", "number"),
            Column("Measured lift", "number"),
            Column("Score", "number"),
            Column("Time", "number"),
        ],
        [_bought(purchase, scale, scores) for purchase in found.history],
    )


def _bought(purchase: Purchase, scale: Scale, scores: Scale) -> list[Cell]:
    return [
        number(f"{purchase.number}", purchase.number),
        number(f"{purchase.batch}", purchase.batch),
        Cell(purchase.target),
        Cell(purchase.source or NO_TRANSFER),
        Cell(REASONS[purchase.reason], note=purchase.error or ""),
        number(scale.signed(purchase.upper), purchase.upper),
        number(scale.signed(purchase.gain), purchase.gain),
        number(scores.plain(purchase.score), purchase.score),
        number(numbers.seconds(purchase.seconds), purchase.seconds),
    ]
