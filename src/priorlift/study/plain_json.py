"""Results as JSON that any reader takes: sorted keys, and null where a number is not finite."""

import json
import math
from collections.abc import Mapping
from typing import Any


def plain_json(document: Any) -> str:
    """Write a document of plain values as JSON; NaN and infinities become null.

    Examples
    --------
    >>> print(plain_json({"b": float("nan"), "a": 1.5}))
    {
     "a": 1.5,
     "b": null
    }
    """
    return json.dumps(_finite(document), sort_keys=True, indent=1)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
