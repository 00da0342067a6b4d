"""Types by their counts: fold changes of the references, levels of the query.

The level of a gene in one modality says little about its level in another, but a gene that one type
has more of than others in RNA tends to be more open in that type, too. So each type's profile is
the query's own mean profile, times what the references say of the type against all others, to a
power below 1, since openness differs less than expression does.
"""

import numpy as np
from numpy.typing import NDArray

from priorlift.transfer.joint.sparse_batches import blocks

SMOOTHING = 5.0
"""Counts that each gene of each type has beforehand, at the mean profile."""

CONTRAST = 0.5
"""The power of fold changes."""

LARGEST = 1e3
"""Fold changes beyond this, or below its inverse, are cut."""

DEPTH = 100.0
"""A cell of so many counts weighs each of them by a half: counts of one cell are not independent,
so evidence grows more slowly than their number."""


def class_totals(
    X: NDArray[np.float64], codes: NDArray[np.int64], weight: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Add up the counts of each class.

    Parameters
    ----------
    X : array or CSR matrix of shape (n, g)
        Counts.
    codes : ndarray of int, shape (n,)
        Classes; rows of -1 are left out.
    weight : ndarray of shape (n,)
        Of the rows.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of shape (n_classes, g)
    """
    member = np.zeros((len(codes), n_classes))
    known = np.flatnonzero(codes >= 0)
    member[known, codes[known]] = weight[known]
    return weighted_totals(X, member)


def weighted_totals(X: NDArray[np.float64], member: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up rows by their shares in classes, shape (n, n_classes), by blocks of rows.

    Examples
    --------
    >>> weighted_totals(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([[1.0], [0.5]])).tolist()
    [[2.0, 2.0]]
    """
    totals = np.zeros((member.shape[1], X.shape[1]))
    for block in blocks(X.shape[0]):
        totals += np.asarray((X[block].T @ member[block]).T)
    return totals


def fold_changes(
    totals: NDArray[np.float64], ratio: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return each class's share of each gene over the mean profile's; 1 where nothing is known.

    Parameters
    ----------
    totals : ndarray of shape (n_classes, g)
        Counts of the classes. A class without counts, and a gene without counts, has ones.
    ratio : ndarray of shape (n_classes,), optional
        How much more frequent each class is where the profiles are for; the mean profile is of
        that mixture.
    """
    mixed = totals if ratio is None else totals * ratio[:, None]
    every = float(mixed.sum())
    if every <= 0:
        return np.ones_like(totals)
    mean = mixed.sum(axis=0) / every
    extra = SMOOTHING * totals.shape[1]
    smooth = (totals + extra * mean) / (totals.sum(axis=1, keepdims=True) + extra)
    folds = np.divide(smooth, mean, out=np.ones_like(smooth), where=mean > 0)
    return np.asarray(np.clip(folds, 1.0 / LARGEST, LARGEST))


def profiles(
    totals: NDArray[np.float64],
    level: NDArray[np.float64],
    ratio: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return logarithms of the classes' profiles in the query.

    Parameters
    ----------
    totals : ndarray of shape (n_classes, g)
        Counts of the classes in the references.
    level : ndarray of shape (g,)
        Counts of the whole query, labels not looked at.
    ratio : ndarray of shape (n_classes,), optional
        How much more frequent each class is in the query than in the references.

    Returns
    -------
    ndarray of shape (n_classes, g)
        Logarithms of shares; their exponentials sum to 1 in each row.

    Notes
    -----
    With s the totals, m their mean profile (of the query's mixture of classes, where `ratio` tells
    it) and a the query's profile, the fold change is

        r_cg = [(s_cg + κ G m_g) / (S_c + κ G)] / m_g        κ = 5

    and the profile is proportional to a_g · sqrt(r_cg). O(n_classes g).

    Examples
    --------
    Gene 1 is rare in RNA and frequent in the query; still it tells the second class.

    >>> log_q = profiles(np.array([[90.0, 2.0], [90.0, 10.0]]), np.array([10.0, 90.0]))
    >>> bool(log_q[1, 1] > log_q[0, 1])
    True
    """
    background = level + 1.0
    shares = background / background.sum() * fold_changes(totals, ratio) ** CONTRAST
    return np.asarray(np.log(shares / shares.sum(axis=1, keepdims=True)))


def log_likelihood(
    X: NDArray[np.float64], log_shares: NDArray[np.float64], depth: float = DEPTH
) -> NDArray[np.float64]:
    """Return log-likelihoods of rows under the classes' profiles, tempered by depth.

    Parameters
    ----------
    X : array or CSR matrix of shape (n, g)
        Counts.
    log_shares : ndarray of shape (n_classes, g)
        As `profiles` returns.
    depth : float
        A row of so many counts weighs each of them by a half.

    Returns
    -------
    ndarray of shape (n, n_classes)
        The largest of a row is 0; a row without counts is 0 throughout.
    """
    parts = []
    for block in blocks(X.shape[0]):
        rows = X[block]
        values = np.asarray(rows @ log_shares.T, dtype=float)
        values /= 1.0 + np.asarray(rows.sum(axis=1)).reshape(-1, 1) / depth
        parts.append(values - values.max(axis=1, keepdims=True))
    return np.concatenate(parts)
