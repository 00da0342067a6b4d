"""How many labels will I need? A forecast from a user's own features, before more are bought.

Unlabelled rows give the spectrum of the features, a few labelled ones how the labels lie along it
(`label_alignment`); the theory then says what a logistic head reaches with any number of labels
(`pictures`). Real heads on held-out rows stand beside it (`forecast_check`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory.calibration import shifted
from priorlift.theory.forecast_check import (
    Check,
    CheckRow,
    band_cautions,
    check,
    check_cautions,
    distance,
)
from priorlift.theory.forecast_labels import checked_labels, class_tasks, number_task, task_of
from priorlift.theory.forecast_result import Forecast, LabelsNeeded, MapForecast
from priorlift.theory.label_alignment import BALANCED, WANTED, Directions, LabelAlignment
from priorlift.theory.pictures import LINEAR, PICTURES, best_heads, picture_of
from priorlift.theory.quadrature import Array
from priorlift.theory.top_class import held_out_errors, top_class

N_GRID = (20, 50, 100, 200, 500, 1000, 2000, 5000)
FEWEST_TO_CHECK = 25


def forecast(
    features_unlabelled: Any,
    features_labelled: Any,
    y: ArrayLike,
    n_grid: Iterable[int] = N_GRID,
    lambdas: ArrayLike | None = None,
    *,
    picture: str = "auto",
    task: str | None = None,
    encoder: Any = None,
    honesty: bool = True,
    calibrate: bool = True,
    n_bootstrap: int = 60,
    level: float = 0.9,
    random_state: int = 0,
) -> Forecast:
    """Forecast the error of a logistic head, or of ridge, by its number of labels.

    Parameters
    ----------
    features_unlabelled : array-like of shape (N, d), mapping of str to it, or None
        Rows without labels, many more than features. A mapping holds several feature maps
        (transferred, random, raw, ...), which are forecast on one axis. None takes the labelled
        rows, which must then be many.
    features_labelled : array-like of shape (n, d), or mapping of str to it
        Rows with labels, the same rows in every feature map.
    y : array-like of shape (n,)
        Labels of two or more classes, of which several are forecast one versus the rest, or
        numbers.
    n_grid : iterable of int
        Numbers of labels.
    lambdas : array-like, optional
        Regularisers to choose from, for features with a mean eigenvalue of 1.
    picture : {"auto", "classes", "field"}
        What to take the features for, see `priorlift.theory.pictures`. "auto" takes the one that
        held-out rows agree with more; without the check, "classes". For classes alone.
    task : {"classification", "regression"}, optional
        Whether labels are classes or numbers. By default numbers where one has a fractional part.
    encoder : object with `fit` and `transform`, or mapping of str to it, optional
        Turns raw inputs into features. It is fitted to the unlabelled inputs. With a mapping, one
        collection of inputs gives one feature map each.
    honesty : bool
        Whether to fit real heads and compare. Left out, with a warning, below 25 labels.
    calibrate : bool
        Whether the level of the curve is set by these heads, see `priorlift.theory.calibration`;
        else by moments alone, which are far less certain.
    n_bootstrap : int
        Draws behind the bands.
    level : float
        Of the bands, in (0, 1). They tell what is due to few labels, not what is due to features
        that the theory takes for something else: for that there is the check.
    random_state : int
        Seed.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        Rows and labels do not match, a class has one row, labels are missing or all equal, there
        are fewer unlabelled rows than features, the labels' R^2 is estimated above 1, or a number
        is out of range.

    Notes
    -----
    O(N d^2 + d^3) once a feature map, then some seconds for each task (several classes are as many
    tasks) whatever d is.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(3000, 20))
    >>> y = np.where(X[:, 0] + 0.5 * rng.normal(size=3000) > 0, "yes", "no")
    >>> found = forecast(X, X[:300], y[:300], n_grid=[50, 500], n_bootstrap=10)
    >>> found.maps["features"].n, found.classes
    ((50, 500), ('no', 'yes'))
    >>> bool(found.maps["features"].error[0] > found.maps["features"].error[1])
    True
    """
    if picture not in ("auto", *PICTURES):
        raise UnknownNameError("picture", str(picture), ("auto", *PICTURES))
    grid = _checked_grid(n_grid)
    chosen = None if lambdas is None else _checked_lambdas(lambdas)
    if not 0.0 < level < 1.0 or n_bootstrap < 2:
        raise InputError(
            f"level is {level} and n_bootstrap {n_bootstrap}",
            remedy="pass a level between 0 and 1 and at least 2 draws",
        )
    pairs = _feature_maps(features_unlabelled, features_labelled, encoder)
    labels = checked_labels(y)
    real = task_of(labels, task) == "regression"
    if real and picture != "auto":
        raise InputError(
            f"picture is {picture!r}, which is one of classes",
            remedy='leave it out, or pass task="classification"',
        )
    classes, tasks, unit = number_task(labels) if real else class_tasks(labels)
    maps = {}
    for place, (name, (unlabelled, labelled)) in enumerate(pairs.items()):
        one = _Map(name, unlabelled, labelled, tasks, unit if real else None)
        seed = np.random.SeedSequence([random_state, place])
        maps[name] = one.forecast(
            grid, chosen, (picture, honesty, calibrate), n_bootstrap, level, seed
        )
    return Forecast(maps, classes, level)


def labels_needed(found: Forecast, target_error: float) -> dict[str, LabelsNeeded]:
    """Return how many labels each feature map of a forecast needs to reach an error.

    Parameters
    ----------
    found : Forecast
        Of one or more feature maps.
    target_error : float
        In (0, 0.5), or below the standard deviation of numbers.

    Returns
    -------
    dict of str to LabelsNeeded
        Its `n` is None, and its `reason` says why, where no number is enough.
    """
    return found.labels_needed(target_error)


class _Map:
    """One feature map and its tasks, on the way to a forecast."""

    def __init__(
        self, name: str, unlabelled: Any, labelled: Any, tasks: list[Array], unit: float | None
    ) -> None:
        self.name, self.tasks = name, tasks
        self.real, self.unit = unit is not None, 1.0 if unit is None else unit
        self.cautions: list[str] = []
        if unlabelled is None:
            self.cautions.append(
                "without unlabelled rows the spectrum comes from the labelled ones"
            )
            unlabelled = labelled
        self.directions = Directions.of(unlabelled, f"{name}, unlabelled rows")
        self.rows = self.directions.coordinates(labelled, f"{name}, labelled rows")
        if len(self.rows) != len(tasks[0]):
            raise InputError(
                f"{name}: {len(self.rows)} labelled rows and {len(tasks[0])} labels",
                remedy="pass one label a row",
            )
        p, n = self.directions.p, self.directions.n_rows
        if n < WANTED * p:
            self.cautions.append(
                f"{n} unlabelled rows for {p} features are fewer than {WANTED * p}: "
                "the spectrum is uncertain"
            )
        self.alignments = [
            LabelAlignment.of(self.directions, self.rows, y, real=self.real) for y in tasks
        ]
        for alignment in self.alignments:
            _refuse_too_few(alignment)

    def forecast(
        self,
        grid: Array,
        lambdas: Array | None,
        wanted: tuple[str, bool, bool],
        n_bootstrap: int,
        level: float,
        seed: np.random.SeedSequence,
    ) -> MapForecast:
        """Choose the picture, solve, and put the bands around it."""
        state = int(seed.generate_state(1)[0])
        picture, checked = self.chosen(*wanted, lambdas, state)
        alignments = [shifted(one, checked.shift, picture) for one in self.alignments]
        pictures = [picture_of(picture)(alignment) for alignment in alignments]
        alpha = grid / self.directions.p
        solved = [best_heads(one, alpha, lambdas) for one in pictures]
        errors = np.mean([error for error, _ in solved], axis=0)
        lams = np.exp(np.mean([np.log(lam) for _, lam in solved], axis=0))
        low, high, reach = self.bands(picture, alpha, solved, checked, n_bootstrap, level, seed)
        cautions = [*self.cautions, *dict.fromkeys(self.alignments[0].cautions())]
        if len(self.tasks) > 1:
            cautions = [text for text in cautions if "of one class" not in text]
            cautions.append("several classes: each is forecast against the rest, as a class of few")
        rows = tuple(self.in_units(row) for row in checked.rows)
        if rows:
            cautions += check_cautions(rows)
        else:
            cautions.append("no heads were fitted to held-out rows: nothing confirms the forecast")
        if self.real:
            cautions += band_cautions(grid, errors, low, high)
        floor = float(np.mean([one.floor for one in pictures]))
        wrong = None
        if rows and len(self.tasks) > 1:
            seen = held_out_errors(self.directions, self.rows, self.tasks, pictures, lambdas, state)
            band = np.minimum(low, errors), np.maximum(high, errors)
            wrong = top_class(grid, (errors, *band), floor, level, rows, seen)
        return MapForecast(
            self.name,
            tuple(int(n) for n in grid),
            tuple((self.unit * errors).tolist()),
            tuple((self.unit * np.minimum(low, errors)).tolist()),
            tuple((self.unit * np.maximum(high, errors)).tolist()),
            tuple(lams.tolist()),
            tuple((1.0 / (lams * self.directions.p * self.directions.scale**2)).tolist()),
            self.unit * floor,
            float(np.mean([one.reach for one in alignments])),
            *reach,
            picture,
            self.directions.p,
            self.directions.n_rows,
            len(self.rows),
            rows,
            tuple(cautions),
            wrong,
            tuple(pictures),
            lambdas,
            self.unit,
        )

    def in_units(self, row: CheckRow) -> CheckRow:
        """Return a row of the check in the label's units."""
        parts = (row.predicted, row.observed, row.standard_error)
        return CheckRow(row.n, *(self.unit * value for value in parts))

    def chosen(
        self, wanted: str, honesty: bool, calibrate: bool, lambdas: Array | None, seed: int
    ) -> tuple[str, Check]:
        """Return the picture, and its check."""
        if self.real:
            if not honesty or len(self.rows) < FEWEST_TO_CHECK:
                return LINEAR, Check((), 0.0, 0.0)
            parts = (self.directions, self.rows, self.tasks, LINEAR, lambdas, seed)
            return LINEAR, check(*parts, calibrate=calibrate)
        fewest = min(int(min((y > 0).sum(), (y < 0).sum())) for y in self.tasks)
        if not honesty or len(self.rows) < FEWEST_TO_CHECK or fewest < 4:
            return ("classes" if wanted == "auto" else wanted), Check((), 0.0, 0.0)
        names = [name for name in PICTURES if wanted in (name, "auto")]
        if wanted == "auto" and not self.suits_a_field():
            names = ["classes"]
        checks = {}
        for name in names:
            try:
                parts = (self.directions, self.rows, self.tasks, name, lambdas, seed)
                checks[name] = check(*parts, calibrate=calibrate)
            except InputError:
                # A part of the labels may say what all of them do not: R^2 above 1.
                if wanted != "auto" or name == "classes":
                    raise
        best = min(checks, key=lambda name: distance(checks[name].rows))
        return best, checks[best]

    def suits_a_field(self) -> bool:
        """Say whether a field's sign can be what the labels are."""
        return len(self.tasks) == 1 and all(
            one.field_reach() < 1.0
            and one.share is not None
            and BALANCED[0] <= one.share <= BALANCED[1]
            for one in self.alignments
        )

    def bands(
        self,
        picture: str,
        alpha: Array,
        solved: list[tuple[Array, Array]],
        checked: Check,
        n_bootstrap: int,
        level: float,
        seed: np.random.SeedSequence,
    ) -> tuple[Array, Array, tuple[float, float]]:
        """Return the band of the errors, and the interval of R^2."""
        rng = np.random.default_rng(seed)
        errors, reaches = np.empty((n_bootstrap, len(alpha))), np.empty(n_bootstrap)
        for draw in range(n_bootstrap):
            drawn = [self.drawn(one, picture, checked, rng) for one in self.alignments]
            reaches[draw] = np.mean([one.reach for one in drawn])
            parts = []
            for one, (central, lams) in zip(drawn, solved, strict=True):
                found = picture_of(picture)(one).errors(alpha, lams)
                parts.append(np.where(np.isfinite(found), found, central))
            errors[draw] = np.mean(parts, axis=0)
        ends = (0.5 - 0.5 * level, 0.5 + 0.5 * level)
        low, high = np.quantile(errors, ends, axis=0)
        reach_low, reach_high = np.quantile(reaches, ends)
        return low, high, (float(reach_low), float(reach_high))

    @staticmethod
    def drawn(
        alignment: LabelAlignment, picture: str, checked: Check, rng: np.random.Generator
    ) -> LabelAlignment:
        """Return another alignment; where heads set the level, it scatters as theirs does."""
        other = alignment.resampled(rng)
        if checked.shift_error and other.reach > 0 and alignment.reach > 0:
            same = replace(other, squares=other.squares * (alignment.reach / other.reach))
            return shifted(same, checked.shift + checked.shift_error * rng.normal(), picture)
        return shifted(other, 0.0, picture)


