"""How unlike every known cell a query cell is, and how often a known cell is as unlike.

The network was trained to pull the query onto the references, so distances in its embedding
understate what is new. Three signals are added: distance to known cells in principal components of
both sides' values, which no label has moved; there too, how much nearer a cell and its fellows of
the query are to each other than to known cells (a new type is a group of its own, a loose known
type is not); and, with half the weight, distance in the embedding.

Each signal is taken relative to the bulk of the query, its median and interquartile range, since
modalities lie apart. What known cells show is seen on one half of the references held against the
other. Where there are columns beside the genes, proteins say, they alone are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from priorlift.transfer.joint import neighbours
from priorlift.transfer.joint.sparse_batches import Cells
from priorlift.transfer.joint.workers import ALONE, Workers

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

WEIGHTS = (1.0, 1.0, 0.5)
"""Of distance and separation in components, and of distance in the embedding; chosen on halves of a
query of proteins, with one type left out of the reference at a time."""
N_COMPONENTS, N_EXTRA, N_POWERS = 30, 10, 4
N_NEIGHBOURS, N_FELLOWS, N_NEAR = 30, 30, 15
MOST_CELLS = 10_000
"""Cells of a side that are looked at: known ones, fellows, rows behind the components."""
FLOOR = 1e-3
"""Least distance, in lengths of a row, that is told from none."""
QUANTILES = np.linspace(0.0, 1.0, 201)


@dataclass(frozen=True)
class Known:
    """Cells of known type: prepared rows, and their rows in the embedding, of length 1."""

    cells: Cells
    embedding: Matrix


class Novelty(BaseEstimator):
    """What is kept for new rows of the query's kind.

    Parameters
    ----------
    basis : ndarray of float32, shape (width, d)
        From prepared values to principal components.
    anchors : ndarray of float32, shape (m, d)
        Known cells in components, rows of length 1.
    fellows : ndarray of float32, shape (n, d)
        Cells of the query, likewise.
    apart : ndarray of shape (n,)
        How much nearer each of these is to its fellows than to known cells, in logarithms.
    middle : ndarray of shape (3,)
        Median of each signal over the query.
    spread : ndarray of shape (3,)
        Interquartile range of each signal over the query.
    of_sums : ndarray of shape (2,)
        The same of the weighted sums. Signals may go together more in a query that is shifted, so
        known cells' sums are compared relative to their bulk as well.
    levels : ndarray of shape (201,)
        Quantiles of the sum over known cells.
    """

    def __init__(
        self,
        basis: Matrix,
        anchors: Matrix,
        fellows: Matrix,
        apart: Floats,
        middle: Floats,
        spread: Floats,
        of_sums: Floats,
        levels: Floats,
    ) -> None:
        self.basis = basis
        self.anchors = anchors
        self.fellows = fellows
        self.apart = apart
        self.middle = middle
        self.spread = spread
        self.of_sums = of_sums
        self.levels = levels

    @classmethod
    def of(
        cls,
        query: Cells,
        known: Sequence[Known],
        distance: Floats,
        seed: int,
        workers: Workers = ALONE,
    ) -> tuple["Novelty", Floats]:
        """Learn it from a query and the known cells of each data set; return the query's, too.

        Parameters
        ----------
        query : Cells
            All rows of the query.
        known : sequence of Known
            Of each reference, and of the query's labelled rows.
        distance : ndarray of shape (n,)
            Of the query's rows to their neighbours in the embedding.
        seed : int
            Chooses what is looked at of many cells.
        workers : Workers
            Share rows.

        Notes
        -----
        O(n m d) for n query cells and m known ones, of which 10,000 at most are looked at.
        """
        rng = np.random.default_rng(seed)
        query = looked_at(query)
        known = [Known(looked_at(one.cells), one.embedding) for one in known]
        some = [_some(len(one.embedding), rng, len(known)) for one in known]
        rows = _some(query.n_rows, rng)
        sides = [(query, rows), *((k.cells, at) for k, at in zip(known, some, strict=True))]
        basis = components(sides, rng)
        parts = [projected(k.cells, basis, at) for k, at in zip(known, some, strict=True)]
        anchors = np.concatenate(parts)
        embedded = np.concatenate([k.embedding[at] for k, at in zip(known, some, strict=True)])
        fellows = projected(query, basis, rows)
        made = cls(basis, anchors, fellows, *(np.zeros(0),) * 5)
        made.apart = _apart(fellows, fellows, anchors, workers)
        seen = made._signals(projected(query, basis, None, workers), distance, workers)
        shown = _shown_by_known(anchors, embedded, rng, workers)
        made.middle, made.spread = _bulk(seen)
        made.of_sums = np.array(_bulk(_sums(seen, made.middle, made.spread)))
        total = _sums(shown, *_bulk(shown))
        middle, spread = _bulk(total)
        total = (total - middle) / spread
        # Strictly rising, as interpolation needs.
        made.levels = np.quantile(total, QUANTILES) + 1e-12 * np.arange(len(QUANTILES))
        return made, made._shares(seen)

    def of_rows(self, cells: Cells, distance: Floats) -> Floats:
        """Return the share of known cells that are less unlike the others, from 0 to 1.

        Parameters
        ----------
        cells : Cells
            Prepared rows of the query's kind.
        distance : ndarray of shape (n,)
            To their neighbours in the embedding.
        """
        return self._shares(self._signals(projected(looked_at(cells), self.basis), distance))

    def _shares(self, seen: Floats) -> Floats:
        total = _sums(seen, self.middle, self.spread)
        middle, spread = self.of_sums
        return np.asarray(np.interp((total - middle) / spread, self.levels, QUANTILES))

    def _signals(self, rows: Matrix, distance: Floats, workers: Workers = ALONE) -> Floats:
        """Return the three signals of rows in components, shape (n, 3)."""
        away = neighbours.nearest(rows, self.anchors, N_NEIGHBOURS, workers)[1].mean(axis=1)
        found = neighbours.nearest(rows, self.fellows, N_FELLOWS, workers)[0]
        return np.column_stack([_log(away), self.apart[found].mean(axis=1), _log(distance)])


def _sums(signals: Floats, middle: Floats, spread: Floats) -> Floats:
    return np.asarray(((signals - middle) / spread) @ np.array(WEIGHTS))


def _bulk(signals: Floats) -> tuple[Any, Any]:
    """Return medians and interquartile ranges over rows."""
    low, middle, high = np.quantile(signals, (0.25, 0.5, 0.75), axis=0)
    return middle, np.maximum(high - low, 1e-3)


def looked_at(cells: Cells) -> Cells:
    """Return the columns that are looked at: those beside the genes where there are some."""
    if not cells.extra.shape[1]:
        return cells
    return Cells(np.zeros((cells.n_rows, 0), dtype=np.float32), cells.extra)


def _apart(rows: Matrix, fellows: Matrix, anchors: Matrix, workers: Workers) -> Floats:
    """Return logarithms of distance to anchors over distance to fellows; 0 for a cell alone."""
    if len(fellows) < 2:
        return np.zeros(len(rows))
    # The nearest fellow of a fellow is itself.
    near = neighbours.nearest(rows, fellows, N_NEAR + 1, workers)[1][:, 1:].mean(axis=1)
    away = neighbours.nearest(rows, anchors, N_NEAR, workers)[1].mean(axis=1)
    return np.asarray(np.log((away.astype(float) + FLOOR) / (near + FLOOR)))


def _shown_by_known(
    anchors: Matrix, embedded: Matrix, rng: np.random.Generator, workers: Workers
) -> Floats:
    """Return the signals of one half of the known cells, held against the other."""
    order = rng.permutation(len(anchors))
    asked, others = order[: len(order) // 2], order[len(order) // 2 :]
    if not len(asked):
        return np.zeros((1, 3))
    rows, known = anchors[asked], anchors[others]
    apart = _apart(rows, rows, known, workers)
    found = neighbours.nearest(rows, rows, N_FELLOWS, workers)[0]
    away = neighbours.nearest(rows, known, N_NEIGHBOURS, workers)[1].mean(axis=1)
    near = neighbours.nearest(embedded[asked], embedded[others], N_NEIGHBOURS, workers)[1]
    distance = near.mean(axis=1)
    return np.column_stack([_log(away), apart[found].mean(axis=1), _log(distance)])


def components(sides: Sequence[tuple[Cells, NDArray[np.intp]]], rng: np.random.Generator) -> Matrix:
    """Return leading directions of the rows of all sides together, shape (width, d).

    Notes
    -----
    Subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53, 2011) by products of batches,
    so no matrix of values is made.
    """
    width = sides[0][0].width
    d = min(N_COMPONENTS + N_EXTRA, width)
    basis = np.linalg.qr(rng.normal(size=(width, d)))[0].astype(np.float32)
    for _ in range(N_POWERS):
        basis = np.linalg.qr(_times_itself(sides, basis))[0].astype(np.float32)
    small = basis.T @ _times_itself(sides, basis)
    _, vectors = np.linalg.eigh(0.5 * (small + small.T).astype(float))
    kept = (basis @ vectors[:, ::-1][:, :N_COMPONENTS].astype(np.float32)).astype(np.float32)
    # The sign of a vector is arbitrary; this one does not depend on the machine.
    return kept * np.where(kept.sum(axis=0) < 0, np.float32(-1.0), np.float32(1.0))


def _times_itself(sides: Sequence[tuple[Cells, NDArray[np.intp]]], basis: Matrix) -> Matrix:
    out = np.zeros_like(basis)
    for cells, rows in sides:
        for block in np.array_split(rows, max(1, len(rows) // 512)):
            batch = cells.batch(block)
            out += batch.gradient(batch.product(basis))
    return out


def projected(
    cells: Cells, basis: Matrix, rows: NDArray[np.intp] | None = None, workers: Workers = ALONE
) -> Matrix:
    """Return rows in components, of length 1."""
    if rows is None:
        zero = np.zeros(basis.shape[1], np.float32)
        return neighbours.normalised(cells.embed(basis, zero, workers))
    parts = [cells.batch(b).product(basis) for b in np.array_split(rows, max(1, len(rows) // 512))]
    return neighbours.normalised(np.concatenate(parts).astype(np.float32))


def _some(n: int, rng: np.random.Generator, n_sides: int = 1) -> NDArray[np.intp]:
    most = max(1, MOST_CELLS // n_sides)
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


def _log(distance: NDArray[np.floating]) -> Floats:
    return np.log(np.asarray(distance, dtype=float) + FLOOR)
