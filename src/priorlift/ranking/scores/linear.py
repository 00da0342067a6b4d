"""Scores of the features' second moments and the class means: LogME and the H-scores."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from priorlift.core.errors import InputError
from priorlift.ranking.evidence import evidence, null_evidence, prior_ratio
from priorlift.ranking.labels import Floats, TaskKind
from priorlift.ranking.statistics import TaskStatistics, statistics_of


def logme(
    F: Any, y: ArrayLike | None = None, *, centre: bool = True, task: TaskKind = "classification"
) -> float:
    """Return LogME: the log evidence per row of a Bayesian linear regression on the features.

    Each label column y (one-hot for classes) has the prior w ~ N(0, I/alpha) and noise
    N(0, I/beta); alpha and beta maximise the evidence. With t = alpha / beta and beta at its best
    for that t, it is

        L(t) = [n log(n / Q) - sum_i log(1 + l_i / t) - n - n log 2 pi] / (2 n),
        Q = p + sum_i p_i t / (l_i + t),

    over the r eigenvalues l_i above the numerical rank, with p_i the part of y'y along direction i
    and p what is left; where it is largest, it equals the published expression. The score is the
    mean of the maxima over columns. Without signal the maximum is the null model's, t to infinity.

    Parameters
    ----------
    F : array of shape (n, d), or TaskStatistics
        The target's rows in the source's features, or their statistics with the labels.
    y : array-like of shape (n,) or, for a regression, (n, k), optional
        Labels; not with statistics.
    centre : bool, default=True
        Measure features and labels from their means (an intercept with a flat prior). One dimension
        then carries nothing, and n above becomes n - 1; with n the evidence would grow without
        bound when n <= d. False gives the published score.
    task : {"classification", "regression"}, default="classification"
        What the labels are; statistics know.

    Returns
    -------
    float
        Larger is better; comparable within one target only. Invariant to the scale of the features.

    Raises
    ------
    InputError
        The labels are constant, or no labels; there are fewer than three rows; a feature is not
        finite.

    Notes
    -----
    As published: the evidence. Corrected: only directions within the numerical rank enter; the
    reference code's fixed-point form counts log alpha for all d directions but log|A| for r of
    them, which ranks noise above signal when n < d. Our choice: centring, and a grid with Newton
    steps to find t in place of MacKay's fixed point, which creeps for many steps where there is
    little signal and can stop at the lesser of two maxima. O(k r) after the spectrum.

    References
    ----------
    You, Liu, Wang, Long: LogME, ICML 2021 (arXiv:2102.11005). MacKay: Bayesian Interpolation, 1992.

    Examples
    --------
    >>> y = np.arange(30) % 2
    >>> rows = np.random.default_rng(0).normal(size=(30, 4))
    >>> logme(rows + y[:, None], y) > logme(rows, y)
    True
    """
    statistics = _enough(statistics_of(F, y, task))
    spectrum = statistics.spectrum(centre=centre)
    if not (spectrum.squares > 1e-12 * np.maximum(statistics.squares, 1e-300)).all():
        raise InputError("the labels are constant", remedy="LogME needs labels that vary")
    null = null_evidence(spectrum)
    if len(spectrum.eigenvalues) == 0 or spectrum.freedom < 1:
        return float(null.mean())
    found = evidence(spectrum, prior_ratio(spectrum))
    return float(np.maximum(found, null).mean())


def h_score(F: Any, y: ArrayLike | None = None) -> float:
    """Return the H-score: tr(S⁻¹ B) of the covariance S and the covariance B of the class means.

    Parameters
    ----------
    F : array of shape (n, d), or TaskStatistics
        The target's rows in the source's features, or their statistics with the labels.
    y : array-like of shape (n,), optional
        Classes; not with statistics.

    Returns
    -------
    float
        In [0, min(classes - 1, d)]; larger is better. **It is classes - 1 on any features with
        d >= n - 1, noise included**: use `shrinkage_h_score` for small targets.

    Raises
    ------
    InputError
        The task is a regression, there is one class only, or there are fewer than three rows.

    References
    ----------
    Bao et al.: An Information-Theoretic Approach to Transferability in Task Transfer Learning,
    ICIP 2019.
    """
    statistics = _enough(statistics_of(F, y))
    counts = _class_counts(statistics)
    return float((statistics.spectrum().shares / counts).sum())


def shrinkage_h_score(F: Any, y: ArrayLike | None = None, *, adjusted: bool = False) -> float:
    """Return the H-score with a Ledoit-Wolf covariance: (1 - a) tr(S_a⁻¹ B).

    S_a = (1 - a) S + a tr(S)/d I, with S of divisor n and a from Ledoit and Wolf (2004) by the sum
    of ||x - mean||⁴, which is O(n d); then a Cholesky factor and k solves, d³/3 + k d². Where the
    spectrum is known, or n < d, the same value comes from the eigenvalues.

    Parameters
    ----------
    F : array of shape (n, d), or TaskStatistics
        The target's rows in the source's features, or their statistics with the labels.
    y : array-like of shape (n,), optional
        Classes; not with statistics.
    adjusted : bool, default=False
        Whether to adjust for chance, (H - E) / (classes - 1 - E), with E the mean of H over all
        orders of the labels. E grows with the number of features that vary, so without it features
        of different width can be compared only where there are many rows.

    Returns
    -------
    float
        In [0, classes - 1]; adjusted, at most 1, and about 0 for labels that the features do not
        know. Larger is better.

    Raises
    ------
    InputError
        The task is a regression, there is one class only, or there are fewer than three rows.

    Notes
    -----
    As published: the form. Our choice, derived: the adjustment. In a random order of the labels
    every direction holds the share (1 - n_c / n) / (n - 1) of class c on average, so E is
    (classes - 1) / (n - 1) times the effective number of features, (1 - a) tr(S_a⁻¹ S). It is to
    the H-score what the adjusted R² is to R².

    References
    ----------
    Ibrahim, Ponomareva, Mazumder: Newer is not always better, ECML PKDD 2022 (arXiv:2110.06893).
    """
    statistics = _enough(statistics_of(F, y))
    counts = _class_counts(statistics)
    features, n, d = statistics.features, statistics.n_rows, statistics.n_features
    shrinkage = _shrinkage(statistics)
    target = features.trace / (n * d)
    if target <= 0.0:
        return 0.0
    by_factor = features.rows is None and not features.has_basis and shrinkage > 0.0
    if by_factor and not adjusted:
        covariance = (1.0 - shrinkage) / n * features.centred.gram
        covariance.flat[:: d + 1] += shrinkage * target
        lower = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        means = statistics.products / np.sqrt(n * counts)
        solved = linalg.solve_triangular(lower, means, lower=True, check_finite=False)
        return float((1.0 - shrinkage) * np.vdot(solved, solved))
    spectrum = statistics.spectrum()
    values = spectrum.eigenvalues[:, None] / n
    kept = (1.0 - shrinkage) * values / ((1.0 - shrinkage) * values + shrinkage * target)
    found, most = float((kept * spectrum.shares / counts).sum()), len(counts) - 1
    return adjusted_for_chance(found, most * kept.sum() / (n - 1), most) if adjusted else found


def adjusted_for_chance(value: Any, expected: Any, most: float) -> Any:
    """Return (value - expected) / (most - expected), 0 where chance alone reaches the most.

    Parameters
    ----------
    value, expected : float or ndarray
        What was found, and its mean over shuffled labels.
    most : float
        The largest value that is possible.
    """
    room = most - np.asarray(expected, dtype=float)
    none = room <= 1e-9 * most
    found = np.where(none, 0.0, (value - expected) / np.where(none, 1.0, room))
    return float(found) if found.ndim == 0 else found


def ledoit_wolf(F: Any, y: ArrayLike | None = None) -> float:
    """Return Ledoit and Wolf's shrinkage in [0, 1], from sums alone: O(d²).

    Parameters
    ----------
    F : array of shape (n, d), or TaskStatistics
        Features, or their statistics.
    y : array-like of shape (n,), optional
        Labels, which do not matter.
    """
    if not isinstance(F, TaskStatistics):
        F = TaskStatistics.of(F, np.zeros(len(F) if y is None else len(np.asarray(y))))
    return _shrinkage(F)


def _shrinkage(statistics: TaskStatistics) -> float:
    features, n, d = statistics.features, statistics.n_rows, statistics.n_features
    frobenius = features.frobenius / n**2
    spread = (frobenius - (features.trace / n) ** 2 / d) / d
    noise = (features.fourth / n - frobenius) / (n * d)
    if spread <= 0.0 or noise <= 0.0:
        return 0.0 if noise <= 0.0 else 1.0
    return min(noise, spread) / spread


def _enough(statistics: TaskStatistics) -> TaskStatistics:
    if statistics.n_rows < 3:
        raise InputError(
            f"there are {statistics.n_rows} rows to score", remedy="a score needs three or more"
        )
    return statistics


def _class_counts(statistics: TaskStatistics) -> Floats:
    if statistics.task != "classification":
        raise InputError("the H-score needs classes, the task is a regression")
    if len(statistics.totals) < 2:
        raise InputError("the labels are constant", remedy="the H-score needs two classes or more")
    return statistics.totals
