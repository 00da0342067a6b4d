"""Turn rows into numbers, the same way for target and sources, or say why it cannot be done."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.encoders.table import TableEncoder, numbers_of
from priorlift.pool import SourcePool

RAW = "the target's inputs are raw, so its rows cannot be compared"
ENCODE = "pass encoder=, which turns the inputs of target and sources into features"


def stays_raw(X: Any, preprocess: Any) -> bool:
    """Tell whether inputs are raw (texts, images) and nothing is there to encode them.

    Parameters
    ----------
    X : raw inputs
        Of the target.
    preprocess : "auto", None or transformer
        How rows would be encoded.
    """
    unencoded = preprocess is None or isinstance(preprocess, str)
    return unencoded and not arrays.is_frame(X) and arrays.n_columns(X) is None


def fit_encoder(X: Any, preprocess: Any) -> Any:
    """Fit what encodes rows; None where nothing does.

    Raises
    ------
    InputError
        `preprocess` is an unknown word.
    """
    if preprocess is None:
        return None
    if isinstance(preprocess, str):
        if preprocess != "auto":
            raise InputError(
                f"preprocess is {preprocess!r}",
                remedy='"auto", None or a scikit-learn transformer',
            )
        return TableEncoder().fit(X)
    return clone(preprocess).fit(X)


def encode(encoder: Any, X: Any) -> Any:
    """Return rows as numbers.

    Raises
    ------
    InputError
        They cannot be encoded.
    """
    try:
        if encoder is not None:
            return encoder.transform(X)
        if arrays.is_frame(X):
            X = numbers_of(X)
        return check_array(X, accept_sparse="csr", dtype=float, input_name="X")
    except (TypeError, ValueError) as error:
        # A transformer of the caller's, or scikit-learn, may complain in its own way.
        raise InputError(f"its rows cannot be encoded: {error}") from error


def encoded(encoder: Any, X: Any) -> NDArray[Any]:
    """Return raw inputs as features by an encoder that is fitted already.

    Raises
    ------
    InputError
        The encoder fails, or returns something else than one finite row an input.
    """
    try:
        features = np.asarray(encoder.transform(X))
    except (TypeError, ValueError) as error:
        raise InputError(f"its rows cannot be encoded: {error}") from error
    if features.ndim != 2 or len(features) != arrays.n_rows(X):
        raise InputError(
            f"{encoder!r} made {features.shape} of {arrays.n_rows(X)} rows",
            remedy="an encoder returns one row of features an input",
        )
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise InputError(f"{encoder!r} returned NaN or infinity", where=f"row {row}")
    return features


def encoded_pool(encoder: Any, sources: SourcePool) -> SourcePool:
    """Return a pool whose rows are encoded; a source that cannot be is listed as unusable.

    Pretrained models stay as they are: they encode for themselves.
    """
    found, unusable = [], dict(sources.unusable)
    for source in sources:
        try:
            found.append(replace(source, X=encoded(encoder, source.X)))
        except InputError as error:
            unusable[source.name] = str(error)
    return SourcePool([*found, *sources.models], unusable=unusable)
