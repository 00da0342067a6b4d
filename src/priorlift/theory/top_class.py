"""From errors of one-versus-rest heads to rows that get a wrong class.

Theory speaks of each class against the rest. Who has several classes gives a row the class whose
head has the highest score, and wants to know how often that is wrong. Real heads, fitted to samples
of the labelled rows and judged by rows that were held out, tell both errors; their ratio carries
the forecast over.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from priorlift.theory.forecast_check import (
    FOLDS,
    INTERCEPT,
    CheckRow,
    check_cautions,
    checked_sizes,
    dealt_folds,
)
from priorlift.theory.heads import logistic_heads
from priorlift.theory.label_alignment import Directions
from priorlift.theory.pictures import Picture, best_heads
from priorlift.theory.quadrature import Array

SAMPLES = 2


@dataclass(frozen=True)
class TopClass:
    """The forecast share of rows to which the head with the highest score gives a wrong class.

    Attributes
    ----------
    factor : tuple of float
        Wrong rows for each error of the one-versus-rest heads (their mean), at the numbers of
        labels of the forecast: as real heads say at those that were looked at, straight between
        them in logarithms, beyond them as at the nearest.
    error, low, high : tuple of float
        At the same numbers, with a band for what is uncertain of both.
    floor : float
        With endless labels.
    check : tuple of CheckRow
        Predicted beside observed on held-out rows; each fold with the factors of the others.
    warnings : tuple of str
        What the check warns of.
    """

    factor: tuple[float, ...]
    error: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    floor: float
    check: tuple[CheckRow, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        plain = {**asdict(self), "check": [row.to_dict() for row in self.check]}
        return {key: list(v) if isinstance(v, tuple) else v for key, v in plain.items()}


@dataclass(frozen=True)
class HeldOut:
    """Errors of real heads on rows that were held out.

    Attributes
    ----------
    numbers : list of int
        Labels that the heads were fitted to.
    one_versus_rest, wrong : ndarray of shape (folds, numbers)
        Mean error of the heads, and share of rows that get a wrong class.
    n_rows : int
        Rows that judged, over all folds.
    """

    numbers: list[int]
    one_versus_rest: Array
    wrong: Array
    n_rows: int

    def factors(self) -> Array:
        """Return wrong rows for each error, of all folds but one, shape (folds, numbers)."""
        # Half an error in all rows stands for none.
        least = 0.5 / self.n_rows
        apart, wrong = (
            np.maximum((part.sum(axis=0) - part) / (FOLDS - 1), least)
            for part in (self.one_versus_rest, self.wrong)
        )
        return np.asarray(wrong / apart)

    def standard_errors(self) -> Array:
        """Return those of the share of rows with a wrong class: over folds, at least counting."""
        means = self.wrong.mean(axis=0)
        counting = np.sqrt(np.maximum(means, 0.5 / self.n_rows) * (1.0 - means) / self.n_rows)
        return np.asarray(np.maximum(self.wrong.std(axis=0, ddof=1) / np.sqrt(FOLDS), counting))

    def check(self, checked: Sequence[CheckRow]) -> tuple[CheckRow, ...]:
        """Return predicted beside observed shares; each fold by the factors of the others."""
        means, factors = self.wrong.mean(axis=0), self.factors().mean(axis=0)
        return tuple(
            CheckRow(n, float(factor) * row.predicted, float(observed), float(error))
            for n, factor, row, observed, error in zip(
                self.numbers, factors, checked, means, self.standard_errors(), strict=True
            )
        )


def top_class(
    grid: Array,
    curves: tuple[Array, Array, Array],
    floor: float,
    level: float,
    checked: Sequence[CheckRow],
    seen: HeldOut,
) -> TopClass:
    """Carry a forecast of one-versus-rest heads over to rows that get a wrong class.

    Parameters
    ----------
    grid : ndarray of shape (k,)
        Numbers of labels.
    curves : tuple of ndarray of shape (k,)
        Mean error of the heads at each number of labels, and its band.
    floor : float
        Their error with endless labels.
    level : float
        Of the band.
    checked : sequence of CheckRow
        Their check, at the numbers of labels of `seen`.
    seen : HeldOut
        Both errors of real heads.

    Returns
    -------
    TopClass
    """
    factors = np.log(seen.factors())
    at = np.log(grid), np.log(seen.numbers)
    factor = np.exp(np.interp(*at, factors.mean(axis=0)))
    # Errors of several heads on one row are one wrong row, which the heads' band does not know.
    relative = seen.standard_errors() / np.maximum(seen.wrong.mean(axis=0), 0.5 / seen.n_rows)
    width = norm.ppf(0.5 + 0.5 * level) * np.interp(*at, relative)
    middle, low, high = curves
    down = np.exp(-np.hypot(np.log(middle / low), width))
    up = np.exp(np.hypot(np.log(high / middle), width))
    rows = seen.check(checked)
    return TopClass(
        tuple(factor.tolist()),
        tuple(np.minimum(factor * middle, 1.0).tolist()),
        tuple(np.minimum(factor * middle * down, 1.0).tolist()),
        tuple(np.minimum(factor * middle * up, 1.0).tolist()),
        float(factor[-1] * floor),
        rows,
        tuple(check_cautions(rows)),
    )


def held_out_errors(
    directions: Directions,
    coordinates: Array,
    tasks: Sequence[Array],
    pictures: Sequence[Picture],
    lambdas: Array | None,
    random_state: int,
) -> HeldOut:
    """Fit all heads to the same samples and judge them by held-out rows.

    Parameters
    ----------
    directions, coordinates
        Spectrum, and labelled rows along it.
    tasks : sequence of ndarray of shape (N,)
        Signs, one class against the rest each.
    pictures : sequence of Picture
        Of the tasks; they name the regularisers.
    lambdas : ndarray, optional
        As for `best_heads`.
    random_state : int
        Seed.

    Returns
    -------
    HeldOut

    Notes
    -----
    5 folds, up to 3 sizes, 2 samples each: 30 heads a class, of at most 500 rows.
    """
    rng = np.random.default_rng(random_state)
    signs = np.stack(tasks)
    fold_of = dealt_folds(signs.T, rng)
    numbers = checked_sizes(len(fold_of), int((fold_of != 0).sum()))
    alpha = np.array(numbers) / directions.p
    lams = np.stack([best_heads(picture, alpha, lambdas)[1] for picture in pictures])
    one_versus_rest, wrong = (np.zeros((FOLDS, len(numbers))) for _ in range(2))
    for fold in range(FOLDS):
        held = fold_of == fold
        for place, n in enumerate(numbers):
            for _ in range(SAMPLES):
                chosen = _sample(signs[:, ~held], n, rng)
                rows, labels = coordinates[~held][chosen], signs[:, ~held][:, chosen]
                scores = _scores(rows, labels, lams[:, place], coordinates[held])
                apart = (scores > 0) != (signs[:, held] > 0)
                other = scores.argmax(axis=0) != signs[:, held].argmax(axis=0)
                one_versus_rest[fold, place] += apart.mean() / SAMPLES
                wrong[fold, place] += other.mean() / SAMPLES
    return HeldOut(numbers, one_versus_rest, wrong, len(fold_of))


def _scores(rows: Array, labels: Array, lams: Array, held: Array) -> Array:
    """Return the scores of all heads, shape (classes, held-out rows)."""
    n, p = rows.shape
    # The intercept is one more feature, so large that its weight costs nothing.
    features = np.column_stack([rows / np.sqrt(p), np.full(n, INTERCEPT)]) * np.sqrt(p + 1)
    repeated = np.broadcast_to(features, (len(labels), *features.shape))
    w = logistic_heads(repeated, labels, lams)
    return np.asarray(w[:, :p] @ held.T / np.sqrt(p) + INTERCEPT * w[:, p:])


def _sample(signs: Array, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n rows, at least one of each class where n allows it."""
    firsts = [int(rng.choice(np.flatnonzero(one > 0))) for one in signs]
    others = rng.permutation(signs.shape[1])
    rest = others[~np.isin(others, firsts)]
    return np.concatenate([firsts, rest])[:n].astype(np.intp)
