"""Inputs of more than two dimensions: images or recordings as arrays, for a network of their kind.

They go past preprocessing and alignment of columns, which know tables alone, to the estimator's own
`encoder`. Tables are handled as in every transfer estimator.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.pool import Source
from priorlift.transfer.base import Rows, TransferClassifier


class RawInputClassifier(TransferClassifier):
    """Base of classifiers whose `encoder`, where one is given, takes arrays of any shape."""

    encoder: Any = None

    def _check_X(self, X: Any, *, reset: bool) -> Any:
        if reset:
            self._input_shape: tuple[int, ...] | None = None
        if not _is_raw(X):
            return super()._check_X(X, reset=reset)
        if self.encoder is None:
            raise InputError(
                f"Found array with dim {X.ndim}, while dim <= 2 is required",
                remedy="pass an encoder that takes such inputs, or X.reshape(len(X), -1)",
            )
        X = validate_data(self, X, reset=reset, allow_nd=True, ensure_2d=False, dtype="numeric")
        if reset:
            self._columns, self._input_shape = None, X.shape[1:]
        self._require_shape(X, "X")
        return X

    def _require_shape(self, X: Any, where: str) -> None:
        found = X.shape[1:] if _is_raw(X) else None
        if found != self._input_shape:
            raise InputError(
                f"has inputs of shape {X.shape[1:]}, the target of {self._input_shape}",
                where=where,
                remedy="bring all inputs to one shape",
            )

    def _matched(self, source: Source) -> Source:
        if self._input_shape is None and not _is_raw(source.X):
            return super()._matched(source)
        self._require_shape(source.X, f"source {source.name!r}")
        self.n_dropped_columns_[source.name] = 0
        return source

    def _fit_preprocess(self, target: Rows, sources: Iterable[Rows]) -> None:
        if self._input_shape is None:
            super()._fit_preprocess(target, sources)
        else:
            self.preprocess_ = None

    def _encode(self, rows: Rows) -> Rows:
        if self._input_shape is None:
            return super()._encode(rows)
        where = f"source {rows.name!r}" if rows.fingerprint else "the target"
        return replace(rows, X=_finite(rows.X, where))

    def _model_input(self, X: Any) -> Any:
        check_is_fitted(self, "model_")
        if self._input_shape is None and not _is_raw(X):
            return super()._model_input(X)
        return self._check_X(X, reset=False)


def _is_raw(X: Any) -> bool:
    return getattr(X, "ndim", 2) > 2 and not arrays.is_frame(X)


def _finite(X: Any, where: str) -> Any:
    return check_array(X, allow_nd=True, ensure_2d=False, dtype="numeric", input_name=where)
