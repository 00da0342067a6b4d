"""A trained network as a plain estimator: its weights are arrays, torch is needed to predict."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import nn

from priorlift.core.errors import InputError
from priorlift.core.tensors import Tensors
from priorlift.encoders.torch_support import batches, resolve_device
from priorlift.networks.batches import TaskRows
from priorlift.networks.modules import Layout, MultitaskNetwork, build_network

_ROWS = 1024


class FittedNetwork(BaseEstimator):
    """The head of one task of a trained `MultitaskNetwork`.

    Parameters
    ----------
    layout : Layout
        Sizes of the network.
    tensors : Tensors
        Its weights.
    classes : ndarray of shape (n_classes,)
        Labels in the order of the outputs.
    encoder : torch.nn.Module or None
        The encoder that was given, None for the built-in one.
    head : int
        Whose head predicts.
    device : str
        Where to predict. The built-in encoder runs in float64 on the CPU, so that a row's
        prediction does not depend on the rows beside it; a given one runs in float32.
    """

    def __init__(
        self,
        layout: Layout,
        tensors: Tensors,
        classes: NDArray[Any],
        encoder: Any = None,
        head: int = 0,
        device: str = "cpu",
    ) -> None:
        self.layout = layout
        self.tensors = tensors
        self.classes = classes
        self.encoder = encoder
        self.head = head
        self.device = device

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels in the order of the outputs."""
        return self.classes

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row."""
        return np.asarray(self.classes[self.predict_proba(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities, shape (n, n_classes).

        Raises
        ------
        InputError
            The network's output is NaN.
        """
        logits = self._logits(X)
        logits = logits - logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return logits, shape (n, n_classes); of two classes the second's minus the first's."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes) == 2 else logits

    def project(self, X: Any) -> NDArray[np.float64]:
        """Return the shared projection, shape (n, width)."""
        return self._outputs(X)[0]

    def _logits(self, X: Any) -> NDArray[np.float64]:
        return self._outputs(X)[1][:, self.head]

    def _outputs(self, X: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n = X.shape[0]
        rows = TaskRows(X, np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.float32))
        device = "cpu" if self.encoder is None else resolve_device(self.device)
        dtype = torch.float64 if self.encoder is None else torch.float32
        network = self._built(rows.inputs(np.arange(min(n, 2)))).to(device, dtype)
        found = []
        with torch.inference_mode():
            for picked in batches(np.arange(n), _ROWS):
                batch = torch.from_numpy(rows.inputs(picked)).to(device, dtype)
                found.append([part.double().cpu().numpy() for part in network(batch)])
        z, logits = (np.concatenate([part[i] for part in found]) for i in (0, 1))
        if not np.isfinite(logits).all():
            row = int(np.flatnonzero(~np.isfinite(logits).all(axis=(1, 2)))[0])
            raise InputError(
                "the network's output is NaN or infinite",
                where=f"row {row}",
                cause="an input far from those that it was trained on",
            )
        return z, logits

    def _built(self, example: NDArray[Any]) -> MultitaskNetwork:
        network = build_network(self.layout, self.encoder, example, 0)
        network.load_state_dict({n: torch.tensor(v) for n, v in self.tensors.arrays.items()})
        return network.eval()


def fitted(
    module: nn.Module,
    layout: Layout,
    classes: NDArray[Any],
    *,
    encoder: Any,
    device: str,
) -> FittedNetwork:
    """Take a trained network apart into arrays; a given encoder is kept as it was given."""
    weights = {
        name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()
    }
    return FittedNetwork(layout, Tensors(weights), classes, copy.deepcopy(encoder), 0, device)
