"""Two-layer networks in NumPy, several seeds at a time: on the source, or from scratch.

f(x) = a.erf(W x / sqrt(2 D)) / sqrt(p), logistic loss, Adam on minibatches. There is no weight
decay inside Adam: with it the first layer of a source collapses to a few directions and every
comparison after it is about that collapse.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float32]
BETA = (0.9, 0.999)
TINY = 1e-8


@dataclass(frozen=True, eq=False)
class TwoLayer:
    """Weights of several networks.

    Attributes
    ----------
    W : ndarray of shape (seeds, p, D)
        First layers.
    a : ndarray of shape (seeds, p)
        Second layers.
    """

    W: Floats
    a: Floats

    def features(self, x: NDArray[np.floating]) -> Floats:
        """Return the hidden layer of x of shape (seeds, n, D), of shape (seeds, n, p)."""
        return hidden(self.W, x)

    def outputs(self, x: NDArray[np.floating]) -> Floats:
        """Return the networks' outputs for x of shape (seeds, n, D), of shape (seeds, n)."""
        v = self.features(x)
        return np.asarray((v @ self.a[:, :, None])[:, :, 0] / np.sqrt(self.a.shape[1]))


def hidden(W: NDArray[np.floating], x: NDArray[np.floating]) -> Floats:
    """Return erf(W x / sqrt(2 D)) in single precision.

    Parameters
    ----------
    W : ndarray of shape (seeds, p, D)
        First layers.
    x : ndarray of shape (seeds, n, D)
        Inputs.
    """
    scaled = W.astype(np.float32) / np.float32(np.sqrt(2.0 * W.shape[2]))
    return np.asarray(erf(x.astype(np.float32, copy=False) @ scaled.transpose(0, 2, 1)))


def train_two_layer(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    width: int,
    rng: np.random.Generator,
    *,
    steps: int = 300,
    rate: float = 0.03,
    batch: int = 500,
    held_out: float = 0.0,
    check_every: int = 10,
) -> TwoLayer:
    """Train both layers of one network for each seed.

    Parameters
    ----------
    x : ndarray of shape (seeds, n, D)
        Inputs.
    y : ndarray of shape (seeds, n)
        Labels, -1 or 1.
    width : int
        Hidden units p.
    rng : Generator
        Draws the first weights and the batches.
    steps, rate, batch
        Of Adam, without weight decay (our choice; the paper's are not known to us).
    held_out : float
        Share of the rows that is kept out of training; the weights of the lowest held-out loss,
        looked at every `check_every` steps, are returned. 0 trains on all rows to the end.
    check_every : int
        Steps between looks.
    """
    seeds, n, D = x.shape
    x, y = x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)
    kept = round(held_out * n)
    x_out, y_out, x, y = x[:, :kept], y[:, :kept], x[:, kept:], y[:, kept:]
    parameters = [
        rng.normal(size=(seeds, width, D)).astype(np.float32),
        (0.1 * rng.normal(size=(seeds, width))).astype(np.float32),
    ]
    moments = [[np.zeros_like(values), np.zeros_like(values)] for values in parameters]
    best, lowest = [values.copy() for values in parameters], np.full(seeds, np.inf)
    for step in range(1, steps + 1):
        rows = rng.integers(0, x.shape[1], min(batch, x.shape[1]))
        slopes = _slopes(parameters[0], parameters[1], x[:, rows], y[:, rows])
        for values, slope, (mean, square) in zip(parameters, slopes, moments, strict=True):
            _adam(values, slope, mean, square, step, rate)
        if kept and step % check_every == 0:
            margins = y_out * TwoLayer(*parameters).outputs(x_out)
            loss = np.logaddexp(0.0, -margins).mean(axis=1)
            better = loss < lowest
            lowest = np.where(better, loss, lowest)
            for saved, values in zip(best, parameters, strict=True):
                saved[better] = values[better]
    return TwoLayer(*(best if kept else parameters))


def _slopes(W: Floats, a: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    rows, D, p = x.shape[1], x.shape[2], W.shape[1]
    before = x @ W.transpose(0, 2, 1) / np.float32(np.sqrt(D))
    after = erf(before / np.float32(np.sqrt(2.0)))
    margins = y * (after @ a[:, :, None])[:, :, 0] / np.float32(np.sqrt(p))
    pull = -y / (1.0 + np.exp(np.clip(margins, -80, 80))) / np.float32(rows * np.sqrt(p))
    bend = np.float32(np.sqrt(2.0 / np.pi)) * np.exp(np.float32(-0.5) * before * before)
    bend *= pull[:, :, None]
    bend *= a[:, None, :]
    return (
        bend.transpose(0, 2, 1) @ x / np.float32(np.sqrt(D)),
        (pull[:, None, :] @ after)[:, 0],
    )


def _adam(
    values: Floats, slope: Floats, mean: Floats, square: Floats, step: int, rate: float
) -> None:
    mean += np.float32(1 - BETA[0]) * (slope - mean)
    square += np.float32(1 - BETA[1]) * (slope * slope - square)
    size = np.float32(rate * np.sqrt(1 - BETA[1] ** step) / (1 - BETA[0] ** step))
    values -= size * mean / (np.sqrt(square) + np.float32(TINY))
