"""What simpler ways say of the same query cells: the rows that a transfer has to beat.

All of them see the references' labels and the query's expression, and no label of the query. Values
are brought to one depth, logarithms taken, and each gene standardised within its modality, as is
the custom; that is kept as a sparse matrix and one row of shifts, so nothing of cells x genes is
dense.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

CLIP = 5.0
N_VECTORS = 20
N_NEIGHBORS = 30


@dataclass(frozen=True, eq=False)
class Standardised:
    """The matrix `S + shift`, with one shift a column; S is sparse.

    Attributes
    ----------
    S : CSR matrix of shape (n, d)
    shift : ndarray of shape (d,)
    """

    S: Any
    shift: NDArray[np.float64]


def standardised(X: Any, n_genes: int) -> Standardised:
    """Standardise one data set: genes as logarithms at the median depth, the rest as they are.

    Parameters
    ----------
    X : CSR matrix of shape (n, d)
        Genes first.
    n_genes : int
        How many columns are genes.
    """
    genes = sp.csr_matrix(X[:, :n_genes], dtype=np.float64, copy=True)
    depth = np.asarray(genes.sum(axis=1)).ravel()
    level = float(np.median(depth[depth > 0])) if (depth > 0).any() else 1.0
    factor = np.divide(level, depth, out=np.zeros_like(depth), where=depth > 0)
    genes.data = np.log1p(genes.data * np.repeat(factor, np.diff(genes.indptr)))
    rows = sp.csr_matrix(sp.hstack([genes, X[:, n_genes:]], format="csr"), dtype=np.float64)
    mean = np.asarray(rows.mean(axis=0)).ravel()
    squares = np.asarray(rows.multiply(rows).mean(axis=0)).ravel()
    spread = np.sqrt(np.maximum(squares - mean**2, 0.0))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    shift = np.maximum(-mean * scale, -CLIP)
    values = (rows.data - mean[rows.indices]) * scale[rows.indices]
    rows.data = np.clip(values, -CLIP, CLIP) - shift[rows.indices]
    return Standardised(rows, shift)


def majority(y: NDArray[Any], n_query: int) -> NDArray[Any]:
    """Give every query cell the reference's most frequent type."""
    types, counts = np.unique(y, return_counts=True)
    return np.full(n_query, types[counts.argmax()])


def logistic(reference: Standardised, y: NDArray[Any], query: Standardised) -> NDArray[Any]:
    """Logistic regression (C = 0.01) on standardised values.

    The shift moves the intercept alone, which is not regularised, so it need not be added.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=0.01, max_iter=200).fit(reference.S, y)
    moved = (query.shift - reference.shift) @ model.coef_.T
    scores = model.decision_function(query.S)
    if scores.ndim == 1:
        return np.asarray(model.classes_[(scores + moved[0] > 0).astype(int)])
    return np.asarray(model.classes_[(scores + moved).argmax(axis=1)])


def cca_neighbours(
    reference: Standardised, y: NDArray[Any], query: Standardised, seed: int
) -> NDArray[Any]:
    """Canonical correlation of cells, then a vote of neighbours weighted by distance.

    The singular vectors of reference x query' are a shared space, as in Seurat's transfer of
    labels; the matrix itself is only multiplied, never made.
    """
    from scipy.sparse.linalg import LinearOperator, svds
    from sklearn.neighbors import KNeighborsClassifier

    left, right = _of_rows(reference), _of_rows(query)
    n, m = reference.S.shape[0], query.S.shape[0]
    product = LinearOperator(
        (n, m),
        matvec=lambda v: left.times(right.transposed(v.ravel())),
        rmatvec=lambda v: right.times(left.transposed(v.ravel())),
        dtype=np.float64,
    )
    k = max(1, min(N_VECTORS, n - 1, m - 1))
    start = np.random.default_rng(seed).normal(size=min(n, m))
    U, _, Vt = svds(product, k=k, v0=start)
    model = KNeighborsClassifier(min(N_NEIGHBORS, n), weights="distance")
    return np.asarray(model.fit(_unit(U), y).predict(_unit(Vt.T)))


@dataclass(frozen=True, eq=False)
class _RowStandardised:
    """The matrix `diag(scale) (S + 1 shift' - mean 1')`."""

    S: Any
    shift: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def times(self, v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.scale * (self.S @ v + self.shift @ v - self.mean * v.sum()))

    def transposed(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        u = self.scale * u
        moved: NDArray[np.float64] = np.asarray(self.S.T @ u)
        return np.asarray(moved + self.shift * u.sum() - self.mean @ u)


def _of_rows(Z: Standardised) -> _RowStandardised:
    d = Z.S.shape[1]
    total = np.asarray(Z.S.sum(axis=1)).ravel() + Z.shift.sum()
    squares = np.asarray(Z.S.multiply(Z.S).sum(axis=1)).ravel()
    squares = squares + 2.0 * (Z.S @ Z.shift) + (Z.shift**2).sum()
    mean = total / d
    spread = np.sqrt(np.maximum(squares / d - mean**2, 0.0))
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
    return _RowStandardised(Z.S, Z.shift, mean, scale)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-12))
