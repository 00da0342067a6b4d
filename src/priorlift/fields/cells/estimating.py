"""How long a transfer will take, told before one that takes long is started."""

from dataclasses import dataclass
from typing import Any

from priorlift.transfer.joint.settings import Settings

LONG = 600.0
"""Seconds from which on it is said."""

VALUE, PRODUCT, READ = 6e-8, 5e-9, 2e-7
"""Seconds on a core of 2023: a value in a step, a query cell against an anchor,
a value that is read and prepared."""


class LongTransferWarning(UserWarning):
    """Says, before it starts, how long a long transfer will take."""


@dataclass(frozen=True)
class Estimate:
    """Seconds on one core.

    Parameters
    ----------
    least, most : float
        Where types are in the references' proportions; and where they are in others, so that the
        first stage runs twice.
    """

    least: float
    most: float


def seconds(
    n_query: int, n_values: tuple[int, int], n_cells: int, settings: Settings, n_fits: int = 1
) -> Estimate:
    """Return about how long a transfer takes.

    Parameters
    ----------
    n_query, n_cells : int
        Query cells, and cells of all references.
    n_values : (int, int)
        Stored values of the query and of all references.
    settings : Settings
        Resolved.
    n_fits : int
        Fits, those that calibrate confidence included.

    Examples
    --------
    >>> seconds(1000, (10**6, 10**6), 1000, Settings()).most < LONG
    True
    """

    def stage(epochs: int) -> float:
        steps = max(1, settings.min_steps, n_query // settings.batch_size) * epochs
        per_cell = n_values[0] / max(n_query, 1) + n_values[1] / max(n_cells, 1)
        return (
            steps * settings.batch_size * per_cell * VALUE
            + n_query * n_cells * PRODUCT
            + sum(n_values) * VALUE
        )

    first = stage(settings.epochs[0])
    once = first + (stage(settings.epochs[1]) if settings.stage3 else 0.0)
    members = n_fits * settings.n_members
    least = members * once + n_fits * sum(n_values) * READ
    return Estimate(least, least + members * first * settings.match_levels)


def said(found: Estimate, shapes: str) -> str:
    """Return the estimate in words, or nothing where it is short."""
    if found.most < LONG:
        return ""
    text = f"this transfer of {shapes} will take about {_minutes(found.least)} minutes on one core"
    if _minutes(found.most) == _minutes(found.least):
        return text
    return f"{text}, {_minutes(found.most)} where types turn out to be in other proportions"


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60)):,}"


def values_of(X: Any) -> int:
    """Return how many values a CSR matrix stores."""
    return int(X.indptr[-1]) if hasattr(X, "indptr") else int(X.size)
