"""From a covariance matrix to what the theory needs of it: eigenvalues and alignment."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh

from priorlift.core.errors import InputError
from priorlift.theory.quadrature import Array

NEGATIVE = 1e-8
BLOCK = 512


def spectrum_and_alignment(Omega: ArrayLike, s: ArrayLike) -> tuple[Array, Array]:
    """Return eigenvalues om and t_i = (u_i . s)^2.

    Parameters
    ----------
    Omega : array-like of shape (p, p)
        Symmetric and positive semi-definite; its lower half is read.
    s : array-like of shape (p,)
        Covariance of the features with the teacher's field.

    Returns
    -------
    spectrum, alignment : ndarray of shape (p,)
        Ascending. Eigenvalues within rounding of 0 become 0, and so does the alignment there.

    Raises
    ------
    InputError
        A shape is wrong, a number is not finite, Omega is not symmetric, or it has an eigenvalue
        below -1e-8 of its largest.

    Notes
    -----
    O(p^3). Memory: Omega, one copy, and the eigenvectors.
    """
    matrix, s = np.asarray(Omega, dtype=float), np.asarray(s, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise InputError(f"Omega has shape {matrix.shape}", remedy="pass a square matrix")
    if s.shape != matrix.shape[:1]:
        raise InputError(
            f"s has shape {s.shape} and Omega {matrix.shape}", remedy="pass one s a feature"
        )
    _check_symmetric(matrix)
    if not np.isfinite(s).all():
        raise InputError("s holds a value that is not finite")
    spectrum, vectors = eigh(matrix, driver="evr", check_finite=False)
    largest = max(float(spectrum[-1]), 0.0)
    if spectrum[0] < -NEGATIVE * largest or not largest:
        raise InputError(
            f"Omega is not positive semi-definite: its smallest eigenvalue is {spectrum[0]:.3g}, "
            f"its largest {spectrum[-1]:.3g}",
            cause="it is no covariance, or it was put together from pairs with missing rows",
        )
    alignment = (s @ vectors) ** 2
    kept = spectrum > len(s) * np.finfo(float).eps * largest
    if alignment[~kept].sum() > NEGATIVE * alignment.sum():
        raise InputError(
            "s points where Omega has no variance",
            cause="Omega and s come from different features",
        )
    return np.where(kept, spectrum, 0.0), np.where(kept, alignment, 0.0)


def _check_symmetric(matrix: Array) -> None:
    # By blocks: for 10,000 features a second copy would cost 800 MB.
    for first in range(0, len(matrix), BLOCK):
        rows = matrix[first : first + BLOCK]
        if not np.isfinite(rows).all():
            raise InputError("Omega holds a value that is not finite")
        if not np.allclose(rows, matrix[:, first : first + BLOCK].T, rtol=1e-6, atol=1e-12):
            raise InputError(
                "Omega is not symmetric", remedy="pass E[v v^T], (Omega + Omega.T) / 2 perhaps"
            )
