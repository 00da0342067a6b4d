"""The query's peaks, beside its genes: columns that no reference has.

Genes carry labels over; peaks then refine them, since cells of one type share open places that lie
near no gene or are lost in its sum.
"""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from priorlift.core.disk_rows import taken
from priorlift.core.errors import InputError, InputTypeError
from priorlift.fields.cells import expression, genes
from priorlift.fields.cells.opening import modalities, open_cells

WHERE = "peaks"
FILES = (".h5ad", ".zarr")


def located(peaks: Any, query: Any) -> Any:
    """Return an AnnData of peaks, or the `.obsm` key that was given; None for None.

    Parameters
    ----------
    peaks : AnnData, path, str or None
        A text is the name of a modality where the query is a MuData that has it, a path where it
        ends in `.h5ad` or `.zarr`, and an `.obsm` key otherwise.
    query : AnnData, MuData or path
        As the caller gave it.
    """
    if peaks is None or not isinstance(peaks, str | Path):
        return peaks
    known = modalities(query) or {}
    if str(peaks) in known:
        return known[str(peaks)]
    if Path(peaks).suffix in FILES:
        return open_cells(peaks, "query")
    return str(peaks)


def read_peaks(peaks: Any, query: Any) -> tuple[tuple[str, ...], Any]:
    """Return names and counts of peaks, rows in the order of the query's cells.

    Parameters
    ----------
    peaks : AnnData, str or None
        As `located` returns it. Without any: no names and None.
    query : AnnData
        Opened.

    Returns
    -------
    names : tuple of str
    counts : CSR matrix of float32, shape (n_query, n_peaks)

    Raises
    ------
    InputError
        There is no such `.obsm`; a cell of the query is missing; values are no counts.
    """
    if peaks is None:
        return (), None
    if isinstance(peaks, str):
        names, matrix, rows = *_of_obsm(query, peaks), None
    else:
        names, matrix, rows = _of_cells(peaks, query)
    expression.require_memory([matrix])
    read = expression.read_expression(matrix, np.arange(matrix.shape[1]), WHERE)
    if not read.whole:
        raise InputError(
            "has fractions",
            where=WHERE,
            cause="values that were normalised, TF-IDF say",
            remedy="pass counts of fragments, or 0 and 1",
        )
    return names, read.X if rows is None else taken(read.X, rows)


def _of_obsm(query: Any, key: str) -> tuple[tuple[str, ...], Any]:
    if key not in query.obsm:
        known = ", ".join(map(repr, query.obsm)) or "none"
        raise InputError(
            f"has no .obsm[{key!r}]",
            where="query",
            remedy=f"name one of its .obsm ({known}), or pass an AnnData of the same cells",
        )
    values = query.obsm[key]
    names = tuple(map(str, getattr(values, "columns", range(values.shape[1]))))
    return names, values if sp.issparse(values) else np.asarray(values)


def _of_cells(peaks: Any, query: Any) -> tuple[tuple[str, ...], Any, Any]:
    if not hasattr(peaks, "obs_names"):
        raise InputTypeError(
            f"peaks are of type {type(peaks).__name__}",
            remedy="pass an AnnData of the query's cells, or the name of an .obsm of the query",
        )
    genes.check_unique(peaks.var_names, WHERE)
    matrix = expression.matrix_of(peaks, expression.layer_of(peaks, None, WHERE), WHERE)
    names = tuple(map(str, peaks.var_names))
    if peaks.n_obs == query.n_obs and bool((peaks.obs_names == query.obs_names).all()):
        return names, matrix, None
    if not (peaks.obs_names.is_unique and query.obs_names.is_unique):
        raise InputError(
            "has other cells than the query, and names of cells occur more than once",
            where=WHERE,
            remedy="bring both to the same cells in the same order",
        )
    rows = peaks.obs_names.get_indexer(query.obs_names)
    if missing := int((rows < 0).sum()):
        shown = ", ".join(map(repr, query.obs_names[rows < 0][:3]))
        raise InputError(
            f"lacks {missing:,} of the {query.n_obs:,} query cells: {shown}",
            where=WHERE,
            remedy="pass the peaks of all query cells, or fewer query cells",
        )
    return names, matrix, rows
