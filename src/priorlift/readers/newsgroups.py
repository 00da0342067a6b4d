"""20 Newsgroups as term counts: one `.npz` file, read without pickle.

The file holds the arrays `data`, `indices`, `indptr` and `shape` of a CSR matrix of counts, labels
`y`, the `groups` that they number, `doc_id` and `vocab`. Posts that were sent to several groups
repeat, with different labels; `repeats` marks them.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.readers.files import check_file, unreadable

ARRAYS = ("data", "indices", "indptr", "shape", "y", "groups", "vocab")


@dataclass(frozen=True, eq=False)
class TermCounts:
    """Documents as counts of terms; n documents, v terms.

    Attributes
    ----------
    counts : CSR matrix of shape (n, v)
        How often each term occurs.
    y : ndarray of int, shape (n,)
        The label of each document, a position in `names`.
    names : tuple of str
        Names of the labels.
    vocabulary : ndarray of str, shape (v,)
        The terms.
    repeats : ndarray of bool, shape (n,)
        Documents whose counts equal those of an earlier one.
    text_groups : ndarray of int, shape (n,)
        One number a document, equal for documents of equal counts: what splits go by.
    """

    counts: Any
    y: NDArray[np.int64]
    names: tuple[str, ...]
    vocabulary: NDArray[Any]
    repeats: NDArray[np.bool_]
    text_groups: NDArray[np.intp]

    def __repr__(self) -> str:
        n, v = self.counts.shape
        repeats = int(self.repeats.sum())
        return f"TermCounts({n} x {v}, {len(self.names)} labels, {repeats} repeated)"


def read_newsgroups(path: str | Path) -> TermCounts:
    """Read 20 Newsgroups, or another collection in the same form.

    Parameters
    ----------
    path : path
        The `.npz` file.

    Returns
    -------
    TermCounts

    Raises
    ------
    InputError
        It is missing, no `.npz` file, lacks an array, or its arrays do not fit together.

    Notes
    -----
    Python objects in the file are refused, not loaded.
    """
    path = Path(path)
    check_file(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                raise InputError(f"lacks the array {missing[0]!r}", where=str(path))
            parts = {name: file[name] for name in ARRAYS}
    except InputError:
        raise
    except zipfile.BadZipFile as error:
        raise InputError("is not an .npz file", where=str(path)) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return _checked(parts, path)


def _checked(parts: dict[str, NDArray[Any]], path: Path) -> TermCounts:
    shape = tuple(int(n) for n in parts["shape"])
    try:
        csr = (parts["data"], parts["indices"], parts["indptr"])
        counts = sp.csr_matrix(csr, shape=shape)
        counts.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise InputError(f"holds no CSR matrix ({error})", where=str(path)) from error
    counts.sum_duplicates()
    y = parts["y"].astype(np.int64)
    names = tuple(str(name) for name in parts["groups"])
    if y.shape != shape[:1] or (len(y) and not 0 <= y.min() <= y.max() < len(names)):
        raise InputError("y does not number one of the groups for each row", where=str(path))
    if parts["vocab"].shape != shape[1:]:
        raise InputError(
            f"has {shape[1]} columns, but {len(parts['vocab'])} terms", where=str(path)
        )
    groups = _same_counts(counts)
    repeats = np.ones(len(y), dtype=bool)
    repeats[np.unique(groups, return_index=True)[1]] = False
    return TermCounts(counts, y, names, parts["vocab"], repeats, groups)


def _same_counts(counts: Any) -> NDArray[np.intp]:
    seen: dict[bytes, int] = {}
    found = []
    for start, stop in zip(counts.indptr[:-1], counts.indptr[1:], strict=True):
        row = counts.indices[start:stop].tobytes() + b"|" + counts.data[start:stop].tobytes()
        found.append(seen.setdefault(row, len(seen)))
    return np.asarray(found, dtype=np.intp)
