"""Heads on fixed features, fitted to rows: what the theory predicts, done for real.

Batches of independent problems run together (the first axis), in NumPy. The logistic head takes
Newton steps with a line search in min(n, p) dimensions: with fewer rows than features the weights
lie in the span of the rows, so a QR decomposition turns the problem into one of size n.
"""

import numpy as np

from priorlift.theory.quadrature import Array

MAX_STEPS = 100
SLOPE = 1e-9
HALVINGS = 30


def logistic_heads(features: Array, labels: Array, lam: Array) -> Array:
    """Minimise sum(log(1 + exp(-y w.v / sqrt p))) + lam/2 |w|^2 for each problem.

    Parameters
    ----------
    features : ndarray of shape (problems, n, p)
        Rows v.
    labels : ndarray of shape (problems, n)
        -1 or 1.
    lam : ndarray of shape (problems,)
        Positive.

    Returns
    -------
    ndarray of shape (problems, p)
        Weights w; predictions are w.v / sqrt(p).

    Notes
    -----
    O(n p min(n, p)) for each Newton step, 5 to 25 steps.
    """
    scaled = features / np.sqrt(features.shape[2])
    back = None
    if features.shape[1] < features.shape[2]:
        back, triangle = np.linalg.qr(scaled.transpose(0, 2, 1))
        scaled = triangle.transpose(0, 2, 1)
    signed = scaled * labels[:, :, None]
    w = np.zeros((len(features), scaled.shape[2]))
    margins = np.zeros(labels.shape)
    cost = _cost(margins, w, lam)
    for _ in range(MAX_STEPS):
        f = 1.0 / (1.0 + np.exp(np.clip(margins, -700, 700)))
        slope = lam[:, None] * w - (f[:, None, :] @ signed)[:, 0]
        if (np.abs(slope).max(axis=1) <= SLOPE * np.maximum(1.0, lam)).all():
            break
        curved = signed * (f * (1.0 - f))[:, :, None]
        hessian = signed.transpose(0, 2, 1) @ curved
        hessian += lam[:, None, None] * np.eye(w.shape[1])
        step = np.linalg.solve(hessian, slope[:, :, None])[:, :, 0]
        along = (signed @ step[:, :, None])[:, :, 0]
        w, margins, cost = _line_search(w, margins, cost, step, along, slope, lam)
    return w if back is None else np.asarray((back @ w[:, :, None])[:, :, 0])


def _cost(margins: Array, w: Array, lam: Array) -> Array:
    losses = np.logaddexp(0.0, -margins).sum(axis=1)
    return np.asarray(losses + 0.5 * lam * (w * w).sum(axis=1))


def _line_search(
    w: Array, margins: Array, cost: Array, step: Array, along: Array, slope: Array, lam: Array
) -> tuple[Array, Array, Array]:
    size = np.ones(len(w))
    decrease = (slope * step).sum(axis=1)
    for _ in range(HALVINGS):
        new = _cost(margins - size[:, None] * along, w - size[:, None] * step, lam)
        short = new > cost - 1e-4 * size * decrease + 1e-12 * np.abs(cost)
        if not short.any():
            break
        size = np.where(short, 0.5 * size, size)
    w, margins = w - size[:, None] * step, margins - size[:, None] * along
    return w, margins, _cost(margins, w, lam)


def ridge_heads(features: Array, labels: Array, lam: Array) -> Array:
    """Minimise sum((y - w.v / sqrt p)^2) / 2 + lam/2 |w|^2 for each problem.

    Parameters
    ----------
    features, labels, lam
        As for `logistic_heads`; labels may be real.

    Returns
    -------
    ndarray of shape (problems, p)
    """
    scaled = features / np.sqrt(features.shape[2])
    transposed = scaled.transpose(0, 2, 1)
    n, p = features.shape[1:]
    if n < p:
        gram = scaled @ transposed + lam[:, None, None] * np.eye(n)
        return np.asarray((transposed @ np.linalg.solve(gram, labels[:, :, None]))[:, :, 0])
    gram = transposed @ scaled + lam[:, None, None] * np.eye(p)
    return np.asarray(np.linalg.solve(gram, transposed @ labels[:, :, None])[:, :, 0])
