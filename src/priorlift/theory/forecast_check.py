"""The honesty check: real heads on a part of the labels, judged by rows that were held out.

Labels are split into folds. For each, the forecast is made again without the fold, real heads
(logistic ones, or ridge for numbers) are fitted to a few small samples of the other rows, with the
regulariser that the forecast names, and their error on the fold stands beside the forecast's. A
forecast whose level comes from such heads (`calibration`) is checked with the heads of the other
folds.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.theory.calibration import level, level_error, predicted
from priorlift.theory.heads import logistic_heads, ridge_heads
from priorlift.theory.label_alignment import Directions, LabelAlignment
from priorlift.theory.pictures import LINEAR, best_heads, picture_of
from priorlift.theory.quadrature import Array

FOLDS = 5
SAMPLES = 4
PARTS = (0.25, 0.5, 0.79)
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

    def to_dict(self) -> dict[str, float]:
        """Return plain values, for JSON."""
        return {**asdict(self), "difference": self.difference}


@dataclass(frozen=True)
class Check:
    """What held-out rows said.

    Attributes
    ----------
    rows : tuple of CheckRow
        Predicted beside observed.
    shift, shift_error : float
        The level that they ask for, and its standard error; 0 where it was not asked.
    """

    rows: tuple[CheckRow, ...]
    shift: float
    shift_error: float


def check(
    directions: Directions,
    coordinates: Array,
    tasks: Sequence[Array],
    picture: str,
    lambdas: Array | None,
    random_state: int,
    *,
    calibrate: bool = True,
) -> Check:
    """Compare predicted and observed errors at two or three small numbers of labels.

    Parameters
    ----------
    directions, coordinates
        Spectrum, and labelled rows along it.
    tasks : sequence of ndarray of shape (N,)
        Signs, or numbers of variance 1; errors are means over them.
    picture : {"classes", "field", "linear"}
        Which to predict with.
    lambdas : ndarray, optional
        As for `best_heads`.
    random_state : int
        Seed.
    calibrate : bool
        Whether the level comes from the heads; each fold is then predicted with the level that the
        other folds ask for.

    Notes
    -----
    5 folds, 3 sizes, 4 samples each: 60 heads a task, of at most 500 rows.
    """
    rng = np.random.default_rng(random_state)
    fold_of = dealt_folds(np.stack(tasks, axis=1), rng)
    sizes = checked_sizes(len(fold_of), int((fold_of != 0).sum()))
    alpha = np.array(sizes) / directions.p
    observed = np.zeros((FOLDS, len(sizes)))
    parts, lams = [], np.empty((FOLDS, len(tasks), len(sizes)))
    for fold in range(FOLDS):
        held = fold_of == fold
        alignments = []
        for task, y in enumerate(tasks):
            train, test = (coordinates[~held], y[~held]), (coordinates[held], y[held])
            alignments.append(LabelAlignment.of(directions, *train, real=picture == LINEAR))
            model = picture_of(picture)(alignments[-1])
            lams[fold, task] = best_heads(model, alpha, lambdas)[1]
            for place, n in enumerate(sizes):
                lam = float(lams[fold, task, place])
                if picture == LINEAR:
                    squared = _squared_errors(*train, *test, n, lam, SAMPLES, rng)
                    observed[fold, place] = np.sqrt(squared.mean())
                else:
                    errors = _errors(*train, *test, n, lam, SAMPLES, rng)
                    observed[fold, place] += errors.mean() / len(tasks)
        parts.append(alignments)
    least = 0.5 / len(fold_of)
    forecast = np.empty((FOLDS, len(sizes)))
    for fold in range(FOLDS):
        others = np.maximum(np.delete(observed, fold, axis=0).mean(axis=0), least)
        given = (parts[fold], picture, alpha, lams[fold])
        forecast[fold] = predicted(*given, level(*given, others) if calibrate else 0.0)
    means = observed.mean(axis=0)
    # Five folds make a rough standard error; it cannot be below that of counting.
    counting = (
        means / np.sqrt(2.0 * len(fold_of))
        if picture == LINEAR
        else np.sqrt(np.maximum(means, least) * (1.0 - means) / (len(fold_of) * len(tasks)))
    )
    spread = np.maximum(observed.std(axis=0, ddof=1) / np.sqrt(FOLDS), counting)
    rows = tuple(
        CheckRow(n, float(p), float(o), float(e))
        for n, p, o, e in zip(sizes, forecast.mean(axis=0), means, spread, strict=True)
    )
    if not calibrate:
        return Check(rows, 0.0, 0.0)
    full = [LabelAlignment.of(directions, coordinates, y, real=picture == LINEAR) for y in tasks]
    given = (full, picture, alpha, np.exp(np.log(lams).mean(axis=0)))
    shift = level(*given, np.maximum(means, least))
    log_error = float((spread / np.maximum(means, least)).mean())
    return Check(rows, shift, level_error(*given, shift, log_error))


def checked_sizes(n_rows: int, most: int) -> list[int]:
    """Return the numbers of labels that heads are fitted to."""
    sizes = sorted({min(LARGEST, int(part * n_rows)) for part in PARTS})
    return [n for n in sizes if SMALLEST <= n < most] or [most - 1]


def check_cautions(rows: Sequence[CheckRow]) -> list[str]:
    """Return what the check warns of: a difference above 10 %, or too few rows to see one."""
    said = []
    worst = max(rows, key=lambda row: abs(row.difference) if row.observed else 0.0)
    if worst.observed and abs(worst.difference) > TOLERANCE:
        said.append(
            f"at {worst.n} labels the forecast says {error_text(worst.predicted)} and held-out "
            f"rows say {error_text(worst.observed)} (standard error "
            f"{error_text(worst.standard_error)}), "
            f"{100 * worst.difference:+.0f} %: these features are not what the theory takes them "
            "for, so read the forecast with care"
        )
    coarse = max(rows, key=lambda row: row.standard_error / max(row.observed, 1e-6))
    if not said and coarse.standard_error > TOLERANCE * coarse.observed:
        said.append(
            f"held-out rows are too few to see a difference of 10 %: at {coarse.n} labels the "
            f"observed error is {error_text(coarse.observed)} with a standard error of "
            f"{error_text(coarse.standard_error)}"
        )
    return said


def error_text(value: float) -> str:
    """Return an error for a reader: three decimals, or four digits where it is no share.

    Examples
    --------
    >>> error_text(0.1234), error_text(53.7), error_text(0.00012)
    ('0.123', '53.70', '0.00012')
    """
    if value == 0.0 or 0.0005 <= abs(value) < 1.0:
        return f"{value:.3f}"
    if abs(value) < 1.0:
        return f"{value:.4g}"
    return f"{value:,.{max(0, 3 - int(np.log10(abs(value))))}f}"


def band_cautions(n: Array, error: Array, low: Array, high: Array) -> list[str]:
    """Return what the band warns of where it is wide: held-out rows see no further than the labels.

    Parameters
    ----------
    n, error, low, high : ndarray of shape (k,)
        Numbers of labels, errors, and their band.
    """
    widths = 0.5 * (high - low) / error
    widest = int(np.argmax(widths))
    if not widths[widest] > TOLERANCE:
        return []
    return [
        f"at {n[widest]:,.0f} labels the band reaches {100 * widths[widest]:.0f} % to either side: "
        "these labels do not tell the error there more closely"
    ]


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


def squared_errors(
    train: tuple[Array, Array],
    test: tuple[Array, Array],
    n: int,
    lam: float,
    samples: int,
    rng: int,
) -> Array:
    """Return the mean squared error of real ridge heads on samples of n rows, one a sample.

    Parameters
    ----------
    train, test, n, lam, samples, rng
        As for `fitted_errors`, with numbers for signs.
    """
    return _squared_errors(*train, *test, n, lam, samples, np.random.default_rng(rng))


def _squared_errors(
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
        chosen = rng.permutation(len(y))[:n]
        mean, centre = y[chosen].mean(), rows[chosen].mean(axis=0)
        centred = rows[chosen] - centre
        w = ridge_heads(centred[None], (y[chosen] - mean)[None], np.array([lam]))[0]
        errors[sample] = float(np.mean((held_y - mean - (held - centre) @ w / np.sqrt(p)) ** 2))
    return errors


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


def dealt_folds(signs: Array, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal the rows of each class out to the folds in turn."""
    fold_of = np.empty(len(signs), dtype=np.int64)
    _, classes = np.unique(signs, axis=0, return_inverse=True)
    order = rng.permutation(len(signs))
    order = order[np.argsort(classes.ravel()[order], kind="stable")]
    fold_of[order] = np.arange(len(signs)) % FOLDS
    return fold_of
