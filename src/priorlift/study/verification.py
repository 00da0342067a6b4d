"""The result of holding a ranking against measured lifts: frozen, a table, a page or JSON."""

import html
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from priorlift.core.tables import to_frame
from priorlift.ranking.result import PredictedLift
from priorlift.study.purchases import NO_TRANSFER

FORMAT = 1


@dataclass(frozen=True)
class VerifiedSource:
    """One source: what the ranking said of it, and what came out.

    Attributes
    ----------
    source : str
        Which source.
    rank : int
        Its rank before anything was trained.
    in_top : bool
        Whether the ranking could not tell it from the first.
    predicted : PredictedLift or None
        What a gain model expected.
    recommended : bool or None
        Whether the ranking recommended it; None without probabilities.
    lift, low, high : float
        Measured lift with its unadjusted interval; ends are NaN where there is none.
    tie : bool
        Whether the interval includes 0, or there is none: not to be told from "no transfer".
    verdict : str
        The study's word, adjusted for all of its claims and read from all rows.
    seconds : float
        Wall seconds of its fits.
    """

    source: str
    rank: int
    in_top: bool
    predicted: PredictedLift | None
    recommended: bool | None
    lift: float
    low: float
    high: float
    tie: bool
    verdict: str
    seconds: float


@dataclass(frozen=True)
class Regret:
    """What following a ranking loses.

    Attributes
    ----------
    k : int
        Sources tried, in the ranking's order.
    points : float
        Best lift of all less the best of the k.
    relative : float
        The same as a share of the best less the median source; NaN where that is 0.
    random : float
        What k sources at random are expected to lose.
    """

    k: int
    points: float
    relative: float
    random: float


@dataclass(frozen=True)
class Verification:
    """A ranking held against the lifts that a study measured.

    Attributes
    ----------
    target, method, metric_title : str
        Of what.
    budget : int
        Labelled training rows.
    rows : tuple of VerifiedSource
        In the ranking's order.
    order : {"predicted lift", "consensus"}
        What the sources were ordered by for the measures.
    tau : float
        Weighted Kendall correlation of that order with the lifts; NaN where all are equal.
    tau_proved : float
        The same, every lift that cannot be told from 0 counted as 0.
    ceiling : float
        Weighted tau between the mean lifts of disjoint halves of the draws: what repeating the
        measurement would reach. Both halves are judged on the same rows, so it knows the noise of
        training sets and not that of test rows, and is on the high side.
    regrets : tuple of Regret
        At 1, 3 and 5 sources, as far as there are as many. Where lifts are predicted in points, "no
        transfer" is one more arm.
    top : tuple of str
        The sources that the ranking could not tell from its first.
    best : str or None
        The source of the largest measured lift; None if none is above 0.
    top_holds_best : bool or None
        Whether it, or one of equal lift, is in `top`; None if no source has a lift above 0.
    coverage : float or None
        Share of measured lifts inside the predicted interval; None without intervals.
    harmful : tuple of str
        Sources that were recommended and hurt: the measured interval lies below 0.
    ranking_seconds, transfer_seconds, baseline_seconds : float
        Wall seconds of the ranking, of all fits with a single source and of the fits without.
    n_fits : int
        Fits with a single source.
    unseen : bool
        Whether lifts were measured on rows whose labels the ranking has not seen.
    n_rows : int
        Rows that they were measured on.
    warnings : tuple of str
        What a reader should know.
    left_out : mapping of str to str
        Sources on one side only, and why.
    """

    target: str
    method: str
    metric_title: str
    budget: int
    rows: tuple[VerifiedSource, ...]
    order: str
    tau: float
    tau_proved: float
    ceiling: float
    regrets: tuple[Regret, ...]
    top: tuple[str, ...]
    best: str | None
    top_holds_best: bool | None
    coverage: float | None
    harmful: tuple[str, ...]
    ranking_seconds: float
    transfer_seconds: float
    baseline_seconds: float
    n_fits: int
    unseen: bool
    n_rows: int
    warnings: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def summary(self) -> str:
        """The outcome in one or two sentences."""
        first = self.regrets[0]
        if self.top_holds_best is None:
            found = f"no source has a lift above 0 for {self.target!r}"
        else:
            word = "holds" if self.top_holds_best else "misses"
            found = f"the ranking's top {word} the best source, {self.best}"
        return (
            f"{found}; following it loses {first.points:.3f} {self.metric_title}, a random source "
            f"{first.random:.3f}. Weighted tau {_number(self.tau)}, ceiling "
            f"{_number(self.ceiling)}"
        )

    @property
    def share_of_cost(self) -> float:
        """Seconds of the ranking as a share of those of all transfers."""
        every = self.transfer_seconds + self.baseline_seconds
        return self.ranking_seconds / every if every else math.nan

    def __getitem__(self, source: str) -> VerifiedSource:
        """Return the row of a source."""
        for row in self.rows:
            if row.source == source:
                return row
        raise KeyError(source)

    def to_frame(self) -> Any:
        """Return one row a source as a pandas, polars or pyarrow table."""
        rows = []
        for row in self.rows:
            values = asdict(row)
            told = values.pop("predicted") or {}
            for name in ("mean", "low", "high", "p_positive"):
                values[f"predicted_{name}"] = told.get(name)
            rows.append(values)
        return to_frame({key: [row[key] for row in rows] for key in rows[0]})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; NaN becomes None."""
        plain = _plain({**asdict(self), "left_out": dict(self.left_out)})
        share = _plain(self.share_of_cost)
        return {"format": FORMAT, "summary": self.summary, "share_of_cost": share, **plain}

    def to_json(self) -> str:
        """Return `to_dict` as JSON with sorted keys."""
        return json.dumps(self.to_dict(), sort_keys=True, indent=1, allow_nan=False)

    def __repr__(self) -> str:
        width = max(6, *(len(row.source) for row in self.rows))
        lines = [f"Verification: {self.summary}"]
        lines += [
            f"{row.rank:>3}  {row.source:<{width}}  {row.lift:+.3f} "
            f"({row.low:+.3f} to {row.high:+.3f})  {row.verdict}"
            for row in self.rows
        ]
        return "\n".join([*lines, *self.warnings])

    def _repr_html_(self) -> str:
        header = ("rank", "source", "predicted lift", "lift", "low", "high", "verdict")
        head = "".join(f'<th scope="col">{name}</th>' for name in header)
        body = "".join(
            f'<tr><td>{row.rank}</td><th scope="row">{html.escape(row.source)}</th>'
            f"<td>{_number(None if row.predicted is None else row.predicted.mean)}</td>"
            f"<td>{_number(row.lift)}</td><td>{_number(row.low)}</td><td>{_number(row.high)}</td>"
            f"<td>{html.escape(row.verdict)}</td></tr>"
            for row in self.rows
        )
        notes = "".join(f"<p>{html.escape(text)}</p>" for text in self.warnings)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{html.escape(self.summary)}</p>{table}{notes}"

    @property
    def choice(self) -> str:
        """Name of the best measured arm."""
        return self.best or NO_TRANSFER


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
