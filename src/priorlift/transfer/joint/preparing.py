"""From a user's columns to `Cells`: which columns are genes, and what is done to their values.

Each data set is prepared by itself, by its own depth and its own means where these are used, since
the level of a gene in one modality says little about its level in another. But a mean depends on
the types that are there, too. So where a query has them in other proportions, the means of a source
are taken over cells that are weighted to these (`Cells.at_weights`).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from priorlift.core import arrays
from priorlift.core.disk_rows import DiskRows
from priorlift.core.errors import InputError
from priorlift.encoders.table import TableEncoder, numbers_of
from priorlift.transfer.joint.sparse_batches import Cells, LogScale, ReadRows, blocks

CLIP = 5.0
"""Standardised values above this are cut."""


class Preparation(BaseEstimator):
    """How rows become `Cells`, learned on the query.

    Parameters
    ----------
    kind : {"binary", "lognorm", "tfidf", "counts", "standard"}
        What is done to genes: 1 where above 0; or logarithms at one depth, standardised (values
        that are no counts are taken for logarithms already); or term
        frequency times inverse document frequency; or nothing; or a `TableEncoder`.
    passthrough : ndarray of int
        Columns that are no genes, proteins say.
    query_only : ndarray of int
        Columns that no source has; they are not in the cells.
    scale_passthrough : bool
        Whether these columns are standardised in each data set by itself.
    n_columns : int
        Columns of the query.
    """

    def __init__(
        self,
        kind: str,
        passthrough: NDArray[np.intp],
        query_only: NDArray[np.intp],
        scale_passthrough: bool,
        n_columns: int,
    ) -> None:
        self.kind = kind
        self.passthrough = passthrough
        self.query_only = query_only
        self.scale_passthrough = scale_passthrough
        self.n_columns = n_columns

    def fit(self, X: Any, sample_weight: NDArray[np.float64] | None = None) -> "Preparation":
        """Learn what new rows of the query need: its means, scales and depth."""
        rest = np.concatenate([self.passthrough, self.query_only])
        self.genes_ = np.setdiff1d(np.arange(self.n_columns), rest)
        self.encoder_, self.counted_ = None, False
        if self.kind == "standard":
            self.encoder_ = TableEncoder().fit(X, sample_weight=sample_weight)
        else:
            genes = self.genes_of(X)
            self.levels_ = self._levels(genes)
            self.extra_levels_ = _mean_scale(self.extra_of(X), self.scale_passthrough)
            self.counted_ = are_counts(genes)
        self.own_counted_ = bool(len(self.query_only)) and _are_whole(self.query_only_of(X))
        return self

    def genes_of(self, X: Any, *, source: bool = False) -> Any:
        """Return the gene columns of a query, or of a source, which has no query-only columns."""
        X = plain(X)
        if not len(self.passthrough) and (source or not len(self.query_only)):
            return X
        return X[:, self._places(self.genes_, source)]

    def extra_of(self, X: Any, *, source: bool = False) -> NDArray[np.float32]:
        """Return the passthrough columns, dense."""
        if not len(self.passthrough):
            return np.zeros((arrays.n_rows(X), 0), dtype=np.float32)
        extra = plain(X)[:, self._places(self.passthrough, source)]
        extra = extra.toarray() if sp.issparse(extra) else extra
        return np.ascontiguousarray(extra, dtype=np.float32)

    def query_only_of(self, X: Any) -> Any:
        """Return the columns that only the query has, as CSR."""
        columns = plain(X)[:, self.query_only]
        return (
            columns if isinstance(columns, DiskRows) else sp.csr_matrix(columns, dtype=np.float32)
        )

    def _places(self, columns: NDArray[np.intp], source: bool) -> NDArray[np.intp]:
        if not source:
            return columns
        return columns - np.searchsorted(np.sort(self.query_only), columns)

    def query(self, X: Any) -> Cells:
        """Prepare rows of the query's kind."""
        if self.encoder_ is not None:
            return _encoded(self.encoder_, X)
        genes = self.genes_of(X)
        cells = self._cells(genes, self.extra_of(X), self.levels_, self.extra_levels_)
        return replace(
            cells,
            counts=genes if self.counted_ else None,
            own=self.query_only_of(X) if self.own_counted_ else None,
        )

    def source(self, X: Any, weight: NDArray[np.float64] | None = None) -> Cells:
        """Prepare the rows of a source, by its own levels; `weight` is that of its rows in them."""
        if self.encoder_ is not None:
            return _encoded(self.encoder_, X)
        genes, extra = self.genes_of(X, source=True), self.extra_of(X, source=True)
        cells = self._source(genes, extra, weight)
        has_levels = self.kind == "lognorm" or (self.scale_passthrough and extra.shape[1] > 0)
        return replace(
            cells,
            counts=genes if are_counts(genes) else None,
            at_weights=partial(self._source, genes, extra) if has_levels else None,
        )

    def _source(
        self, genes: Any, extra: NDArray[np.float32], weight: NDArray[np.float64] | None
    ) -> Cells:
        levels = self._levels(genes, weight)
        scale = _mean_scale(extra, self.scale_passthrough, weight)
        return self._cells(genes, extra, levels, scale)

    def _levels(self, genes: Any, weight: NDArray[np.float64] | None = None) -> dict[str, Any]:
        if self.kind in ("binary", "counts"):
            return {}
        if (least := _smallest(genes)) < 0:
            raise InputError(
                f"X has negative values ({least:.3g}), which preprocess={self.kind!r} cannot take",
                cause="values that were scaled already",
                remedy='pass counts or log counts, or preprocess="standard"',
            )
        depth = depths(genes)
        if self.kind == "tfidf":
            seen = sum(np.asarray((genes[b] > 0).sum(axis=0)).ravel() for b in blocks(len(depth)))
            idf = np.log1p(genes.shape[0] / (1.0 + seen)).astype(np.float32)
            return {"idf": idf}
        level = 0.0
        # What is no count is taken for logarithms already.
        if _are_whole(genes):
            level = float(np.median(depth[depth > 0])) if (depth > 0).any() else 1.0
        total, squares = np.zeros(genes.shape[1]), np.zeros(genes.shape[1])
        share = np.ones(genes.shape[0]) if weight is None else weight / weight.mean()
        for block in blocks(genes.shape[0]):
            part = _logs(genes[block], level)
            total += part.T @ share[block]
            squares += part.multiply(part).T @ share[block]
        mean = total / genes.shape[0]
        spread = np.sqrt(np.maximum(squares / genes.shape[0] - mean**2, 0.0))
        scale = np.where(spread > 0, 1.0 / np.where(spread > 0, spread, 1.0), 0.0)
        return {"depth": level, "mean": mean, "scale": scale}

    def _cells(
        self, genes: Any, extra: NDArray[np.float32], levels: dict[str, Any], of_extra: Any
    ) -> Cells:
        mean, scale = of_extra
        extra = ((extra - mean) * scale).astype(np.float32)
        if self.kind == "binary":
            return Cells(ReadRows(genes), extra)
        if self.kind == "counts":
            return Cells(sp.csr_matrix(genes, dtype=np.float32), extra)
        if self.kind == "tfidf":
            rows = sp.csr_matrix(genes, dtype=np.float32)
            depth = np.maximum(np.asarray(rows.sum(axis=1)).ravel(), 1e-12)
            rows = sp.diags(1e4 / depth).astype(np.float32) @ rows @ sp.diags(levels["idf"])
            rows = sp.csr_matrix(rows, dtype=np.float32)
            rows.data = np.log1p(rows.data)
            return Cells(rows, extra)
        centre = (levels["mean"] * levels["scale"]).astype(np.float32)
        factor = _factor(genes, levels["depth"]) if levels["depth"] else None
        logs = LogScale(factor, levels["scale"].astype(np.float32), CLIP + centre)
        return Cells(ReadRows(genes, logs), extra, centre)


