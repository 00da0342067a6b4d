"""What the page of a sweep says: where something helps, at what cost, and what is not there.

The map shows all usable sources of a task together, or every single one where a sweep has not tried
them together; the best of several sources or seeds would look better than it is.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from priorlift.plots import lifts as lift_plots
from priorlift.plots.lift_map import lift_map
from priorlift.plots.lifts import VERDICTS as SIGNS
from priorlift.report import numbers
from priorlift.report.explained import VERDICTS
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.sweep_tables import (
    bill_table,
    encoder_table,
    failure_table,
    skipped_table,
    study_table,
    verdict_table,
)
from priorlift.report.task_maps import FIT_A_PHONE, MOST_MAPPED
from priorlift.study.plan import NO_SOURCES, Arm
from priorlift.study.sweep_plan import Cell
from priorlift.study.sweep_result import SweepResult, SweptCurve, SweptVerdict

MOST_CURVES = 24

Way: TypeAlias = tuple[str, str, str]
"""A column of the map: encoder, method, and the source, empty for all usable ones together."""

_SPOKEN = 12


def sweep_context(result: SweepResult) -> dict[str, Any]:
    """Return what the template of a sweep needs."""
    words: Counter[str] = Counter(v.verdict.verdict for v in result.verdicts)
    cells = drawn_cells(result)
    return {
        "title": "Sweep: where does transfer help?",
        "sentence": numbers.minus(result.sentence),
        "overall": "helps" if words["helps"] else "not shown",
        "signs": {word: sign for word, (sign, _, _) in SIGNS.items()},
        "counts": [(word, words[word]) for word in SIGNS if word != "equivalent" or words[word]],
        "facts": _facts(result),
        "warnings": [
            {"kind": w.kind[:1].upper() + w.kind[1:], "message": w.message, "remedy": w.remedy}
            for w in result.warnings
        ],
        "map": _map(result),
        "verdicts": verdict_table(result),
        "encoders": encoder_table(result),
        "curves": [_curve(result, cell, place) for place, cell in enumerate(cells[:MOST_CURVES])],
        "more_curves": max(0, len(cells) - MOST_CURVES),
        "bill": bill_table(result),
        "spent": numbers.seconds(sum(row.cpu_seconds for row in result.bill)),
        "failures": failure_table(result),
        "pending": result.counts["pending"],
        "skipped": skipped_table(result),
        "meanings": _meanings(result),
        "n_claims": len(result.verdicts),
        "risk": numbers.percent(1 - result.plan.level),
        "seed": result.plan.seed,
        "code": [
            (encoder, ", ".join(f"{name} {told}" for name, told in sorted(versions.items())))
            for encoder, versions in sorted(result.plan.code.items())
        ],
        "versions": sorted(result.environment.items()),
        "studies": study_table(result),
    }


def drawn_cells(result: SweepResult) -> list[Cell]:
    """Return the cells that have a learning curve."""
    drawn = {(curve.task, curve.encoder) for curve in result.curves}
    return [cell for cell in result.plan.cells if (cell.task, cell.encoder) in drawn]


def shown_arms(cell: Cell, method: str) -> list[Arm]:
    """Return the arms of a method that the map and the curves show.

    That is all usable sources together, or each source where the sweep has not tried them together;
    never the best of them.
    """
    arms = [arm for arm in cell.study.claims if arm.method == method]
    together = [arm for arm in arms if len(arm.sources) > 1]
    return together or arms


def _facts(result: SweepResult) -> list[tuple[str, str]]:
    plan, counts = result.plan, result.counts
    seeds = sorted({cell.study.design.n_draws * cell.study.design.n_folds for cell in plan.cells})
    budgets = sorted({budget for cell in plan.cells for budget in cell.study.design.budgets})
    done = f"{counts['done']:,} done, {counts['failed']:,} failed, {counts['pending']:,} pending"
    return [
        ("Tasks", f"{len(plan.tasks):,}"),
        ("Encoders", ", ".join(plan.encoders)),
        ("Methods", ", ".join(plan.methods)),
        ("Label budgets", ", ".join(f"{budget:,}" for budget in budgets)),
        ("Seeds of each", " or ".join(f"{n:,}" for n in seeds)),
        (f"{counts['planned']:,} fits planned", done),
    ]


def _map(result: SweepResult) -> Plot | None:
    shown = _shown(result)
    if not shown:
        return None
    ways = _ways(result, [way for _, way in shown])
    tasks = list(result.plan.tasks[:MOST_MAPPED])
    columns = ways[:MOST_MAPPED]
    lifts = np.full((len(tasks), len(columns)), np.nan)
    settled = np.zeros(lifts.shape, dtype=bool)
    for (task, way), found in shown.items():
        if task in tasks and way in columns:
            place = tasks.index(task), columns.index(way)
            lifts[place] = found.verdict.against_same_class.estimate
            settled[place] = found.verdict.verdict in ("helps", "hurts")
    metrics = dict.fromkeys(cell.study.metric_title for cell in result.plan.cells)
    cut = len(result.plan.tasks) > len(tasks) or len(ways) > len(columns)
    return plot(
        lift_map(tasks, _titles(columns), lifts, settled, " or ".join(metrics)),
        "Lift of each way to transfer",
        _spoken(shown),
        "Each cell: the sources of its column, or all usable ones together where the column names "
        "none, at the task's largest budget. Coloured: the verdict, adjusted for all claims of the "
        "sweep, says that it helps or hurts. Dashed and without colour: not shown. Empty: not "
        "measured." + (f" The first {MOST_MAPPED} rows and columns; the table has all." * cut),
        scrolls=len(columns) > FIT_A_PHONE,
    )


def _shown(result: SweepResult) -> dict[tuple[str, Way], SweptVerdict]:
    found: dict[tuple[str, Way], SweptVerdict] = {}
    for cell in result.plan.cells:
        verdicts = result.claims_of(cell.task, cell.encoder)
        for method in result.plan.methods:
            arms = shown_arms(cell, method)
            for arm in arms:
                if arm in verdicts:
                    sources = arm.sources[0] if len(arm.sources) == 1 else ""
                    found[cell.task, (cell.encoder, method, sources)] = verdicts[arm]
    return found


def _ways(result: SweepResult, found: Sequence[Way]) -> list[Way]:
    """Return the columns in the order of encoders, methods and sources."""
    sources = list(dict.fromkeys(way[2] for way in found))
    order = [*result.plan.tasks, *sources]
    encoders, methods = list(result.plan.encoders), list(result.plan.methods)
    return sorted(
        set(found), key=lambda w: (encoders.index(w[0]), methods.index(w[1]), order.index(w[2]))
    )


def _titles(ways: Sequence[Way]) -> list[str]:
    """Name columns by what differs; the source comes first, because long names are cut."""
    differs = [len({way[part] for way in ways}) > 1 for part in range(3)]
    titles = []
    for encoder, method, sources in ways:
        parts = [sources] if differs[2] and sources else []
        parts += [encoder] if differs[0] else []
        parts += [method] if differs[1] or not parts else []
        titles.append(", ".join(parts))
    return titles


def _spoken(shown: dict[tuple[str, Way], SweptVerdict]) -> str:
    settled = [
        f"{task} with {sources or 'all usable sources'}, {encoder} and {method}: "
        f"{numbers.minus(f'{found.verdict.against_same_class.estimate:+.3f}')}, "
        f"{found.verdict.verdict}"
        for (task, (encoder, method, sources)), found in shown.items()
        if found.verdict.verdict in ("helps", "hurts")
    ]
    rest = len(settled) - _SPOKEN
    more = f"; and {rest} more, in the table" if rest > 0 else ""
    told = "; ".join(settled[:_SPOKEN]) + more if settled else "nothing is settled"
    return f"{numbers.count(len(shown), 'cell')}: {told}."


def _curve(result: SweepResult, cell: Cell, place: int) -> dict[str, Any]:
    points = [c for c in result.curves if (c.task, c.encoder) == (cell.task, cell.encoder)]
    series: dict[str, list[SweptCurve]] = {}
    for curve in points:
        name = _series_name(cell, curve)
        if name is not None:
            series.setdefault(name, []).append(curve)
    several = len(result.plan.encoders) > 1
    title = f"{cell.task}, {cell.encoder}" if several else cell.task
    figure = lift_plots.learning_curves(
        series={
            name: (
                [c.point.budget for c in own],
                [c.point.score for c in own],
                [c.point.spread for c in own],
            )
            for name, own in series.items()
        },
        dashed=[name for name, own in series.items() if own[0].point.sources == NO_SOURCES],
        metric=cell.study.metric_title,
        title="",
    )
    return {
        "name": f"curve-{place}",
        "title": title,
        "plot": plot(
            figure,
            f"Learning curves of {title}",
            _ends(cell, series),
            f"Mean {cell.study.metric_title} over all seeds against the number of labelled rows. "
            "Whiskers: standard deviation over the seeds, which is no confidence interval. Dashed: "
            "without sources.",
        ),
    }


def _series_name(cell: Cell, curve: SweptCurve) -> str | None:
    point = curve.point
    if point.sources == NO_SOURCES:
        best = point.method == cell.study.reference
        return "best target-only" if best else f"{point.method} alone"
    labels = [cell.study.label(arm.sources) for arm in shown_arms(cell, point.method)]
    return f"{point.method} with {point.sources}" if point.sources in labels else None


def _ends(cell: Cell, series: dict[str, list[SweptCurve]]) -> str:
    largest = cell.study.design.largest
    scale = Scale.of(c.point.score for own in series.values() for c in own)
    said = [
        f"{name} {scale.plain(c.point.score)}"
        for name, own in series.items()
        for c in own
        if c.point.budget == largest
    ]
    return f"{cell.study.metric_title} at {largest} labels: {'; '.join(said[:_SPOKEN])}."


def _meanings(result: SweepResult) -> list[tuple[str, str]]:
    bound = f"{result.plan.min_lift:g}" if result.plan.min_lift > 0 else "0"
    return [
        (word, text.format(bound=bound))
        for word, text in VERDICTS.items()
        if word != "equivalent" or result.plan.min_lift > 0
    ]
