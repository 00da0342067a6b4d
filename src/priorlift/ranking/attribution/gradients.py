"""Integrated gradients of heads from the mean probe: in closed form where the path allows it.

A linear head has one gradient, so its integral is a product. Along a straight path each unit of a
first hidden layer switches at most once, at a point that is known, so a head with one hidden layer
has a closed form too. Only deeper heads need steps.
"""

from dataclasses import dataclass

import numpy as np

from priorlift.core.errors import InputError
from priorlift.ranking.attribution.heads import Array, Head, HiddenHead, LinearHead, contrast

STEPS = 16
MOST_STEPS = 1024
TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each feature, or unit, contributes to a head's margin on each probe.

    Attributes
    ----------
    values : ndarray of shape (m, d)
        Contributions; a row adds up to F(z) - F(z0).
    error : float
        How far rows are from adding up: sum of |sum_j a_j - (F(z) - F(z0))| over sum of
        |F(z) - F(z0)|.
    steps : int
        Points of the path at which the gradient was taken; 0 in closed form.
    passes : int
        Forward passes of single rows through the network, with as many backward passes; what a bill
        of cost has to charge. 0 in closed form.
    """

    values: Array
    error: float
    steps: int
    passes: int


def attribute(
    head: Head,
    probes: Array,
    baseline: Array | None = None,
    *,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Attribution:
    """Return the integrated gradients of a head's margin F on probes.

    F is the logit of the positive class of two, or of the predicted class of more, minus the mean
    of the other logits; a regression's F is its output. The class is the probe's along its path.

    Parameters
    ----------
    head : LinearHead or HiddenHead
        Of one task.
    probes : ndarray of shape (m, d)
        Features of the probes.
    baseline : ndarray of shape (d,), optional
        Where the path begins; the mean of the probes unless given.
    steps : int, default=16
        Midpoints of the path to begin with, for two hidden layers or more.
    tolerance : float, default=0.01
        Completeness error above which the steps are doubled, up to 1,024.

    Raises
    ------
    InputError
        A probe is not finite or has another width, or the margin is the same on all probes.

    Notes
    -----
    As published: integrated gradients. Our choice: the mean probe as baseline, and closed forms:
    a_j = (z_j - z0_j) (w_cj - mean of the others' w_j) for a linear head, in O(m d) after O(m d k);
    for one hidden layer the mean gradient counts each unit by the share of the path on which it is
    active, in O(m d h). Deeper heads take O(K m) times the weights beyond the first layer.

    References
    ----------
    Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, ICML 2017 (arXiv:1703.01365).

    Examples
    --------
    >>> head = LinearHead(np.array([[2.0], [0.0]]), np.zeros(1))
    >>> attribute(head, np.array([[1.0, 5.0], [3.0, 5.0]])).values
    array([[-2.,  0.],
           [ 2.,  0.]])
    """
    probes = checked_probes(probes, head.n_features)
    start = probes.mean(axis=0) if baseline is None else np.asarray(baseline, dtype=probes.dtype)
    outputs = head.outputs(probes)
    signs = contrast(outputs).astype(probes.dtype)
    change = ((outputs - head.outputs(start[None])) * signs).sum(axis=1)
    taken = 0
    if isinstance(head, LinearHead):
        gradient = _linear(head, signs)
    elif isinstance(head, HiddenHead) and len(head.weights) == 2:
        gradient = _one_layer(head, probes, start, signs)
    elif isinstance(head, HiddenHead):
        gradient, taken = _stepped(head, probes, start, signs, change, steps, tolerance)
    else:
        raise InputError(f"{type(head).__name__} is no head", remedy="use LinearHead or HiddenHead")
    values = (probes - start) * gradient
    if not np.any(values):
        raise InputError(
            "the head says the same of all probes",
            cause="its weights are zero, or the probes are all equal",
            remedy="leave the task out",
        )
    error = _incompleteness(values.sum(axis=1), change)
    passes = len(probes) * (2 * taken - steps if taken else 0)
    return Attribution(values, error, taken, passes)


def checked_probes(probes: Array, width: int) -> Array:
    """Return probes as an array of floats, refusing what cannot be attributed."""
    rows = np.asarray(probes)
    rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(np.float64)
    if rows.ndim != 2 or len(rows) == 0 or rows.shape[1] != width:
        raise InputError(f"probes of shape {rows.shape} do not fit a head of {width} features")
    if not np.isfinite(rows).all():
        raise InputError("a feature of a probe is NaN or infinite", remedy="impute missing values")
    return rows


def _linear(head: LinearHead, signs: Array) -> Array:
    weights = head.weights.astype(signs.dtype, copy=False)
    distinct = signs.shape[1] <= 2
    return np.asarray((signs[:1] if distinct else signs) @ weights.T)


def _one_layer(head: HiddenHead, probes: Array, start: Array, signs: Array) -> Array:
    end = probes @ head.weights[0] + head.biases[0]
    begin = start @ head.weights[0] + head.biases[0]
    moved = end - begin
    gained = np.maximum(end, 0.0) - np.maximum(begin, 0.0)
    active = np.divide(
        gained, moved, out=np.broadcast_to(begin > 0.0, end.shape).astype(float), where=moved != 0.0
    )
    return np.asarray((active * (signs @ head.weights[1].T)) @ head.weights[0].T)


def _stepped(
    head: HiddenHead,
    probes: Array,
    start: Array,
    signs: Array,
    change: Array,
    steps: int,
    tolerance: float,
) -> tuple[Array, int]:
    end = probes @ head.weights[0] + head.biases[0]
    begin = start @ head.weights[0] + head.biases[0]
    while True:
        mean = sum(
            _first_gradient(head, begin + (step + 0.5) / steps * (end - begin), signs)
            for step in range(steps)
        )
        mean = np.asarray(mean) / steps
        total = (mean * (end - begin)).sum(axis=1)
        if 2 * steps > MOST_STEPS or _incompleteness(total, change) <= tolerance:
            return np.asarray(mean @ head.weights[0].T), steps
        steps *= 2


def _first_gradient(head: HiddenHead, pre: Array, signs: Array) -> Array:
    """Return the gradient of the margin by the first layer's pre-activations, shape (m, h)."""
    active = [pre > 0.0]
    hidden = np.maximum(pre, 0.0)
    for weights, bias in zip(head.weights[1:-1], head.biases[1:-1], strict=True):
        hidden = hidden @ weights + bias
        active.append(hidden > 0.0)
        hidden = np.maximum(hidden, 0.0)
    gradient = (signs @ head.weights[-1].T) * active[-1]
    for weights, mask in zip(head.weights[-2:0:-1], active[-2::-1], strict=True):
        gradient = (gradient @ weights.T) * mask
    return np.asarray(gradient)


def _incompleteness(total: Array, change: Array) -> float:
    # A margin that returns to where it began has nothing to be complete about.
    scale = float(np.abs(change).sum())
    return float(np.abs(total - change).sum()) / scale if scale > 0.0 else float("nan")
