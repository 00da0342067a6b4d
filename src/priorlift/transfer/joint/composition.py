"""The shares of types in a data set: whether two differ, and weights that make them the same."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HALF = 0.5
"""Cells that each type has beforehand, so that none has a share of 0."""
ALIKE = 0.1
"""Shares that differ by no more in all are taken for the same."""


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


def of_codes(codes: NDArray[np.int64], n_classes: int) -> Floats:
    """Return the classes' shares of rows of known classes; codes of -1 do not count.

    Examples
    --------
    >>> of_codes(np.array([0, 1, 1, -1]), 2).tolist()
    [0.375, 0.625]
    """
    sizes = np.bincount(codes[codes >= 0], minlength=n_classes) + HALF
    return np.asarray(sizes / sizes.sum())


def alike(known: Floats, found: Floats) -> bool:
    """Tell whether shares are the same but for a tenth of the rows: total variation distance.

    What is found is an estimate. Up to there, following it loses more than it gains.

    Examples
    --------
    >>> alike(np.array([0.5, 0.5]), np.array([0.45, 0.55]))
    True
    >>> alike(np.array([0.5, 0.5]), np.array([0.3, 0.7]))
    False
    """
    return bool(np.abs(known - found).sum() / 2 <= ALIKE)


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
    ratio = wanted / of_codes(codes, len(wanted))
    return np.where(codes >= 0, ratio[codes], 1.0)
