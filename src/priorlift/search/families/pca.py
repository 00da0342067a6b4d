"""Principal components: every number of components from one full decomposition.

A full decomposition does not depend on how many components are kept, so `PCA(8)`, `PCA(16)` and
`PCA(0.9)` are cut from `PCA()`, signs included. Randomised and ARPACK solvers compute another thing
for each number and are not shared. This is no family of heads: the prefix tree asks it, because
other steps follow a projection.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import get_config
from sklearn.base import clone
from sklearn.decomposition import PCA

from priorlift.search.families.rows import is_count

FULL_SOLVERS = ("full", "covariance_eigh")


def solver_of(estimator: PCA, shape: tuple[int, int]) -> str | None:
    """Return the full solver that a PCA would use on rows of this shape; None for another one.

    Parameters
    ----------
    estimator : PCA
        Unfitted.
    shape : (int, int)
        Rows and columns.

    Notes
    -----
    The documented rule for `svd_solver="auto"` (scikit-learn 1.5 and later).

    Examples
    --------
    >>> solver_of(PCA(3), (1000, 10)), solver_of(PCA(3), (1000, 200))
    ('covariance_eigh', None)
    """
    solver, count = estimator.svd_solver, estimator.n_components
    if solver != "auto":
        return solver if solver in FULL_SOLVERS else None
    if shape[1] <= 1_000 and shape[0] >= 10 * shape[1]:
        return "covariance_eigh"
    if max(shape) <= 500 or count is None:
        return "full"
    return None if is_count(count) and count < 0.8 * min(shape) else "full"


def shared_fit_key(estimator: Any) -> Hashable | None:
    """Return what estimators that one fit may serve have in common; None where there is no such.

    Parameters
    ----------
    estimator : transformer
        Any.

    Examples
    --------
    >>> shared_fit_key(PCA(2)) == shared_fit_key(PCA(3, whiten=True))
    True
    """
    if type(estimator) is not PCA or estimator.copy is not True:
        return None
    if estimator.svd_solver not in (*FULL_SOLVERS, "auto"):
        return None
    changed = getattr(estimator, "_sklearn_output_config", None)
    return None if changed or not _is_usual_count(estimator.n_components) else estimator.svd_solver


def _is_usual_count(count: Any) -> bool:
    return count is None or is_count(count) or (isinstance(count, float) and 0.0 < count < 1.0)


def fit_largest(estimators: Sequence[PCA], X_train: Any, X_test: Any) -> "Cut | None":
    """Fit all components at once, to be cut.

    Parameters
    ----------
    estimators : sequence of PCA
        With equal `shared_fit_key`.
    X_train, X_test : array-like
        Rows; only dense arrays are accepted.

    Returns
    -------
    Cut or None
        None where a plain fit must be made of each.

    Notes
    -----
    O(n p min(n, p)), as one fit.
    """
    if not isinstance(X_train, np.ndarray) or X_train.ndim != 2 or X_train.dtype.kind != "f":
        return None
    if get_config()["transform_output"] != "default":
        return None
    solvers = {solver_of(estimator, X_train.shape) for estimator in estimators}
    if len(solvers) != 1 or None in solvers:
        return None
    if solvers == {"covariance_eigh"} and X_train.shape[1] > X_train.shape[0]:
        return None  # more eigenvalues than components, which the noise variance is taken over
    most = min(X_train.shape)
    if any(is_count(e.n_components) and e.n_components > most for e in estimators):
        return None
    cut = Cut(PCA(svd_solver=solvers.pop()), X_train, X_test)
    cut.keep(max(cut.count(estimator.n_components) for estimator in estimators))
    return cut


class Cut:
    """A PCA with all components, from which those with fewer are cut.

    Parameters
    ----------
    full : PCA
        Unfitted, keeps all components.
    X_train, X_test : ndarray
        The rows.

    Attributes
    ----------
    held : tuple of ndarray
        The projected rows.
    """

    def __init__(self, full: PCA, X_train: NDArray[Any], X_test: Any) -> None:
        projected = full.fit_transform(X_train)
        self._full = full
        self.held = (projected, full.transform(X_test))

    def keep(self, n_components: int) -> None:
        """Let go of projections beyond the largest number that will be cut."""
        if n_components < self.held[0].shape[1]:
            train, test = self.held
            self.held = (train[:, :n_components].copy(), test[:, :n_components].copy())

    def count(self, count: int | float | None) -> int:
        """Return how many components a setting of `n_components` keeps."""
        shares = self._full.explained_variance_ratio_
        if count is None:
            return len(shares)
        if isinstance(count, float):
            return int(np.searchsorted(np.cumsum(shares), count, side="right")) + 1
        return int(count)

    def slice(self, estimator: PCA) -> tuple[PCA, NDArray[Any], NDArray[Any]]:
        """Return what a PCA gives that is fitted alone: itself, training rows and test rows.

        Parameters
        ----------
        estimator : PCA
            One of those that the fit was made for.
        """
        full, fitted = self._full, clone(estimator)
        kept = self.count(estimator.n_components)
        variances = full.explained_variance_
        fitted.n_features_in_, fitted.n_samples_ = full.n_features_in_, full.n_samples_
        fitted.mean_, fitted.n_components_ = full.mean_, kept
        fitted.components_ = full.components_[:kept].copy()
        fitted.explained_variance_ = variances[:kept].copy()
        fitted.explained_variance_ratio_ = full.explained_variance_ratio_[:kept].copy()
        fitted.singular_values_ = full.singular_values_[:kept].copy()
        fitted.noise_variance_ = variances[kept:].mean() if kept < len(variances) else 0.0
        fitted._fit_svd_solver = full._fit_svd_solver
        train, test = (side[:, :kept] for side in self.held)
        if estimator.whiten:
            scale = np.sqrt(fitted.explained_variance_)
            scale = np.maximum(scale, np.finfo(scale.dtype).eps)
            train, test = self._whitened(train, scale), test / scale
        return fitted, train, test

    def _whitened(self, train: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
        if self._full._fit_svd_solver == "covariance_eigh":
            return np.asarray(train / scale)
        # An SVD scales its left vectors, so a direction without variance does not blow up here.
        singular = self._full.singular_values_[: train.shape[1]]
        left = np.divide(train, singular, out=np.zeros_like(train), where=singular > 0)
        return np.asarray(left * np.sqrt(self._full.n_samples_ - 1).astype(train.dtype))
