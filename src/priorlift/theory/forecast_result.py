"""What a forecast says: error by number of labels for each feature map, and how far to trust it."""

import json
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.core.tables import to_frame
from priorlift.theory.forecast_check import CheckRow, error_text
from priorlift.theory.pictures import LINEAR, Picture, best_heads
from priorlift.theory.quadrature import Array
from priorlift.theory.top_class import TopClass

MOST_LABELS = 10_000_000


@dataclass(frozen=True)
class LabelsNeeded:
    """How many labels reach a target error.

    Attributes
    ----------
    name : str
        The feature map.
    target_error : float
        What was asked for.
    n : int or None
        Labels; None where no number is enough.
    reason : str
        Why none is, or empty.
    """

    name: str
    target_error: float
    n: int | None
    reason: str

    @property
    def unreachable(self) -> bool:
        """Whether no number of labels is enough."""
        return self.n is None


@dataclass(frozen=True, eq=False)
class MapForecast:
    """The forecast for one feature map.

    Attributes
    ----------
    name : str
        The feature map.
    n : tuple of int
        Numbers of labels.
    error, low, high : tuple of float
        Expected error at each, with the best regulariser, and its bootstrap band. For numbers the
        root of the mean squared error, in their units.
    lam, C : tuple of float
        That regulariser: of sum(loss) + lam/2 |w|^2 on features scaled as the theory does, and the
        same as C of scikit-learn's LogisticRegression on the features as they are (1/alpha of
        Ridge, for numbers). For several classes the geometric mean over them.
    floor : float
        Error with endless labels.
    reach, reach_low, reach_high : float
        R^2 of the labels, what a linear head could explain of them, and its interval.
    picture : {"classes", "field", "linear"}
        What the theory took the features for.
    p, n_unlabelled, n_labelled : int
        Features that vary, and rows.
    check : tuple of CheckRow
        Predicted beside observed on held-out rows; empty if it was left out.
    warnings : tuple of str
        Reasons for care.
    top_class : TopClass or None
        Share of rows that get a wrong class; of several classes alone, and where real heads could
        be looked at.
    """

    name: str
    n: tuple[int, ...]
    error: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    lam: tuple[float, ...]
    C: tuple[float, ...]
    floor: float
    reach: float
    reach_low: float
    reach_high: float
    picture: str
    p: int
    n_unlabelled: int
    n_labelled: int
    check: tuple[CheckRow, ...]
    warnings: tuple[str, ...]
    top_class: TopClass | None
    _pictures: tuple[Picture, ...] = field(repr=False)
    _lambdas: Array | None = field(repr=False, default=None)
    _unit: float = field(repr=False, default=1.0)

    @property
    def most(self) -> float:
        """The error without any label: one half, or the standard deviation of numbers."""
        return self._unit if self.picture == LINEAR else 0.5

    def error_at(self, n: float) -> float:
        """Return the expected error with n labels and the best regulariser."""
        alpha = np.array([n / self.p])
        errors = [best_heads(picture, alpha, self._lambdas)[0][0] for picture in self._pictures]
        return self._unit * float(np.mean(errors))

    def labels_needed(self, target_error: float) -> LabelsNeeded:
        """Return how many labels reach an error.

        Parameters
        ----------
        target_error : float
            In (0, 0.5), or below the standard deviation of numbers.

        Raises
        ------
        InputError
            The target is no such error.

        Notes
        -----
        The expected error falls with n, so its logarithm is bisected: about 20 solves.
        """
        if not 0.0 < target_error < self.most:
            deviation = ", the standard deviation of the labels" * (self.picture == LINEAR)
            raise InputError(
                f"the target error is {target_error}",
                remedy=f"pass an error between 0 and {self.most:.4g}{deviation}",
            )
        if target_error <= self.floor:
            reason = f"the floor of these features is {self.floor:.4g}, with endless labels"
            return LabelsNeeded(self.name, target_error, None, reason)
        low, high = 2.0, float(MOST_LABELS)
        if self.error_at(high) > target_error:
            reason = f"more than {MOST_LABELS:,} labels: the floor is {self.floor:.4g}"
            return LabelsNeeded(self.name, target_error, None, reason)
        if self.error_at(low) <= target_error:
            return LabelsNeeded(self.name, target_error, int(low), "")
        while high - low > max(0.5, 0.002 * low):
            middle = float(np.sqrt(low * high))
            low, high = (low, middle) if self.error_at(middle) <= target_error else (middle, high)
        return LabelsNeeded(self.name, target_error, int(np.ceil(high)), "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        left_out = ("name", "check", "top_class", "_pictures", "_lambdas", "_unit")
        names = [part.name for part in fields(self) if part.name not in left_out]
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        plain["check"] = [row.to_dict() for row in self.check]
        plain["top_class"] = None if self.top_class is None else self.top_class.to_dict()
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts of several feature maps on one axis.

    Attributes
    ----------
    maps : dict of str to MapForecast
        By name.
    classes : tuple
        The labels; empty where they are numbers.
    level : float
        Of the bands.
    """

    maps: dict[str, MapForecast]
    classes: tuple[Any, ...]
    level: float

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return "classification" if self.classes else "regression"

    @property
    def predicts(self) -> str:
        """What the error is an error of."""
        if not self.classes:
            return "root of the mean squared error on new rows, in units of the label"
        if len(self.classes) == 2:
            return "share of new rows on the wrong side"
        return (
            f"mean error of {len(self.classes)} one-versus-rest heads; the class with the highest "
            f"score is wrong on at most {len(self.classes)} times as many rows"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings, each with its feature map if there are several."""
        named = len(self.maps) > 1
        return tuple(
            f"{name}: {text}" if named else text
            for name, one in self.maps.items()
            for text in one.warnings
        )

    def __getitem__(self, name: str) -> MapForecast:
        if name not in self.maps:
            raise UnknownNameError("feature map", name, self.maps)
        return self.maps[name]

    def labels_needed(self, target_error: float) -> dict[str, LabelsNeeded]:
        """Return how many labels each feature map needs.

        Parameters
        ----------
        target_error : float
            In (0, 0.5), or below the standard deviation of numbers.
        """
        return {name: one.labels_needed(target_error) for name, one in self.maps.items()}

    def labels_saved(self, name: str, over: str, n: int) -> int | None:
        """Return how many labels one feature map saves over another.

        Parameters
        ----------
        name, over : str
            Feature maps.
        n : int
            Labels with which the first is used.

        Returns
        -------
        int or None
            What the second needs for the same error, minus n (negative where it needs fewer); None
            where it never gets there.
        """
        most = (1.0 - 2e-4) * self[over].most
        needed = self[over].labels_needed(min(self[name].error_at(n), most))
        return None if needed.n is None else needed.n - n

    def to_frame(self) -> Any:
        """Return one row for each feature map and number of labels."""
        columns: dict[str, list[Any]] = {"features": []}
        for name, one in self.maps.items():
            columns["features"] += [name] * len(one.n)
            for column in ("n", "error", "low", "high", "lam", "C"):
                columns.setdefault(column, []).extend(getattr(one, column))
        return to_frame(columns)

    def to_json(self) -> str:
        """Return the forecast as a JSON document."""
        document = {
            "maps": {name: one.to_dict() for name, one in self.maps.items()},
            "task": self.task,
            "classes": [str(value) for value in self.classes],
            "level": self.level,
            "predicts": self.predicts,
        }
        return json.dumps(document, indent=1, allow_nan=False)

    def __repr__(self) -> str:
        said = [
            f"{name}: {error_text(one.error[0])} at n={one.n[0]} to "
            f"{error_text(one.error[-1])} at n={one.n[-1]}"
            for name, one in self.maps.items()
        ]
        return f"Forecast({'; '.join(said)})"
