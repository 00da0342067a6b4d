"""The data's side of the logistic loss: three integrals and their slopes.

The state of a row is (log V, log q, y) with cos = m / sqrt(rho q) = tanh(y); then the step of the
labels has steepness a = sinh(y), and rho drops out: the caller works in units where it is 1.

As published the integrals run over omega and need a proximal point at each node. Here they run
over the proximal point x itself (our choice): omega = x - V expit(-x) is explicit, so a node costs
no iteration, and only the ends of the panels are found by Newton. The panels break where the
Gaussian, the labels' step and the loss do. The derivative term is used in the form that absorbs the
Gaussian factor; it stays regular when the features see the labels' rule completely.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, owens_t

from priorlift.theory.proximal import logistic_prox
from priorlift.theory.quadrature import Array, density, label_breaks, panels

LOSS_BREAKS: Array = np.array([-32.0, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 32])
_SLOPE = np.sqrt(2.0 / np.pi)


@dataclass(frozen=True)
class DataSide:
    """Vh, qh and M of each row, and their derivatives by (log V, log q, y).

    Attributes
    ----------
    values : ndarray of shape (rows, 3)
        Vh, qh, M.
    jacobian : ndarray of shape (rows, 3, 3)
        d values / d (log V, log q, y).
    """

    values: Array
    jacobian: Array


@dataclass(frozen=True)
class _Nodes:
    """What every integral shares, each of shape (rows, nodes)."""

    x: Array
    f: Array
    h: Array
    shrink: Array
    zeta: Array
    weight: Array


def _nodes(V: Array, root_q: Array, a: Array) -> _Nodes:
    omega = label_breaks(a) * root_q[:, None]
    # The ends of panels need no precision, except that the panels must reach far enough.
    ends = logistic_prox(omega, V[:, None], tolerance=1e-3)
    low, high = ends.min(axis=1, keepdims=True), ends.max(axis=1, keepdims=True)
    x, width = panels(np.concatenate([ends, np.clip(LOSS_BREAKS, low, high)], axis=1))
    f = expit(-x)
    h = f * (1.0 - f)
    stretch = 1.0 + V[:, None] * h
    zeta = (x - V[:, None] * f) / root_q[:, None]
    weight = width * stretch * density(zeta) / root_q[:, None]
    return _Nodes(x, f, h, 1.0 / stretch, zeta, weight)


def _label_weight(zeta: Array, a: Array, flips: float) -> Array:
    return np.asarray(2.0 * ((1.0 - 2.0 * flips) * ndtr(a[:, None] * zeta) + flips))


def data_side(state: Array, alpha: Array, flips: float = 0.0) -> DataSide:
    """Return Vh, qh, M and their Jacobian.

    Parameters
    ----------
    state : ndarray of shape (rows, 3)
        log V, log q, atanh(m / sqrt(rho q)).
    alpha : ndarray of shape (rows,)
        Labels for each feature, n/p.
    flips : float
        Share of labels that are wrong, in [0, 0.5).

    Returns
    -------
    DataSide
        In units where rho is 1: divide M by sqrt(rho).

    Notes
    -----
    576 nodes a row, four transcendental functions each. Source: Loureiro et al. 2021 (arXiv
    2102.08127) in the variables of the module's docstring.

    Examples
    --------
    >>> cosine = 1.5 / np.sqrt(9.0)
    >>> state = np.array([[np.log(2.0), np.log(9.0), np.arctanh(cosine)]])
    >>> data_side(state, np.ones(1)).values.round(10).tolist()
    [[0.0920188275, 0.1472942527, 0.3093775168]]
    """
    V, root_q, a = np.exp(state[:, 0]), np.exp(0.5 * state[:, 1]), np.sinh(state[:, 2])
    cosh = np.cosh(state[:, 2])
    clean = 1.0 - 2.0 * flips
    at = _nodes(V, root_q, a)
    labelled = at.weight * _label_weight(at.zeta, a, flips)
    # The derivative of the step, and the measure of M, are one narrow Gaussian.
    narrow = at.weight * np.exp(-0.5 * (a[:, None] * at.zeta) ** 2)
    f, W = at.f, at.h * at.shrink
    square = f * f
    bend = W * (2.0 * f - 1.0) * at.shrink * at.shrink
    omega = at.zeta * root_q[:, None]

    def over(weight: Array, values: Array) -> Array:
        return np.asarray(np.einsum("ij,ij->i", weight, values))

    narrow_zeta = narrow * at.zeta
    narrow_mean = 2.0 / np.sqrt(2.0 * np.pi) * clean * cosh
    slope = over(narrow_zeta, W) * root_q
    values = np.stack(
        [over(labelled, W), over(labelled, square), narrow_mean * over(narrow, f)], axis=1
    )
    jacobian = np.empty((len(state), 3, 3))
    jacobian[:, 0, 0] = V * over(labelled, bend * f - W * W)
    jacobian[:, 1, 0] = -2.0 * V * over(labelled, square * W)
    jacobian[:, 2, 0] = -V * narrow_mean * over(narrow, f * W)
    jacobian[:, 0, 1] = 0.5 * over(labelled, bend * omega)
    jacobian[:, 1, 1] = -over(labelled, f * W * omega)
    jacobian[:, 2, 1] = -0.5 * narrow_mean * slope
    jacobian[:, 0, 2] = clean * _SLOPE * cosh * over(narrow_zeta, W)
    jacobian[:, 1, 2] = clean * _SLOPE * cosh * over(narrow_zeta, square)
    jacobian[:, 2, 2] = narrow_mean * slope * np.tanh(state[:, 2])
    return DataSide(values * alpha[:, None], jacobian * alpha[:, None, None])


def train_loss(state: Array, flips: float = 0.0) -> Array:
    """Return the mean loss over the training rows.

    Parameters
    ----------
    state, flips
        As for `data_side`.
    """
    V, root_q, a = np.exp(state[:, 0]), np.exp(0.5 * state[:, 1]), np.sinh(state[:, 2])
    at = _nodes(V, root_q, a)
    weight = at.weight * _label_weight(at.zeta, a, flips)
    return np.asarray((weight * np.logaddexp(0.0, -at.x)).sum(axis=1))


def population_loss(state: Array, flips: float = 0.0) -> Array:
    """Return the expected loss on new rows, whose labels are as noisy as those of training.

    Parameters
    ----------
    state, flips
        As for `data_side`.
    """
    root_q, a = np.exp(0.5 * state[:, 1]), np.sinh(state[:, 2])
    breaks = label_breaks(a)
    bends = np.clip(LOSS_BREAKS / root_q[:, None], breaks.min(), breaks.max())
    zeta, width = panels(np.concatenate([breaks, bends], axis=1))
    weight = width * density(zeta) * _label_weight(zeta, a, flips)
    return np.asarray((weight * np.logaddexp(0.0, -root_q[:, None] * zeta)).sum(axis=1))


def share_below(bound: Array, a: Array, flips: float = 0.0) -> Array:
    """Return how much of the labelled Gaussian lies below -bound: closed, by Owen's T.

    Parameters
    ----------
    bound : ndarray of shape (rows,)
        In units of the Gaussian.
    a : ndarray of shape (rows,)
        Steepness of the labels' step.
    flips : float
        Share of wrong labels.
    """
    below = ndtr(-bound)
    skewed = below - 2.0 * owens_t(-bound, a)
    return np.asarray(np.clip((1.0 - 2.0 * flips) * skewed + 2.0 * flips * below, 0.0, 1.0))


def train_error(state: Array, flips: float = 0.0) -> Array:
    """Return the share of training rows on the wrong side of the fitted head.

    Parameters
    ----------
    state, flips
        As for `data_side`.
    """
    bound = 0.5 * np.exp(state[:, 0] - 0.5 * state[:, 1])
    return share_below(bound, np.sinh(state[:, 2]), flips)
