"""What theory says of the target alone, as a study keeps it: a curve with its band, or a reason.

A curve is enough: the labels that an error takes are read off it (straight between its points, in
logarithms of both), so a stored run needs no theory to say them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Self

import numpy as np

from priorlift.theory.forecast_check import CheckRow


@dataclass(frozen=True)
class TargetForecast:
    """Expected error of logistic heads on the target's own columns, without sources.

    Attributes
    ----------
    n : tuple of int
        Numbers of labels; empty where there is no forecast.
    error, low, high : tuple of float
        Expected error at each, never rising, and the ends of its band.
    level : float
        Of the band.
    floor : float
        Error with endless labels.
    n_features, n_labelled, n_rows : int
        Columns after encoding, labelled rows, and rows behind their covariance. No row that judged
        the study is among them.
    check : tuple of CheckRow
        Predicted beside observed, by real heads on rows of these that were held out.
    warnings : tuple of str
        Reasons for care, belonging to every number.
    reason : str
        Why there is no forecast, in one line, or empty.
    n_heads : int
        One, or one a class where they are more than two; the highest score decides then.
    """

    n: tuple[int, ...] = ()
    error: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    level: float = 0.9
    floor: float = 0.0
    n_features: int = 0
    n_labelled: int = 0
    n_rows: int = 0
    check: tuple[CheckRow, ...] = ()
    warnings: tuple[str, ...] = ()
    reason: str = ""
    n_heads: int = 1

    @property
    def learner(self) -> str:
        """What is expected to err so, in words."""
        return "a logistic head" if self.n_heads == 1 else f"{self.n_heads} logistic heads"

    @property
    def most(self) -> int:
        """The largest number of labels that was looked at."""
        return self.n[-1]

    def at(self, n: float) -> tuple[float, float, float]:
        """Return expected error, and the ends of its band, with n labels within the curve."""
        logs = np.log(self.n)
        values = [
            float(np.exp(np.interp(np.log(n), logs, np.log(curve))))
            for curve in (self.error, self.low, self.high)
        ]
        return values[0], values[1], values[2]

    def labels_for(self, error: float) -> tuple[float | None, float | None, float | None]:
        """Return the labels that an error takes, and the ends of their band.

        Parameters
        ----------
        error : float
            The error to reach.

        Returns
        -------
        needed, low, high : float or None
            None for more than `most`.
        """
        # The lower curve reaches an error with fewer labels.
        needed, low, high = (self._inverse(c, error) for c in (self.error, self.low, self.high))
        return needed, low, high

    def expected(self, sources: str, method: str, budget: int, error: float) -> "ExpectedSaved":
        """Return what a claim that reached an error with a budget is expected to save."""
        needed, low, high = (None if n is None else ceil(n - 1e-9) for n in self.labels_for(error))
        reason = ""
        if needed is None:
            reason = f"more than {self.most:,} labels are expected for an error of {error:.3f}"
            if error <= self.floor:
                reason = (
                    "no number of labels is expected to be enough without sources, where "
                    f"{self.learner} err{'s' * (self.n_heads == 1)} {self.floor:.3f} with endless "
                    "labels"
                )
        return ExpectedSaved(sources, method, budget, error, needed, low, high, reason)

    def _inverse(self, curve: Sequence[float], error: float) -> float | None:
        if error < curve[-1]:
            return None
        if error >= curve[0]:
            return float(self.n[0])
        logs = np.log(curve)
        right = int(np.argmax(np.asarray(curve) <= error))
        share = (logs[right - 1] - np.log(error)) / (logs[right - 1] - logs[right])
        ends = np.log(self.n[right - 1 : right + 1])
        return float(np.exp(ends[0] + share * (ends[1] - ends[0])))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Build a forecast from `to_dict` after a journey through JSON."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
        }
        values["check"] = tuple(CheckRow(**row) for row in plain["check"])
        return cls(**values)


@dataclass(frozen=True)
class ExpectedSaved:
    """Labels that transfer is expected to save, by one claim at one budget.

    Attributes
    ----------
    sources, method : str
        The claim.
    budget : int
        Labels that it was given.
    error : float
        What it reached with them.
    needed, needed_low, needed_high : int or None
        Labels that logistic heads on the target's own columns are expected to need for it, and the
        band; None for more than the forecast looked at.
    reason : str
        Why there is no number, or empty.
    """

    sources: str
    method: str
    budget: int
    error: float
    needed: int | None
    needed_low: int | None
    needed_high: int | None
    reason: str

    @property
    def saved(self) -> int | None:
        """Labels needed beyond the budget; below 0 where the head needs fewer."""
        return None if self.needed is None else self.needed - self.budget
