"""The one expensive thing, done once: the Gram matrix of the rows, summed block by block.

A symmetric product costs half the flops of a general one, and single precision half of the rest.
So large float32 features are summed in float32 within a block and in float64 over blocks, measured
from a provisional mean. That leaves an error of about 1e-7 of the largest eigenvalue, which is
harmless unless a direction is that small itself: `clear_of_rounding` looks, and where one is, the
rows are summed again in float64. A GPU does the same sums.
"""

from collections.abc import Iterator
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import blas, lapack

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.ranking.labels import Floats, LabelStack
from priorlift.ranking.moments import Moments

BLOCK_ROWS = 4096
SINGLE_FLOPS = 1e9
"""Products of n d² from which float32 pays; below, float64 takes milliseconds."""
CLEARANCE = 1e-5
Device = Literal["auto", "cpu", "cuda"]


class Sums(Protocol):
    """Adds up rows."""

    def add(self, z: NDArray[Any]) -> None:
        """Add a block of rows, shape (m, d), measured from the origin."""

    def moments(self) -> Moments:
        """Return the sums so far."""


class HostSums:
    """Sums in main memory.

    Parameters
    ----------
    origin : ndarray of shape (d,)
        The point from which the rows are measured; its type is that of the products.
    """

    def __init__(self, origin: NDArray[Any]) -> None:
        width = len(origin)
        self.origin = origin
        self.n_rows = 0
        self.sums = np.zeros(width)
        self.upper = np.zeros((width, width), order="F")
        self.cubes = np.zeros(width)
        self.fourth = 0.0

    def add(self, z: NDArray[Any]) -> None:
        """Add a block of rows, shape (m, d), measured from the origin."""
        if z.dtype == np.float32:
            self.upper += blas.ssyrk(1.0, z.T)
        else:
            self.upper = blas.dsyrk(1.0, z.T, beta=1.0, c=self.upper, overwrite_c=True)
        squares = np.einsum("ij,ij->i", z, z)
        self.n_rows += len(z)
        self.sums += np.ones(len(z), dtype=z.dtype) @ z
        self.cubes += squares @ z
        self.fourth += float(np.square(squares, dtype=np.float64).sum())

    def moments(self) -> Moments:
        """Return the sums so far."""
        gram = self.upper + np.triu(self.upper, 1).T
        origin = self.origin.astype(np.float64)
        return Moments(self.n_rows, origin, self.sums, gram, self.cubes, self.fourth)


class TorchSums:
    """The same sums on a device of PyTorch's; they leave it once, at the end.

    Parameters
    ----------
    origin : ndarray of shape (d,)
        As in `HostSums`.
    device : str
        "cuda", or "cpu", which is of use to tests only.
    """

    def __init__(self, origin: NDArray[Any], device: str) -> None:
        import torch

        width = len(origin)
        self.origin = origin
        self.n_rows = 0
        self.parts = [
            torch.zeros(shape, dtype=torch.float64, device=device)
            for shape in ((width,), (width, width), (width,), ())
        ]

    def add(self, z: NDArray[Any]) -> None:
        """Add a block of rows, shape (m, d), measured from the origin."""
        import torch

        rows = torch.from_numpy(z).to(self.parts[0].device)
        squares = (rows * rows).sum(dim=1)
        self.n_rows += len(z)
        found = (rows.sum(dim=0), rows.T @ rows, squares @ rows, squares.double().square().sum())
        for part, more in zip(self.parts, found, strict=True):
            part += more

    def moments(self) -> Moments:
        """Return the sums so far."""
        sums, gram, cubes, fourth = (part.cpu().numpy() for part in self.parts)
        origin = self.origin.astype(np.float64)
        return Moments(self.n_rows, origin, sums, gram, cubes, float(fourth))


def sum_rows(X: Any, labels: LabelStack, device: Device) -> tuple[Moments, Floats]:
    """Sum all rows, and their products with all label columns, in one pass of O(n d²).

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, d)
        Features, n >= 1.
    labels : LabelStack
        Label sets over the same rows.
    device : {"auto", "cpu", "cuda"}
        Where to form the Gram matrix.

    Returns
    -------
    moments : Moments
        About the mean.
    products : ndarray of shape (d, k)
        The rows measured from their mean times the k label columns.

    Raises
    ------
    InputError
        A feature is not finite.
    """
    place = resolve_device(device)
    if is_single(X):
        moments, products = _sum_as(np.float32, X, labels, place)
        if clear_of_rounding(moments):
            return moments, products
    return _sum_as(np.float64, X, labels, place)


