"""The score that draws no straight lines: what the nearest neighbours of a row say about it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.labels import Floats, TaskKind
from priorlift.ranking.scores.inputs import (
    check_lengths,
    label_columns,
    sample_rows,
    several_classes,
    varied_rows,
)

BLOCK_CELLS = 2**22
TIE = 1e-9
TIE_OF_ROWS = 1e-13
ROUNDING = 8.0 * float(np.finfo(np.float32).eps)


def knn(
    F: Any,
    y: ArrayLike,
    *,
    task: TaskKind = "classification",
    n_neighbors: int = 5,
    balanced: bool = False,
    max_rows: int = 5000,
    random_state: RandomState = 0,
) -> float:
    """Return how well each row's label follows from its nearest neighbours, itself left out.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        The target's rows in the source's features.
    y : array-like of shape (n,) or, for a regression, (n, k)
        Labels.
    task : {"classification", "regression"}
        What they are.
    n_neighbors : int, default=5
        Neighbours that vote; 3 to 5 are usual. All rows at the distance of the last of them vote
        too, so duplicates are treated alike.
    balanced : bool, default=False
        Average the accuracy over classes and not over rows. A class of one row counts as missed.
    max_rows : int, default=5000
        A larger data set is sampled.
    random_state : int, RandomState or None
        Seeds the sample.

    Returns
    -------
    float
        Classification: accuracy in [0, 1]; where m classes have the most votes, each gets 1/m.
        Regression: the coefficient of determination, at most 1, averaged over columns. Larger is
        better; invariant to the scale of all features together, not of one of them.

    Raises
    ------
    InputError
        There are no more rows than neighbours, labels or features are constant or not finite, or
        lengths differ.

    Notes
    -----
    Our choice of an old idea: ties share, so that neither the order of rows nor that of classes
    matters. O(n² d), by blocks of about 16 MB of distances, in float32; what
    they leave open is settled in float64.

    Examples
    --------
    >>> import numpy as np
    >>> F = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    >>> knn(F, [0, 0, 0, 1, 1, 1], n_neighbors=2)
    1.0
    """
    rows = varied_rows(F, "kNN", least=2)
    codes = several_classes(y, "kNN") if task == "classification" else None
    labels = label_columns(y, task, "kNN") if codes is None else codes
    check_lengths(rows, labels)
    if not 1 <= n_neighbors < len(rows):
        raise InputError(f"there are {len(rows)} rows for {n_neighbors} neighbours of each")
    chosen = sample_rows(rows, max(max_rows, n_neighbors + 1), base_seed(random_state), codes)
    rows, columns = rows[chosen], label_columns(labels[chosen], task, "kNN")
    votes = np.concatenate([near @ columns for near in _neighbourhoods(rows, n_neighbors)])
    if task == "regression":
        return _determination(columns, votes)
    return _accuracy(columns.astype(bool), votes, balanced)


def _neighbourhoods(rows: Floats, n_neighbors: int) -> Iterator[Any]:
    """Yield the weights of all rows in the votes on a block of rows, shape (m, n), summing to 1.

    Who could be a neighbour is seen in float32, in half the time; who is one, in float64.
    """
    centred = rows - rows.mean(axis=0)
    centred /= np.abs(centred).max()
    squares = np.einsum("ij,ij->i", centred, centred)
    single, single_squares = centred.astype(np.float32), squares.astype(np.float32)
    # Rounding of a product in float32 grows like the root of its length.
    doubt = ROUNDING * np.sqrt(rows.shape[1]) * (squares + squares.max())
    step = max(1, BLOCK_CELLS // len(rows))
    for start in range(0, len(rows), step):
        block = np.arange(start, min(start + step, len(rows)))
        rough = single[block] @ single.T
        rough *= -2.0
        rough += single_squares
        rough += single_squares[block, None]
        rough[block - start, block] = np.inf
        last = np.partition(rough, n_neighbors - 1, axis=1)[:, n_neighbors - 1]
        first, second = np.nonzero(rough <= (last + doubt[block])[:, None])
        yield _weights(centred, squares, block, first, second, n_neighbors)


def _weights(
    rows: Floats,
    squares: Floats,
    block: NDArray[np.intp],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    n_neighbors: int,
) -> sparse.csr_array:
    """Keep of the pairs (place in the block, row), ordered by place, those that are neighbours."""
    distances = np.empty(len(first))
    step = max(1, BLOCK_CELLS // rows.shape[1])
    for start in range(0, len(first), step):
        pairs = slice(start, start + step)
        apart = rows[block[first[pairs]]] - rows[second[pairs]]
        distances[pairs] = np.einsum("ij,ij->i", apart, apart)
    starts = np.searchsorted(first, np.arange(len(block)))
    last = distances[np.lexsort((distances, first))][starts + n_neighbors - 1]
    # Equal distances differ by rounding: of the distance itself, and of the rows they are between.
    reach = (np.sqrt(last) * (1.0 + TIE) + np.sqrt(squares[block]) * TIE_OF_ROWS) ** 2
    near = distances <= reach[first]
    counts = np.bincount(first[near], minlength=len(block))
    weights = 1.0 / counts[first[near]]
    return sparse.csr_array((weights, (first[near], second[near])), (len(block), len(rows)))


def _accuracy(right: NDArray[np.bool_], votes: Floats, balanced: bool) -> float:
    winners = votes > votes.max(axis=1, keepdims=True) - TIE
    hits = (winners & right).sum(axis=1) / winners.sum(axis=1)
    return float((hits @ right / right.sum(axis=0)).mean() if balanced else hits.mean())


def _determination(columns: Floats, predicted: Floats) -> float:
    errors = np.square(columns - predicted).sum(axis=0)
    spread = np.square(columns - columns.mean(axis=0)).sum(axis=0)
    return float((1.0 - errors / spread).mean())
