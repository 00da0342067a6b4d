"""The honesty check: real heads on a part of the labels, judged by rows that were held out.

Labels are split into folds. For each, the forecast is made again without the fold, real logistic
heads are fitted to a few small samples of the other rows, with the regulariser that the forecast
names, and their error on the fold stands beside the forecast's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.theory.heads import logistic_heads
from priorlift.theory.label_alignment import Directions, LabelAlignment
from priorlift.theory.pictures import best_heads, picture_of
from priorlift.theory.quadrature import Array

FOLDS = 5
SAMPLES = 4
PARTS = (0.125, 0.25, 0.5)
LARGEST = 500
SMALLEST = 10
TOLERANCE = 0.10
INTERCEPT = 100.0


@dataclass(frozen=True)
class CheckRow:
    """Predicted beside observed, at one number of labels.

    Attributes
    ----------
    n : int
        Labels that the heads were fitted to.
    predicted, observed : float
        Errors, means over the folds.
    standard_error : float
        Of the observed one.
    """

    n: int
    predicted: float
    observed: float
    standard_error: float

    @property
    def difference(self) -> float:
        """Predicted by observed, minus 1; an observed 0 counts as half a standard error."""
        return self.predicted / max(self.observed, 0.5 * self.standard_error, 1e-6) - 1.0


def check(
    directions: Directions,
    coordinates: Array,
    tasks: Sequence[Array],
    picture: str,
    lambdas: Array | None,
    random_state: int,
) -> tuple[CheckRow, ...]:
    """Return predicted and observed errors at two or three small numbers of labels.

    Parameters
    ----------
    directions, coordinates
        Spectrum, and labelled rows along it.
    tasks : sequence of ndarray of shape (N,)
        Signs; errors are means over them.
    picture : {"classes", "field"}
        Which to predict with.
    lambdas : ndarray, optional
        As for `best_heads`.
    random_state : int
        Seed.

    Notes
    -----
    5 folds, 3 sizes, 4 samples each: 60 heads a task, of at most 500 rows.
    """
    rng = np.random.default_rng(random_state)
    fold_of = _folds(np.stack(tasks, axis=1), rng)
    most = int((fold_of != 0).sum())
    sizes = sorted({min(LARGEST, int(part * len(fold_of))) for part in PARTS})
    sizes = [n for n in sizes if SMALLEST <= n < most] or [most - 1]
    predicted = np.zeros((len(sizes), FOLDS))
    observed = np.zeros((len(sizes), FOLDS))
    for fold in range(FOLDS):
        held = fold_of == fold
        for y in tasks:
            train, test = (coordinates[~held], y[~held]), (coordinates[held], y[held])
            alignment = LabelAlignment.of(directions, *train)
            model = picture_of(picture)(alignment)
            alpha = np.array(sizes) / directions.p
            errors, lams = best_heads(model, alpha, lambdas)
            predicted[:, fold] += errors / len(tasks)
            for place, n in enumerate(sizes):
                observed[place, fold] += _observed(*train, *test, n, lams[place], rng) / len(tasks)
    return tuple(
        CheckRow(
            n,
            float(predicted[place].mean()),
            float(observed[place].mean()),
            float(observed[place].std(ddof=1) / np.sqrt(FOLDS)),
        )
        for place, n in enumerate(sizes)
    )


def check_cautions(rows: Sequence[CheckRow]) -> list[str]:
    """Return what the check warns of: a difference above 10 %, or too few rows to see one."""
    said = []
    worst = max(rows, key=lambda row: abs(row.difference))
    if abs(worst.difference) > TOLERANCE:
        said.append(
            f"at {worst.n} labels the forecast says {worst.predicted:.3f} and held-out rows say "
            f"{worst.observed:.3f} (standard error {worst.standard_error:.3f}), "
            f"{100 * worst.difference:+.0f} %: these features are not what the theory takes them "
            "for, so read the forecast with care"
        )
    coarse = max(rows, key=lambda row: row.standard_error / max(row.observed, 1e-6))
    if not said and coarse.standard_error > TOLERANCE * coarse.observed:
        said.append(
            f"held-out rows are too few to see a difference of 10 %: at {coarse.n} labels the "
            f"observed error is {coarse.observed:.3f} with a standard error of "
            f"{coarse.standard_error:.3f}"
        )
    return said


def distance(rows: Sequence[CheckRow]) -> float:
    """Return the mean relative distance of predicted and observed, in logarithms."""
    return float(np.mean([abs(np.log1p(row.difference)) for row in rows]))


def fitted_errors(
    train: tuple[Array, Array],
    test: tuple[Array, Array],
    n: int,
    lam: float,
    samples: int,
    rng: int,
) -> Array:
    """Return the error of real heads on samples of n rows, one value a sample.

    Parameters
    ----------
    train, test : tuple of ndarray
        Rows along the directions, and signs.
    n : int
        Rows of a sample.
    lam : float
        Regulariser of sum(loss) + lam/2 |w|^2; the intercept is free.
    samples : int
        How many.
    rng : int
        Seed.
    """
    return _errors(*train, *test, n, lam, samples, np.random.default_rng(rng))


def _observed(
    rows: Array,
    y: Array,
    held: Array,
    held_y: Array,
    n: int,
    lam: float,
    rng: np.random.Generator,
) -> float:
    return float(_errors(rows, y, held, held_y, n, lam, SAMPLES, rng).mean())


def _errors(
    rows: Array,
    y: Array,
    held: Array,
    held_y: Array,
    n: int,
    lam: float,
    samples: int,
    rng: np.random.Generator,
) -> Array:
    p = rows.shape[1]
    errors = np.empty(samples)
    for sample in range(samples):
        chosen = _sample(y, n, rng)
        # The intercept is one more feature, so large that its weight costs nothing.
        features = np.column_stack([rows[chosen] / np.sqrt(p), np.full(n, INTERCEPT)])
        scaled = features * np.sqrt(p + 1)
        w = logistic_heads(scaled[None], y[chosen][None], np.array([lam]))[0]
        scores = held @ w[:p] / np.sqrt(p) + INTERCEPT * w[p]
        errors[sample] = float(((scores > 0) != (held_y > 0)).mean())
    return errors


def _sample(y: Array, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n rows, at least one of each class."""
    firsts = [rng.choice(np.flatnonzero(y == sign)) for sign in (-1.0, 1.0)]
    chosen = rng.permutation(len(y))[:n]
    if len(np.unique(y[chosen])) < 2:
        missing = firsts[0] if (y[chosen] > 0).all() else firsts[1]
        chosen[0] = missing
    return np.asarray(chosen)


def _folds(signs: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal the rows of each class out to the folds in turn."""
    fold_of = np.empty(len(signs), dtype=np.int64)
    _, classes = np.unique(signs, axis=0, return_inverse=True)
    order = rng.permutation(len(signs))
    order = order[np.argsort(classes.ravel()[order], kind="stable")]
    fold_of[order] = np.arange(len(signs)) % FOLDS
    return fold_of
