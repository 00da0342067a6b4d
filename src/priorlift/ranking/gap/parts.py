"""What a result holds of one source: its gaps, its verdict, and the losses on each of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.ranking.labels import Floats

HURTS, HELPS, NOT_SHOWN = "hurts", "helps", "not shown"
UNITS = {
    "zero_one": "accuracy",
    "log_loss": "log-loss",
    "squared": "explained variance",
    "absolute": "absolute error",
}
"""What a gap of each loss is a difference of."""


@dataclass(frozen=True)
class Gap:
    """What one domain loses by the other domain's model, by one loss.

    Attributes
    ----------
    value : float
        Mean over the domain's rows of the loss of the other domain's model minus that of its own;
        it can be negative.
    low, high : float
        Interval for new rows of the domain; NaN where the rows do not vary.
    null_mean, null_low, null_high : float or None
        Mean and central interval under permuted domains; None without permutations.
    p_value : float or None
        Share of the permutations (and of the observation) with at least this gap.
    """

    value: float
    low: float
    high: float
    null_mean: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class HurtingRow:
    """A source row and what the two models lose on it.

    Attributes
    ----------
    source : str
        Name of the source.
    row : int
        Number of the row in the source, from 0.
    label : object
        Its label.
    contribution : float
        Loss of the target's model minus that of the source's, averaged over the folds.
    loss_by_target, loss_by_source : float
        The two.
    """

    source: str
    row: int
    label: Any
    contribution: float
    loss_by_target: float
    loss_by_source: float


@dataclass(frozen=True, eq=False)
class SourceGap:
    """The gaps between the target and one source.

    Attributes
    ----------
    name, fingerprint : str
        Which source.
    on_target, on_source : mapping of str to Gap
        By loss, the leading one first: what the source's model loses on the target, and the
        target's on the source.
    verdict : {"hurts", "helps", "not shown"}
        Of pooling, by the leading loss on the target. *hurts*: the gap's interval lies above 0 and
        the null is refuted; *helps*: it lies below 0.
    sentence : str
        The verdict in words.
    n_rows, n_left_out : int
        Source rows used, and those without label or with a class that the target lacks.
    row_numbers, row_labels, row_by_target, row_by_source : ndarray of shape (n_rows,)
        Each source row's number and label, and the losses on it of the target's and of the source's
        model, by `row_loss`; NaN in a row that always trained.
    row_loss : str
        The finest loss: log-loss where there are probabilities.
    n_permutations : int
        That could be used.
    seconds : float
        Wall seconds.
    warnings : tuple of str
        What a reader should know of this source.
    """

    name: str
    fingerprint: str
    on_target: Mapping[str, Gap]
    on_source: Mapping[str, Gap]
    verdict: str
    sentence: str
    n_rows: int
    n_left_out: int
    row_numbers: NDArray[np.intp]
    row_labels: NDArray[Any]
    row_by_target: Floats
    row_by_source: Floats
    row_loss: str
    n_permutations: int
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def loss(self) -> str:
        """Name of the leading loss."""
        return next(iter(self.on_target))

    @property
    def leading(self) -> Gap:
        """The gap on the target by the leading loss: the one to look at first."""
        return self.on_target[self.loss]

    @property
    def contributions(self) -> Floats:
        """What each source row adds to the gap on the source, shape (n_rows,)."""
        return self.row_by_target - self.row_by_source

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **{side: {n: vars(g) for n, g in getattr(self, side).items()} for side in SIDES},
            **{name: getattr(self, name).tolist() for name in _ARRAYS},
            "losses": list(self.on_target),
            "warnings": list(self.warnings),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SourceGap":
        """Build it from what `to_dict` gave, after a journey through JSON."""
        kept: dict[str, Any] = {name: values[name] for name in _PLAIN}
        kept |= {
            side: {name: Gap(**_numbers(values[side][name])) for name in values["losses"]}
            for side in SIDES
        }
        kept |= {name: np.asarray(values[name], dtype=kind) for name, kind in _ARRAYS.items()}
        return cls(**kept, warnings=tuple(values["warnings"]))


_PLAIN = (
    *("name", "fingerprint", "verdict", "sentence", "n_rows", "n_left_out", "row_loss"),
    *("n_permutations", "seconds"),
)
SIDES = ("on_target", "on_source")
_ARRAYS: dict[str, Any] = {
    "row_numbers": np.intp,
    "row_labels": None,
    "row_by_target": float,
    "row_by_source": float,
}


def _numbers(gap: dict[str, Any]) -> dict[str, Any]:
    # JSON has no NaN; `to_json` writes null, and the ends of an interval are never None.
    return {n: float("nan") if v is None and n in ("low", "high") else v for n, v in gap.items()}
