"""The modules: an encoder, one projection that all tasks share, and a linear head for each task.

Centroids of classes are compared in the projection, so there is one of it: centroids that come from
different layers could not be aligned with each other.
"""

import copy
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed


@dataclass(frozen=True)
class Layout:
    """The shape of a network, from which it can be built again.

    Parameters
    ----------
    n_inputs : int
        Columns of the features; not looked at where an encoder is given.
    hidden : tuple of int
        Widths of the hidden layers of the built-in encoder.
    projection : int
        Width of the shared projection.
    n_tasks, n_classes : int
        Heads, and outputs of each.
    """

    n_inputs: int
    hidden: tuple[int, ...]
    projection: int
    n_tasks: int
    n_classes: int


class MLPEncoder(nn.Sequential):
    """Linear layers with ELU between: features of shape (n, n_inputs) to (n, hidden[-1])."""

    def __init__(self, n_inputs: int, hidden: tuple[int, ...]) -> None:
        widths = (n_inputs, *hidden)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, after), nn.ELU()]
        super().__init__(*layers)


class MultitaskNetwork(nn.Module):
    """A shared encoder and projection, and one linear head a task.

    Parameters
    ----------
    encoder : torch.nn.Module
        From inputs to (n, width) or more dimensions, which are flattened.
    width : int
        Of the encoder's flattened output.
    projection, n_tasks, n_classes : int
        As in `Layout`.
    """

    def __init__(
        self, encoder: nn.Module, width: int, projection: int, n_tasks: int, n_classes: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = nn.Sequential(nn.Linear(width, projection), nn.ELU())
        self.heads = nn.ModuleList(nn.Linear(projection, n_classes) for _ in range(n_tasks))

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the projection (n, projection) and logits (n, n_tasks, n_classes)."""
        z = self.projection(flat(self.encoder(X)))
        return z, torch.stack([head(z) for head in self.heads], dim=1)


def flat(output: Any) -> Tensor:
    """Return an encoder's output as rows; the first of several outputs counts."""
    found = output[0] if isinstance(output, tuple | list) else output
    if not isinstance(found, Tensor):
        raise InputError(
            f"the encoder gives a {type(found).__name__}",
            cause="a module whose forward returns an object of its own",
            remedy="wrap it in a module that returns one tensor, a row for each input",
        )
    return found.flatten(start_dim=1)


def build_network(
    layout: Layout, encoder: nn.Module | None, example: NDArray[Any], seed: int
) -> MultitaskNetwork:
    """Build a network with fresh weights; a given encoder keeps its own.

    Parameters
    ----------
    layout : Layout
        Sizes.
    encoder : torch.nn.Module or None
        Copied, never changed; None for `MLPEncoder`.
    example : ndarray of shape (n, ...)
        Some inputs, to find out how wide the encoder's output is.
    seed : int
        Seeds the weights. The caller's random state is left as it was.

    Raises
    ------
    InputError
        The encoder cannot take the inputs, or gives NaN or another number of rows.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "weights"))
        inside = _encoder(layout, encoder)
        width = _width(inside, example)
        return MultitaskNetwork(inside, width, layout.projection, layout.n_tasks, layout.n_classes)


def _encoder(layout: Layout, given: nn.Module | None) -> nn.Module:
    if given is None:
        return MLPEncoder(layout.n_inputs, layout.hidden)
    if not isinstance(given, nn.Module):
        raise InputError(
            f"encoder is a {type(given).__name__}", remedy="a torch.nn.Module, not a class"
        )
    return copy.deepcopy(given).to("cpu")


def _width(encoder: nn.Module, example: NDArray[Any]) -> int:
    tensor = torch.from_numpy(np.ascontiguousarray(example, dtype=np.float32))
    encoder.eval()
    try:
        with torch.no_grad():
            output = flat(encoder(tensor))
    except InputError:
        raise
    except Exception as error:
        # What a foreign module raises is of no known kind.
        raise InputError(
            f"the encoder cannot take inputs of shape {tuple(tensor.shape)} "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})",
            cause="rows of another shape than the module was made for",
            remedy="pass X as the module takes it, with the rows on the first axis",
        ) from error
    if len(output) != len(tensor) or output.ndim != 2 or not output.shape[1]:
        raise InputError(
            f"the encoder gives {tuple(output.shape)} for {len(tensor)} inputs",
            remedy="return one row for each input",
        )
    if not torch.isfinite(output).all():
        raise InputError(
            "the encoder's output is NaN or infinite before any training",
            cause="weights that are NaN, or a division by 0 or a logarithm inside the module",
            remedy="look at what the module gives for the first rows of X",
        )
    return int(output.shape[1])
