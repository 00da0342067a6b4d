"""What the command line shows of rankings: the order, what is expected, and what came out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from priorlift.cli.output import number, sentence, write_table
from priorlift.cli.progress import duration

if TYPE_CHECKING:
    from priorlift.ranking.result import PredictedLift, Ranking
    from priorlift.ranking.task_ranking import TaskRanking
    from priorlift.study.verification import Verification

TOP_OF_EACH = 3
DO_NOT = "do not transfer"


def show_ranking(ranking: "Ranking", top: int | None = None) -> None:
    """Write a ranking: its sentence, the sources best first, what was left out, the warnings.

    Parameters
    ----------
    ranking : Ranking
        With predicted lifts, these stand in place of the scores.
    top : int, optional
        Sources to show; by default all.
    """
    print(f"\n{sentence(ranking.summary)}")
    if ranking.prediction:
        print(_advice(ranking))
    print()
    known = ranking.recommended is not None
    scores = () if known else ranking.plan.scores
    told = ("predicted\nlift", "interval", "P(lift > 0)") if known else ()
    # Names of scores are long; broken at their underscores, six of them fit.
    named = tuple(score.replace("_", "\n") for score in scores)
    rows = [
        (
            str(row.rank),
            row.name,
            "-" if row.low is None or row.high is None else f"{row.low:.0f} to {row.high:.0f}",
            *(number(row.scores.get(score)) for score in scores),
            *(_expected(row.predicted) if known else ()),
            ", ".join(row.tied_with) or "-",
        )
        for row in ranking.rows[:top]
    ]
    write_table(
        "Sources, best first",
        ("rank", "source", "place", *named, *told, "tied with"),
        rows,
        numbers=("rank", "place", *named, *told),
        wrapped="tied with",
    )
    _more(len(ranking.rows), top)
    for name, reason in ranking.skipped.items():
        print(f"left out: {name}: {sentence(reason)}")
    for warning in ranking.warnings:
        print(f"warning: {sentence(warning)}")


def show_task_ranking(found: "TaskRanking", top: int | None = None) -> None:
    """Write what to try first for each of many targets.

    Parameters
    ----------
    found : TaskRanking
        Rankings by target.
    top : int, optional
        Sources to name for each; 3 by default.
    """
    predicted = any(ranking.recommended is not None for ranking in found.rankings.values())
    told = ("predicted\nlift", "interval", "P(lift > 0)") if predicted else ()
    rows = []
    for name, ranking in found.rankings.items():
        order = ranking.names if ranking.recommended is None else ranking.recommended
        first = ranking[order[0]].predicted if order else None
        named = ", ".join(order[: top or TOP_OF_EACH]) or DO_NOT
        rows.append((name, named, *(_expected(first) if told else ()), str(len(ranking.rows))))
    n_pairs = sum(len(ranking.rows) for ranking in found.rankings.values())
    print(f"\n{n_pairs} ordered pairs of {len(found.rankings)} targets ranked.\n")
    write_table(
        "Sources to try, best first",
        ("target", "sources", *told, "of"),
        rows,
        numbers=(*told, "of"),
        wrapped="sources",
    )
    if predicted:
        print(sentence(next(r.prediction for r in found.rankings.values() if r.prediction)))
    _write_left_out(found.skipped)
    reasons: dict[str, list[str]] = {}
    for name, ranking in found.rankings.items():
        for source, reason in ranking.skipped.items():
            reasons.setdefault(reason, []).append(f"{source} for {name}")
    for reason, pairs in reasons.items():
        several = f" and {len(pairs) - 1} more pairs" if len(pairs) > 1 else ""
        print(f"left out: {pairs[0]}{several}: {sentence(reason)}")


def show_verification(found: "Verification", top: int | None = None) -> None:
    """Write what a ranking promised beside what was measured, and what that says of it.

    Parameters
    ----------
    found : Verification
        The comparison.
    top : int, optional
        Sources to show; by default all.
    """
    print(f"\n{sentence(_capital(found.summary))}\n")
    predicted = any(
        row.predicted is not None and row.predicted.low is not None for row in found.rows
    )
    told = ("predicted\nlift", "interval", "P(lift > 0)") if predicted else ()
    measured = ("measured\nlift", "measured\ninterval")
    rows = [
        (
            str(row.rank),
            row.source,
            *(_expected(row.predicted) if predicted else ()),
            number(row.lift, "+"),
            _range(row.low, row.high),
            row.verdict,
        )
        for row in found.rows[:top]
    ]
    write_table(
        f"Promised and measured: lift of {found.method} in {found.metric_title} at "
        f"{found.budget} labels",
        ("rank", "source", *told, *measured, "verdict"),
        rows,
        numbers=("rank", *told, *measured),
        wrapped="source",
    )
    _more(len(found.rows), top)
    for line in _measures(found):
        print(line)
    _write_left_out(found.left_out)
    for warning in found.warnings:
        print(f"warning: {sentence(warning)}")


def _measures(found: "Verification") -> list[str]:
    lines = [
        f"order     weighted tau {number(found.tau)} by {found.order}, ceiling "
        f"{number(found.ceiling)} from repeating the measurement; {number(found.tau_proved)} with "
        "lifts that are not told from 0 as ties"
    ]
    lines += [
        f"regret@{r.k}  {r.points:.3f} {found.metric_title}, {number(r.relative)} of what was at "
        f"stake; {'any source' if r.k == 1 else f'any {r.k} sources'}: {r.random:.3f}"
        for r in found.regrets
    ]
    if found.coverage is not None:
        lines.append(f"intervals {100 * found.coverage:.0f} % hold the measured lift")
    if found.harmful:
        lines.append(f"harm      recommended, and hurt: {', '.join(found.harmful)}")
    lines.append(
        f"cost      {duration(found.ranking_seconds)} to rank, "
        f"{duration(found.transfer_seconds + found.baseline_seconds)} for the {found.n_fits} fits "
        f"with one source and their baselines ({100 * found.share_of_cost:.1f} %)"
    )
    return lines


def _advice(ranking: "Ranking") -> str:
    how = sentence(ranking.prediction)
    if ranking.recommended is None:
        return f"No lift is predicted yet. {_capital(how)}"
    if not ranking.recommended:
        return f"{_capital(DO_NOT)}: no source is expected to help. {_capital(how)}"
    return f"Expected to help: {', '.join(ranking.recommended)}. {_capital(how)}"


def _expected(lift: "PredictedLift | None") -> tuple[str, str, str]:
    if lift is None:
        return "-", "-", "-"
    chance = "-" if lift.p_positive is None else f"{100 * lift.p_positive:.0f} %"
    return number(lift.mean, "+"), _range(lift.low, lift.high), chance


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None or low != low:
        return "-"
    return f"{low:+.3f} to {high:+.3f}"


def _more(n: int, top: int | None) -> None:
    if top is not None and top < n:
        print(f"... and {n - top} more; --top {n} shows all")


def _write_left_out(reasons: Mapping[str, str]) -> None:
    for name, reason in reasons.items():
        print(f"left out: {name}: {sentence(reason)}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
