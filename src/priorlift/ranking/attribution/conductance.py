"""Conductance of the units of a tuned encoder, by captum: what a network does beyond its head.

The conductance of a unit is the part of F(x) - F(x0) that flows through it. One unit is one channel
of one layer; its tokens or pixels are averaged.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.ranking.attribution.gradients import Attribution
from priorlift.ranking.attribution.heads import Array

STEPS = 4


def conductance(
    margin: Callable[..., Any],
    layers: Mapping[str, Any],
    inputs: Any,
    baselines: Any,
    *,
    steps: int = STEPS,
    batch_size: int = 64,
) -> Attribution:
    """Return the conductance of every channel of some layers on every probe.

    Parameters
    ----------
    margin : torch.nn.Module or callable
        Maps a batch of inputs to the margin F, shape (b,); see `attribute`. It runs `layers`.
    layers : mapping of str to torch.nn.Module
        Layers whose outputs are attributed: (b, channels), (b, tokens, channels) or
        (b, channels, height, width).
    inputs : torch.Tensor of shape (m, ...)
        Probes, real-valued; for text the embedded tokens.
    baselines : torch.Tensor of shape (1, ...) or (m, ...)
        Where the path begins: padding embeddings with the special tokens kept, a blurred image.
    steps : int, default=4
        Intervals of the path.
    batch_size : int, default=64
        Probes at a time.

    Returns
    -------
    Attribution
        `values` has one column a channel, layer after layer; `error` is the completeness error of
        the layer that is worst, which is meaningful for layers that all information passes.

    Raises
    ------
    MissingExtraError
        captum is not installed.
    InputError
        There is no layer, a layer's output has another number of axes, or a value is not finite.

    Notes
    -----
    As published: conductance, as the sum over the path of gradient times change of the unit. Our
    choice: even steps from end to end (captum's Gauss-Legendre points leave out both ends, so that
    differences between them add up to less than the whole), 4 steps where captum takes 50, and the
    mean over positions. `passes` = layers x m x (steps + 1).

    References
    ----------
    Dhamdhere, Sundararajan, Yan: How Important Is a Neuron?, ICLR 2019 (arXiv:1805.12233).
    """
    try:
        from captum.attr import LayerConductance
    except ImportError:
        raise MissingExtraError("captum", "attribution") from None
    import torch

    if not layers:
        raise InputError("there is no layer to attribute to", remedy="name one or more")
    n_probes = len(inputs)
    starts = baselines.expand_as(inputs)
    with torch.no_grad():
        change = _batched(margin, inputs, batch_size) - _batched(margin, starts, batch_size)
    columns, errors = [], []
    for name, layer in layers.items():
        method = LayerConductance(margin, layer)
        parts = [
            method.attribute(
                inputs[begin : begin + batch_size],
                baselines=starts[begin : begin + batch_size],
                n_steps=steps,
                method="riemann_trapezoid",
            ).detach()
            for begin in range(0, n_probes, batch_size)
        ]
        units = torch.cat(parts).cpu().double().numpy()
        total = units.reshape(n_probes, -1).sum(axis=1)
        errors.append(float(np.abs(total - change).sum() / max(np.abs(change).sum(), 1e-300)))
        columns.append(_channels(units, name))
    return Attribution(
        np.concatenate(columns, axis=1), max(errors), steps, len(layers) * n_probes * (steps + 1)
    )


def _batched(margin: Callable[..., Any], rows: Any, batch_size: int) -> Array:
    parts = [
        margin(rows[begin : begin + batch_size]).reshape(-1).cpu().double().numpy()
        for begin in range(0, len(rows), batch_size)
    ]
    return np.concatenate(parts)


def _channels(units: Array, name: str) -> Array:
    if not np.isfinite(units).all():
        raise InputError("a conductance is NaN or infinite", where=f"layer {name!r}")
    if units.ndim == 2:
        return units
    if units.ndim == 3:
        return np.asarray(units.mean(axis=1))
    if units.ndim == 4:
        return np.asarray(units.mean(axis=(2, 3)))
    raise InputError(f"outputs of shape {units.shape} have no channels", where=f"layer {name!r}")
