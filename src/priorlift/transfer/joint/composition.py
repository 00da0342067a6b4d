"""The shares of types in a data set, and weights that bring another to the same shares."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF = 0.5
"""Cells that each type has beforehand, so that none has a share of 0."""


def shares(member: Floats) -> Floats:
    """Return the classes' shares of cells.

    Parameters
    ----------
    member : ndarray of shape (n, n_classes)
        Each cell's shares in classes, times its weight.

    Examples
    --------
    >>> shares(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])).tolist()
    [0.375, 0.625]
    """
    sizes = member.sum(axis=0) + HALF
    return np.asarray(sizes / sizes.sum())


def weights(codes: NDArray[np.int64], wanted: Floats) -> Floats:
    """Return weights of rows with which classes have the shares that are wanted.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Classes; rows of -1 weigh 1.
    wanted : ndarray of shape (n_classes,)
        Shares.

    Examples
    --------
    >>> weights(np.array([0, 0, 0, 1]), np.array([0.5, 0.5])).round(1).tolist()
    [0.7, 0.7, 0.7, 1.7]
    """
    sizes = np.bincount(codes[codes >= 0], minlength=len(wanted)) + HALF
    ratio = wanted / (sizes / sizes.sum())
    return np.where(codes >= 0, ratio[codes], 1.0)
