"""What families ask about a block before they accept it: plain finite numbers, known weights."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays


def rows_reason(X: Any) -> str | None:
    """Return why rows cannot be used as a dense array of finite numbers; None if they can.

    Examples
    --------
    >>> rows_reason(np.ones((3, 2))) is None
    True
    >>> rows_reason([["a"], ["b"]])
    'the rows are no table of numbers'
    """
    kind = arrays.kind_of(X)
    if kind == "sparse":
        return "the rows are sparse"
    if kind == "raw":
        return "the rows are no table of numbers"
    values = np.asarray(X)
    if values.dtype.kind not in "fiub" or values.dtype.itemsize > 8 or not values.size:
        return "the rows are no table of numbers"
    if values.dtype == np.float16:
        return "the rows are float16"
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return "the rows hold NaN or infinity"
    return None


def as_float(X: Any) -> NDArray[Any]:
    """Return accepted rows as scikit-learn's estimators would: float32 stays, all else float64."""
    values = np.asarray(X)
    return values if values.dtype == np.float32 else values.astype(np.float64, copy=False)


def weights_reason(fit_params: Mapping[str, Any], n_rows: int) -> str | None:
    """Return why the metadata for `fit` cannot be used; None if it is at most usual weights."""
    unknown = set(fit_params) - {"sample_weight"}
    if unknown:
        return f"fit is given {', '.join(sorted(unknown))}"
    weights = fit_params.get("sample_weight")
    if weights is None:
        return None
    values = np.asarray(weights)
    if values.dtype.kind not in "fiub" or values.shape != (n_rows,):
        return "the weights are not one number a row"
    if not np.isfinite(values).all() or (values < 0).any() or not (values > 0).any():
        return "the weights are not finite, not negative and not all zero"
    return None


def is_number(value: Any, low: float = -np.inf, high: float = np.inf) -> bool:
    """Tell whether a setting is one finite real number within bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    number = float(value)
    return bool(np.isfinite(number)) and low <= number <= high


def is_count(value: Any, low: int = 1) -> bool:
    """Tell whether a setting is an integer of at least `low`."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        return False
    return int(value) >= low
