"""How long a transfer will take, told before one that takes long is started."""

from typing import Any

from priorlift.transfer.joint.settings import Settings

LONG = 600.0
"""Seconds from which on it is said."""

VALUE, PRODUCT, READ = 6e-8, 5e-9, 2e-7
"""Seconds on a core of 2023: a value in a step, a query cell against an anchor,
a value that is read and prepared."""


class LongTransferWarning(UserWarning):
    """Says, before it starts, how long a long transfer will take."""


def seconds(n_query: int, n_values: tuple[int, int], n_cells: int, settings: Settings) -> float:
    """Return about how long a transfer takes.

    Parameters
    ----------
    n_query, n_cells : int
        Query cells, and cells of all references.
    n_values : (int, int)
        Stored values of the query and of all references.
    settings : Settings
        Resolved.

    Examples
    --------
    >>> bool(seconds(1000, (10**6, 10**6), 1000, Settings()) < LONG)
    True
    """
    steps = max(1, settings.min_steps, n_query // settings.batch_size)
    steps *= sum(settings.epochs if settings.stage3 else settings.epochs[:1])
    per_cell = n_values[0] / max(n_query, 1) + n_values[1] / max(n_cells, 1)
    votes = 2 if settings.stage3 else 1
    once = (
        steps * settings.batch_size * per_cell * VALUE
        + votes * n_query * n_cells * PRODUCT
        + votes * sum(n_values) * VALUE
    )
    return once * settings.n_members + sum(n_values) * READ


def said(found: float, shapes: str) -> str:
    """Return the estimate in words, or nothing where it is short."""
    if found < LONG:
        return ""
    return f"this transfer of {shapes} will take about {found / 60:,.0f} minutes on one core"


def values_of(X: Any) -> int:
    """Return how many values a CSR matrix stores."""
    return int(X.indptr[-1]) if hasattr(X, "indptr") else int(X.size)
