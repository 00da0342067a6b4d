"""The result of a budgeted search over pairs: frozen, readable as a table, a page or JSON."""

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from priorlift.core.tables import to_frame
from priorlift.ranking.measures import score_lost
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.study.purchases import (
    NO_TRANSFER,
    Bill,
    Purchase,
    RandomCheck,
    SpentTarget,
    Truth,
)

FORMAT = 1


@dataclass(frozen=True)
class Spending:
    """The outcome of a budgeted search over pairs.

    Attributes
    ----------
    targets : tuple of SpentTarget
        By name.
    history : tuple of Purchase
        In the order in which they were bought.
    bill : Bill
        What it cost.
    check : RandomCheck
        What random pairs say of the search.
    stopped : str
        Why it ended, in a sentence.
    prediction : str
        Regime of the model in the end, and its note.
    settings : mapping of str to object
        Budgets, shares and seed.
    reproducible : bool
        False where a limit in seconds decided what was bought.
    warnings : tuple of str
        Fits that failed, pairs that were left out.
    pairs : PairFeatures
        All pairs that could be bought.
    """

    targets: tuple[SpentTarget, ...]
    history: tuple[Purchase, ...]
    bill: Bill
    check: RandomCheck
    stopped: str
    prediction: str
    settings: Mapping[str, Any]
    reproducible: bool
    warnings: tuple[str, ...] = ()
    pairs: PairFeatures = field(repr=False, compare=False, kw_only=True)

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        bill = self.bill
        chosen = sum(found.source is not None for found in self.targets)
        word = "about " if bill.extrapolated else ""
        return (
            f"{bill.n_trained} of {bill.n_pairs} pairs trained ({100 * bill.pairs_saved:.1f} % "
            f"saved, {word}{100 * bill.cost_saved:.1f} % of the seconds); a source is chosen for "
            f"{chosen} of {len(self.targets)} targets"
        )

    def __getitem__(self, target: str) -> SpentTarget:
        """Return what was found for a target."""
        for found in self.targets:
            if found.target == target:
                return found
        raise KeyError(target)

    def outcomes(self) -> Outcomes:
        """Return the trained pairs with their lift, to learn from in the next search."""
        known = {(p.target, p.source): p.gain for p in self.history if p.gain is not None}
        keys = list(zip(self.pairs.targets, self.pairs.sources, strict=True))
        rows = np.array([i for i, key in enumerate(keys) if key in known], dtype=np.intp)
        gains = np.array([known[keys[i]] for i in rows], dtype=float)
        return Outcomes(self.pairs.take(rows), gains)

    def with_truth(self, truth: Truth) -> "Spending":
        """Return the same search, its bill measured against pairs that were run afterwards.

        Parameters
        ----------
        truth : callable
            Gives a `PairOutcome` for (target, source); asked for untrained pairs only.

        Raises
        ------
        InputError
            The truth of a pair is not finite.
        """
        known = {(p.target, p.source): p for p in self.history if p.source is not None}
        single = {found.target: found.single_score for found in self.targets}
        gains, trained, names, seconds = [], [], [], 0.0
        for target, source in zip(self.pairs.targets, self.pairs.sources, strict=True):
            bought = known.get((target, source))
            if bought is not None:
                gain = bought.gain
            else:
                found, alone = truth(target, source), single[target]
                seconds += found.seconds
                gain = None if found.score is None or alone is None else found.score - alone
            if gain is not None:
                gains.append(gain)
                trained.append(bought is not None)
                names.append(target)
        lost = score_lost(trained, gains, targets=names, none=0.0) if gains else None
        bill = replace(self.bill, untrained_seconds=seconds, extrapolated=False, score_lost=lost)
        return replace(self, bill=bill)

    def to_frame(self) -> Any:
        """Return one row a target as a pandas, polars or pyarrow table."""
        rows = [_target_row(found) for found in self.targets]
        return to_frame({key: [row[key] for row in rows] for key in rows[0]})

    def history_frame(self) -> Any:
        """Return one row a purchase."""
        rows = [asdict(bought) for bought in self.history]
        return to_frame({key: [row[key] for row in rows] for key in rows[0]})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "format": FORMAT,
            "summary": self.summary,
            "stopped": self.stopped,
            "prediction": self.prediction,
            "reproducible": self.reproducible,
            "settings": dict(self.settings),
            "targets": [asdict(found) for found in self.targets],
            "history": [asdict(bought) for bought in self.history],
            "bill": {
                **asdict(self.bill),
                "cost_saved": _finite(self.bill.cost_saved),
                "pairs_saved": self.bill.pairs_saved,
                "how": {what: how for what, _, how in self.bill.lines()},
            },
            "check": asdict(self.check),
            "warnings": list(self.warnings),
        }

    def to_json(self) -> str:
        """Return `to_dict` as JSON with sorted keys."""
        return json.dumps(self.to_dict(), sort_keys=True, indent=1, allow_nan=False)

    def __repr__(self) -> str:
        lines = [f"Spending: {self.summary}"]
        lines += [
            f"  {found.target}: {found.source or NO_TRANSFER} ({found.gain:+.3f}, "
            f"{found.n_trained} of {found.n_pairs} trained)"
            for found in self.targets
        ]
        return "\n".join([*lines, f"Stopped: {self.stopped}", *self.warnings])

    def _repr_html_(self) -> str:
        rows = [_target_row(found) for found in self.targets]
        found = html_table(list(rows[0]), [[_cell(v) for v in row.values()] for row in rows])
        bill = html_table(
            ["bill", "value", "how"], [[a, _cell(b), c] for a, b, c in self.bill.lines()]
        )
        return f"<p>{html.escape(self.summary)}</p>{found}{bill}"


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a plain HTML table of escaped cells."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _target_row(found: SpentTarget) -> dict[str, Any]:
    return {
        "target": found.target,
        "source": found.source or NO_TRANSFER,
        "gain": found.gain,
        "single_score": found.single_score,
        "predicted": None if found.predicted is None else found.predicted.mean,
        "predicted_low": None if found.predicted is None else found.predicted.low,
        "predicted_high": None if found.predicted is None else found.predicted.high,
        "n_trained": found.n_trained,
        "n_pairs": found.n_pairs,
    }


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
