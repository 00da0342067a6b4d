"""The features of a sweep: each data set encoded once by each encoder, whatever is fitted on them.

A pretrained encoder is used as it is. One that has to be fitted (TF-IDF, a scaler) is fitted on the
rows of a task's sources, without their labels: no row of the target is looked at, and both arms of
every comparison get the same features. Then columns are scaled by the mean and deviation of the
same rows, once, so that no fit has to preprocess again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from priorlift.core import arrays
from priorlift.core.errors import InputError, PriorliftError
from priorlift.core.seeds import derive_seed
from priorlift.encoders.base import RawEncoder, finite_features, texts_of
from priorlift.encoders.cache import CachedEncoder
from priorlift.encoders.sentence import SentenceEncoder
from priorlift.pool import SourcePool, Target
from priorlift.study.description import describe
from priorlift.trials.trial import canonical_json

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Encoding:
    """How the rows of one task become features: an encoder and the rows it is fitted on.

    Parameters
    ----------
    encoder : RawEncoder or transformer
        Unfitted, or pretrained.
    pool : SourcePool
        The sources of the task, raw.
    seed : int
        For an encoder that was not seeded.
    """

    encoder: Any
    pool: SourcePool
    seed: int

    @property
    def pretrained(self) -> bool:
        """Whether nothing is fitted."""
        return is_pretrained(self.encoder)

    def fingerprint(self, of_rows: str) -> str:
        """Return what the features of rows will be known by, before they are computed.

        Parameters
        ----------
        of_rows : str
            Fingerprint of the raw rows.
        """
        return arrays.fingerprint(["features", self.key, of_rows])

    @property
    def key(self) -> str:
        """Hash of the encoder and of the rows that it and the scaling are fitted on."""
        rows = [source.fingerprints.X for source in self.pool.by_fingerprint()]
        return arrays.fingerprint([encoder_key(self.encoder), str(self.seed), *rows])


def is_pretrained(encoder: Any) -> bool:
    """Whether an encoder can be used without fitting it."""
    asked = getattr(encoder, "__sklearn_is_fitted__", None)
    return isinstance(encoder, RawEncoder) and asked is not None and bool(asked())


def encoder_key(encoder: Any) -> str:
    """Return a text of all that an encoder's features depend on beside rows, seed and libraries."""
    if is_pretrained(encoder):
        return str(encoder.fingerprint)
    return canonical_json(describe(encoder))


@dataclass
class Encoded:
    """The rows of one task as features.

    Attributes
    ----------
    target : Target
        Its X is float32, scaled.
    pool : SourcePool
        So are its sources.
    """

    target: Target
    pool: SourcePool


