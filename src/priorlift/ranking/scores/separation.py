"""Scores of how far classes lie apart in the features: TransRate, GBC and SFDA.

All three look at each class's own scatter or at each row, so they take rows and no statistics. As
published each depends on the scale of the features; here each divides it out first.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, special

from priorlift.core.errors import InputError
from priorlift.ranking.labels import Floats, LabelColumns
from priorlift.ranking.scores.inputs import classified_rows, varied_rows

VARIANCE_FLOOR = 1e-4
SFDA_DECAY = 5.0
SFDA_FLOOR = 1e-10
Codes = NDArray[np.intp]


def transrate(F: Any, y: ArrayLike, *, epsilon: float = 1e-4) -> float:
    """Return TransRate: how many more nats the rows take to code than the rows of one class.

    With R(Z) = ½ log det(I + ZᵀZ / (m epsilon)) for the m rows of Z, it is R(F) minus the mean of
    R(F_c) over classes, F being centred by the mean of all rows and scaled to tr(F Fᵀ) = 1.

    Parameters
    ----------
    F : array or CSR of shape (n, d)
        The target's rows in the source's features.
    y : array-like of shape (n,)
        Classes.
    epsilon : float, default=1e-4
        The distortion allowed.

    Returns
    -------
    float
        Larger is better. Invariant to offset, scale and rotation of the features; comparable
        between sources on the same rows only, since it shrinks as rows are added.

    Raises
    ------
    InputError
        There is one class only, features are constant or not finite, or epsilon is not positive.

    Notes
    -----
    As published: the form, with epsilon = 1e-4. As in the authors' code: the scale, and every class
    counting alike (others weight classes by size). Our choice: the determinant of the smaller of
    ZᵀZ and ZZᵀ, which is the same number; O(n d min(n, d)) in all.

    References
    ----------
    Huang, Huang, Rong, Yang, Wei: Frustratingly Easy Transferability Estimation, ICML 2022.

    Examples
    --------
    >>> y = np.arange(60) % 3
    >>> rows = np.random.default_rng(0).normal(size=(60, 5))
    >>> transrate(rows + 3 * np.eye(3, 5)[y], y) > transrate(rows, y)
    True
    """
    if not epsilon > 0.0:
        raise InputError(f"epsilon is {epsilon}", remedy="a distortion above 0")
    rows, codes = classified_rows(F, y, "TransRate")
    rows = _centred(rows)
    rows /= np.linalg.norm(rows)
    within = [_coding_rate(rows[codes == c], epsilon) for c in range(codes.max() + 1)]
    return _coding_rate(rows, epsilon) - float(np.mean(within))


def gbc(
    F: Any,
    y: ArrayLike,
    *,
    n_components: int = 64,
    covariance: Literal["diagonal", "spherical"] = "diagonal",
) -> float:
    """Return GBC: minus the overlap of the classes as normal distributions, over ordered pairs.

    The overlap of two classes is their Bhattacharyya coefficient exp(-D),

        D = ⅛ Δᵀ S⁻¹ Δ + ½ log(|S| / √(|S_1| |S_2|)),   S = (S_1 + S_2) / 2,

    with Δ the difference of their means and S_1, S_2 their covariances.

    Parameters
    ----------
    F : array or CSR of shape (n, d)
        The target's rows in the source's features.
    y : array-like of shape (n,)
        Classes.
    n_components : int, default=64
        Principal components to keep; no more than the rank.
    covariance : {"diagonal", "spherical"}, default="diagonal"
        A variance for each class and component, or one for each class.

    Returns
    -------
    float
        In [-C (C - 1), 0] for C classes; larger is better. Invariant to offset, scale and rotation
        of the features; comparable within one target only.

    Raises
    ------
    InputError
        There is one class only, features are constant or not finite, or an option is unknown.

    Notes
    -----
    As published: the form, and 64 components. In the spherical case log|S| counts every component;
    a public collection of scores leaves that factor out. Our choice: the components are scaled to a
    mean variance of 1, so that the floor of 1e-4 for variances means the same for all sources, and
    a class of a single row takes the variances within the other classes, where the floor would let
    it stand apart from all. All in log space. O(n d min(n, d) + C² w) for w components.

    References
    ----------
    Pándy, Agostinelli, Uijlings, Ferrari, Mensink: Transferability Estimation using Bhattacharyya
    Class Separability, CVPR 2022.

    Examples
    --------
    >>> y = np.arange(60) % 3
    >>> rows = np.random.default_rng(0).normal(size=(60, 5))
    >>> -6 <= gbc(rows, y) < gbc(rows + 3 * np.eye(3, 5)[y], y) <= 0
    True
    """
    if covariance not in ("diagonal", "spherical"):
        raise InputError(f"covariance is {covariance!r}", remedy='"diagonal" or "spherical"')
    if n_components < 1:
        raise InputError(f"n_components is {n_components}", remedy="1 or more")
    rows, codes = classified_rows(F, y, "GBC")
    parts = _principal(_centred(rows), n_components)
    parts /= np.sqrt(np.square(parts).mean())
    means, variances = _class_moments(parts, codes)
    if covariance == "spherical":
        variances = np.broadcast_to(variances.mean(axis=1, keepdims=True), variances.shape)
    variances = np.maximum(variances, VARIANCE_FLOOR)
    overlaps = [
        -_bhattacharyya(means[c], variances[c], np.delete(means, c, 0), np.delete(variances, c, 0))
        for c in range(len(means))
    ]
    return -float(np.exp(special.logsumexp(overlaps)))


def sfda(F: Any, y: ArrayLike, *, shrinkage: float | None = None) -> float:
    """Return SFDA: how surely a regularised discriminant analysis knows the classes, made harder.

    A discriminant analysis with a shrunken within-class covariance gives each row probabilities.
    Rows are then mixed with the other classes' means, the more the less certain their own class
    ("ConfMix"), x <- p x + (1 - p) m, and the score is the mean probability that a second analysis,
    of the mixed rows, gives to the right class.

    Parameters
    ----------
    F : array or CSR of shape (n, d)
        The target's rows in the source's features.
    y : array-like of shape (n,)
        Classes.
    shrinkage : float, optional
        Weight in (0, 1] of the multiple of the identity in the within-class covariance. By default
        exp(-5 s), at least 1e-10, with s the largest eigenvalue of that covariance.

    Returns
    -------
    float
        In [0, 1]; larger is better. Invariant to offset and scale of each feature. **It is about 1
        on any features with d >= n, noise included**, because it is judged on the rows that it was
        fitted on: use `shrinkage_h_score` for small targets.

    Raises
    ------
    InputError
        There is one class only, features are constant or not finite, or the shrinkage is out of
        range.

    Notes
    -----
    As published: the two analyses, ConfMix and the rule for the shrinkage. As in the authors' code:
    decay and floor of that rule, the second softmax over the probabilities that p is read from, and
    the missing logarithm in the mean. Our choice: every feature is scaled to a variance of 1 first,
    since the rule depends on the scale, a constant one is dropped; the largest eigenvalue is exact
    instead of three power steps; and the linear functions come from a Cholesky factor, because all
    generalised eigenvectors together are nothing but an inverse. The caller's rows are not
    overwritten. O(n d² + d³).

    References
    ----------
    Shao, Zhao, Ge, Zhang, Yang, Wang, Shan, Luo: Not All Models Are Equal: Predicting Model
    Transferability in a Self-challenging Fisher Space, ECCV 2022.

    Examples
    --------
    >>> y = np.arange(60) % 3
    >>> rows = np.random.default_rng(0).normal(size=(60, 5))
    >>> sfda(rows + 3 * np.eye(3, 5)[y], y) > sfda(rows, y)
    True
    """
    if shrinkage is not None and not 0.0 < shrinkage <= 1.0:
        raise InputError(f"shrinkage is {shrinkage}", remedy="a number above 0, at most 1")
    rows, codes = classified_rows(F, y, "SFDA")
    rows = _standardised(_centred(rows))
    within, means = _within(rows, codes)
    if shrinkage is None:
        last = len(within) - 1
        largest = linalg.eigvalsh(within, subset_by_index=[last, last])[0]
        shrinkage = max(float(np.exp(-SFDA_DECAY * largest)), SFDA_FLOOR)
    places = np.arange(len(codes))
    first = _posterior(rows, within, means, codes, shrinkage)
    own = special.softmax(first, axis=1)[places, codes][:, None]
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    mixed = own * rows + (1.0 - own) * others[codes]
    second = _posterior(mixed, *_within(mixed, codes), codes, shrinkage)
    return float(second[places, codes].mean())


def leading_components(F: Any, rows_each: int = 10) -> Floats:
    """Return the features' first principal components, one for every ten rows, shape (n, w).

    Scores that are judged on the rows that they are fitted on reach their maximum on any features
    as soon as there are about as many of them as rows.

    Parameters
    ----------
    F : array or CSR of shape (n, d)
        Features.
    rows_each : int, default=10
        Rows for each component.
    """
    rows = varied_rows(F, "the score")
    return _principal(_centred(rows), max(1, len(rows) // rows_each))


def _centred(rows: Floats) -> Floats:
    return np.asarray(rows - rows.mean(axis=0))


def _smaller_gram(rows: Floats) -> Floats:
    return np.asarray(rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows)


def _coding_rate(rows: Floats, epsilon: float) -> float:
    gram = _smaller_gram(rows) / (len(rows) * epsilon)
    gram.flat[:: len(gram) + 1] += 1.0
    factor = linalg.cholesky(gram, overwrite_a=True, check_finite=False)
    return float(np.log(np.diag(factor)).sum())


def _principal(rows: Floats, n_components: int) -> Floats:
    """Return centred rows in their first principal components, no more than the rank."""
    gram = _smaller_gram(rows)
    last = len(gram) - 1
    values, vectors = linalg.eigh(
        gram, subset_by_index=[max(0, last + 1 - n_components), last], check_finite=False
    )
    kept = values > values[-1] * max(rows.shape) * np.finfo(np.float64).eps
    values, vectors = values[kept], vectors[:, kept]
    found = vectors * np.sqrt(values) if len(rows) < rows.shape[1] else rows @ vectors
    return np.asarray(found)


def _class_means(rows: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """Return class means (C, w) and counts (C,)."""
    labels = LabelColumns.of(codes, "classification")
    counts = labels.totals()
    return np.asarray(labels.matrix.T @ rows) / counts[:, None], counts


def _class_moments(rows: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """Return class means and variances, both (C, w); a single row has the pooled variances."""
    means, counts = _class_means(rows, codes)
    squares = np.square(rows - means[codes])
    variances, _ = _class_means(squares, codes)
    several = counts > 1
    pooled = squares.sum(axis=0) / max(counts[several].sum(), 1.0)
    return means, np.where(several[:, None], variances, pooled)


def _bhattacharyya(mean: Floats, variance: Floats, means: Floats, variances: Floats) -> Floats:
    """Return the distances of one class from others, shape (C - 1,), in O(C w)."""
    middle = 0.5 * (variance + variances)
    apart = (np.square(mean - means) / middle).sum(axis=1) / 8.0
    spread = np.log(middle) - 0.5 * (np.log(variance) + np.log(variances))
    return np.asarray(apart + 0.5 * spread.sum(axis=1))


def _standardised(rows: Floats) -> Floats:
    """Return centred rows with each feature's variance 1, constant features dropped."""
    deviations = np.sqrt(np.square(rows).mean(axis=0))
    varied = deviations > 1e-12 * deviations.max()
    return np.asarray(rows[:, varied] / deviations[varied])


def _within(rows: Floats, codes: Codes) -> tuple[Floats, Floats]:
    """Return the within-class covariance (d, d), divisor n, and the class means (C, d)."""
    means, _ = _class_means(rows, codes)
    apart = rows - means[codes]
    return np.asarray(apart.T @ apart / len(rows)), means


def _posterior(
    rows: Floats, within: Floats, means: Floats, codes: Codes, shrinkage: float
) -> Floats:
    """Return the class probabilities (n, C) of a discriminant analysis with shrunken covariance."""
    level = np.trace(within) / len(within)
    if level <= 0.0:  # every class is one point
        level, shrinkage = 1.0, max(shrinkage, SFDA_FLOOR)
    shrunken = (1.0 - shrinkage) * within
    shrunken.flat[:: len(shrunken) + 1] += shrinkage * level
    factor = linalg.cho_factor(shrunken, overwrite_a=True, check_finite=False)
    weights = linalg.cho_solve(factor, means.T, check_finite=False)
    priors = np.bincount(codes) / len(codes)
    offsets = np.log(priors) - 0.5 * np.einsum("cd,dc->c", means, weights)
    return np.asarray(special.softmax(rows @ weights + offsets, axis=1))
