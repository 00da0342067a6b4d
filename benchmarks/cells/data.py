"""Single-cell tasks with known truth, as (query, truth, references, settings of the estimator).

Each function reads public files of PRIORLIFT_DATA. Truth is returned beside the query, never inside
of it, so that only a scoring function sees it.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from priorlift import Source, SourcePool


class Task(NamedTuple):
    """One query with its references.

    Attributes
    ----------
    X : CSR matrix or ndarray
        The query's rows.
    truth : ndarray of str
        Their types, for scoring alone.
    pool : SourcePool
        Annotated references.
    settings : dict
        Parameters of the estimator that say which columns are what.
    """

    X: Any
    truth: Any
    pool: SourcePool
    settings: dict


def snare(data, seed, *, types=14, peaks=False, same_nuclei=False):
    """SNARE-seq, mouse cortex: RNA of one half of the nuclei to gene activity of the other half.

    Parameters
    ----------
    data : path
        PRIORLIFT_DATA.
    seed : int
        Of the permutation that makes the halves.
    types : {14, 22}
        Merged types or all.
    peaks : bool
        Whether the query's peaks follow its genes, as columns that no reference has.
    same_nuclei : bool
        Whether all nuclei are on both sides, as in the published protocol.
    """
    rna, activity, in_peaks, labels = _snare(Path(data))
    y = labels[types]
    order = np.random.default_rng(seed).permutation(len(y))
    known, asked = order[: len(y) // 2], order[len(y) // 2 :]
    if same_nuclei:
        known = asked = np.arange(len(y))
    pool = SourcePool([Source("rna", rna[known], y[known], task="classification")])
    X, settings = activity[asked], {}
    if peaks:
        settings["query_only"] = np.arange(X.shape[1], X.shape[1] + in_peaks.shape[1])
        X = sp.hstack([X, in_peaks[asked]], format="csr")
    return Task(X, y[asked], pool, settings)


def adt(data, *, half=None, open_set=False, reverse=False):
    """CITE-seq to ASAP-seq, blood, 227 proteins: binary block, then logarithms.

    Parameters
    ----------
    data : path
        PRIORLIFT_DATA.
    half : (int, int), optional
        A seed and which half (0 or 1) of the query's cells; by default all of them.
    open_set : bool
        Whether cells of types that the reference lacks stay in the query, as "DC" and "unknown".
    reverse : bool
        Whether ASAP-seq is the reference.
    """
    cite, asap, of_cite, of_asap = _adt(Path(data))
    common = np.isin(of_asap, np.unique(of_cite))
    if not open_set or reverse:
        asap, of_asap = asap[common], of_asap[common]
    known, y, X, truth = cite, of_cite, asap, of_asap
    if reverse:
        known, y, X, truth = asap, of_asap, cite, of_cite
    if half is not None:
        seed, which = half
        order = np.random.default_rng(seed).permutation(len(truth))
        rows = np.array_split(order, 2)[which]
        X, truth = X[rows], truth[rows]
    pool = SourcePool([Source("proteins", known, y, task="classification")])
    n = X.shape[1] // 2
    return Task(X, truth, pool, {"passthrough": np.arange(n, 2 * n)})


def couplecoc(data, example):
    """Cell lines, 1,000 linked features: expression to gene activity; example is "1A" or "1B"."""
    from scipy.io import loadmat

    folder = Path(data) / "singlecell" / "couplecoc"
    stem = f"example{example}"
    source = loadmat(folder / f"{stem}_S.mat")["X"].astype(float)
    query = loadmat(folder / f"{stem}_T.mat")["Y"].astype(float)
    y = loadmat(folder / f"{stem}_S_label.mat")["Cx_truth"].ravel().astype(str)
    truth = loadmat(folder / f"{stem}_T_label.mat")["Cy_truth"].ravel().astype(str)
    pool = SourcePool([Source("rna", sp.csr_matrix(source), y, task="classification")])
    return Task(sp.csr_matrix(query), truth, pool, {})


@cache
def _snare(data):
    import pandas as pd

    folder = data / "singlecell" / "snare_mop"
    rna, in_peaks, links = (
        sp.load_npz(folder / f"{name}.npz").astype(np.float64) for name in ("GxC1", "RxC1", "GxR")
    )
    meta = pd.read_csv(folder / "meta_c1.csv", index_col=0)
    kept = np.flatnonzero((meta["Ident"] != "Mis").to_numpy())
    activity = sp.csr_matrix((links @ in_peaks).T)
    labels = {
        22: meta["Ident"].to_numpy(dtype=str)[kept],
        14: meta["cluster (remapped)"].to_numpy(dtype=str)[kept],
    }
    return sp.csr_matrix(rna.T)[kept], activity[kept], sp.csr_matrix(in_peaks.T)[kept], labels


@cache
def _adt(data):
    import pandas as pd

    folder = data / "singlecell" / "cite_asap_adt_scjoint"
    values, labels = [], []
    for name in ("citeseq", "asapseq"):
        proteins = sp.load_npz(folder / f"{name}_control_adt.npz").toarray()
        values.append(np.hstack([proteins > 0, proteins]).astype(np.float32))
        table = pd.read_csv(folder / f"{name}_control_cellTypes.csv")
        labels.append(table["x"].to_numpy(dtype=str))
    return values[0], values[1], labels[0], labels[1]
