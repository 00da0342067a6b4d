"""The two sides of a transfer, checked and ready: references as a pool, the query as rows.

Names and labels are checked before expression is read. Everything that was noticed on the way
travels along, as notes (what was done) and warnings (what may go wrong).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.disk_rows import side_by_side, taken
from priorlift.core.errors import InputError
from priorlift.fields.cells import expression, genes, labels
from priorlift.fields.cells.opening import named_references, open_cells
from priorlift.fields.cells.peaks import read_peaks
from priorlift.fields.cells.proteins import read_proteins
from priorlift.pool import Source, SourcePool


@dataclass(frozen=True)
class Wanted:
    """What the caller asked for; see `transfer_labels`."""

    label_key: str
    batch_key: str | None = None
    layer: str | None = None
    proteins: str | None = None
    peaks: Any = None
    query_label_key: str | None = None
    unlabeled_category: Any = None
    n_neighbors: int = 30


@dataclass(frozen=True, eq=False)
class Part:
    """Cells of one reference that make one source.

    Attributes
    ----------
    name : str
        Of the source.
    reference : str
        Of the reference that they belong to.
    rows : ndarray of int
        Their places in it.
    X : CSR matrix
        Shared genes, then proteins.
    y : ndarray of object
        Types as text, None where missing.
    """

    name: str
    reference: str
    rows: NDArray[np.intp]
    X: Any
    y: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sides:
    """Both sides of a transfer.

    Attributes
    ----------
    references : dict of str to AnnData
    query : AnnData
    parts : tuple of Part
        One a source.
    X : CSR matrix
        The query's shared genes, then proteins, then peaks.
    y : ndarray of object
        Types of query cells, None for those without.
    groups : ndarray or None
        The query's batches.
    genes, proteins, peaks : tuple of str
        The columns.
    categories : tuple of str
        The types, in the references' order.
    empty : ndarray of bool
        Query cells without any gene.
    layers : dict of str to str
        The layer that was read, by data set.
    notes, warnings : tuple of str
    """

    references: dict[str, Any]
    query: Any
    parts: tuple[Part, ...]
    X: Any
    y: NDArray[Any]
    groups: NDArray[Any] | None
    genes: tuple[str, ...]
    proteins: tuple[str, ...]
    peaks: tuple[str, ...]
    categories: tuple[str, ...]
    empty: NDArray[np.bool_]
    layers: dict[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def pool(self) -> SourcePool:
        """The references as sources."""
        return SourcePool(
            Source(part.name, part.X, part.y, task="classification") for part in self.parts
        )

    @property
    def passthrough(self) -> list[int] | None:
        """Positions of the protein columns."""
        first = len(self.genes)
        return list(range(first, first + len(self.proteins))) or None

    @property
    def query_only(self) -> list[int] | None:
        """Positions of the peak columns."""
        first = len(self.genes) + len(self.proteins)
        return list(range(first, first + len(self.peaks))) or None

    @property
    def shared(self) -> Any:
        """The query's columns that references have, too."""
        return self.X[:, : len(self.genes) + len(self.proteins)] if self.peaks else self.X


def gather(reference: Any, query: Any, wanted: Wanted) -> Sides:
    """Open, check and read both sides.

    Raises
    ------
    InputError
        As `transfer_labels` says.
    """
    by_name = named_references(reference)
    given = {**{f"reference {name!r}": data for name, data in by_name.items()}, "query": query}
    references = {name: open_cells(data, "reference") for name, data in by_name.items()}
    query = open_cells(query, "query")
    named = {**{f"reference {name!r}": data for name, data in references.items()}, "query": query}
    warned: list[str] = []
    for where, data in named.items():
        if data.n_obs == 0:
            raise InputError("has no cells", where=where, remedy="leave it out")
        genes.check_unique(data.var_names, where)
        if not data.obs_names.is_unique:
            warned.append(f"{where}: obs_names occur more than once; cells are told by position")
    warned += _shared_cells(references, query)
    types, y = _all_labels(references, query, wanted, warned)
    shared = genes.shared_genes([data.var_names for data in references.values()], query.var_names)
    first = next(iter(references.values()))
    notes = [genes.found(len(shared), first.n_vars)]
    layers = {
        where: expression.layer_of(data, wanted.layer, where) for where, data in named.items()
    }
    matrices = {
        where: expression.matrix_of(data, layers[where], where) for where, data in named.items()
    }
    further = (wanted.batch_key, wanted.proteins, wanted.peaks)
    twice = any(each is not None for each in further)
    expression.require_memory(list(matrices.values()), twice=twice)
    notes += [f"{where}: values of {_spoken(layer)}" for where, layer in layers.items()]
    read = {
        where: expression.read_expression(
            matrices[where], genes.places(shared, named[where].var_names), where
        )
        for where in named
    }
    warned += _kinds(read) + _empty(read)
    names, blocks = read_proteins(given, named, wanted.proteins)
    rows = {where: _joined(read[where].X, blocks.get(where)) for where in named}
    peaks, counts = read_peaks(wanted.peaks, query)
    if peaks:
        notes.append(f"{len(peaks):,} peaks of the query refine the labels")
    parts = _parts(references, types, rows, wanted, warned)
    used = {str(v) for values in (*types.values(), y) for v in values if v is not None}
    return Sides(
        references=references,
        query=query,
        parts=tuple(parts),
        X=_joined(rows["query"], counts),
        y=y,
        groups=_groups(references, query, wanted.batch_key),
        genes=shared,
        proteins=names,
        peaks=peaks,
        categories=labels.categories_of(references, wanted.label_key, used),
        empty=read["query"].empty,
        layers={
            where.removeprefix("reference ").strip("'"): name for where, name in layers.items()
        },
        notes=tuple(notes),
        warnings=tuple(warned),
    )


