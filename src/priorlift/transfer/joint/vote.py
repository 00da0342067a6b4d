"""How neighbours vote: shares of classes among each row's neighbours, by one count."""

import numpy as np
from numpy.typing import NDArray


def shares(
    codes: NDArray[np.int64],
    distances: NDArray[np.float32],
    n_classes: int,
    kind: str = "uniform",
    class_sizes: NDArray[np.float64] | None = None,
    votes: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return each class's share of the votes of a row's neighbours.

    Parameters
    ----------
    codes : ndarray of int, shape (n, k)
        Classes of the neighbours.
    distances : ndarray of shape (n, k)
        Their distances.
    n_classes : int
        How many classes there are.
    kind : {"uniform", "distance", "class_balanced"}
        One vote each; more for nearer ones (a Gaussian of the row's own mean distance); or the
        same, divided by the square root of the number of the class's anchors.
    class_sizes : ndarray of shape (n_classes,), optional
        Number of anchors of each class, for "class_balanced".
    votes : ndarray of shape (n, k), optional
        How many votes each neighbour has; by default one.

    Returns
    -------
    ndarray of shape (n, n_classes)
        Rows sum to 1. The first of several largest is the smallest class index.

    Examples
    --------
    >>> shares(np.array([[1, 0, 1, 2]]), np.zeros((1, 4), dtype="f4"), 3).tolist()
    [[0.25, 0.5, 0.25]]
    """
    n, k = codes.shape
    weight = np.ones((n, k))
    if kind != "uniform":
        scale = distances.mean(axis=1, keepdims=True) + 1e-12
        weight = np.exp(-0.5 * (distances / scale) ** 2)
    if kind == "class_balanced" and class_sizes is not None:
        weight = weight / np.sqrt(np.maximum(class_sizes, 1.0))[codes]
    if votes is not None:
        weight = weight * votes
    flat = (np.arange(n)[:, None] * n_classes + codes).ravel()
    sums = np.bincount(flat, weight.ravel(), minlength=n * n_classes).reshape(n, n_classes)
    return np.asarray(sums / sums.sum(axis=1, keepdims=True))