def _factor(genes: Any, level: float) -> NDArray[np.float32]:
    """Return what brings each row to one depth; 0 for an empty one."""
    depth = depths(genes)
    found = np.divide(level, depth, out=np.zeros(len(depth)), where=depth > 0)
    return np.asarray(found, dtype=np.float32)


def depths(X: Any) -> NDArray[np.float64]:
    """Return the sum of each row, shape (n,), by blocks of rows."""
    parts = [np.asarray(X[b].sum(axis=1, dtype=float)).ravel() for b in blocks(X.shape[0])]
    return np.concatenate(parts)


def _logs(genes: Any, level: float) -> Any:
    """Return log(1 + value) of rows that are brought to one depth; with level 0 rows as given."""
    rows = sp.csr_matrix(genes, dtype=np.float64, copy=True)
    if level:
        factor = _factor(rows, level)
        rows.data = np.log1p(rows.data * np.repeat(factor, np.diff(rows.indptr)))
    return rows


def _mean_scale(
    extra: NDArray[np.float32], scale: bool, weight: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    width = extra.shape[1]
    if not scale or not width:
        return np.zeros(width, dtype=np.float32), np.ones(width, dtype=np.float32)
    if weight is None:
        mean, spread = extra.mean(axis=0), extra.std(axis=0)
    else:
        mean = np.average(extra, axis=0, weights=weight).astype(np.float32)
        spread = np.sqrt(np.average((extra - mean) ** 2, axis=0, weights=weight))
    scale_by = np.where(spread > 1e-6, 1.0 / np.maximum(spread, 1e-6), 0.0)
    return mean, scale_by.astype(np.float32)


def _encoded(encoder: TableEncoder, X: Any) -> Cells:
    values = encoder.transform(X)
    values = (
        sp.csr_matrix(values, dtype=np.float32)
        if sp.issparse(values)
        else np.ascontiguousarray(values, dtype=np.float32)
    )
    return Cells(values, np.zeros((values.shape[0], 0), dtype=np.float32))


def plain(X: Any) -> Any:
    """Return X as an array or CSR matrix."""
    if arrays.is_frame(X):
        return numbers_of(X)
    return X.tocsr() if sp.issparse(X) else np.asarray(X)


def _values(X: Any) -> Iterator[NDArray[Any]]:
    """Yield the stored values of blocks of rows; none of what lies on the disk stays in memory."""
    for block in blocks(X.shape[0]):
        part = X[block]
        values = part.data if sp.issparse(part) else part
        if values.size:
            yield values


def _smallest(X: Any) -> float:
    return min((float(values.min()) for values in _values(X)), default=0.0)


def is_numeric(X: Any) -> bool:
    """Tell whether X has numbers only, none of them missing."""
    try:
        values = plain(X)
    except (InputError, ValueError, TypeError):
        return False
    if values.dtype.kind not in "fiub":
        return False
    return all(bool(np.isfinite(part).all()) for part in _values(values))


def has_negative(X: Any) -> bool:
    """Tell whether a value is below 0."""
    return _smallest(plain(X)) < 0


def are_counts(X: Any) -> bool:
    """Tell whether all values are whole numbers of 0 or more, and not 0 and 1 alone."""
    return _are_whole(X) and _largest(X) > 1


def _are_whole(X: Any) -> bool:
    return not any(part.min() < 0 or (part != np.floor(part)).any() for part in _values(X))


def _largest(X: Any) -> float:
    return max((float(values.max()) for values in _values(X)), default=0.0)
