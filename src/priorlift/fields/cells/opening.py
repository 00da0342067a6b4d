"""What people have, as AnnData: objects in memory or backed, files, MuData.

Files are opened, not read: expression stays on the disk until names and labels have been checked.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from priorlift.core.errors import InputError, InputTypeError, MissingExtraError

MODALITIES = {"reference": ("rna",), "query": ("gene_activity", "activity", "atac", "rna")}
"""Which modality of a MuData is taken for a role: the first that is there."""


def named_references(references: Any) -> dict[str, Any]:
    """Return references by name, as they are given.

    Parameters
    ----------
    references : AnnData, MuData, path, or a list or mapping of them
        In a list, files are named by their stems and objects by their place.

    Returns
    -------
    dict of str to AnnData, MuData or path
        In the order given.

    Raises
    ------
    InputError
        There is none, or two have one name.
    """
    if isinstance(references, Mapping) and not hasattr(references, "mod"):
        named = [(str(name), data) for name, data in references.items()]
    elif isinstance(references, list | tuple):
        named = [(_name(data, f"reference {i}"), data) for i, data in enumerate(references, 1)]
    else:
        named = [(_name(references, "reference"), references)]
    if not named:
        raise InputError("there is no reference", remedy="pass an AnnData or a path")
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"two references are named {twice!r}", remedy="name them apart in a mapping"
        )
    return dict(named)


def modalities(data: Any) -> Mapping[str, Any] | None:
    """Return the modalities of a MuData or of its file; None for anything else."""
    if isinstance(data, str | Path) and Path(data).suffix == ".h5mu":
        data = _opened(Path(data))
    return getattr(data, "mod", None)


def open_cells(data: Any, role: str) -> Any:
    """Return an AnnData of what is given.

    Parameters
    ----------
    data : AnnData, MuData or path
        A path ends in `.h5ad`, `.zarr` or `.h5mu`.
    role : {"reference", "query"}
        Says which modality of a MuData is taken.

    Raises
    ------
    InputTypeError
        It is none of these.
    InputError
        The file cannot be read, or a MuData has no modality for this role.
    """
    try:
        import anndata
    except ImportError as error:
        raise MissingExtraError("anndata", "cells") from error
    if isinstance(data, str | Path):
        data = _opened(Path(data))
    if hasattr(data, "mod"):
        return _modality(data, role)
    if not isinstance(data, anndata.AnnData):
        raise InputTypeError(
            f"the {role} is of type {type(data).__name__}",
            remedy="pass an AnnData, a MuData, or the path of an .h5ad file",
        )
    return data


def _name(data: Any, otherwise: str) -> str:
    return Path(data).stem if isinstance(data, str | Path) else otherwise


def _opened(path: Path) -> Any:
    import anndata

    if not path.exists():
        raise InputError("there is no such file", where=str(path), remedy="check the path")
    try:
        if path.suffix == ".zarr":
            return _zarr(path)
        if path.suffix == ".h5mu":
            return _read_mudata(path)
        return anndata.read_h5ad(path, backed="r")
    except (OSError, KeyError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "cannot be read as AnnData",
            where=str(path),
            cause=str(error).splitlines()[0][:200] if str(error) else None,
            remedy="write it with adata.write_h5ad(path)",
        ) from error


def _zarr(path: Path) -> Any:
    """Return a store as AnnData whose sparse matrices stay on the disk."""
    import anndata
    import zarr

    store: Any = zarr.open(str(path), mode="r")
    if "X" not in store and "layers" not in store:
        return anndata.read_zarr(path)

    def lazily(node: Any) -> Any:
        sparse = node.attrs.get("encoding-type") in ("csr_matrix", "csc_matrix")
        return anndata.io.sparse_dataset(node) if sparse else anndata.io.read_elem(node)

    parts = {
        name: anndata.io.read_elem(store[name])
        for name in ("obs", "var", "obsm", "varm", "uns")
        if name in store
    }
    layers = store.get("layers", {})
    return anndata.AnnData(
        X=lazily(store["X"]) if "X" in store else None,
        layers={name: lazily(layers[name]) for name in layers},
        **parts,
    )


def _read_mudata(path: Path) -> Any:
    try:
        import mudata
    except ImportError as error:
        raise InputError(
            "this needs the package 'mudata', which is not installed",
            where=str(path),
            remedy="pip install mudata, or pass one modality as .h5ad",
        ) from error
    return mudata.read_h5mu(path)


def _modality(data: Any, role: str) -> Any:
    wanted: Sequence[str] = MODALITIES[role]
    for name in wanted:
        if name in data.mod:
            return data.mod[name]
    raise InputError(
        f"the {role} is a MuData with the modalities {', '.join(map(repr, data.mod)) or 'none'}",
        cause=f"none of them is called {' or '.join(map(repr, wanted))}",
        remedy='pass the one that you mean: mdata.mod["..."]',
    )
