"""Learning curves and labels saved, one part a method."""

from typing import Any

from priorlift.report import numbers
from priorlift.report.figures import plot
from priorlift.report.numbers import Scale
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.study.labels_saved import LabelsSaved
from priorlift.study.results import CurvePoint, Lift, Saved, StudyResult


def curve_sections(result: StudyResult) -> list[dict[str, Any]]:
    """Return what the page shows of each method: figure, labels saved, numbers."""
    methods = dict.fromkeys(arm.method for arm in result.plan.claims)
    drawn = {point.method for point in result.curves}
    return [
        _section(result, method, place) for place, method in enumerate(methods) if method in drawn
    ]


def _section(result: StudyResult, method: str, place: int) -> dict[str, Any]:
    points = [point for point in result.curves if point.method == method]
    saved = [row for row in result.labels_saved if row.method == method]
    scale = Scale.of(point.score for point in points)
    figure = result.plot_curves(method)
    figure.axes[0].set_title("", loc="left")  # the page has a heading of its own
    return {
        "name": f"curve-{place}",
        "method": method,
        "plot": plot(
            figure,
            f"Learning curves of {method}",
            _spoken(result, points, scale),
            f"Mean {result.plan.metric_title} against the number of labelled training rows. "
            "Whiskers: standard deviation over the draws, which is no confidence interval. Dashed: "
            "without sources.",
        ),
        "sentence": _sentence(method, saved),
        "saved": _saved_table(saved, f"saved-{place}") if saved else None,
        "approximate": any(row.approximate for row in saved),
        "numbers": _numbers_table(result, method, points, f"numbers-{place}"),
    }


def _spoken(result: StudyResult, points: list[CurvePoint], scale: Scale) -> str:
    last = max((point.budget for point in points), default=0)
    ends = sorted((p for p in points if p.budget == last), key=lambda p: -p.score)
    said = "; ".join(f"{p.sources} {scale.plain(p.score)}" for p in ends[:12])
    return (
        f"{result.plan.metric_title} at {', '.join(str(b) for b in result.plan.design.budgets)} "
        f"labels. At {last} labels: {said}. All numbers are in the table below the figure."
    )


def _sentence(method: str, saved: list[Saved]) -> str:
    """Say in words what is saved at the smallest budget, where labels are dearest."""
    if not saved:
        return ""
    budget = min(row.labels.budget for row in saved)
    here = [row for row in saved if row.labels.budget == budget]
    best = max(here, key=lambda row: (row.labels.saved, row.labels.low))
    labels = best.labels
    if labels.below or labels.saved < 0.5:
        return f"With {budget:,} labels, no source saves any labels for {method}."
    needed = numbers.labels(labels.equivalent, labels.beyond, labels.below)
    caveat = "" if labels.low > 0 else "; the interval reaches 0, so this is not shown"
    return (
        f"With {budget:,} labels and {best.sources}, {method} scores as high as with {needed} "
        f"labels and no sources: {saved_text(labels)} labels saved "
        f"({numbers.percent(labels.level)} interval: {_saved_interval(labels)}{caveat})."
    )


def _saved_table(saved: list[Saved], name: str) -> Table:
    budgets = sorted({row.labels.budget for row in saved})
    by_source: dict[str, dict[int, LabelsSaved]] = {}
    for row in saved:
        by_source.setdefault(row.sources, {})[row.labels.budget] = row.labels
    columns = [
        Column("Sources", heads=True),
        *(Column(f"with {budget:,} labels", "number") for budget in budgets),
    ]
    rows = [
        [Cell(source), *(_saved_cell(found.get(budget)) for budget in budgets)]
        for source, found in by_source.items()
    ]
    level = numbers.percent(saved[0].labels.level)
    caption = (
        f"Labels saved: how many more labels {saved[0].method} would need without sources "
        f"(small print: {level} interval)"
    )
    return Table(name, caption, columns, rows)


def _saved_cell(labels: LabelsSaved | None) -> Cell:
    if labels is None:
        return number(numbers.NONE, None)
    return number(saved_text(labels), labels.saved, _saved_interval(labels))


def saved_text(labels: LabelsSaved) -> str:
    """Return the labels saved for a reader, with "more than" past the last budget."""
    return numbers.labels(labels.saved, labels.beyond, labels.below)


def _saved_interval(labels: LabelsSaved) -> str:
    low = numbers.labels(labels.low, labels.low_beyond, labels.low_below)
    high = numbers.labels(labels.high, labels.high_beyond, labels.high_below)
    return low if low == high else f"{low} to {high}"


def _numbers_table(result: StudyResult, method: str, points: list[CurvePoint], name: str) -> Table:
    lifts = {(lift.sources, lift.budget): lift for lift in result.lifts if lift.method == method}
    scale = Scale.of(point.score for point in points)
    differences = Scale.of(lift.against_same_class.estimate for lift in lifts.values())
    columns = [
        Column("Sources", heads=True),
        Column("Labels", "number"),
        Column("Score", "number"),
        Column("SD over draws", "number"),
        Column("Draws", "number"),
        Column("Lift", "number"),
        Column("Over the best target-only model", "number"),
    ]
    rows = [
        [
            Cell(point.sources),
            number(f"{point.budget:,}", point.budget),
            number(scale.plain(point.score), point.score),
            number(scale.plain(point.spread) if point.n_draws > 1 else numbers.NONE, point.spread),
            number(f"{point.n_draws:,}", point.n_draws),
            *_lift_cells(lifts.get((point.sources, point.budget)), differences),
        ]
        for point in points
    ]
    caption = (
        f"{result.plan.metric_title} and lift of {method} at each budget; small print: unadjusted "
        f"{numbers.percent(result.plan.level)} intervals"
    )
    return Table(name, caption, columns, rows)


def _lift_cells(lift: Lift | None, scale: Scale) -> list[Cell]:
    cells = []
    for interval in (
        (None, None) if lift is None else (lift.against_same_class, lift.against_reference)
    ):
        if interval is None:
            cells.append(number(numbers.NONE, None))
        else:
            ends = scale.interval(interval.low, interval.high)
            cells.append(number(scale.signed(interval.estimate), interval.estimate, ends))
    return cells
