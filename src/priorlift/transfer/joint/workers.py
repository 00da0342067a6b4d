"""Threads that share the work of a step; what comes out does not depend on how many there are.

Products of sparse and of dense rows let go of the interpreter, so threads run side by side. Each
thread has a whole product to itself and results are added in a fixed order, bit for bit as without
threads.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import numpy as np

T = TypeVar("T")
S = TypeVar("S")


class Workers:
    """Some threads, to be used in a `with` block.

    Parameters
    ----------
    n : int
        How many; with 1 everything is done where it is asked for.

    Examples
    --------
    >>> with Workers(2) as workers:
    ...     workers.map(abs, [-1, 2])
    [1, 2]
    """

    def __init__(self, n: int = 1) -> None:
        self._pool = ThreadPoolExecutor(n, initializer=_quiet) if n > 1 else None

    def map(self, task: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """Return the task's result for each item, in their order."""
        if self._pool is None:
            return [task(item) for item in items]
        return list(self._pool.map(task, items))

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


ALONE = Workers()
"""No further threads."""


def _quiet() -> None:
    # What overflows is seen by the loss; warnings of threads would not be held by `errstate`.
    np.seterr(all="ignore")
