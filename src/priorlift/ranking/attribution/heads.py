"""Heads: small networks on frozen features, as plain arrays."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.encoders import HiddenLayerEncoder

Array = NDArray[Any]


class Head(Protocol):
    """What can be attributed: something with outputs for rows of d features."""

    @property
    def n_features(self) -> int:
        """Width of its input."""
        ...

    def outputs(self, rows: Array) -> Array:
        """Return logits or predictions, shape (m, k)."""
        ...


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A linear head.

    Attributes
    ----------
    weights : ndarray of shape (d, k)
        One column a class; one column for a regression, or for the logit of the second class.
    intercept : ndarray of shape (k,)
        Added to the outputs.
    classes : ndarray of shape (C,) or None
        The classes in the order of the columns; None for a regression.

    Raises
    ------
    InputError
        Shapes do not fit, or a weight is not finite.
    """

    weights: Array
    intercept: Array
    classes: Array | None = None

    def __post_init__(self) -> None:
        check_layers([self.weights], [self.intercept])

    @property
    def n_features(self) -> int:
        """Width of its input."""
        return len(self.weights)

    def outputs(self, rows: Array) -> Array:
        """Return logits or predictions for rows of shape (m, d), shape (m, k)."""
        return np.asarray(rows @ self.weights + self.intercept)


@dataclass(frozen=True, eq=False)
class HiddenHead:
    """A network of ReLU layers with a linear output.

    Attributes
    ----------
    weights : tuple of ndarray
        Of each layer, shape (inputs, outputs), the output layer last; two or more.
    biases : tuple of ndarray
        Of each layer, shape (outputs,).
    classes : ndarray of shape (C,) or None
        As in `LinearHead`.

    Raises
    ------
    InputError
        Shapes do not fit, a weight is not finite, or there is no hidden layer.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    classes: Array | None = None

    def __post_init__(self) -> None:
        check_layers(self.weights, self.biases)
        if len(self.weights) < 2:
            raise InputError("the head has no hidden layer", remedy="use LinearHead")

    @classmethod
    def of(cls, encoder: HiddenLayerEncoder) -> "HiddenHead":
        """Take the network that a fitted encoder has learned on its source.

        Parameters
        ----------
        encoder : HiddenLayerEncoder
            After `fit`.

        Raises
        ------
        InputError
            After `random`, which learns no output layer.
        """
        if len(encoder.weights_) == len(encoder.hidden_layer_sizes):
            raise InputError("an encoder with random weights has no head", remedy="fit it")
        classes = getattr(encoder, "classes_", None)
        return cls(tuple(encoder.weights_), tuple(encoder.biases_), classes)

    @property
    def n_features(self) -> int:
        """Width of its input."""
        return len(self.weights[0])

    def outputs(self, rows: Array) -> Array:
        """Return logits or predictions for rows of shape (m, d), shape (m, k)."""
        hidden = rows
        for weights, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weights + bias, 0.0)
        return np.asarray(hidden @ self.weights[-1] + self.biases[-1])


def check_layers(weights: Any, biases: Any) -> None:
    """Raise `InputError` where layers do not fit each other or hold a number that is none."""
    if len(weights) != len(biases):
        raise InputError(f"{len(weights)} layers have {len(biases)} biases")
    width = None
    for matrix, bias in zip(weights, biases, strict=True):
        if matrix.ndim != 2 or bias.shape != matrix.shape[1:] or width not in (None, len(matrix)):
            raise InputError(
                f"a layer of shape {matrix.shape} with a bias of shape {bias.shape} does not fit"
            )
        if not (np.isfinite(matrix).all() and np.isfinite(bias).all()):
            raise InputError("a weight of a head is NaN or infinite", cause="training diverged")
        width = matrix.shape[1]


def contrast(outputs: Array) -> Array:
    """Return what turns outputs into the margin that is attributed, shape (m, k).

    The margin of a class is its logit minus the mean of the other logits. With two classes it is
    that of the second, the positive one; with more, of the class predicted; a single column is
    itself.

    Parameters
    ----------
    outputs : ndarray of shape (m, k)
        Of the head.

    Examples
    --------
    >>> contrast(np.array([[3.0, 1.0, 0.0]]))
    array([[ 1. , -0.5, -0.5]])
    """
    rows, width = outputs.shape
    if width == 1:
        return np.ones_like(outputs)
    chosen = np.ones(rows, dtype=np.intp) if width == 2 else outputs.argmax(axis=1)
    signs = np.full_like(outputs, -1.0 / (width - 1))
    signs[np.arange(rows), chosen] = 1.0
    return signs
