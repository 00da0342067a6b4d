"""What all encoders of raw inputs share: checked inputs, checked features, a fingerprint.

An encoder turns texts, images or other raw inputs into float32 features. Its features of a row
depend on that row alone, so that they can be computed in any batches and kept; its fingerprint says
what they depend on beside the row: settings, weights, preprocessing.
"""

import hashlib
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from priorlift.core import arrays
from priorlift.core.errors import InputError, InputTypeError
from priorlift.core.own_code import own_code


class RawEncoder(TransformerMixin, BaseEstimator):
    """Base of the encoders; a subclass implements `_encode` and `_content`.

    Attributes
    ----------
    fingerprint : str
        Hash of all that the features of a row depend on, beside the row and the libraries.
    libraries : tuple of str
        Distributions whose versions may change the features.
    """

    libraries: ClassVar[tuple[str, ...]] = ("numpy",)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Return the encoder; its weights are fixed.

        Parameters
        ----------
        X, y : ignored
            Present for scikit-learn.
        """
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the features of each row.

        Parameters
        ----------
        X : raw inputs, n rows
            As the encoder's class says.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        InputError
            There are no rows, an input is missing, or a feature comes out NaN or infinite.
        """
        if arrays.n_rows(X) == 0:
            raise InputError("there are no rows to encode", where=type(self).__name__)
        return finite_features(self._encode(X), type(self).__name__)

    @property
    def fingerprint(self) -> str:
        """Hash of all that the features of a row depend on, beside the row and the libraries."""
        content = [type(self).__qualname__, *self._content()]
        if code := own_code(type(self)):
            content.append(code)
        return hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()

    @abstractmethod
    def _encode(self, X: Any) -> Any:
        """Return the features of rows that are there, shape (n, d)."""

    @abstractmethod
    def _content(self) -> list[str]:
        """Return what the features depend on, as text."""

    def __sklearn_is_fitted__(self) -> bool:
        return True


def finite_features(features: Any, encoder: str) -> NDArray[np.float32]:
    """Return features as float32, refusing NaN and infinity.

    Parameters
    ----------
    features : array-like of shape (n, d)
        What an encoder computed.
    encoder : str
        Named in the error.

    Raises
    ------
    InputError
        A value is not finite; the message names the encoder and the row.
    """
    if sp.issparse(features):
        features = features.toarray()
    found = np.ascontiguousarray(features, dtype=np.float32)
    good = np.isfinite(found).all(axis=1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise InputError(
            "gives features that are NaN or infinite",
            where=f"{encoder}, row {row}",
            cause="an input far from what the network was trained on, or damaged weights",
            remedy="look at that row, and at the weights",
        )
    return found


def texts_of(X: Any, encoder: str) -> list[str]:
    """Return texts as a list of strings.

    Parameters
    ----------
    X : sequence of str, array of str, series, or frame of one column
        The texts.
    encoder : str
        Named in errors.

    Raises
    ------
    InputError
        A text is missing.
    InputTypeError
        A value is no text, or there are several columns.
    """
    if arrays.is_frame(X):
        names = arrays.column_names(X) or ()
        if len(names) != 1:
            raise InputTypeError(
                f"a table of {len(names)} columns is no list of texts",
                where=encoder,
                remedy="pass one column",
            )
        values: Any = arrays.column_values(X, names[0])
    elif isinstance(X, str):
        raise InputTypeError("one text was passed", where=encoder, remedy="pass a list of texts")
    elif isinstance(X, list | tuple):
        values = list(X)
    else:
        values = arrays.to_vector(X)
        values = values.reshape(-1) if values.ndim == 2 and values.shape[1] == 1 else values
        values = values.tolist()
    for row, value in enumerate(values):
        if arrays.is_missing(value):
            raise InputError(
                "the text is missing", where=f"{encoder}, row {row}", remedy="drop it, or pass ''"
            )
        if not isinstance(value, str):
            raise InputTypeError(
                f"expected a text, not {type(value).__name__}", where=f"{encoder}, row {row}"
            )
    return list(values)


def digest_of_files(paths: Mapping[str, Path]) -> str:
    """Hash the content of files under the names by which they count; 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(paths):
        digest.update(f"{name}:{paths[name].stat().st_size}:".encode())
        with paths[name].open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def code_of(function: Callable[..., Any] | type | None) -> str:
    """Describe a function or class by its name and source, for a fingerprint.

    Raises
    ------
    InputError
        It has no name by which it could be found again, as a lambda, or no source.
    """
    if function is None:
        return "none"
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    if "<" in name or name.endswith("."):
        raise InputError(
            f"{name} cannot be described by its content, so its features cannot be kept",
            remedy="use a named function of a module",
        )
    try:
        return f"{name}\n{inspect.getsource(function)}"
    except (OSError, TypeError):
        return name
