"""Memory: how much the rows held along one path of the tree take, and when that is too much."""

from typing import Any

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.memory import available_memory, readable
from priorlift.search.sharing import size_of


class MemoryRefusedError(InputError):
    """The rows that a search must hold at once do not fit into the memory that it may take."""


class Meter:
    """Counts the bytes of the arrays that are held, and refuses what passes a limit.

    Parameters
    ----------
    limit : int or None
        Bytes that may be held at once; None sets no limit.

    Attributes
    ----------
    held, peak : int
        Bytes held now, and at most so far. What fits and transforms take for themselves in passing
        is not counted.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.held = 0
        self.peak = 0

    def hold(self, *values: Any, who: str = "the rows of a fold") -> int:
        """Count some values as held; return their bytes, to be released with `release`.

        Raises
        ------
        MemoryRefusedError
            The limit would be passed; the message has the numbers.
        """
        size = sum(size_of(value) for value in values)
        self.held += size
        self.peak = max(self.peak, self.held)
        if self.limit is not None and self.held > self.limit:
            held, self.held = self.held, self.held - size
            raise MemoryRefusedError(
                f"the search would hold {readable(held)} at once, its limit is "
                f"{readable(self.limit)}",
                where=who,
                cause="transformed rows are kept until the last setting below them is done",
                remedy="raise memory_limit, use fewer workers, or put the widest step last",
            )
        return size

    def release(self, size: int) -> None:
        """Count bytes as given back."""
        self.held -= size


def announced_bytes(X: Any, depth: int, n_workers: int) -> int:
    """Estimate what a search holds at once, if its transformers keep the size of the rows.

    Parameters
    ----------
    X : array-like
        All rows.
    depth : int
        Number of transformers on the longest path.
    n_workers : int
        How many paths are walked at the same time.

    Notes
    -----
    Rows are counted with at least eight bytes a value, because most transformers give float64.
    """
    size, columns = size_of(X), arrays.n_columns(X)
    if depth and columns is not None and not hasattr(X, "indptr"):
        size = max(size, arrays.n_rows(X) * columns * 8)
    return size * (depth + 1) * n_workers


def refuse_too_much(announced: int, limit: int | None) -> None:
    """Refuse a search before it starts if it cannot fit.

    Raises
    ------
    MemoryRefusedError
        With what it would take and what there is.
    """
    allowed = available_memory() if limit is None else limit
    if announced > allowed:
        raise MemoryRefusedError(
            f"the search would hold about {readable(announced)} at once, it may take "
            f"{readable(allowed)}",
            cause="every worker keeps the rows of one fold after each transformer on its path",
            remedy="use fewer workers, fewer rows, or smaller dtypes",
        )
