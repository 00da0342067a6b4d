"""Proteins that both sides have, beside their genes: CITE-seq, ASAP-seq.

They are few and dense, so they are held in memory: four bytes a protein and cell.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from priorlift.core.errors import InputError
from priorlift.fields.cells import genes
from priorlift.fields.cells.opening import modalities


def read_proteins(
    given: Mapping[str, Any], named: Mapping[str, Any], key: str | None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return names and values of the proteins that all data sets have.

    Parameters
    ----------
    given : mapping of str to AnnData, MuData or path
        Data sets as the caller gave them; a MuData may have proteins as a modality.
    named : mapping of str to AnnData
        The same, opened, in the same order.
    key : str or None
        A modality, or else an `.obsm` key. None for no proteins.

    Returns
    -------
    names : tuple of str
    values : dict of str to ndarray of float32, shape (n, n_proteins)
        By data set.

    Raises
    ------
    InputError
        A data set has neither; names do not agree; a value is missing.
    """
    if key is None:
        return (), {}
    frames = {where: _frame(given[where], data, key, where) for where, data in named.items()}
    first = next(iter(frames.values()))
    common = [name for name in first if all(name in frame for frame in frames.values())]
    if not common:
        raise InputError(
            f"reference and query share no protein of {key!r}",
            cause="other names of the proteins",
            remedy="name them alike",
        )
    values = {where: frame[common].to_numpy(dtype=np.float32) for where, frame in frames.items()}
    for where, found in values.items():
        if not np.isfinite(found).all():
            raise InputError("has values that are missing or infinite", where=f"{where}, {key!r}")
    return tuple(map(str, common)), values


def _frame(given: Any, data: Any, key: str, where: str) -> Any:
    known = modalities(given) or {}
    if key in known:
        return _of_modality(known[key], data, f"{where}, modality {key!r}")
    if key not in data.obsm:
        others = ", ".join(map(repr, data.obsm)) or "none"
        if known:
            others += f", or one of its modalities: {', '.join(map(repr, known))}"
        raise InputError(
            f"has no .obsm[{key!r}]", where=where, remedy=f"name one of its .obsm: {others}"
        )
    return _labelled(data.obsm[key], None)


def _of_modality(proteins: Any, data: Any, where: str) -> Any:
    """Return a frame with a row for each cell of the data set, in their order."""
    genes.check_unique(proteins.var_names, where)
    frame = _labelled(proteins.X, list(map(str, proteins.var_names)))
    if proteins.n_obs == data.n_obs and bool((proteins.obs_names == data.obs_names).all()):
        return frame
    rows = proteins.obs_names.get_indexer(data.obs_names) if proteins.obs_names.is_unique else None
    if rows is None or (rows < 0).any():
        raise InputError(
            "has not the same cells as the genes",
            where=where,
            remedy="keep the cells that both have: mudata.pp.intersect_obs(mdata)",
        )
    return frame.iloc[rows]


def _labelled(values: Any, names: list[str] | None) -> Any:
    import pandas as pd

    if isinstance(values, pd.DataFrame):
        return values
    dense = values.toarray() if sp.issparse(values) else np.asarray(values)
    return pd.DataFrame(dense, columns=names or [str(place) for place in range(dense.shape[1])])
