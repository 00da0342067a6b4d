"""Assertions that say what was expected; plain `AssertionError`, so that pytest is not needed."""

from collections.abc import Callable
from typing import Any

import numpy as np


def require(condition: Any, message: str) -> None:
    """Raise `AssertionError` with a message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def require_equal(found: Any, expected: Any, message: str) -> None:
    """Raise `AssertionError` unless two arrays are equal bit for bit, NaN included."""
    if not np.array_equal(found, expected, equal_nan=np.asarray(found).dtype.kind == "f"):
        raise AssertionError(f"{message}:\n{found}\nis not\n{expected}")


def require_error(
    call: Callable[[], Any], kinds: type[Exception] | tuple[type[Exception], ...], *words: str
) -> None:
    """Raise `AssertionError` unless a call raises one of some errors, with words in its message."""
    try:
        call()
    except kinds as error:
        missing = [word for word in words if word not in str(error)]
        require(not missing, f"the error does not say {missing}: {error}")
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} instead of {kinds}: {error}") from error
    else:
        raise AssertionError(f"nothing was raised instead of {kinds}")