def _spoken(layer: str) -> str:
    return ".X" if layer == "X" else f"layers[{layer!r}]"


def _shared_cells(references: Mapping[str, Any], query: Any) -> list[str]:
    warned = []
    for name, data in references.items():
        common = query.obs_names.isin(data.obs_names).sum()
        if data is query:
            warned.append(
                f"reference {name!r} and the query are the same object: each cell is its own "
                "neighbour, so nothing is shown about new cells"
            )
        elif common:
            warned.append(
                f"{common:,} of {query.n_obs:,} query cells have a barcode of reference {name!r}: "
                "if these are the same cells, scores on them are too good"
            )
    return warned


def _all_labels(
    references: Mapping[str, Any], query: Any, wanted: Wanted, warned: list[str]
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    key, unlabeled = wanted.label_key, wanted.unlabeled_category
    types = {
        name: labels.labels_of(data, key, f"reference {name!r}", unlabeled)
        for name, data in references.items()
    }
    y = np.full(query.n_obs, None, dtype=object)
    if wanted.query_label_key is not None:
        y = labels.labels_of(
            query, wanted.query_label_key, "query", unlabeled, kind="query_label_key"
        )
    warned += labels.check_types({**types, "query": y}, key, wanted.n_neighbors // 2)
    for name, values in types.items():
        if all(value is None for value in values):
            warned.append(f"reference {name!r}: all labels are missing; only its cells are used")
    return types, y


def _kinds(read: Mapping[str, expression.Expression]) -> list[str]:
    whole = [where for where, values in read.items() if values.whole]
    other = [where for where, values in read.items() if not values.whole]
    if not whole or not other:
        return []
    return [
        f"whole numbers in {', '.join(whole)}, fractions in {', '.join(other)}: raw counts on one "
        "side and logarithms on the other? Pass layer= so that both are alike"
    ]


def _empty(read: Mapping[str, expression.Expression]) -> list[str]:
    return [
        f"{where}: {int(values.empty.sum()):,} cells have none of the shared genes"
        + ("; they get confidence 0" if where == "query" else "")
        for where, values in read.items()
        if values.empty.any()
    ]


def _joined(X: Any, block: Any) -> Any:
    return X if block is None else side_by_side([X, block])


def _parts(
    references: Mapping[str, Any],
    types: Mapping[str, NDArray[Any]],
    rows: Mapping[str, Any],
    wanted: Wanted,
    warned: list[str],
) -> list[Part]:
    parts = []
    for name, data in references.items():
        X = rows[f"reference {name!r}"]
        for batch, at in _batches(data, wanted.batch_key):
            if len(at) == 1:
                warned.append(f"reference {name!r}: batch {batch!r} has one cell")
            whole = len(at) == X.shape[0]
            label = name if batch is None else f"{name}, {batch}" if len(references) > 1 else batch
            parts.append(Part(label, name, at, X if whole else taken(X, at), types[name][at]))
    return parts


def _batches(data: Any, key: str | None) -> list[tuple[Any, NDArray[np.intp]]]:
    if key is None or key not in data.obs:
        return [(None, np.arange(data.n_obs))]
    values = data.obs[key].astype(str).to_numpy()
    return [(str(value), np.flatnonzero(values == value)) for value in np.unique(values)]


def _groups(references: Mapping[str, Any], query: Any, key: str | None) -> NDArray[Any] | None:
    if key is None:
        return None
    if key in query.obs:
        return np.asarray(query.obs[key].astype(str).to_numpy())
    if not any(key in data.obs for data in references.values()):
        labels.column(next(iter(references.values())), key, "batch key", "reference")
    return None
