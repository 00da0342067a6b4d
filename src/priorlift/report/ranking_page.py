"""What a page says about a ranking: the order, its ties, and how far the scores agree."""

from typing import Any

from priorlift.plots.lifts import ranking_places
from priorlift.ranking.result import RankedSource, Ranking
from priorlift.report import numbers
from priorlift.report.explained import AGREEMENT
from priorlift.report.figures import Plot, plot
from priorlift.report.tables import Cell, Column, Table, number

_SPOKEN = 12


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
    settings = [
        ("Seed", str(plan.seed)),
        ("Networks on the sources", _networks(ranking)),
        ("Preprocessing", plan.preprocess),
        (
            "Rows used at most",
            f"{plan.max_target_rows:,} (target), {plan.max_source_rows:,} (source)",
        ),
        ("Resampled", f"{plan.n_bootstrap:,} half-samples of the target's {plan.resampled}"),
        ("Level of the intervals", numbers.percent(plan.level)),
        ("Fingerprint of the target", plan.target_fingerprint),
        ("Hash of the scoring plan", plan.hash),
    ]
    return {
        "title": f"Ranking: {ranking.summary}",
        "sentence": f"{ranking.summary}.",
        "facts": facts,
        "ranking": ranking_section(ranking),
        "settings": settings,
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


def ranking_section(ranking: Ranking) -> dict[str, Any]:
    """Return what both pages show of a ranking."""
    return {
        "summary": ranking.summary,
        "agreement": _agreement(ranking),
        "resampled": bool(ranking.n_resamples),
        "plot": _plot(ranking) if ranking.rows else None,
        "table": _table(ranking),
        "skipped": list(ranking.skipped.items()),
        "warnings": list(ranking.warnings),
        "missing": _missing(ranking),
    }


def _agreement(ranking: Ranking) -> str:
    w = ranking.kendall_w
    if w is None or not numbers.finite(w):
        return "There is no second score to agree or disagree with."
    word = next(word for least, word in AGREEMENT if w >= least)
    scores = numbers.count(len(ranking.plan.scores), "score")
    return f"The {scores} {word} on the order (Kendall's W = {w:.2f}; 1 is full agreement)."


def _table(ranking: Ranking) -> Table:
    scores = ranking.plan.scores
    columns = [
        Column("Source", heads=True),
        Column("Rank", "number", sorted_by="ascending"),
        Column("Tie for best"),
        Column("Mean rank", "number"),
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


def _tie(ranking: Ranking, row: RankedSource) -> str:
    if row.name == ranking.best:
        return "best, tied" if row.tied_with else "best"
    return "tied" if row.name in ranking.ties else "no"


def _missing(ranking: Ranking) -> list[tuple[str, str]]:
    return [
        (f"{score} of {row.name}", reason)
        for row in ranking.rows
        for score, reason in row.missing.items()
    ]


def _plot(ranking: Ranking) -> Plot:
    figure = ranking_places(
        names=[row.name for row in ranking.rows],
        places=[row.consensus for row in ranking.rows],
        intervals=[(row.low, row.high) for row in ranking.rows],
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


def _networks(ranking: Ranking) -> str:
    plan = ranking.plan
    layers = " and ".join(str(size) for size in plan.hidden_layer_sizes)
    return (
        f"hidden layers of {layers} units, alpha {plan.alpha:g}, at most {plan.max_iter} iterations"
    )
