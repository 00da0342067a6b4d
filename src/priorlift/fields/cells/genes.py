"""Which genes a reference and a query share, and why if they share none.

Names are compared as they are. Where few agree, the message shows three of each side and the likely
cause, found by comparing them in other ways: without version suffixes, without regard to case.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError

LEAST_SHARE = 0.05
"""Below this share of the smaller side, shared names are an accident rather than a match."""

_ENSEMBL = re.compile(r"^ENS[A-Z]*G\d{6,}")
_VERSION = re.compile(r"\.\d+$")
_PEAK = re.compile(r"^(chr)?[\w.]+[:_-]\d+[_-]\d+$")


def check_unique(names: Sequence[str], where: str) -> None:
    """Refuse gene names that occur twice.

    Raises
    ------
    InputError
        A name does; the message names the first and how to add such genes up.
    """
    values, counts = np.unique(np.asarray(names, dtype=object).astype(str), return_counts=True)
    if (twice := counts > 1).any():
        raise InputError(
            f"{int(twice.sum())} var_names occur more than once, {str(values[twice][0])!r} first",
            where=where,
            cause="several Ensembl ids of one symbol",
            remedy="add them up with priorlift.cells.sum_duplicate_genes(adata), or name them "
            "apart with adata.var_names_make_unique()",
        )


def shared_genes(references: Sequence[Sequence[str]], query: Sequence[str]) -> tuple[str, ...]:
    """Return the names that all sides have, in the order of the first reference.

    Parameters
    ----------
    references : sequence of sequences of str
        The gene names of each reference; at least one.
    query : sequence of str
        Those of the query.

    Raises
    ------
    InputError
        Fewer than one in twenty agree; the message shows examples of both sides and the likely
        cause.

    Examples
    --------
    >>> shared_genes([["Actb", "Gapdh", "Sst"]], ["Sst", "Actb", "Npy"])
    ('Actb', 'Sst')
    """
    common = set(query).intersection(*references)
    first = references[0]
    least = min(len(query), *(len(names) for names in references))
    if len(common) < max(1.0, LEAST_SHARE * least):
        against = min(references, key=lambda names: len(set(names) & set(query)))
        cause, remedy = _why(against, query)
        raise InputError(
            f"reference and query share {len(common)} of {len(first):,} gene names; reference: "
            f"{_examples(against)}; query: {_examples(query)}",
            where="var_names",
            cause=cause,
            remedy=remedy,
        )
    return tuple(name for name in first if name in common)


def found(shared: int, of: int) -> str:
    """Say how many genes of the reference were found.

    Examples
    --------
    >>> found(15463, 17441)
    '15,463 of 17,441 reference genes found in the query'
    """
    return f"{shared:,} of {of:,} reference genes found in the query"


def places(wanted: Sequence[str], names: Sequence[str]) -> NDArray[np.intp]:
    """Return the position of each wanted name."""
    at = {name: place for place, name in enumerate(names)}
    return np.array([at[name] for name in wanted], dtype=np.intp)


def sum_duplicate_genes(adata: Any) -> Any:
    """Add up the columns of genes that have one name.

    Parameters
    ----------
    adata : AnnData
        Counts in `.X`, in memory. It is left as it is.

    Returns
    -------
    AnnData
        With one column a name, in the order of first occurrence, and `.obs` and `.obsm` as before;
        other layers and `.var` are left out, since nothing says how to add them.
    """
    import anndata
    import pandas as pd
    import scipy.sparse as sp

    codes, names = pd.factorize(np.asarray(adata.var_names))
    ones = np.ones(len(codes), dtype=np.float32)
    adding = sp.csr_matrix((ones, (np.arange(len(codes)), codes)), shape=(len(codes), len(names)))
    summed = sp.csr_matrix(sp.csr_matrix(adata.X) @ adding)
    var = pd.DataFrame(index=pd.Index(names))
    return anndata.AnnData(summed, obs=adata.obs.copy(), var=var, obsm=dict(adata.obsm))


def _examples(names: Sequence[str]) -> str:
    return ", ".join(map(repr, list(names)[:3]))


def _share(names: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(bool(pattern.match(str(name))) for name in names) / max(len(names), 1)


def _why(reference: Sequence[str], query: Sequence[str]) -> tuple[str, str]:
    """Return the likely cause of names that do not agree, and what helps."""
    for side, names, other in (("query", query, reference), ("reference", reference, query)):
        if _share(names, _PEAK) > 0.5 > _share(other, _PEAK):
            return (
                f"the {side} has peaks where genes are expected",
                "make genes of them: priorlift.cells.gene_activity(peaks, gtf=...)",
            )

    def overlap(change: Any) -> float:
        left, right = {change(str(n)) for n in reference}, {change(str(n)) for n in query}
        return len(left & right) / max(min(len(left), len(right)), 1)

    if overlap(lambda name: _VERSION.sub("", name)) > LEAST_SHARE:
        return (
            "version suffixes on one side ('ENSG00000141510.17')",
            'cut them off: adata.var_names = adata.var_names.str.replace(r"\\.\\d+$", "", '
            "regex=True)",
        )
    if overlap(str.casefold) > LEAST_SHARE:
        return (
            "upper case against mixed case, which is human symbols against those of mouse "
            "('ACTB', 'Actb')",
            "bring both to one species or one spelling: adata.var_names.str.upper()",
        )
    ensembl = [_share(names, _ENSEMBL) > 0.5 for names in (reference, query)]
    if ensembl[0] != ensembl[1]:
        return (
            "gene symbols against Ensembl ids",
            "set both to the same kind, from a column of adata.var, say",
        )
    return ("another species, or another kind of feature", "compare both sides' var_names")
