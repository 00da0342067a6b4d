"""Sentence vectors from a pretrained transformer that lies in a folder.

Tokens are averaged, then layers: Garbas, Ploner and Akbik (2024) found that scores of features
averaged over all layers rank language models far better than those of the last layer (Pearson
correlation of LogME .58 -> .86). Texts are sorted by length, so that batches hold little padding.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.encoders.base import RawEncoder, texts_of
from priorlift.encoders.torch_support import (
    Progress,
    batches,
    load_network,
    require,
    resolve_device,
)
from priorlift.encoders.weights import folder_digest, model_folder

EXTRA = "text"
LONGEST = 512


class SentenceEncoder(RawEncoder):
    """Encode texts by a frozen transformer.

    Parameters
    ----------
    model : path or str
        Folder of a Hugging Face encoder or a sentence-transformers model (see also
        `priorlift.encoders.packaged_model`), or a hub's name with `allow_download=True`.
    layers : "mean", "last" or sequence of int, default="mean"
        Which layers are averaged: the outputs of all blocks, of the last one, or of those given; 0
        is the embedding layer, -1 the last block.
    pooling : {"mean", "first"}, default="mean"
        The mean of all tokens, or the first token (CLS).
    normalise : bool, default=True
        Whether each vector is scaled to length 1 (our choice; as sentence-transformers models do).
    max_length : int, optional
        Longest text in tokens; the rest is cut off. By default the model's own limit.
    batch_size : int, default=64
        Texts at a time. It does not change the features, beyond rounding.
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
    n_truncated_ : int
        How many texts of the last `transform` were cut off.

    Raises
    ------
    InputError
        There is no such model, layer or device, or a text is missing.
    MissingExtraError
        transformers or torch is not installed.

    Notes
    -----
    Layer averaging and mean pooling as published; the embedding layer is left out of "mean" (our
    choice). The time is that of one forward pass for each text.

    References
    ----------
    Garbas, Ploner, Akbik: Choose your transformer. Findings of ACL 2024.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers")

    def __init__(
        self,
        model: str | Path,
        *,
        layers: Literal["mean", "last"] | Sequence[int] = "mean",
        pooling: Literal["mean", "first"] = "mean",
        normalise: bool = True,
        max_length: int | None = None,
        batch_size: int = 64,
        device: str = "auto",
        allow_download: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.model = model
        self.layers = layers
        self.pooling = pooling
        self.normalise = normalise
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device
        self.allow_download = allow_download
        self.progress = progress

    def _content(self) -> list[str]:
        layers = self.layers if isinstance(self.layers, str) else [int(i) for i in self.layers]
        settings = [layers, self.pooling, bool(self.normalise), self.max_length]
        return [folder_digest(self._folder()), repr(settings)]

    def _folder(self) -> Path:
        return model_folder(self.model, allow_download=self.allow_download, extra=EXTRA)

    def _encode(self, X: Any) -> NDArray[np.float32]:
        if self.pooling not in ("mean", "first"):
            raise InputError(f"pooling is {self.pooling!r}", remedy='"mean" or "first"')
        texts = texts_of(X, "SentenceEncoder")
        torch = require("torch", EXTRA)
        folder = self._folder()
        if not hasattr(self, "device_"):
            self.device_ = resolve_device(self.device, EXTRA)
        tokenizer, network, limit = _loaded(folder, folder_digest(folder), self.device_)
        layers = chosen_layers(self.layers, int(network.config.num_hidden_layers))
        limit = min(limit, self.max_length or limit)
        tokens = tokenizer(texts, truncation=True, max_length=limit, verbose=False)["input_ids"]
        lengths = np.fromiter((len(ids) for ids in tokens), dtype=np.intp, count=len(tokens))
        self.n_truncated_ = _n_truncated(tokenizer, texts, lengths, limit)
        features = np.empty((len(texts), int(network.config.hidden_size)), dtype=np.float32)
        # Longest first: what does not fit in memory fails at once.
        order = np.argsort(-lengths, kind="stable")
        with torch.inference_mode():
            for rows in batches(order, self.batch_size, self.progress):
                batch = tokenizer.pad(
                    {"input_ids": [tokens[row] for row in rows]}, return_tensors="pt"
                ).to(self.device_)
                hidden = network(**batch, output_hidden_states=True).hidden_states
                pooled = self._pooled([hidden[i] for i in layers], batch["attention_mask"])
                if self.normalise:
                    pooled = torch.nn.functional.normalize(pooled, dim=1)
                features[rows] = pooled.float().cpu().numpy()
        return features

    def _pooled(self, hidden: list[Any], mask: Any) -> Any:
        mean = sum(hidden[1:], start=hidden[0]) / len(hidden)
        if self.pooling == "first":
            return mean[:, 0]
        weights = mask.unsqueeze(-1).to(mean.dtype)
        return (mean * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def chosen_layers(layers: Any, n_layers: int) -> list[int]:
    """Return which hidden states count: 0 is the embedding layer, `n_layers` the last block.

    Raises
    ------
    InputError
        There is no such layer.

    Examples
    --------
    >>> chosen_layers("mean", 3), chosen_layers("last", 3), chosen_layers([0, -1], 3)
    ([1, 2, 3], [3], [0, 3])
    """
    if isinstance(layers, str):
        if layers == "mean":
            return list(range(1, n_layers + 1))
        if layers == "last":
            return [n_layers]
    elif layers is not None and len(layers):
        found = [int(i) + (n_layers + 1 if i < 0 else 0) for i in layers]
        if all(0 <= i <= n_layers for i in found):
            return found
    raise InputError(
        f"layers is {layers!r}", remedy=f'"mean", "last" or numbers from 0 to {n_layers}'
    )


def _n_truncated(tokenizer: Any, texts: list[str], lengths: NDArray[np.intp], limit: int) -> int:
    full = [texts[row] for row in np.flatnonzero(lengths >= limit)]
    if not full:
        return 0
    return sum(len(ids) > limit for ids in tokenizer(full, verbose=False)["input_ids"])


@functools.lru_cache(maxsize=2)
def _loaded(folder: Path, digest: str, device: str) -> tuple[Any, Any, int]:
    """Return tokenizer, network and longest input; clones of an encoder share them."""
    transformers = require("transformers", EXTRA)
    inner = _transformer_folder(folder)
    network = load_network(inner, device, EXTRA)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(inner), local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise InputError(
            f"holds no tokenizer that can be loaded ({str(error).splitlines()[0]})",
            where=str(inner),
            remedy="add tokenizer.json, or vocab.txt and tokenizer_config.json",
        ) from error
    return tokenizer, network, _longest(folder, tokenizer, network)


def _transformer_folder(folder: Path) -> Path:
    """Return where the transformer lies in a sentence-transformers folder: often in itself."""
    modules = folder / "modules.json"
    if modules.is_file():
        for module in json.loads(modules.read_text(encoding="utf-8")):
            if str(module.get("type", "")).endswith("Transformer"):
                return folder / str(module.get("path", ""))
    return folder


def _longest(folder: Path, tokenizer: Any, network: Any) -> int:
    limits = [
        int(getattr(network.config, "max_position_embeddings", LONGEST) or LONGEST),
        int(tokenizer.model_max_length),
    ]
    settings = folder / "sentence_bert_config.json"
    if settings.is_file():
        own = json.loads(settings.read_text(encoding="utf-8")).get("max_seq_length")
        limits += [int(own)] if own else []
    return min(limits)