def _refuse_too_few(alignment: LabelAlignment) -> None:
    # Signs cannot be explained so far; for numbers R^2 may be near 1, and its estimate above it.
    most = 1.0 + (2.0 * alignment.reach_error() if alignment.share is None else 0.0)
    if alignment.raw_reach > most:
        raise InputError(
            f"R^2 of the labels is estimated as {alignment.raw_reach:.3g}, above 1",
            cause=f"not enough labels: {alignment.n_rows} for {len(alignment.spectrum)} features",
            remedy="label more rows, or take fewer features, the leading principal components "
            "for example",
        )


def _checked_grid(n_grid: Iterable[int]) -> Array:
    grid = np.unique(np.asarray(list(n_grid), dtype=float))
    if not len(grid) or not np.isfinite(grid).all() or grid[0] < 2 or (grid % 1).any():
        raise InputError(
            f"n_grid is {[f'{n:g}' for n in grid]}",
            remedy="pass whole numbers of labels, 2 or more",
        )
    return grid


def _checked_lambdas(lambdas: ArrayLike) -> Array:
    found = np.unique(np.asarray(lambdas, dtype=float))
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all() or found[0] <= 0:
        raise InputError("lambdas are empty or not positive", remedy="pass numbers above 0")
    return found


def _feature_maps(unlabelled: Any, labelled: Any, encoder: Any) -> dict[str, tuple[Any, Any]]:
    """Return unlabelled and labelled features by name."""
    if encoder is not None:
        encoders = encoder if isinstance(encoder, Mapping) else {"features": encoder}
        return {name: _encoded(one, unlabelled, labelled) for name, one in encoders.items()}
    if not isinstance(labelled, Mapping):
        return {"features": (unlabelled, labelled)}
    if unlabelled is None:
        unlabelled = dict.fromkeys(labelled)
    if not isinstance(unlabelled, Mapping) or set(unlabelled) != set(labelled) or not labelled:
        raise InputError(
            "the feature maps of labelled and unlabelled rows differ",
            remedy="pass two mappings with the same names",
        )
    return {str(name): (unlabelled[name], rows) for name, rows in labelled.items()}


def _encoded(encoder: Any, unlabelled: Any, labelled: Any) -> tuple[Any, Any]:
    fitted = encoder.fit(labelled if unlabelled is None else unlabelled)
    if unlabelled is None:
        return None, fitted.transform(labelled)
    return fitted.transform(unlabelled), fitted.transform(labelled)
