"""What the page of a ranking of many tasks says: what each should learn from, if anything."""

from typing import Any

from priorlift.ranking.result import RankedSource, Ranking
from priorlift.ranking.task_ranking import TaskRanking
from priorlift.report import numbers
from priorlift.report.agreement import agreement_word
from priorlift.report.figures import Plot
from priorlift.report.numbers import Scale
from priorlift.report.predictions import (
    DO_NOT,
    has_predictions,
    prediction_cells,
    prediction_columns,
    scale_of,
)
from priorlift.report.ranking_page import settings
from priorlift.report.tables import Cell, Column, Table, number
from priorlift.report.task_maps import in_one_order, map_of_tasks

MOST_PAIRS = 1_000
LOW_AGREEMENT = 0.3

_ALIKE = 4


def task_context(found: TaskRanking) -> dict[str, Any]:
    """Return what the template of a ranking of many tasks needs."""
    plans = [ranking.plan for ranking in found.rankings.values()]
    n_pairs = sum(len(ranking.rows) for ranking in found.rankings.values())
    predicted = _predicted(found)
    said = next((r.prediction for r in found.rankings.values() if r.prediction), "")
    return {
        "title": _sentence(found),
        "sentence": _sentence(found),
        "promise": predicted and not _calibrated(found),
        "how": said,
        "facts": [
            ("Targets", f"{len(found.rankings):,}"),
            ("Sources", f"{len(_sources(found)):,}"),
            ("Ordered pairs ranked", f"{n_pairs:,}"),
            ("Scores", ", ".join(dict.fromkeys(name for plan in plans for name in plan.scores))),
            ("Time", numbers.seconds(found.seconds)),
        ],
        "map": _promise_map(found),
        "attribution": _attribution_map(found),
        "table_of_best": _best_table(found),
        "disagreements": _disagreements(found),
        "skipped": [*found.skipped.items(), *_skipped_pairs(found)],
        "missing": _missing(found),
        "pairs": _pair_table(found) if n_pairs <= MOST_PAIRS else None,
        "settings": settings(plans[0]),
        "fingerprints": _fingerprints(found),
    }


def _predicted(found: TaskRanking) -> bool:
    return any(has_predictions(ranking) for ranking in found.rankings.values())


def _calibrated(found: TaskRanking) -> bool:
    return any(ranking.recommended is not None for ranking in found.rankings.values())


def _sources(found: TaskRanking) -> list[str]:
    names = dict.fromkeys(name for r in found.rankings.values() for name in r.names)
    return in_one_order(found.targets, list(names))


def _sentence(found: TaskRanking) -> str:
    n = len(found.rankings)
    targets = numbers.count(n, "target")
    if not _calibrated(found):
        return f"What to try first for {targets}: a promise from the scores, not a lift."
    helped = sum(1 for ranking in found.rankings.values() if ranking.recommended)
    if not helped:
        return f"{DO_NOT}: no source is expected to help any of {targets}."
    rest = f"; for the other {n - helped}: do not transfer" if helped < n else ""
    return f"A source is expected to help {helped} of {targets}{rest}."


def _promise_map(found: TaskRanking) -> Plot | None:
    if _calibrated(found):
        what = "Predicted lift"
        caption = "The lift that a model of earlier outcomes expects of each pair."
    else:
        what = "Promise of each source"
        caption = (
            "From 0 to 1 within a row, by the scores' ranks: it orders the sources of a target and "
            "says nothing of how large a lift is."
        )
    values = {
        (target, row.name): _promise(ranking, row)
        for target, ranking in found.rankings.items()
        for row in ranking.rows
    }
    chosen = {target: found.best(target) for target in found.targets}
    return map_of_tasks(
        values, found.targets, _sources(found), what=what, chosen=chosen, caption=caption
    )


def _promise(ranking: Ranking, row: RankedSource) -> float:
    if row.predicted is not None:
        return row.predicted.mean
    others = max(len(ranking.rows) - 1, 1)
    return 1.0 - (row.consensus - 1.0) / others


def _attribution_map(found: TaskRanking) -> Plot | None:
    values = {
        (target, row.name): {**row.scores, **row.facts}.get("attribution")
        for target, ranking in found.rankings.items()
        for row in ranking.rows
    }
    return map_of_tasks(
        values,
        found.targets,
        _sources(found),
        what="Attribution similarity",
        chosen={},
        caption="How far the heads of two tasks use the same features of the target's rows, beyond "
        "what heads of permuted labels show.",
    )


def _best_table(found: TaskRanking) -> Table:
    predicted, calibrated = _predicted(found), _calibrated(found)
    columns = [
        Column("Target", heads=True),
        Column("Learn from"),
        *(prediction_columns(calibrated) if predicted else ()),
        Column("Runner-up"),
        Column("Agreement of scores", "number"),
    ]
    rows = [row for ranking in found.rankings.values() for row in ranking.rows]
    scale = scale_of([row.predicted for row in rows])
    return Table(
        "best-table",
        "What to try first for each target" + ("; small print: intervals" if calibrated else ""),
        columns,
        [
            _best_row(target, ranking, scale, predicted, calibrated)
            for target, ranking in found.rankings.items()
        ],
        cards=True,
    )


