"""The losses of joint label transfer, each a value with its gradient in closed form.

All work on a batch of embeddings of shape (n, d), so their cost does not depend on the number of
genes. With a linear encoder the gradient of the weights is one more sparse product; nothing has to
be recorded and played backwards.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
MeanPenalty: TypeAlias = Literal["values", "coordinate_means"]
Decorrelation: TypeAlias = Literal["covariance", "correlation"]

TINY = 1e-12
LEAST_SPREAD = 1e-4
"""Below this mean deviation a batch counts as constant; its variance term stays finite."""


def reduction(
    f: Floats,
    mean_penalty: MeanPenalty = "values",
    decorrelation: Decorrelation = "covariance",
) -> tuple[float, Floats]:
    """Return the loss that spreads coordinates, decorrelates them and keeps them near zero.

    Parameters
    ----------
    f : ndarray of shape (n, d)
        Embeddings of one batch. With one row, the terms that need two are left out.
    mean_penalty : {"values", "coordinate_means"}
        Mean of all absolute values (authors' code), or of the absolute means of coordinates.
    decorrelation : {"covariance", "correlation"}
        Absolute covariances (authors' code), or correlations, of pairs of coordinates.

    Returns
    -------
    value : float
    gradient : ndarray of shape (n, d)

    Notes
    -----
    O(n d^2). After Lin et al. (2022), the reduction loss.
    """
    n, d = f.shape
    means = f.mean(axis=0)
    if mean_penalty == "values":
        value = float(np.abs(f).mean())
        gradient = np.sign(f) / (n * d)
    else:
        value = float(np.abs(means).mean())
        gradient = np.broadcast_to(np.sign(means) / (n * d), f.shape).copy()
    if n < 2:
        return value, gradient
    centred = f - means
    for part, slope in (_variance(centred), _correlation(centred, decorrelation)):
        value += part
        gradient = gradient + slope
    return value, gradient


def _variance(centred: Floats) -> tuple[float, Floats]:
    n, d = centred.shape
    spread = float(np.abs(centred).mean())
    if spread < LEAST_SPREAD:
        return 1.0 / LEAST_SPREAD, np.zeros_like(centred)
    signs = np.sign(centred)
    return 1.0 / spread, -(signs - signs.mean(axis=0)) / (n * d * spread**2)


def _correlation(centred: Floats, kind: Decorrelation) -> tuple[float, Floats]:
    n, d = centred.shape
    z, scale = centred, None
    if kind == "correlation":
        scale = np.sqrt((centred**2).sum(axis=0) / (n - 1) + TINY)
        z = centred / scale
    products = z.T @ z / (n - 1)
    np.fill_diagonal(products, 0.0)
    gradient = z @ np.sign(products) / ((n - 1) * d**2)
    if scale is not None:
        gradient = (gradient - z * ((z * gradient).sum(axis=0) / (n - 1))) / scale
    return float(np.abs(products).sum() / (2 * d**2)), gradient


def alignment(query: Floats, references: Floats, fraction: float) -> tuple[float, Floats, Floats]:
    """Return minus the mean of the query's largest cosine similarities to the references.

    Parameters
    ----------
    query : ndarray of shape (n, d)
        A batch of query embeddings.
    references : ndarray of shape (m, d)
        The reference batches, one below the other.
    fraction : float in (0, 1]
        How much of the query batch takes part: those nearest to any reference, at least one.

    Returns
    -------
    value : float
    query_gradient : ndarray of shape (n, d)
    reference_gradient : ndarray of shape (m, d)

    Notes
    -----
    O(n m d). A zero embedding has similarity 0 to all.
    """
    q_norm = np.sqrt((query**2).sum(axis=1, keepdims=True) + TINY)
    r_norm = np.sqrt((references**2).sum(axis=1, keepdims=True) + TINY)
    q, r = query / q_norm, references / r_norm
    similar = q @ r.T
    nearest = similar.argmax(axis=1)
    best = similar[np.arange(len(q)), nearest]
    kept = max(1, int(fraction * len(q)))
    chosen = np.argpartition(-best, kept - 1)[:kept]
    at, c = nearest[chosen], best[chosen, None]
    query_gradient, reference_gradient = np.zeros_like(q), np.zeros_like(r)
    query_gradient[chosen] = (c * q[chosen] - r[at]) / q_norm[chosen] / kept
    np.add.at(reference_gradient, at, (c * r[at] - q[chosen]) / r_norm[at] / kept)
    return -float(c.mean()), query_gradient, reference_gradient


def cross_entropy(
    logits: Floats, codes: NDArray[np.int64], weight: Floats | None = None
) -> tuple[float, Floats]:
    """Return the mean cross-entropy of a batch, and its gradient with respect to the logits.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
        Of the head.
    codes : ndarray of int, shape (n,)
        Classes; -1 leaves a row out.
    weight : ndarray of shape (n,), optional
        Of the rows.
    """
    use = (codes >= 0).astype(logits.dtype)
    if weight is not None:
        use = use * weight
    total = float(use.sum())
    if total <= 0:
        return 0.0, np.zeros_like(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    sums = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    log_p = shifted - sums
    rows = np.arange(len(codes))
    gradient = np.exp(log_p)
    gradient[rows, codes] -= 1.0
    gradient *= (use / total)[:, None]
    return -float((use * log_p[rows, codes]).sum() / total), gradient


def center_loss(
    f: Floats, codes: NDArray[np.int64], centers: Floats
) -> tuple[float, Floats, Floats]:
    """Return the mean distance of embeddings from the centers of their classes.

    Parameters
    ----------
    f : ndarray of shape (n, d)
        Embeddings.
    codes : ndarray of int, shape (n,)
        Classes; -1 leaves a row out.
    centers : ndarray of shape (n_classes, d)
        One a class.

    Returns
    -------
    value : float
        The sum of distances (not squared) over n times the number of classes (authors' code).
    gradient : ndarray of shape (n, d)
        Zero where an embedding is at its center.
    center_gradient : ndarray of shape (n_classes, d)
    """
    use = (codes >= 0).astype(f.dtype)[:, None]
    away = (f - centers[codes]) * use
    distance = np.sqrt(np.maximum((away**2).sum(axis=1, keepdims=True), TINY))
    scale = 1.0 / (len(f) * len(centers))
    gradient = away / distance * scale
    pulled = np.zeros_like(centers)
    np.add.at(pulled, codes, -gradient)
    return float((distance * use).sum() * scale), gradient, pulled


def l1(parameters: Sequence[Floats], factor: float) -> tuple[float, list[Floats]]:
    """Return the factor times the sum over tensors of their mean absolute value."""
    value, gradients = 0.0, []
    for part in parameters:
        signs = np.sign(part)
        value += factor * float(np.vdot(signs, part)) / part.size
        signs *= part.dtype.type(factor / part.size)
        gradients.append(signs)
    return value, gradients
