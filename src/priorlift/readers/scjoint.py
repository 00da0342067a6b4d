"""The files that scJoint reads, as AnnData, so that its users can change over and compare.

scJoint takes a matrix of cells x genes as `.npz` (SciPy's sparse format) or as `.h5` (genes x cells
in `matrix/data`, dense), and labels as text, one integer a line, where -1 means none. Genes have no
names in these files but an order, which all files share.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.readers.files import check_file

BLOCK = 1024
MISSING = "-1"


def read_scjoint(
    path: str | Path,
    labels: str | Path | None = None,
    *,
    genes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    label_key: str = "cell_type",
) -> Any:
    """Read a matrix, and labels if there are some, in scJoint's formats.

    Parameters
    ----------
    path : path
        `.npz` or `.h5`. It is read by blocks; no dense matrix of the whole is made.
    labels : path, optional
        Text of one label a line.
    genes : sequence of str, optional
        Names of the columns, in order; `matrix/features` where an `.h5` has it, else `gene1`, ....
    names : sequence of str, optional
        Names of the types that integers in `labels` number from 0.
    label_key : str
        The column of `.obs` for the types.

    Returns
    -------
    AnnData
        Cells x genes, CSR.

    Raises
    ------
    InputError
        A file is of another form, or numbers of rows differ.
    """
    try:
        import anndata
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("anndata", "cells") from error
    path = Path(path)
    check_file(path)
    if path.suffix == ".npz":
        X, found = _npz(path), None
    elif path.suffix in (".h5", ".hdf5"):
        X, found = _h5(path)
    else:
        raise InputError(
            f"no file of scJoint ends in {path.suffix!r}", where=str(path), remedy=".npz or .h5"
        )
    columns = list(genes or found or (f"gene{i}" for i in range(1, X.shape[1] + 1)))
    if len(columns) != X.shape[1]:
        raise InputError(
            f"has {X.shape[1]:,} genes, but {len(columns):,} names were given", where=str(path)
        )
    obs = pd.DataFrame(index=[f"{path.stem}-{i}" for i in range(1, X.shape[0] + 1)])
    if labels is not None:
        obs[label_key] = _labels(Path(labels), X.shape[0], names)
    return anndata.AnnData(X, obs=obs, var=pd.DataFrame(index=columns))


def _npz(path: Path) -> Any:
    try:
        return sp.csr_matrix(sp.load_npz(path), dtype=np.float32)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(
            "is no sparse matrix of SciPy",
            where=str(path),
            cause=str(error).splitlines()[0],
            remedy="write it with scipy.sparse.save_npz",
        ) from error


def _h5(path: Path) -> tuple[Any, list[str] | None]:
    import h5py

    try:
        with h5py.File(path) as file:
            data = file["matrix/data"]
            starts = range(0, data.shape[1], BLOCK)
            parts = [sp.csr_matrix(data[:, at : at + BLOCK].T, dtype=np.float32) for at in starts]
            found = None
            if "matrix/features" in file:
                found = [str(name) for name in file["matrix/features"].asstr()[:]]
    except (OSError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            "has no matrix/data of genes x cells",
            where=str(path),
            cause=str(error).splitlines()[0],
        ) from error
    return sp.vstack(parts, format="csr"), found


def _labels(path: Path, n: int, names: Sequence[str] | None) -> Any:
    import pandas as pd

    check_file(path)
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) != n:
        raise InputError(f"has {len(lines):,} labels for {n:,} cells", where=str(path))
    values = [None if line in (MISSING, "") else line for line in lines]
    if names is not None:
        try:
            values = [None if v is None else names[int(v)] for v in values]
        except (ValueError, IndexError):
            raise InputError(
                f"has labels that are no numbers from 0 to {len(names) - 1}", where=str(path)
            ) from None
    return pd.Categorical(values)
