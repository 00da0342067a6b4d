"""What pages say of predicted lifts: the advice in a sentence, cells of a table, the forest."""

from collections.abc import Sequence

from priorlift.plots.rankings import predicted_lifts
from priorlift.ranking.result import PredictedLift, RankedSource, Ranking
from priorlift.report import numbers
from priorlift.report.figures import Plot, plot
from priorlift.report.numbers import Scale
from priorlift.report.tables import Cell, Column, number

DO_NOT = "Do not transfer"
MOST_DRAWN = 40

_NAMED = 3
_SPOKEN = 12


def advice(ranking: Ranking) -> str:
    """Say in a sentence what to do; empty where no lift was predicted."""
    if not has_predictions(ranking):
        return ""
    if ranking.recommended is None:
        return "No lift is predicted yet: there are too few outcomes to learn from."
    if not ranking.recommended:
        return f"{DO_NOT}: no source is expected to help."
    scale = scale_of([row.predicted for row in ranking.rows])
    named = [
        f"{name} ({_spoken(ranking[name].predicted, scale)})"
        for name in ranking.recommended[:_NAMED]
    ]
    return f"Expected to help: {_listed(named, len(ranking.recommended))}."


def has_predictions(ranking: Ranking) -> bool:
    """Whether a gain model has said something of the sources."""
    return any(row.predicted is not None for row in ranking.rows)


def prediction_columns(calibrated: bool) -> list[Column]:
    """Return the columns that `prediction_cells` fill."""
    if not calibrated:
        return [Column("Promise", "number")]
    return [Column("Predicted lift", "number"), Column("P(lift > 0)", "number")]


def prediction_cells(lift: PredictedLift | None, scale: Scale, calibrated: bool) -> list[Cell]:
    """Return the predicted lift with its interval and its probability, or the promise alone."""
    if not calibrated:
        mean = None if lift is None else lift.mean
        return [number(scale.plain(mean), mean)]
    if lift is None:
        return [number(numbers.NONE, None)] * 2
    ends = scale.interval(lift.low, lift.high) if numbers.finite(lift.low) else ""
    return [number(scale.signed(lift.mean), lift.mean, ends), _chance(lift.p_positive)]


def scale_of(lifts: Sequence[PredictedLift | None]) -> Scale:
    """Return how many digits predicted lifts need."""
    return Scale.of(lift.mean for lift in lifts if lift is not None)


def prediction_plot(ranking: Ranking) -> Plot | None:
    """Draw the predicted lifts, the largest on top; None where none is known in points."""
    known = [(row, row.predicted) for row in ranking.rows if row.predicted is not None]
    if not known or ranking.recommended is None:
        return None
    ordered: list[tuple[RankedSource, PredictedLift]]
    ordered = sorted(known, key=lambda pair: -pair[1].mean)[:MOST_DRAWN]
    figure = predicted_lifts(
        labels=[row.name for row, _ in ordered],
        means=[lift.mean for _, lift in ordered],
        intervals=[(lift.low, lift.high) for _, lift in ordered],
        chances=[lift.p_positive for _, lift in ordered],
        unit="",
    )
    scale = scale_of([lift for _, lift in ordered])
    spoken = [f"{row.name}: {_spoken(lift, scale)}" for row, lift in ordered[:_SPOKEN]]
    rest = len(known) - len(spoken)
    more = f"; and {rest} more, in the table below" if rest else ""
    beyond = len(known) - len(ordered)
    cut = f" The other {beyond} stand in the table only." if beyond else ""
    return plot(
        figure,
        "Predicted lifts",
        f"Largest first. {'; '.join(spoken)}{more}.",
        "Circles: the lift that a model expects from what came of earlier pairs; lines: its "
        "interval for a target that the model has not met. Nothing was measured on this target."
        f"{cut}",
    )


def _spoken(lift: PredictedLift | None, scale: Scale) -> str:
    if lift is None or lift.p_positive is None:
        return "no prediction"
    chance = numbers.percent(round(lift.p_positive, 2))
    return f"{scale.signed(lift.mean)}, {chance} likely to help"


def _chance(p_positive: float | None) -> Cell:
    if p_positive is None:
        return number(numbers.NONE, None)
    return number(numbers.percent(round(p_positive, 2)), p_positive)


def _listed(named: Sequence[str], n: int) -> str:
    rest = n - len(named)
    return "; ".join(named) + (f"; and {rest} more" if rest else "")