def _best_row(
    target: str, ranking: Ranking, scale: Scale, predicted: bool, calibrated: bool
) -> list[Cell]:
    first, second = ([*_ordered(ranking), None, None])[:2]
    told = None if first is None else first.predicted
    w = ranking.kendall_w
    return [
        Cell(target),
        _choice(ranking, first),
        *(prediction_cells(told, scale, calibrated) if predicted else ()),
        _runner_up(second, scale, calibrated),
        number(numbers.NONE if w is None else f"{w:.2f}", w),
    ]


def _runner_up(second: RankedSource | None, scale: Scale, calibrated: bool) -> Cell:
    if second is None:
        return Cell(numbers.NONE)
    if not calibrated or second.predicted is None:
        return Cell(second.name)
    return Cell(second.name, note=scale.signed(second.predicted.mean))


def _choice(ranking: Ranking, first: RankedSource | None) -> Cell:
    if first is None:
        return Cell("no source could be ranked")
    if ranking.recommended == ():
        return Cell(DO_NOT.lower(), note=f"most is expected of {first.name}")
    tied = [name for name in ranking.ties if name != first.name]
    return Cell(first.name, note=f"tied with {', '.join(tied)}" if tied else "")


def _ordered(ranking: Ranking) -> list[RankedSource]:
    """Return the sources in the order in which to try them."""
    if ranking.recommended is None:
        return list(ranking.rows)
    known = [row for row in ranking.rows if row.predicted is not None]
    return sorted(known, key=lambda row: -row.predicted.mean if row.predicted else 0.0)


def _disagreements(found: TaskRanking) -> str:
    """Name the targets whose scores disagree; empty where there is none."""
    low = [
        (name, ranking.kendall_w)
        for name, ranking in found.rankings.items()
        if ranking.kendall_w is not None and ranking.kendall_w < LOW_AGREEMENT
    ]
    if not low:
        return ""
    named = ", ".join(f"{name} ({w:.2f})" for name, w in sorted(low, key=lambda pair: pair[1]))
    return (
        f"The scores {agreement_word(0.0)} on {numbers.count(len(low), 'target')} (Kendall's W "
        f"below {LOW_AGREEMENT}): {named}. Train several sources there before trusting the first."
    )


def _skipped_pairs(found: TaskRanking) -> list[tuple[str, str]]:
    """Return sources that were not ranked for a target, those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for target, ranking in found.rankings.items():
        for source, reason in ranking.skipped.items():
            reasons.setdefault(reason, []).append(f"{source} for {target}")
    return [(_few(pairs, "pair"), reason) for reason, pairs in reasons.items()]


def _missing(found: TaskRanking) -> list[tuple[str, str]]:
    """Return scores that some pairs lack, those of one reason together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for target, ranking in found.rankings.items():
        for row in ranking.rows:
            for score, reason in row.missing.items():
                reasons.setdefault((score, reason), []).append(f"{row.name} for {target}")
    return [(f"{score} of {_few(who, 'pair')}", why) for (score, why), who in reasons.items()]


def _few(names: list[str], what: str) -> str:
    rest = len(names) - _ALIKE
    if rest <= 0:
        return ", ".join(names)
    return f"{', '.join(names[:_ALIKE])} and {numbers.count(rest, f'more {what}')}"


def _pair_table(found: TaskRanking) -> Table:
    predicted, calibrated = _predicted(found), _calibrated(found)
    rows = [(target, row) for target, r in found.rankings.items() for row in r.rows]
    scale = scale_of([row.predicted for _, row in rows])
    return Table(
        "pair-table",
        "All ordered pairs",
        [
            Column("Target", heads=True),
            Column("Source", heads=True),
            Column("Rank", "number"),
            Column("Mean rank", "number"),
            *(prediction_columns(calibrated) if predicted else ()),
        ],
        [
            [
                Cell(target),
                Cell(row.name),
                number(f"{row.rank}", row.rank),
                number(f"{row.consensus:.2f}", row.consensus),
                *(prediction_cells(row.predicted, scale, calibrated) if predicted else ()),
            ]
            for target, row in rows
        ],
    )


def _fingerprints(found: TaskRanking) -> Table:
    return Table(
        "fingerprints",
        "Fingerprints of the targets and hashes of their scoring plans",
        [
            Column("Target", heads=True),
            Column("Labelled rows", "number"),
            Column("Fingerprint"),
            Column("Scoring plan"),
        ],
        [
            [
                Cell(target),
                number(f"{ranking.n_rows:,}", ranking.n_rows),
                Cell(ranking.plan.target_fingerprint, mark="code"),
                Cell(ranking.plan.hash, mark="code"),
            ]
            for target, ranking in found.rankings.items()
        ],
    )
