"""How much nearer cells of the query are to each other than to any anchor.

A type that no reference has forms a group of its own: its cells lie close together and far from all
anchors. The distance to anchors alone mistakes every loose type for a new one; relative to the
distance to fellow cells it does not.
"""

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.transfer.joint import neighbours

N_ANCHORS = 15
N_FELLOWS = 30
FLOOR = 1e-3
"""Least distance, in lengths of an embedding, that is told from none."""


def separation(embedding: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return mean distance to anchors over mean distance to fellow cells, smoothed over these.

    Parameters
    ----------
    embedding : ndarray of float32, shape (n, d)
        Of all cells that are judged together, rows of length 1.
    anchors : ndarray of float32, shape (m, d)
        Of cells of known type, rows of length 1.

    Returns
    -------
    ndarray of shape (n,)
        About 1 where anchors are as near as fellow cells; larger for a type of its own.

    Raises
    ------
    InputError
        There is one cell only: it has no fellows.

    Notes
    -----
    O(n (n + m) d) time.

    Examples
    --------
    >>> cells = np.repeat(np.eye(3, dtype="f4")[:2], 40, axis=0)
    >>> far = separation(cells, cells[:40])
    >>> bool(far[40:].min() > far[:40].max())
    True
    """
    if len(embedding) < 2:
        raise InputError(
            "separation needs two cells or more",
            cause="a cell is held against its fellows in the same table",
            remedy="pass all cells of the query together",
        )
    found, near = neighbours.nearest(embedding, embedding, N_FELLOWS + 1)
    to_anchors = neighbours.nearest(embedding, anchors, N_ANCHORS)[1].mean(axis=1)
    fellows = near[:, 1 : N_ANCHORS + 1].mean(axis=1)
    relative = (to_anchors.astype(float) + FLOOR) / (fellows + FLOOR)
    return np.asarray(relative[found].mean(axis=1))
