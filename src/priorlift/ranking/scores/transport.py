"""The optimal transport distance between data sets with labels (OTDD).

Moving a row of the source onto a row of the target costs the squared distance between the two plus
the distance between their classes, and a class is the Gaussian of its rows. The least total cost is
the distance between the data sets: it needs no common label set, and no training.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.spatial.distance import cdist
from scipy.special import rel_entr

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.inputs import (
    Codes,
    check_lengths,
    class_codes,
    sample_rows,
    several_classes,
    two_data_sets,
)

Covariance = Literal["full", "diagonal"]
MOST_PIVOTS = 10**7
MOST_ITERATIONS = 2000


def neg_ot_distance(
    source_rows: Any,
    source_y: ArrayLike,
    rows: Any,
    y: ArrayLike,
    *,
    method: Literal["exact", "sinkhorn"] = "exact",
    regularization: float = 0.05,
    covariance: Covariance = "full",
    max_rows: int = 1000,
    random_state: RandomState = 0,
) -> float:
    """Return minus the optimal transport distance between two labelled data sets.

    The cost of (x, y) and (x', y') is ||x - x'||² + W²(N_y, N_y'), where N_y is the Gaussian with
    the mean and the covariance of the rows of class y, and

        W² = ||mean - mean'||² + tr(S + S' - 2 (S^½ S' S^½)^½).

    Parameters
    ----------
    source_rows, source_y : array or sparse matrix of shape (m, d), array-like of shape (m,)
        The source's encoded rows and their classes.
    rows, y : array or sparse matrix of shape (n, d), array-like of shape (n,)
        The target's, encoded in the same way; the classes may be others.
    method : {"exact", "sinkhorn"}
        A linear program, or the Sinkhorn divergence S(a, b) - S(a, a)/2 - S(b, b)/2.
    regularization : float, default=0.05
        Of "sinkhorn", in units of the mean cost between the two data sets.
    covariance : {"full", "diagonal"}
        Of a class.
    max_rows : int, default=1000
        A larger data set is sampled, each on its own; classes are those of the sample.
    random_state : int, RandomState or None
        Seeds the samples.

    Returns
    -------
    float
        At most 0, and 0 for a data set with itself (Sinkhorn: to 1e-9 of the mean cost). Features
        scaled by c scale it by c²: encode to comparable units first. Between two samples of one
        distribution it is not 0, but shrinks as they grow.

    Raises
    ------
    InputError
        The columns or lengths differ, features are not finite or constant, or a data set has one
        class only.
    MissingExtraError
        POT is not installed (extra `ot`).

    Notes
    -----
    As published: the cost and the Gaussian classes. Known from the authors' code: a data set is at
    a distance from itself unless the inner distances are debiased as well. Ours: both are, always,
    W² by subtracting the halves W²(N, N) that rounding leaves; and tr (S^½ S' S^½)^½ is the sum of
    the singular values of A Bᵀ where AᵀA = S and BᵀB = S', so no matrix root is taken.
    O(n³ log n) exact, O(n²) a Sinkhorn iteration; O(C C' r³) for classes of r rows or features,
    whichever is less, diagonal O(C C' d).

    References
    ----------
    Alvarez-Melis, Fusi: Geometric Dataset Distances via Optimal Transport, NeurIPS 2020. Feydy et
    al.: Interpolating between Optimal Transport and MMD using Sinkhorn Divergences, AISTATS 2019.

    Examples
    --------
    >>> F = [[0.0, 1.0], [1.0, 0.0], [4.0, 5.0], [5.0, 4.0]]
    >>> neg_ot_distance(F, ["a", "a", "b", "b"], F, [3, 3, 8, 8])  # doctest: +SKIP
    -0.0
    """
    source, target = two_data_sets(source_rows, rows, "the transport distance")
    labels = [several_classes(given, "the transport distance") for given in (source_y, y)]
    check_lengths(source, labels[0])
    check_lengths(target, labels[1])
    if method not in ("exact", "sinkhorn"):
        raise InputError(f"unknown method {method!r}", remedy='"exact" or "sinkhorn"')
    seed = base_seed(random_state)
    (a, own), (b, others) = (
        _sampled(table, codes, max_rows, seed)
        for table, codes in zip((source, target), labels, strict=True)
    )
    centres, spreads = _gaussians(a, own, covariance)
    more = _gaussians(b, others, covariance)
    between = label_distances(np.concatenate([centres, more[0]]), [*spreads, *more[1]])
    others = others + len(centres)
    cost = _cost(a, own, b, others, between)
    if method == "exact":
        return -_exact(cost)
    strength = regularization * float(cost.mean())
    if strength <= 0.0:
        return 0.0
    inner = [_cost(t, codes, t, codes, between) for t, codes in ((a, own), (b, others))]
    across, first, second = (_entropic(c, strength) for c in (cost, *inner))
    return -max(across - (first + second) / 2.0, 0.0)


def label_distances(centres: Floats, spreads: list[Floats]) -> Floats:
    """Return the squared Wasserstein distances between Gaussians, shape (C, C).

    Parameters
    ----------
    centres : ndarray of shape (C, d)
        Means.
    spreads : list of C ndarrays of shape (r, d) or (d,)
        Matrices A with A'A the covariance, or vectors of standard deviations.
    """
    overlap = np.zeros((len(spreads), len(spreads)))
    for row, first in enumerate(spreads):
        for column, second in enumerate(spreads[: row + 1]):
            overlap[row, column] = overlap[column, row] = _overlap(first, second)
    # tr S is the overlap of a Gaussian with itself, computed in the same way: what is left of
    # W²(N, N) is then 0 and not the rounding of two formulas.
    traces = np.diag(overlap)
    spread = traces[:, None] + traces[None, :] - 2.0 * overlap
    return np.asarray(np.maximum(spread, 0.0) + cdist(centres, centres, "sqeuclidean"))


def _overlap(first: Floats, second: Floats) -> float:
    if first.ndim == 1:
        return float(first @ second)
    return float(linalg.svdvals(first @ second.T, check_finite=False).sum())


def _sampled(rows: Floats, codes: Codes, most: int, seed: int) -> tuple[Floats, Codes]:
    chosen = sample_rows(rows, most, seed, codes)
    return rows[chosen], class_codes(codes[chosen])


def _gaussians(rows: Floats, codes: Codes, covariance: Covariance) -> tuple[Floats, list[Floats]]:
    centres, spreads = [], []
    for code in range(codes.max() + 1):
        members = rows[codes == code]
        centre = members.mean(axis=0)
        centred = (members - centre) / np.sqrt(len(members))
        centres.append(centre)
        if covariance == "diagonal":
            spreads.append(np.sqrt(np.square(centred).sum(axis=0)))
        elif len(centred) > centred.shape[1]:
            spreads.append(linalg.qr(centred, mode="r", check_finite=False)[0][: rows.shape[1]])
        else:
            spreads.append(centred)
    return np.array(centres), spreads


def _cost(a: Floats, own: Codes, b: Floats, others: Codes, between: Floats) -> Floats:
    return np.asarray(cdist(a, b, "sqeuclidean") + between[np.ix_(own, others)])


def _exact(cost: Floats) -> float:
    first, second = _equal_weights(cost)
    return max(float(_pot().emd2(first, second, cost, numItermax=MOST_PIVOTS)), 0.0)


def _entropic(cost: Floats, strength: float) -> float:
    first, second = _equal_weights(cost)
    # The plan does not change with what is taken off a row or a column, and without its minimum a
    # row far from all others does not underflow.
    reduced = cost - cost.min(axis=1, keepdims=True)
    reduced -= reduced.min(axis=0)
    plan = _pot().sinkhorn(
        first, second, reduced, strength, numItermax=MOST_ITERATIONS, stopThr=1e-8, warn=False
    )
    information = rel_entr(plan, np.outer(first, second)).sum()
    return float(np.vdot(plan, cost) + strength * information)


def _equal_weights(cost: Floats) -> tuple[Floats, Floats]:
    rows, columns = cost.shape
    return np.full(rows, 1.0 / rows), np.full(columns, 1.0 / columns)


def _pot() -> Any:
    try:
        import ot
    except ImportError:
        raise MissingExtraError("POT", "ot") from None
    return ot
