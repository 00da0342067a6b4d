"""Features of images from a pretrained network that lies in a folder.

Images are brought to RGB, resized, scaled as the network wants it, and each of its maps is averaged
over positions.

Blocks differ in width, so that their features cannot be averaged as those of a language model. What
can be averaged are their similarities: `layers="all"` scales the features of each block to length 1
and puts them side by side, divided by the root of the number of blocks. The inner product of two
images is then the mean of the blocks' cosines; no wide block outweighs a narrow one (our choice).
"""

import functools
import json
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.encoders.base import RawEncoder
from priorlift.encoders.torch_support import (
    Progress,
    batches,
    load_network,
    require,
    resolve_device,
)
from priorlift.encoders.weights import folder_digest, model_folder

EXTRA = "images"
DEFAULT_SIZE = 224


class ImageEncoder(RawEncoder):
    """Encode images by a frozen network.

    Parameters
    ----------
    model : path or str
        Folder of a transformers vision model (MobileNetV2, ResNet, ViT, ...) with safetensors, or a
        hub's name with `allow_download=True`.
    size : int, optional
        Images are resized to size x size pixels. By default as the model's preprocessor says.
        Smaller is faster, and worse.
    layers : {"last", "all"}, default="last"
        The last map, averaged over positions; or all blocks and the last map, each scaled to length
        1, side by side.
    batch_size : int, default=32
        Images at a time.
    device : str, default="auto"
        Resolved once, at the first use; the outcome is `device_`.
    allow_download : bool, default=False
        Whether a model that is no folder may be fetched.
    progress : callable, optional
        Called as `progress(done, total)`.

    Attributes
    ----------
    device_ : str
        The device used.

    Raises
    ------
    InputError
        There is no such model or device; a pixel is NaN or out of range.
    InputTypeError
        Something is no image.
    MissingExtraError
        transformers or torch is not installed.

    Notes
    -----
    X is an array of shape (n, h, w) for grey or (n, h, w, 3) for RGB images, or a list of images of
    different sizes; of bytes from 0 to 255, or floats from 0 to 1. Resizing is bilinear, and
    antialiased when it shrinks. The network stays in evaluation mode.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")

    def __init__(
        self,
        model: str | Path,
        *,
        size: int | None = None,
        layers: Literal["last", "all"] = "last",
        batch_size: int = 32,
        device: str = "auto",
        allow_download: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.model = model
        self.size = size
        self.layers = layers
        self.batch_size = batch_size
        self.device = device
        self.allow_download = allow_download
        self.progress = progress

    def _folder(self) -> Path:
        return model_folder(self.model, allow_download=self.allow_download, extra=EXTRA)

    def _content(self) -> list[str]:
        return [folder_digest(self._folder()), repr([self.layers, self.size])]

    def _encode(self, X: Any) -> NDArray[np.float32]:
        if self.layers not in ("last", "all"):
            raise InputError(f"layers is {self.layers!r}", remedy='"last" or "all"')
        torch = require("torch", EXTRA)
        folder = self._folder()
        if not hasattr(self, "device_"):
            self.device_ = resolve_device(self.device, EXTRA)
        network, size, mean, std = _loaded(folder, folder_digest(folder), self.device_)
        size = size if self.size is None else self.size
        if size < 1:
            raise InputError(f"size is {size}", remedy="a positive number of pixels")
        n = arrays.n_rows(X)
        found = []
        with torch.inference_mode():
            for rows in batches(np.arange(n), self.batch_size, self.progress):
                images = [_resized(torch, rgb(X[row], int(row)), size) for row in rows]
                batch = torch.cat(images).to(self.device_)
                batch = (batch - mean) / std
                outputs = network(pixel_values=batch, output_hidden_states=self.layers == "all")
                found.append(_pooled(torch, outputs, self.layers).float().cpu().numpy())
        return np.concatenate(found)


def rgb(image: Any, row: int) -> NDArray[np.float32]:
    """Return an image as floats from 0 to 1, of shape (3, h, w).

    Parameters
    ----------
    image : array-like of shape (h, w), (h, w, 1) or (h, w, 3)
        Bytes from 0 to 255, or floats from 0 to 1.
    row : int
        Named in errors.

    Raises
    ------
    InputTypeError
        It has another shape, or holds no numbers.
    InputError
        A pixel is NaN or out of range.
    """
    where = f"ImageEncoder, row {row}"
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise InputTypeError(
            f"an image of shape {np.shape(image)}",
            where=where,
            remedy="pass (height, width) for grey or (height, width, 3) for RGB images",
        )
    if pixels.dtype.kind not in "uif":
        raise InputTypeError(f"pixels are {pixels.dtype}", where=where, remedy="pass numbers")
    top = 1.0 if pixels.dtype.kind == "f" else 255.0
    # The comparison is false for NaN as well.
    if not (pixels.min() >= 0 and pixels.max() <= top):
        raise InputError(
            f"pixels are not all from 0 to {top:g}",
            where=where,
            cause="floats from 0 to 255, or a missing value",
            remedy='images.astype("uint8"), or divide floats by their largest possible value',
        )
    scaled = pixels.astype(np.float32) / np.float32(top)
    return np.ascontiguousarray(np.broadcast_to(scaled, (*scaled.shape[:2], 3)).transpose(2, 0, 1))


def _resized(torch: Any, pixels: NDArray[np.float32], size: int) -> Any:
    tensor = torch.from_numpy(pixels)[None]
    if tensor.shape[-2:] == (size, size):
        return tensor
    return torch.nn.functional.interpolate(
        tensor, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )


def _pooled(torch: Any, outputs: Any, layers: str) -> Any:
    last = _averaged(outputs.last_hidden_state)
    if layers == "last":
        return last
    # A vision transformer's last state is that of its last block, but for a normalisation.
    blocks = [_averaged(state) for state in outputs.hidden_states]
    parts = [torch.nn.functional.normalize(part, dim=1) for part in (*blocks, last)]
    return torch.cat(parts, dim=1) / len(parts) ** 0.5


def _averaged(state: Any) -> Any:
    """Average over positions: maps of shape (n, c, h, w), or tokens of shape (n, t, c)."""
    return state.mean(dim=(2, 3)) if state.ndim == 4 else state.mean(dim=1)


@functools.lru_cache(maxsize=3)
def _loaded(folder: Path, digest: str, device: str) -> tuple[Any, int, Any, Any]:
    """Return network, size, mean and spread of the pixels; clones of an encoder share them."""
    torch = require("torch", EXTRA)
    network = load_network(folder, device, EXTRA)
    settings: dict[str, Any] = {}
    path = folder / "preprocessor_config.json"
    if path.is_file():
        settings = json.loads(path.read_text(encoding="utf-8"))
    given: Any = settings.get("crop_size" if settings.get("do_center_crop") else "size")
    if isinstance(given, dict):
        given = given.get("height") or given.get("shortest_edge")
    size = int(given or getattr(network.config, "image_size", DEFAULT_SIZE))
    scale = [
        torch.tensor(settings.get(name) or [0.5] * 3, dtype=torch.float32, device=device)
        for name in ("image_mean", "image_std")
    ]
    return network, size, *(values.reshape(1, 3, 1, 1) for values in scale)
