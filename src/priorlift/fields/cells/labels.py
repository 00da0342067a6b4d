"""Types of cells from a column of `.obs`: read, checked, and kept in the order of the reference."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, UnknownNameError


def column(adata: Any, key: str, kind: str, where: str) -> Any:
    """Return a column of `.obs`.

    Raises
    ------
    InputError
        It is missing; the message gives the closest name.
    """
    if key not in adata.obs:
        error = UnknownNameError(kind, key, map(str, adata.obs.columns))
        raise InputError(str(error).rstrip("."), where=f"{where}, .obs")
    return adata.obs[key]


def labels_of(
    adata: Any, key: str, where: str, unlabeled: Any = None, *, kind: str = "label key"
) -> NDArray[Any]:
    """Return labels as text, None where one is missing.

    Parameters
    ----------
    adata : AnnData
        The data set.
    key : str
        The column of `.obs`.
    where : str
        Named in errors.
    unlabeled : optional
        A value that means "no label".
    kind : str
        What the column is called in errors.

    Returns
    -------
    ndarray of object, shape (n,)
    """
    import pandas as pd

    values = column(adata, key, kind, where)
    missing = pd.isna(values).to_numpy()
    labels = values.astype(str).to_numpy(dtype=object).copy()
    if unlabeled is not None:
        missing = missing | (labels == str(unlabeled))
    labels[missing] = None
    return np.asarray(labels, dtype=object)


def categories_of(references: Mapping[str, Any], key: str, used: set[str]) -> tuple[str, ...]:
    """Return the types in the references' order: of their categories, else of the alphabet."""
    order: list[str] = []
    for adata in references.values():
        values = adata.obs[key]
        named = getattr(values, "cat", None)
        found = list(map(str, named.categories)) if named is not None else []
        order += [name for name in found if name in used and name not in order]
    return (*order, *sorted(used - set(order)))


def check_types(labels: Mapping[str, NDArray[Any]], key: str, fewest: int) -> list[str]:
    """Refuse labels that nothing can be learned from, and warn about rare types.

    Parameters
    ----------
    labels : mapping of str to ndarray
        Those of each reference, and of the query where it has some.
    key : str
        The column, named in errors.
    fewest : int
        Types with fewer cells are listed in the warning.

    Returns
    -------
    list of str
        Warnings.
    """
    joined = np.concatenate(list(labels.values()))
    known = joined[[label is not None for label in joined]]
    where = f".obs[{key!r}] of the reference"
    if not len(known):
        raise InputError(
            "all labels are missing", where=where, remedy="name the column that holds the types"
        )
    types, counts = np.unique(known.astype(str), return_counts=True)
    if len(types) < 2:
        raise InputError(
            f"there is one type only, {str(types[0])!r}",
            where=where,
            cause="a reference of sorted cells, or a column that is no annotation",
            remedy="add a reference that has other types",
        )
    rare = [f"{str(name)!r} ({n})" for name, n in zip(types, counts, strict=True) if n < fewest]
    if not rare:
        return []
    return [
        f"types with fewer than {fewest} reference cells will hardly be found: " + ", ".join(rare)
    ]
