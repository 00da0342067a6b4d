"""Features kept by content: what was encoded once is never encoded again.

A row's features depend on the row, the encoder and the libraries. The folder therefore holds one
folder for each encoder (its fingerprint, the dtype and the versions of its libraries), and in it
blocks: an array of features, and the hashes of the rows that they are of. A row that is in a block
is read, memory-mapped; the others are encoded together and become a new block. So the subsets that
splits and label sets cut from one collection share their features, whatever their order, and a text
that repeats is encoded once. How blocks are kept is told in `cache_folder`.
"""

import json
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.encoders.base import RawEncoder
from priorlift.encoders.cache_folder import DTYPE, HASH, Block, BlockFolder, make_room

FORMAT = 2


class CachedEncoder(TransformerMixin, BaseEstimator):
    """Keep the features of an encoder in a folder.

    Parameters
    ----------
    encoder : RawEncoder
        What computes the features; its features of a row must depend on that row alone.
    folder : path
        Where they are kept; made if needed. It may be shared by encoders and processes.
    max_mb : float, optional
        MiB that the folder may take, over all encoders; where a new block would pass it, those that
        were used longest ago are removed. What one `transform` needs stays, whatever it takes. By
        default there is no limit.

    Attributes
    ----------
    n_encoded_, n_read_ : int
        How many distinct rows the last `transform` computed, and how many it found.
    n_damaged_ : int
        How many blocks the last `transform` found damaged.

    Raises
    ------
    InputError
        The folder cannot be written, `max_mb` is not positive, or what the encoder raises.

    Notes
    -----
    The device is recorded in `encoder.json` and is no part of the key: features of two devices
    differ by rounding. A block is verified by its SHA-256 sums at its first use in a process; one
    that is torn or altered is removed with a warning, and encoded again. Nothing is pickled. Delete
    the folder to free its space; nothing else refers to it.

    O(n) hashes beside the encoding, and one reading of the blocks used; memory O(n d) where rows
    come from several blocks, none where they are one block in its order.

    Examples
    --------
    >>> import tempfile
    >>> from priorlift.encoders import TfidfSvdEncoder
    >>> texts = ["a flood", "an earthquake", "a flood", "a fire"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     encoder = CachedEncoder(TfidfSvdEncoder(2, random_state=0), folder).fit(texts)
    ...     features = encoder.transform(texts).copy()
    ...     features.shape, encoder.n_encoded_, encoder.transform(texts[:2]).shape, encoder.n_read_
    ((4, 2), 3, (2, 2), 2)
    """

    def __init__(
        self, encoder: RawEncoder, folder: str | Path, max_mb: float | None = None
    ) -> None:
        self.encoder = encoder
        self.folder = folder
        self.max_mb = max_mb

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit a copy of the encoder; what it computes is kept under the fitted copy's fingerprint.

        Parameters
        ----------
        X : raw inputs, n rows
            As for the encoder.
        y : ignored
            Present for scikit-learn.
        """
        self.encoder_ = clone(self.encoder).fit(X, y)
        return self

    @property
    def _inner(self) -> Any:
        return getattr(self, "encoder_", self.encoder)

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose versions may change the features."""
        return tuple(self._inner.libraries)

    @property
    def fingerprint(self) -> str:
        """That of the encoder: where features are kept does not change them."""
        return str(self._inner.fingerprint)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "encoder_") or bool(self.encoder.__sklearn_is_fitted__())

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the features of each row; read-only where they are one block.

        Parameters
        ----------
        X : raw inputs, n rows
            As for the encoder.

        Returns
        -------
        ndarray of float32, shape (n, d)
        """
        if self.max_mb is not None and not self.max_mb > 0:
            raise InputError(f"max_mb is {self.max_mb}", remedy="a number above 0, or None")
        if arrays.n_rows(X) == 0:
            return np.asarray(self._inner.transform(X))
        hashes = row_hashes(X)
        distinct, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        key = self._key()
        folder = BlockFolder(Path(self.folder) / arrays.fingerprint([json.dumps(key)]))
        blocks = list(folder.blocks(distinct))
        missing = _missing(distinct, blocks)
        self.n_encoded_, self.n_read_ = int(missing.sum()), int((~missing).sum())
        self.n_damaged_ = folder.n_damaged
        if missing.any():
            # In the order of X, so that a first pass over X reads as one block later.
            rows = np.sort(first[missing])
            features = np.asarray(self._inner.transform(arrays.take_rows(X, rows)), dtype=DTYPE)
            device = str(getattr(self._inner, "device_", "cpu"))
            about = json.dumps({**key, "device": device}, indent=1).encode()
            folder.keep(about, hashes[rows], features)
            blocks.append((hashes[rows], features))
            if self.max_mb is not None:
                make_room(Path(self.folder), self.max_mb * 2**20, folder.used)
        return _gathered(hashes, distinct, place, blocks)

    def _key(self) -> dict[str, Any]:
        versions = {name: _version(name) for name in self.libraries}
        return {
            "format": FORMAT,
            "encoder": type(self._inner).__qualname__,
            "fingerprint": self.fingerprint,
            "dtype": np.dtype(DTYPE).name,
            "libraries": dict(sorted(versions.items())),
        }


def row_hashes(X: Any) -> NDArray[Any]:
    """Hash each row by content: equal rows of equal type give equal hashes.

    Parameters
    ----------
    X : array, sparse matrix, frame or raw collection, n rows
        What to hash.

    Returns
    -------
    ndarray of 32 hexadecimal digits (bytes) each, shape (n,)
    """
    if arrays.kind_of(X) == "raw" and not hasattr(X, "shape"):
        pieces: Any = ([value] for value in X)
    elif arrays.kind_of(X) in ("sparse", "frame"):
        pieces = (arrays.take_rows(X, slice(i, i + 1)) for i in range(arrays.n_rows(X)))
    else:
        pieces = (X[i : i + 1] for i in range(len(X)))
    digests = [arrays.fingerprint(_plain(piece)).encode() for piece in pieces]
    return np.asarray(digests, dtype=HASH)


def _plain(piece: Any) -> Any:
    # A text hashes alike in a list, an object array and an array of strings of any width.
    if isinstance(piece, list) and hasattr(piece[0], "shape"):
        return np.asarray(piece[0])[None]
    if isinstance(piece, np.ndarray) and piece.dtype.kind == "U":
        return piece.astype(object)
    return piece


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def _missing(distinct: NDArray[Any], blocks: list[Block]) -> NDArray[np.bool_]:
    missing = np.ones(len(distinct), dtype=bool)
    for hashes, _ in blocks:
        missing &= ~np.isin(distinct, hashes)
    return missing


def _gathered(
    hashes: NDArray[Any], distinct: NDArray[Any], place: NDArray[np.intp], blocks: list[Block]
) -> NDArray[np.float32]:
    for known, features in blocks:
        if len(known) == len(hashes) and np.array_equal(known, hashes):
            return np.asarray(features)
    rows = np.empty((len(distinct), blocks[0][1].shape[1]), dtype=DTYPE)
    for known, features in blocks:
        order = np.argsort(known)
        at = np.searchsorted(known[order], distinct)
        at = order[np.minimum(at, len(known) - 1)]
        here = np.flatnonzero(known[at] == distinct)
        rows[here] = features[at[here]]
    return rows[place]
