"""Exact nearest neighbours by blocked matrix products; no index and no dependency.

Embeddings have length 1, so the nearest are those with the largest product. Where anchors are many,
they are cut into chunks first: the k largest products lie within the k chunks of largest maximum.
From `MANY` anchors on faiss, as exact and two to three times quicker, does the search where it is
installed (the extra `neighbors`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.transfer.joint.workers import ALONE, Workers

BLOCK_VALUES = 1 << 23
"""Products held at a time: 32 MB."""

TINY = 1e-12

MANY = 50_000
"""Anchors from which on faiss is asked."""

FAISS_ROWS = 4096
"""Rows that faiss is asked for at a time."""


def normalised(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of length 1; a zero row stays zero."""
    norms = np.sqrt((embedding**2).sum(axis=1, keepdims=True))
    return np.asarray(embedding / np.maximum(norms, TINY), dtype=np.float32)


def without(
    found: NDArray[np.intp], distances: NDArray[np.float32], own: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Drop one neighbour of each row: itself, or the farthest where it is not among them.

    Parameters
    ----------
    found, distances : ndarray of shape (n, k)
        As `nearest` returns them.
    own : ndarray of int, shape (n,)
        Which anchor is the row itself; -1 for none.

    Examples
    --------
    >>> found = np.array([[4, 7, 9], [4, 7, 9]])
    >>> without(found, np.zeros((2, 3), dtype="f4"), np.array([7, -1]))[0].tolist()
    [[4, 9], [4, 7]]
    """
    drop = found == own[:, None]
    drop[~drop.any(axis=1), -1] = True
    shape = (len(found), found.shape[1] - 1)
    return found[~drop].reshape(shape), distances[~drop].reshape(shape)


def nearest(
    query: NDArray[np.float32],
    anchors: NDArray[np.float32],
    k: int,
    workers: Workers = ALONE,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the nearest anchors of each query row.

    Parameters
    ----------
    query : ndarray of float32, shape (n, d)
        Rows of length 1 (or 0).
    anchors : ndarray of float32, shape (m, d)
        Rows of length 1 (or 0).
    k : int
        How many; all anchors where they are fewer.
    workers : Workers
        Share the query's rows.

    Returns
    -------
    indices : ndarray of int, shape (n, min(k, m))
        Nearest first; of equally near ones the lower index first.
    distances : ndarray of float32, shape (n, min(k, m))
        Euclidean.

    Notes
    -----
    O(n m d) time and O(block) memory beyond the answer.

    Examples
    --------
    >>> nearest(np.eye(2, dtype="f4")[:1], np.eye(2, dtype="f4"), 1)[0].tolist()
    [[0]]
    """
    m = len(anchors)
    k = min(k, m)
    if m >= MANY and (faiss := _faiss()) is not None:
        return _by_faiss(faiss, query, anchors, k, workers)
    rows = max(1, BLOCK_VALUES // max(m, 1))
    indices = np.empty((len(query), k), dtype=np.intp)
    distances = np.empty((len(query), k), dtype=np.float32)
    lengths = (anchors**2).sum(axis=1)

    def search(start: int) -> None:
        block = query[start : start + rows]
        # Minus half the squared distance, up to what is the same for all anchors.
        closeness = block @ anchors.T - 0.5 * lengths
        found = _largest(closeness, k)
        value = np.take_along_axis(closeness, found, axis=1)
        order = np.lexsort((found, -value))
        found = np.take_along_axis(found, order, axis=1)
        value = np.take_along_axis(value, order, axis=1)
        indices[start : start + rows] = found
        squared = (block**2).sum(axis=1, keepdims=True) - 2.0 * value
        distances[start : start + rows] = np.sqrt(np.maximum(squared, 0.0))

    workers.map(search, range(0, len(query), rows))
    return indices, distances


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        return None
    return faiss


def _by_faiss(
    faiss: Any,
    query: NDArray[np.float32],
    anchors: NDArray[np.float32],
    k: int,
    workers: Workers,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    index = faiss.IndexFlatL2(anchors.shape[1])
    index.add(np.ascontiguousarray(anchors))
    blocks = [query[start : start + FAISS_ROWS] for start in range(0, len(query), FAISS_ROWS)]
    parts = workers.map(lambda part: index.search(np.ascontiguousarray(part), k), blocks)
    squared, found = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.lexsort((found, squared))
    found = np.take_along_axis(found, order, axis=1)
    distances = np.sqrt(np.maximum(np.take_along_axis(squared, order, axis=1), 0.0))
    return found.astype(np.intp), distances.astype(np.float32)


def _largest(values: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the columns of the k largest values of each row, in any order."""
    n, m = values.shape
    width = int(np.sqrt(m / k))
    if m <= k:
        return np.broadcast_to(np.arange(m), (n, m)).copy()
    if width < 4:
        return np.argpartition(values, m - k, axis=1)[:, m - k :]
    n_chunks = m // width
    # A chunk is every n_chunks-th column, so that maxima are taken of whole rows at once.
    maxima = values[:, : n_chunks * width].reshape(n, width, n_chunks).max(axis=1)
    chunks = np.argpartition(maxima, n_chunks - k, axis=1)[:, n_chunks - k :]
    inside = (chunks[:, :, None] + n_chunks * np.arange(width)).reshape(n, -1)
    rest = np.broadcast_to(np.arange(n_chunks * width, m), (n, m - n_chunks * width))
    columns = np.concatenate([inside, rest], axis=1)
    candidates = np.take_along_axis(values, columns, axis=1)
    best = np.argpartition(candidates, columns.shape[1] - k, axis=1)[:, columns.shape[1] - k :]
    return np.take_along_axis(columns, best, axis=1)
