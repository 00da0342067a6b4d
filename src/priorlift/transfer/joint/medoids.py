"""A few cells that stand for all of their class, so that less is kept of a reference.

Embeddings of single cells are data of these cells still. Where a reference may not be shared, or a
file is to be small, at most `MOST` cells of each class stay: those nearest to centres of k-means,
each with the number of cells that it stands for.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

MOST = 100
"""Cells of a class that stay at most."""
ITERATIONS = 30


def chosen(
    embedding: NDArray[np.float32], codes: NDArray[np.int64], seed: int, most: int = MOST
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which rows stay, in rising order, and for how many rows each stands.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
        Rows of length 1.
    codes : ndarray of int, shape (n,)
        Classes.
    seed : int
        Where k-means starts.
    most : int
        Rows of a class that stay.

    Notes
    -----
    O(n d) memory beside the rows, O(n d most) time an iteration, 30 at most.

    Examples
    --------
    >>> rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> kept, stands_for = chosen(rows, np.array([0, 0, 0, 1]), 0, most=2)
    >>> kept.tolist(), stands_for.tolist()
    ([0, 2, 3], [2.0, 1.0, 1.0])
    """
    kept, stands_for = [], []
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        mine, sizes = _of_class(embedding[rows], seed, most)
        kept.append(rows[mine])
        stands_for.append(sizes)
    order = np.argsort(np.concatenate(kept))
    return np.concatenate(kept)[order], np.concatenate(stands_for)[order]


def _of_class(
    rows: NDArray[np.float32], seed: int, most: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    if len(rows) <= most:
        return np.arange(len(rows)), np.ones(len(rows))
    # The order of sums, and so the last digit, would depend on the number of threads.
    with threadpool_limits(1):
        means = KMeans(most, n_init=1, max_iter=ITERATIONS, random_state=seed).fit(rows)
    distance = np.linalg.norm(rows - means.cluster_centers_[means.labels_], axis=1)
    order = np.lexsort((distance, means.labels_))
    found, first = np.unique(means.labels_[order], return_index=True)
    sizes = np.bincount(means.labels_)[found].astype(float)
    return order[first], sizes
