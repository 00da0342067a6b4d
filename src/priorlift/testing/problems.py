"""Small made-up problems: a scarce target, and sources of different worth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Source, SourcePool, Task

COLUMNS = ("age", "dose", "height", "site")


@dataclass(frozen=True)
class Problem:
    """A target's training rows, rows to predict, and a pool of sources.

    Attributes
    ----------
    X, X_new : ndarray of shape (24, 4) and (30, 4)
        Training rows and new rows.
    y : ndarray of shape (24,)
        Labels: two classes, or numbers.
    groups : ndarray of shape (24,)
        Six groups of four rows.
    pool : SourcePool
        Two sources: one of the same task, and one whose labels are shuffled.
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    groups: NDArray[np.int_]
    X_new: NDArray[np.float64]
    pool: SourcePool


def labels(X: NDArray[np.float64], task: Task, draws: np.random.Generator) -> NDArray[Any]:
    """Label rows: a noisy linear function of the columns, cut at 0 for classes."""
    signal = X[:, 0] - X[:, 1] + 0.3 * draws.normal(size=len(X))
    return (signal > 0).astype(int) if task == "classification" else signal


def make_problem(task: Task, seed: int = 0, source_rows: int = 40) -> Problem:
    """Draw a problem.

    Parameters
    ----------
    task : {"classification", "regression"}
        Of target and sources alike.
    seed : int, default=0
        Of all draws.
    source_rows : int, default=40
        Rows of each source.
    """
    draws = np.random.default_rng(seed)
    X, X_new = draws.normal(size=(24, 4)), draws.normal(size=(30, 4))
    y = labels(X, task, draws)
    if task == "classification":
        y[:4] = [0, 1, 0, 1]
    sources = []
    for name in ("related", "shuffled"):
        rows = draws.normal(size=(source_rows, 4))
        values = labels(rows, task, draws)
        if name == "shuffled":
            values = draws.permutation(values)
        sources.append(Source(name, rows, values))
    return Problem(X, y, np.repeat(np.arange(6), 4), X_new, SourcePool(sources))


def mixed_columns(rows: int, seed: int) -> dict[str, list[Any]]:
    """Draw a table of two numeric columns, one integer and one of text, with missing values."""
    draws = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {name: draws.normal(size=rows).tolist() for name in COLUMNS[:2]}
    columns["height"] = draws.integers(150, 200, rows).tolist()
    columns["site"] = draws.choice(["north", "south", "west"], rows).tolist()
    columns["age"][3] = None
    columns["site"][5] = None
    return columns


def libraries() -> dict[str, Callable[[dict[str, list[Any]]], Any]]:
    """Return how each installed data-frame library makes a frame from columns."""
    makers: dict[str, Callable[[dict[str, list[Any]]], Any]] = {}
    for library, maker in (("pyarrow", "table"), ("pandas", "DataFrame"), ("polars", "DataFrame")):
        try:
            makers[library] = getattr(__import__(library), maker)
        except ImportError:
            continue
    return makers