def label_products(X: Any, labels: LabelStack, mean: Floats) -> Floats:
    """Return the rows measured from their mean times label columns, (d, k), in O(n d) a set.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, d)
        Features, known to be finite.
    labels : LabelStack
        Label sets over the same rows.
    mean : ndarray of shape (d,)
        The mean of the rows.
    """
    kind: Any = np.float32 if is_single(X) else np.float64
    origin = mean.astype(kind)
    product: Floats = (origin.astype(np.float64) - mean)[:, None] * labels.totals
    for start, z in _offsets(kind, X, origin):
        product += labels.products(z, start)
    return product


def is_single(X: Any) -> bool:
    """Tell whether the rows are float32 and so many that float32 products pay."""
    return bool(X.dtype == np.float32 and X.shape[0] * X.shape[1] ** 2 >= SINGLE_FLOPS)


def clear_of_rounding(moments: Moments) -> bool:
    """Tell whether every direction that varies is far above the rounding of float32 products.

    It is if the Gram matrix about the mean has no eigenvalue below 1e-5 of its Frobenius norm; a
    constant column does not count. A failing Cholesky factor tells, in O(d³/3). False also if a sum
    is not finite.
    """
    norm = float(np.linalg.norm(moments.gram))
    if not np.isfinite(norm) or not np.isfinite(moments.fourth) or norm == 0.0:
        return False
    varied = np.flatnonzero(np.diag(moments.gram))
    gram = moments.gram[np.ix_(varied, varied)]
    gram.flat[:: len(gram) + 1] -= CLEARANCE * norm
    return bool(lapack.dpotrf(gram, clean=False, overwrite_a=True)[1] == 0)


def resolve_device(device: Device) -> str:
    """Return "cuda" or "cpu": a GPU where one is asked for, or "auto" finds one.

    Raises
    ------
    InputError
        The name is unknown, or no GPU is there.
    MissingExtraError
        "cuda" needs PyTorch.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {device!r}", remedy='"auto", "cpu" or "cuda"')
    if device == "cpu":
        return "cpu"
    try:
        import torch
    except ImportError:
        if device == "cuda":
            raise MissingExtraError("torch", "nets") from None
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise InputError("there is no CUDA device", remedy='device="auto" takes one if there is')
    return "cpu"


def blocks_of(X: Any) -> Iterator[Any]:
    """Yield the rows of an array or sparse matrix, 4,096 at a time."""
    for start in range(0, X.shape[0], BLOCK_ROWS):
        yield X[start : start + BLOCK_ROWS]


def dense(block: Any) -> Floats:
    """Return a block as float64 rows, refusing what is not finite."""
    rows = _as(np.float64, block)
    if rows.ndim != 2:
        raise InputError(f"features must be a table of rows and columns, got shape {rows.shape}")
    bad = ~np.isfinite(rows)
    if bad.any():
        empty = bool(np.isnan(rows).all())
        raise InputError(
            "all features are NaN" if empty else "a feature is NaN or infinite",
            where=None if empty else f"column {int(bad.any(axis=0).argmax())}",
            cause="the encoder diverged, or was fed empty rows" if empty else None,
            remedy="check the encoder" if empty else "impute missing values before scoring",
        )
    return rows


def _sum_as(kind: Any, X: Any, labels: LabelStack, place: str) -> tuple[Moments, Floats]:
    with np.errstate(invalid="ignore"):
        origin = _as(kind, X[:BLOCK_ROWS]).mean(axis=0, dtype=np.float64).astype(kind)
    sums: Sums = HostSums(origin) if place == "cpu" else TorchSums(origin, place)
    products = np.zeros((X.shape[1], labels.width))
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite is named below
        for start, z in _offsets(kind, X, origin):
            sums.add(z)
            products += labels.products(z, start)
    found = sums.moments()
    if kind is np.float64 and not np.isfinite(found.fourth):
        for block in blocks_of(X):
            dense(block)  # names the bad value; if there is none, the numbers are too large
        raise InputError("features are too large for their fourth powers", remedy="scale them")
    centred = found.centred()
    step = found.origin - centred.origin
    return centred, products + step[:, None] * labels.totals


def _offsets(kind: Any, X: Any, origin: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield rows measured from the origin by blocks, each with its start, in one buffer."""
    buffer = np.empty((min(BLOCK_ROWS, X.shape[0]), X.shape[1]), dtype=kind)
    for start in range(0, X.shape[0], BLOCK_ROWS):
        rows = _as(kind, X[start : start + BLOCK_ROWS])
        yield start, np.subtract(rows, origin, out=buffer[: len(rows)])


def _as(kind: Any, block: Any) -> NDArray[Any]:
    return np.asarray(block.toarray() if sparse.issparse(block) else block, dtype=kind)
