"""What a page says about a ranking: the order, its ties, and how far the scores agree."""

from typing import Any

from priorlift.plots.lifts import ranking_places
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.result import RankedSource, Ranking
from priorlift.report import numbers
from priorlift.report.agreement import agreement_plot, agreement_sentence
from priorlift.report.explained import FACTS
from priorlift.report.figures import Plot, plot
from priorlift.report.predictions import (
    MOST_DRAWN,
    advice,
    has_predictions,
    prediction_cells,
    prediction_columns,
    prediction_plot,
    scale_of,
)
from priorlift.report.tables import Cell, Column, Table, number

_SPOKEN = 12
GAP = "performance_gap"


def ranking_context(ranking: Ranking) -> dict[str, Any]:
    """Return what the template of a ranking's own page needs."""
    plan = ranking.plan
    facts = [
        ("Task", plan.task),
        ("Target rows scored", f"{ranking.n_rows:,}"),
        ("Sources ranked", f"{len(ranking.rows):,}"),
        ("Scores", ", ".join(plan.scores)),
        ("Resamples", f"{ranking.n_resamples:,}"),
        ("Time", numbers.seconds(ranking.seconds)),
    ]
    return {
        "title": f"Ranking: {_lead(ranking)}",
        "sentence": _lead(ranking),
        "beside": f"By the scores, {ranking.summary}." if ranking.recommended is not None else "",
        "facts": facts,
        "ranking": ranking_section(ranking),
        "settings": [
            *settings(plan),
            ("Fingerprint of the target", plan.target_fingerprint),
            ("Hash of the scoring plan", plan.hash),
        ],
        "fingerprints": Table(
            "fingerprints",
            "Fingerprints of the sources",
            [
                Column("Source", heads=True),
                Column("Labelled rows", "number"),
                Column("Fingerprint"),
            ],
            [
                [Cell(r.name), number(f"{r.n_rows:,}", r.n_rows), Cell(r.fingerprint, mark="code")]
                for r in ranking.rows
            ],
        ),
    }


def settings(plan: ScoringPlan) -> list[tuple[str, str]]:
    """Return the settings that all sources were scored under, beside the target itself."""
    found = [
        ("Seed", str(plan.seed)),
        ("Networks on the sources", _networks(plan)),
        ("Preprocessing", plan.preprocess),
        (
            "Rows used at most",
            f"{plan.max_target_rows:,} (target), {plan.max_source_rows:,} (source)",
        ),
        ("Resampled", _resampled(plan)),
        ("Level of the intervals", numbers.percent(plan.level)),
    ]
    return [*found, ("Encoder", plan.encoder)] if plan.encoder else found


def ranking_section(ranking: Ranking) -> dict[str, Any]:
    """Return what both pages show of a ranking."""
    return {
        "summary": ranking.summary,
        "advice": advice(ranking),
        "how": ranking.prediction or "a model of earlier outcomes",
        "promise": has_predictions(ranking) and ranking.recommended is None,
        "predicted": prediction_plot(ranking),
        "gap": _gap_sentence(ranking),
        "agreement": agreement_sentence(ranking),
        "agreement_plot": agreement_plot(ranking),
        "resampled": bool(ranking.n_resamples),
        "plot": _plot(ranking) if ranking.rows else None,
        "table": _table(ranking),
        "skipped": list(ranking.skipped.items()),
        "warnings": list(ranking.warnings),
        "missing": _missing(ranking),
        "facts": _facts(ranking),
    }


def _lead(ranking: Ranking) -> str:
    return advice(ranking) if ranking.recommended is not None else f"{ranking.summary}."


def _table(ranking: Ranking) -> Table:
    scores = ranking.plan.scores
    predicted = has_predictions(ranking)
    calibrated = ranking.recommended is not None
    lifts = scale_of([row.predicted for row in ranking.rows])
    columns = [
        Column("Source", heads=True),
        Column("Rank", "number", sorted_by="ascending"),
        Column("Tie for best"),
        Column("Mean rank", "number"),
        *(prediction_columns(calibrated) if predicted else ()),
        *(Column(score, "number") for score in scores),
        Column("Labelled rows", "number"),
        Column("Time", "number"),
    ]
    scales = {
        score: numbers.Scale.of(row.scores.get(score) for row in ranking.rows) for score in scores
    }
    rows = [
        [
            Cell(row.name),
            number(f"{row.rank}", row.rank, _place(row)),
            Cell(_tie(ranking, row)),
            number(f"{row.consensus:.2f}", row.consensus),
            *(prediction_cells(row.predicted, lifts, calibrated) if predicted else ()),
            *(_score(row, score, scales[score]) for score in scores),
            number(f"{row.n_rows:,}", row.n_rows),
            number(numbers.seconds(row.seconds), row.seconds),
        ]
        for row in ranking.rows
    ]
    level = numbers.percent(ranking.plan.level)
    small = f"; small print: {level} intervals over the resamples" if ranking.n_resamples else ""
    return Table("ranking-table", f"Sources, best first{small}", columns, rows)


