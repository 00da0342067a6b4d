"""Mixed tables become a float matrix: numbers are imputed and scaled, categories one-hot encoded.

What is learned (medians, scales, categories) comes from the rows passed to `fit` alone. Sparse
input is scaled but never centred, so that it stays sparse.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Self

import narwhals as nw
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from priorlift.core import arrays
from priorlift.core.errors import InputError

MISSING = "(missing)"


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table, dense array or sparse matrix as features of mean 0 and variance 1.

    Numeric columns get their median in place of missing values and are standardised. Text,
    categorical and truth-value columns are one-hot encoded, a missing value being a category of its
    own and an unseen category all zeros. Dates, times and durations count as numbers. Sparse
    matrices are divided by their standard deviation.

    Parameters
    ----------
    max_categories : int, default=30
        Rarer categories of a column share one indicator beyond this number.

    Attributes
    ----------
    numeric_columns_, categorical_columns_ : list of str
        Which columns of a frame are encoded how.
    n_features_out_ : int
        Width of the encoded matrix.

    Notes
    -----
    O(n d) time. `sample_weight` enters means and variances, not medians.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"age": [30.0, None, 50.0], "sex": ["f", "m", None]})
    >>> TableEncoder().fit_transform(table).shape
    (3, 4)
    """

    def __init__(self, max_categories: int = 30) -> None:
        self.max_categories = max_categories

    def fit(self, X: Any, y: Any = None, sample_weight: NDArray[Any] | None = None) -> Self:
        """Learn medians, scales and categories.

        Parameters
        ----------
        X : frame, dense array or sparse matrix of n rows
            The rows to learn from.
        y : ignored
            Present for scikit-learn.
        sample_weight : ndarray of shape (n,), optional
            Weights of the rows.
        """
        self.kind_ = arrays.kind_of(X)
        self.numeric_columns_, self.categorical_columns_ = _split_columns(X)
        self.imputer_ = SimpleImputer(strategy="median", keep_empty_features=True)
        self.scaler_ = StandardScaler(with_mean=self.kind_ != "sparse")
        self.one_hot_ = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=self.max_categories,
            sparse_output=False,
        )
        if self.kind_ == "sparse":
            numbers = sp.csr_matrix(X, dtype=float)
            _require_finite(numbers.data, "X")
        else:
            numbers = self._numbers(X)
            if numbers.shape[1]:
                numbers = self.imputer_.fit_transform(numbers)
        if numbers.shape[1]:
            self.scaler_.fit(numbers, sample_weight=sample_weight)
        self.n_features_out_ = int(numbers.shape[1])
        if self.n_features_out_ == 0 and not self.categorical_columns_:
            raise InputError("X has 0 feature(s)", remedy="pass at least one column")
        if self.categorical_columns_:
            self.one_hot_.fit(self._categories(X))
            self.n_features_out_ += len(self.one_hot_.get_feature_names_out())
        return self

    def transform(self, X: Any) -> Any:
        """Encode rows with what was learned.

        Returns
        -------
        ndarray or CSR matrix of shape (n, n_features_out_)

        Raises
        ------
        InputError
            A value is infinite, or a column that was numeric holds text.
        """
        check_is_fitted(self)
        if self.kind_ == "sparse":
            numbers = sp.csr_matrix(X, dtype=float)
            _require_finite(numbers.data, "X")
            return self.scaler_.transform(numbers)
        parts = []
        numbers = self._numbers(X)
        if numbers.shape[1]:
            parts.append(self.scaler_.transform(self.imputer_.transform(numbers)))
        if self.categorical_columns_:
            parts.append(self.one_hot_.transform(self._categories(X)))
        return np.hstack(parts) if len(parts) > 1 else parts[0]

    def _numbers(self, X: Any) -> NDArray[np.float64]:
        if sp.issparse(X):
            X = X.toarray()
        if arrays.is_frame(X):
            # Learned on an array, without names: columns match by position.
            return numbers_of(X, self.numeric_columns_ if self.kind_ == "frame" else None)
        if self.categorical_columns_:
            raise InputError(
                f"an array has no text column {self.categorical_columns_[0]!r}, the target has",
                remedy="pass a data frame with the target's columns",
            )
        numbers = np.array(X, dtype=float)
        _require_finite(numbers, "X")
        return numbers

    def _categories(self, X: Any) -> NDArray[Any]:
        frame = nw.from_native(X, eager_only=True)
        columns = [
            [_as_text(v) for v in frame.get_column(name).to_list()]
            for name in self.categorical_columns_
        ]
        return np.array(columns, dtype=object).T

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def numbers_of(X: Any, columns: Sequence[str] | None = None) -> NDArray[np.float64]:
    """Return columns of a frame as a float matrix, missing values as NaN.

    Parameters
    ----------
    X : frame of n rows
        The table.
    columns : sequence of str, optional
        Which columns; by default all.

    Raises
    ------
    InputError
        A column holds text or an infinite value.
    """
    frame = nw.from_native(X, eager_only=True)
    names = list(frame.columns if columns is None else columns)
    numbers = np.empty((len(frame), len(names)))
    for position, name in enumerate(names):
        numbers[:, position] = _to_float(frame.get_column(name))
        _require_finite(numbers[:, position], f"column {name!r}")
    return numbers


def _split_columns(X: Any) -> tuple[list[str], list[str]]:
    numeric: list[str] = []
    categorical: list[str] = []
    if arrays.is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        for name, dtype in frame.schema.items():
            is_number = dtype.is_numeric() or dtype.is_temporal()
            (numeric if is_number else categorical).append(name)
    return numeric, categorical


def _to_float(column: Any) -> NDArray[np.float64]:
    if column.dtype.is_temporal():
        return np.array([_ticks(value) for value in column.to_list()], dtype=float)
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return np.asarray(column.cast(nw.Float64).to_numpy(), dtype=float)
    values = np.full(len(column), np.nan)
    for row, value in enumerate(column.to_list()):
        try:
            values[row] = np.nan if arrays.is_missing(value) or value == "" else float(value)
        except (TypeError, ValueError):
            raise InputError(
                f"holds {value!r} where the target has numbers",
                where=f"column {column.name!r}, row {row}",
                remedy="clean the value, or make the column text everywhere",
            ) from None
    return values


def _as_text(value: Any) -> str:
    return MISSING if arrays.is_missing(value) else str(value)


def _ticks(value: Any) -> float:
    """Return seconds since 1970, since midnight, or of a duration; NaN where there is none."""
    if arrays.is_missing(value):
        return np.nan
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        value = datetime.combine(date(1970, 1, 1), value)
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return float((value.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds())


def _require_finite(numbers: NDArray[np.float64], where: str) -> None:
    if np.isinf(numbers).any():
        row = int(np.argwhere(np.isinf(numbers))[0][0])
        raise InputError(
            "Input X contains infinity",
            where=f"{where}, row {row}",
            remedy="replace it by a missing value",
        )
