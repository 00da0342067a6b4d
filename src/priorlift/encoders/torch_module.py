"""Features from a layer of a user's own PyTorch module, with weights from safetensors."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError, UnknownNameError
from priorlift.encoders.base import RawEncoder, code_of
from priorlift.encoders.torch_support import Progress, batches, require, resolve_device

EXTRA = "nets"


class ModuleEncoder(RawEncoder):
    """Encode inputs by a layer of a module.

    Parameters
    ----------
    module : torch.nn.Module
        The architecture, with its weights or without. It is copied, not changed.
    state_dict_path : path, optional
        Weights as safetensors, under the module's own names; a prefix "module." is taken off. By
        default the weights that the module has.
    layer : str, optional
        Name of a submodule, as in `named_modules`, whose output is taken. By default the module's
        own.
    preprocess : callable, optional
        A named function that turns a batch of inputs (rows of X, as an array) into what the module
        takes. By default inputs become float32.
    pooling : {"positions", "tokens", "flatten"}, default="positions"
        How outputs of more than two dimensions become rows: the mean over all axes after the second
        (maps of a convolution), the mean over the second (tokens of a transformer), or all values.
    batch_size : int, default=64
        Inputs at a time.
    device : str, default="auto"
        Resolved once, at the first use; the outcome is `device_`.
    progress : callable, optional
        Called as `progress(done, total)`.

    Attributes
    ----------
    device_ : str
        The device used.

    Raises
    ------
    InputError
        The weights do not fit the module, there is no such layer, an input is NaN.
    MissingExtraError
        torch or safetensors is not installed.

    Notes
    -----
    The module runs in evaluation mode, without gradients. Its fingerprint is made of its weights,
    its structure and the source of its class: a change in any of them gives new features.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(
        self,
        module: Any,
        state_dict_path: str | Path | None = None,
        *,
        layer: str | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        pooling: Literal["positions", "tokens", "flatten"] = "positions",
        batch_size: int = 64,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> None:
        self.module = module
        self.state_dict_path = state_dict_path
        self.layer = layer
        self.preprocess = preprocess
        self.pooling = pooling
        self.batch_size = batch_size
        self.device = device
        self.progress = progress

    def _content(self) -> list[str]:
        digest = hashlib.blake2b(digest_size=16)
        for name, values in sorted(self._weights().items()):
            digest.update(f"{name}:{arrays.fingerprint(values)}".encode())
        classes = {type(part) for part in self.module.modules()}
        own = [c for c in classes if not c.__module__.startswith("torch.")]
        return [
            digest.hexdigest(),
            repr(self.module),
            *sorted(code_of(c) for c in own),
            code_of(self.preprocess),
            repr([self.layer, self.pooling]),
        ]

    def _weights(self) -> Mapping[str, NDArray[Any]]:
        network = self._loaded()
        return {
            name: _as_array(tensor.detach().cpu()) for name, tensor in network.state_dict().items()
        }

    def _loaded(self) -> Any:
        # A copy each time: the caller may train the module between two uses.
        network = copy.deepcopy(self.module).eval()
        if self.state_dict_path is not None:
            _load_weights(network, Path(self.state_dict_path))
        return network

    def _encode(self, X: Any) -> NDArray[np.float32]:
        if self.pooling not in ("positions", "tokens", "flatten"):
            raise InputError(
                f"pooling is {self.pooling!r}", remedy='"positions", "tokens" or "flatten"'
            )
        torch = require("torch", EXTRA)
        if not hasattr(self, "device_"):
            self.device_ = resolve_device(self.device, EXTRA)
        network = self._loaded().to(self.device_)
        outputs: list[Any] = []
        hook = _layer(network, self.layer).register_forward_hook(
            lambda module, inputs, output: outputs.append(output)
        )
        found = []
        try:
            with torch.inference_mode():
                for rows in batches(np.arange(arrays.n_rows(X)), self.batch_size, self.progress):
                    outputs.clear()
                    network(self._batch(torch, arrays.take_rows(X, rows)))
                    found.append(self._rows(outputs, len(rows)))
        finally:
            hook.remove()
        return np.concatenate(found)

    def _batch(self, torch: Any, rows: Any) -> Any:
        if self.preprocess is not None:
            rows = self.preprocess(np.asarray(rows))
        if not isinstance(rows, torch.Tensor):
            rows = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float32))
        return rows.to(self.device_)

    def _rows(self, outputs: list[Any], n: int) -> NDArray[np.float32]:
        where = f"layer {self.layer!r}" if self.layer else "the module"
        if not outputs:
            raise InputError("the module does not call this layer", where=where)
        output = outputs[-1][0] if isinstance(outputs[-1], tuple | list) else outputs[-1]
        if not hasattr(output, "ndim") or output.ndim < 2 or len(output) != n:
            raise InputError(
                f"gives {tuple(getattr(output, 'shape', ()))} for {n} inputs",
                where=where,
                remedy="choose a layer whose output has one row for each input",
            )
        if output.ndim > 2 and self.pooling == "tokens":
            output = output.mean(dim=1)
        elif output.ndim > 2 and self.pooling == "positions":
            output = output.flatten(start_dim=2).mean(dim=2)
        return np.asarray(output.flatten(start_dim=1).float().cpu().numpy())


def _as_array(tensor: Any) -> NDArray[Any]:
    # NumPy has no bfloat16; float32 holds its values.
    values = tensor.float() if tensor.is_floating_point() else tensor
    return np.asarray(values.numpy()).reshape(-1)


def _layer(network: Any, name: str | None) -> Any:
    if name is None:
        return network
    known = dict(network.named_modules())
    if name not in known:
        raise UnknownNameError("layer", name, [layer for layer in known if layer])
    return known[name]


def _load_weights(network: Any, path: Path) -> None:
    if not path.is_file():
        raise InputError("there is no such file", where=str(path), remedy="check the spelling")
    safetensors = require("safetensors.torch", EXTRA)
    try:
        weights = safetensors.load_file(str(path))
    except Exception as error:
        raise InputError(
            f"is no safetensors file ({str(error).splitlines()[0]})",
            where=str(path),
            cause="weights in a pickle format (.pt, .th), which is not read",
            remedy="convert it: safetensors.torch.save_file(state_dict, path)",
        ) from error
    if weights and all(name.startswith("module.") for name in weights):
        weights = {name.removeprefix("module."): values for name, values in weights.items()}
    own = network.state_dict()
    # Counters of batches are no weights; older files lack them.
    lacking = {n for n in own.keys() - weights.keys() if not n.endswith("num_batches_tracked")}
    unknown = weights.keys() - own.keys()
    other = {n for n in own.keys() & weights.keys() if own[n].shape != weights[n].shape}
    for names, what in ((lacking, "lacks"), (unknown, "has unknown"), (other, "has misshapen")):
        if names:
            raise InputError(
                f"{what} weights: {', '.join(sorted(names)[:3])}",
                where=str(path),
                cause="weights of another architecture",
                remedy="build the module as it was when the weights were saved",
            )
    network.load_state_dict(weights, strict=False)