def _score(row: RankedSource, score: str, scale: numbers.Scale) -> Cell:
    value = row.scores.get(score)
    if value is None:
        return number(numbers.NONE, None)
    ends = row.intervals.get(score)
    note = "" if ends is None else " to ".join(scale.plain(end) for end in ends)
    return number(scale.plain(value), value, note)


def _place(row: RankedSource) -> str:
    if row.low is None or row.high is None:
        return ""
    return f"{row.low:.0f} to {row.high:.0f}"


def _gap_sentence(ranking: Ranking) -> str:
    """Say what the performance gap tells, where it is among the scores."""
    known = {r.name: r.scores[GAP] for r in ranking.rows if GAP in r.scores}
    if not known:
        return ""
    losing = [name for name, value in known.items() if value < 0]
    unit = "accuracy" if ranking.plan.task == "classification" else "explained variance"
    if not losing:
        return f"By {GAP}, no source's model loses {unit} against the target's own."
    return (
        f"By {GAP}, a linear model of {', '.join(losing)} loses {unit} on the target against the "
        f"target's own: pooling these may hurt. priorlift gap says how surely, and which rows do."
    )


def _tie(ranking: Ranking, row: RankedSource) -> str:
    if row.name == ranking.best:
        return "best, tied" if row.tied_with else "best"
    return "tied" if row.name in ranking.ties else "no"


def _missing(ranking: Ranking) -> list[tuple[str, str]]:
    """Return missing scores, sources of one reason together."""
    sources: dict[tuple[str, str], list[str]] = {}
    for row in ranking.rows:
        for score, reason in row.missing.items():
            sources.setdefault((score, reason), []).append(row.name)
    return [(f"{score} of {', '.join(who)}", why) for (score, why), who in sources.items()]


def _facts(ranking: Ranking) -> Table | None:
    names = [name for name in FACTS if any(name in row.facts for row in ranking.rows)]
    if not names:
        return None
    scales = {n: numbers.Scale.of(row.facts.get(n) for row in ranking.rows) for n in names}
    return Table(
        "facts-table",
        "What is known of the sources beside the scores",
        [Column("Source", heads=True), *(Column(FACTS[name], "number") for name in names)],
        [
            [
                Cell(row.name),
                *(number(scales[n].plain(row.facts.get(n)), row.facts.get(n)) for n in names),
            ]
            for row in ranking.rows
        ],
    )


def _plot(ranking: Ranking) -> Plot:
    drawn = ranking.rows[:MOST_DRAWN]
    figure = ranking_places(
        names=[row.name for row in drawn],
        places=[row.consensus for row in drawn],
        intervals=[(row.low, row.high) for row in drawn],
    )
    spoken = [
        f"{row.name}: mean rank {row.consensus:.2f}"
        + (f", place {_place(row)}" if _place(row) else "")
        for row in ranking.rows[:_SPOKEN]
    ]
    rest = len(ranking.rows) - len(spoken)
    more = f"; and {rest} more, in the table below" if rest else ""
    lines = "; lines: the interval of its place over the resamples" if ranking.n_resamples else ""
    return plot(
        figure,
        "Places of the sources",
        f"Best first. {'; '.join(spoken)}{more}.",
        f"Dots: mean rank of the source over the scores{lines}. Sources whose lines overlap may "
        "change places on other rows.",
    )


def _networks(plan: ScoringPlan) -> str:
    if not plan.hidden_layer_sizes:
        return "none: the sources are seen through linear heads in closed form"
    layers = " and ".join(str(size) for size in plan.hidden_layer_sizes)
    return (
        f"hidden layers of {layers} units, alpha {plan.alpha:g}, at most {plan.max_iter} iterations"
    )


def _resampled(plan: ScoringPlan) -> str:
    if not plan.n_bootstrap:
        return "nothing"
    return f"{plan.n_bootstrap:,} half-samples of the target's {plan.resampled}"