@dataclass
class FeatureMaker:
    """Encodes tasks; what was encoded for one of them is not encoded again for another.

    Parameters
    ----------
    folder : Path
        Where the features of encoders are kept.
    max_mb : float or None
        MiB that the folder may take.

    Attributes
    ----------
    n_encoded, n_read : int
        Rows that were computed, and rows that were found in the folder.
    n_damaged : int
        Blocks of features in the folder that were torn or altered, and encoded again.
    """

    folder: Path
    max_mb: float | None = None
    n_encoded: int = 0
    n_read: int = 0
    n_damaged: int = 0
    _fitted: dict[str, Any] = field(default_factory=dict)
    _features: dict[tuple[str, str], Features] = field(default_factory=dict)

    def encode(self, target: Target, encoding: Encoding) -> Encoded:
        """Return a task's rows as features.

        Parameters
        ----------
        target : Target
            Raw.
        encoding : Encoding
            The encoder and the raw sources.

        Raises
        ------
        InputError
            The encoder cannot take these rows, or there is no source to fit it on.
        """
        encoder = self._fit(encoding)
        sources = {
            s.name: self._rows(encoder, encoding, s.X, s.fingerprints.X) for s in encoding.pool
        }
        centre, spread = scale_of(list(sources.values()))
        own = self._rows(encoder, encoding, target.X, target.fingerprints.X)

        def over(task: Any, features: Features) -> Any:
            rows = scaled(features, centre, spread)
            return task.with_rows(rows, encoding.fingerprint(task.fingerprints.X))

        pool = SourcePool([over(source, sources[source.name]) for source in encoding.pool])
        return Encoded(over(target, own), pool)

    def _fit(self, encoding: Encoding) -> Any:
        key = encoder_key(encoding.encoder) if encoding.pretrained else encoding.key
        if key not in self._fitted:
            encoder = seeded_encoder(encoding)
            if not encoding.pretrained:
                rows = arrays.stack_rows([source.X for source in encoding.pool.by_fingerprint()])
                encoder = encoder.fit(rows)
            if isinstance(encoder, RawEncoder):
                kept = CachedEncoder(encoder, self.folder, self.max_mb)
                kept.encoder_ = encoder  # it is fitted; a copy would have to be fitted again
                encoder = kept
            self._fitted[key] = encoder
        return self._fitted[key]

    def _rows(self, encoder: Any, encoding: Encoding, X: Any, of_rows: str) -> Features:
        key = (str(id(encoder)), of_rows)
        if key not in self._features:
            found = finite_features(encoder.transform(X), type(encoding.encoder).__name__)
            if found.ndim != 2 or len(found) != arrays.n_rows(X):
                raise InputError(
                    f"gives features of shape {found.shape} for {arrays.n_rows(X)} rows",
                    where=type(encoding.encoder).__name__,
                )
            self.n_encoded += int(getattr(encoder, "n_encoded_", len(found)))
            self.n_read += int(getattr(encoder, "n_read_", 0))
            self.n_damaged += int(getattr(encoder, "n_damaged_", 0))
            self._features[key] = found
        return self._features[key]


def planned_task(target: Target, encoding: Encoding) -> tuple[Target, SourcePool]:
    """Return a task as it will be after encoding, as far as a plan needs it, encoding nothing.

    The features are one column of zeros that takes no memory; fingerprints are the final ones.
    """

    def stub(task: Any) -> Any:
        rows = np.broadcast_to(np.zeros((1, 1), dtype=np.float32), (task.n_rows, 1))
        return task.with_rows(rows, encoding.fingerprint(task.fingerprints.X))

    return stub(target), SourcePool(
        [stub(s) for s in encoding.pool], unusable=encoding.pool.unusable
    )


def check_encoder(target: Target, pool: SourcePool, encoder: Any) -> None:
    """Refuse a task that cannot be had under an encoder, as far as can be told without encoding.

    Raises
    ------
    InputError
        Rows are raw and nothing encodes them, the encoder takes other inputs, or nothing is there
        to fit it on.
    """
    if encoder is None:
        if arrays.kind_of(target.X) == "raw":
            raise InputError(
                "its inputs are raw (texts, images), and methods need features",
                remedy="name an encoder",
            )
        return
    if not pool.n_sources:
        raise InputError(
            "it has no source with rows, and the encoder's features are scaled by the sources",
            remedy="give it a source",
        )
    if isinstance(encoder, SentenceEncoder):
        try:
            texts_of(arrays.take_rows(target.X, slice(0, 1)), "SentenceEncoder")
        except PriorliftError as error:
            raise InputError(f"the encoder takes texts: {error}") from error


def scale_of(parts: Sequence[Features]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of the columns of stacked features; a constant column has 1."""
    rows = np.concatenate(parts).astype(np.float64)
    spread = rows.std(axis=0)
    spread[spread < 1e-12] = 1.0
    return rows.mean(axis=0), spread


def scaled(
    features: Features, centre: NDArray[np.float64], spread: NDArray[np.float64]
) -> Features:
    """Return features less a mean, in units of a deviation."""
    return ((features - centre) / spread).astype(np.float32)


def seeded_encoder(encoding: Encoding) -> Any:
    """Return the encoder of a task, unfitted and seeded, unless the user has seeded it."""
    if encoding.pretrained:
        return encoding.encoder
    found = clone(encoding.encoder)
    if "random_state" in found.get_params(deep=False) and found.random_state is None:
        found.set_params(random_state=encoding.seed)
    return found


def seed_of_encoder(seed: int, name: str) -> int:
    """Return the seed of an encoder that was not seeded."""
    return derive_seed(seed, "encoder", name)
