"""The covariances that the theory needs of the features of a two-layer map on synthetic inputs.

Inputs are x = phi(F^T c / sqrt(d)) with Gaussian c, features v = sigma(W x / sqrt(D)), the field is
nu = theta.c / sqrt(d). With erf(h / sqrt 2) for phi and sigma everything has a closed form: the
covariance of the inputs exactly, that of the features as far as the pre-activations W x / sqrt(D)
are Gaussian. For any other map `monte_carlo_covariances` averages over rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from priorlift.core.errors import InputError
from priorlift.theory.quadrature import Array

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, eq=False)
class Covariances:
    """What `CovariateModel.from_covariances` takes.

    Attributes
    ----------
    Omega : ndarray of shape (p, p)
        E[v v^T].
    s : ndarray of shape (p,)
        E[v nu].
    rho : float
        E[nu^2].
    """

    Omega: Array
    s: Array
    rho: float


def erf_covariance(G: Array) -> Array:
    """Return E[erf(h_i / sqrt 2) erf(h_j / sqrt 2)] for Gaussian h of covariance G.

    Parameters
    ----------
    G : ndarray of shape (p, p)
        Covariance.

    Examples
    --------
    >>> float(erf_covariance(np.ones((1, 1)))[0, 0].round(12))  # 1/3
    0.333333333333
    """
    scale = 1.0 / np.sqrt(1.0 + np.diag(G))
    return np.asarray((2.0 / np.pi) * np.arcsin(np.clip(G * scale * scale[:, None], -1.0, 1.0)))


def erf_slope(variance: Array) -> Array:
    """Return E[h erf(h / sqrt 2)] / E[h^2] for Gaussian h of the given variance."""
    return np.asarray(np.sqrt(2.0 / np.pi) / np.sqrt(1.0 + variance))


def erf_covariances(F: Array, theta: Array, W: Array) -> Covariances:
    """Return the covariances of erf features of erf inputs, in closed form.

    Parameters
    ----------
    F : ndarray of shape (d, D)
        Generative features of the task.
    theta : ndarray of shape (d,)
        Its teacher.
    W : ndarray of shape (p, D)
        First layer of the feature map.

    Notes
    -----
    O(D^2 (d + p) + p^2 D). Omega and s assume Gaussian pre-activations: for 300 inputs and a first
    layer that a source has shaped they are off by about 1 %.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> F, theta, W = rng.normal(size=(40, 80)), rng.normal(size=40), rng.normal(size=(30, 80))
    >>> found = erf_covariances(F, theta, W)
    >>> found.Omega.shape, found.s.shape
    ((30, 30), (30,))
    """
    d, D = F.shape
    if theta.shape != (d,) or W.ndim != 2 or W.shape[1] != D:
        raise InputError(
            f"F has shape {F.shape}, theta {theta.shape} and W {W.shape}",
            remedy="pass F (d, D), theta (d,) and W (p, D)",
        )
    latent = F.T @ F / d
    inputs = erf_covariance(latent)
    with_latent = F * (erf_slope(np.diag(latent)) / np.sqrt(d))
    before = W @ inputs @ W.T / D
    field_and_inputs = theta @ with_latent / np.sqrt(d)
    s = erf_slope(np.diag(before)) * (W @ field_and_inputs) / np.sqrt(D)
    return Covariances(erf_covariance(before), s, float(theta @ theta / d))


def monte_carlo_covariances(
    features: Callable[[Array], Array],
    sample: Callable[[int, np.random.Generator], tuple[Array, Array]],
    rows: int,
    random_state: int = 0,
) -> Covariances:
    """Average the covariances of any feature map over drawn rows.

    Parameters
    ----------
    features : callable
        From inputs of shape (k, D) to features of shape (k, p).
    sample : callable
        From a number of rows and a generator to inputs and the teacher's field.
    rows : int
        At least 50 for each feature, or R^2 comes out too large.
    random_state : int
        Seed.

    Returns
    -------
    Covariances
        Centred.
    """
    rng = np.random.default_rng(random_state)
    # One matrix of second moments of (1, nu, v) holds every sum that is needed.
    moments: Array = np.zeros((0, 0))
    for first in range(0, rows, ROWS_AT_ONCE):
        count = min(ROWS_AT_ONCE, rows - first)
        x, nu = sample(count, rng)
        v = np.asarray(features(x), dtype=float)
        all_of = np.concatenate([np.ones((count, 1)), nu[:, None], v], axis=1)
        moments = all_of.T @ all_of + (moments if moments.size else 0.0)
    p = len(moments) - 2
    if rows <= p:
        raise InputError(
            f"{rows} rows for {max(p, 0)} features", remedy="draw at least 50 rows for each feature"
        )
    moments = moments / rows
    centred = moments[1:, 1:] - np.outer(moments[0, 1:], moments[0, 1:])
    return Covariances(centred[1:, 1:], centred[0, 1:], float(centred[0, 0]))
