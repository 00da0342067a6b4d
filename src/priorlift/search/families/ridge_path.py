"""Ridge regression for every penalty from one spectrum, and how far that may be trusted.

With the centred training rows A = U diag(s) V', w = s**2, and z the coordinates of a row in the
eigenbasis, the prediction for a penalty alpha is z . diag(1 / (w + alpha)) . r + mean(y), where r
are the targets in that basis. Only the diagonal depends on alpha, so all penalties, all targets and
all rows are one product of matrices.

An eigendecomposition of the Gram matrix and a Cholesky factorisation for one alpha agree as far as
their rounding errors allow. `RidgePath.risk` bounds the difference to first order; where it passes
a limit, or where two classes are closer than it, the setting is fitted by the estimator itself.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import Ridge

from priorlift.search.answers import Answers, Predictions
from priorlift.search.block import Block
from priorlift.search.families.rows import is_number

Floats = NDArray[np.float64]

DOUBLE = np.dtype(np.float64)
# Settings solved by one product, and the bytes that their predictions may take.
CHUNK, CHUNK_BYTES = 256, 2**24
# The largest difference to the estimator's own fit, relative to the targets, that is let through.
LIMITS = {DOUBLE: 1e-9, np.dtype(np.float32): 1e-4}


@dataclass(frozen=True, eq=False)
class RidgePath:
    """The spectrum of one training set and what of the targets lies in it.

    Parameters
    ----------
    eigenvalues : ndarray of shape (r,)
        Not negative.
    targets : ndarray of shape (r, k)
        The centred targets in the eigenbasis (times the singular values).
    offset : ndarray of shape (k,)
        Added to every prediction.
    scale : float
        The largest absolute centred target.
    row_norm : float
        The largest norm of a row as the estimator sees it; its products round accordingly.
    stretch : ndarray of shape (r,)
        Squared length that a unit of each coordinate adds to the coefficients: ones in the basis of
        columns, the eigenvalues in that of rows.
    dtype : dtype
        Of the estimator's results.
    """

    eigenvalues: Floats
    targets: Floats
    offset: Floats
    scale: float
    row_norm: float
    stretch: Floats
    dtype: Any = DOUBLE

    def planes(self, Z: Floats, alphas: Floats) -> NDArray[Any]:
        """Return the predictions of all penalties.

        Parameters
        ----------
        Z : ndarray of shape (n, r)
            Rows in the eigenbasis.
        alphas : ndarray of shape (s,)
            Penalties.

        Returns
        -------
        ndarray of shape (k, s, n)

        Notes
        -----
        O(k s n r), one GEMM.
        """
        k, s = self.targets.shape[1], len(alphas)
        inverse = self._inverse(alphas)
        coefficients = self.targets.T[:, np.newaxis] * inverse
        planes = (coefficients.reshape(k * s, -1) @ Z.T).reshape(k, s, len(Z))
        planes += self.offset[:, np.newaxis, np.newaxis]
        return planes.astype(self.dtype, copy=False)

    def risk(self, Z: Floats, alphas: Floats) -> Floats:
        """Bound how far predictions may lie from the estimator's own, for each penalty.

        Parameters
        ----------
        Z : ndarray of shape (n, r)
            Rows in the eigenbasis.
        alphas : ndarray of shape (s,)
            Penalties.

        Returns
        -------
        ndarray of shape (s,)
            Absolute, in units of the targets.

        Notes
        -----
        Our choice. A Gram matrix G with an error of eps |G| changes the coefficients W by
        (G + alpha)^-1 eps |G| W, hence a row's prediction by at most eps |G| |z / (w + alpha)| |W|;
        products of rows and coefficients add a few eps |x| |W| and the sum with the offset eps
        times the targets' scale. O(s r k).
        """
        eps = float(np.finfo(self.dtype).eps)
        squares = self._inverse(alphas) ** 2
        largest = (Z**2).max(axis=0) if len(Z) else np.zeros(Z.shape[1])
        with np.errstate(invalid="ignore"):
            reach = np.sqrt(squares @ largest)
            size = np.sqrt((squares @ self.targets**2).max(axis=1))
            length = np.sqrt(
                (squares @ (self.stretch[:, np.newaxis] * self.targets**2)).max(axis=1)
            )
            top = float(self.eigenvalues.max(initial=0.0))
            found = eps * (top * reach * size + 8 * self.row_norm * length + 8 * self.scale)
        return np.where(np.isfinite(found), found, np.inf)

    def _inverse(self, alphas: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / (self.eigenvalues + alphas[:, np.newaxis]))


@dataclass(frozen=True, eq=False)
class Form:
    """How predictions of many targets become what the estimator says.

    Parameters
    ----------
    classes : ndarray or None
        `classes_` of a classifier; None for regression.
    flat : bool
        Whether one target's predictions have one axis (`Ridge` with 1-D targets, two classes).
    multilabel : bool
        Whether every target is a label of its own.
    """

    classes: NDArray[Any] | None = None
    flat: bool = True
    multilabel: bool = False

    def predictions(self, planes: NDArray[Any]) -> tuple[Predictions, NDArray[Any]]:
        """Return predictions, and how close each setting comes to another label (inf: nowhere).

        Parameters
        ----------
        planes : ndarray of shape (k, s, n)
            From `RidgePath.planes`.
        """
        shaped = planes[0] if self.flat and len(planes) == 1 else planes.transpose(1, 2, 0)
        if self.classes is None:
            return Predictions(values=shaped), np.full(planes.shape[1], np.inf)
        if self.multilabel:
            marks = (planes > 0).astype(np.int64).transpose(1, 2, 0)
            margin = np.abs(planes).min(axis=(0, 2), initial=np.inf)
            return Predictions(self.classes, values=marks, decision=shaped), margin
        labels, margin = first_of_largest(planes)
        return Predictions(self.classes, labels=labels, decision=shaped), margin


def spectrum(gram: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvalues, not negative, and eigenvectors of a Gram matrix, which is lost.

    Notes
    -----
    LAPACK's divide and conquer (`syevd`).
    """
    values, vectors = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    return np.maximum(values, 0.0), vectors


def head_reason(estimator: Any, alphas: Iterable[Any]) -> str | None:
    """Return why a ridge estimator's penalties have no closed form here; None if they have.

    Parameters
    ----------
    estimator : Ridge or RidgeClassifier
        Unfitted.
    alphas : iterable
        The penalties that are asked for.
    """
    if estimator.positive is not False:
        return "coefficients are held positive"
    if estimator.solver not in ("auto", "cholesky", "svd"):
        return f"solver {estimator.solver!r} is iterative"
    if not isinstance(estimator.fit_intercept, bool | np.bool_):
        return "fit_intercept is neither true nor false"
    if not all(is_number(alpha, low=0.0) for alpha in alphas):
        return "a penalty is not one number of at least 0"
    return None


def fitted_values(
    estimator: Any, alpha: Any, block: Block
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Fit one penalty by the estimator itself; return its values for test and training rows."""
    fitted = clone(estimator).set_params(alpha=alpha)
    fitted.fit(np.array(block.X_train), block.y_train, **block.fit_params)
    speak = fitted.predict if type(fitted) is Ridge else fitted.decision_function
    return speak(block.X_test), speak(block.X_train) if block.want_train else None


def first_of_largest(planes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the label of every row, ties to the first class, and each setting's least margin.

    Parameters
    ----------
    planes : ndarray of shape (k, s, n)
        Decision values; one plane stands for two classes, parted at 0.

    Returns
    -------
    labels : ndarray of int, shape (s, n)
    margin : ndarray of shape (s,)
        Least distance between the largest and the second largest value (to 0 for one plane).

    Examples
    --------
    >>> planes = np.array([[[0.1, 0.5]], [[0.4, 0.5]]])
    >>> labels, margin = first_of_largest(planes)
    >>> labels.tolist(), margin.tolist()
    ([[1, 0]], [0.0])
    """
    if len(planes) == 1:
        return (planes[0] > 0).astype(np.intp), np.abs(planes[0]).min(axis=1, initial=np.inf)
    best, second = planes[0].copy(), np.full(planes[0].shape, -np.inf, dtype=planes.dtype)
    labels = np.zeros(best.shape, dtype=np.int16 if len(planes) < 2**15 else np.intp)
    lower = np.empty_like(best)
    for label, plane in enumerate(planes[1:], 1):
        np.copyto(labels, label, where=plane > best)
        np.minimum(best, plane, out=lower)
        np.maximum(second, lower, out=second)
        np.maximum(best, plane, out=best)
    return labels, (best - second).min(axis=1, initial=np.inf)


Plain = Callable[[int], tuple[NDArray[Any], NDArray[Any] | None]]


def answers(
    path: RidgePath,
    form: Form,
    alphas: Floats,
    Z_test: Floats,
    Z_train: Floats | None,
    plain: Plain,
) -> Iterator[Answers]:
    """Give the answers of all penalties, in chunks.

    Parameters
    ----------
    path : RidgePath
        Of the training rows.
    form : Form
        What the estimator says.
    alphas : ndarray of shape (S,)
        Penalties.
    Z_test, Z_train : ndarray of shape (n, r)
        Rows in the eigenbasis; no training rows where none are asked for.
    plain : callable
        Fits one setting by the estimator itself; returns its decision values (values of a
        regression) for test and training rows. Called where rounding might be seen.

    Yields
    ------
    Answers
    """
    sides = [Z_test] if Z_train is None else [Z_test, Z_train]
    n_largest = max(len(Z) for Z in sides)
    a_setting = 8 * path.targets.shape[1] * max(n_largest, 1)
    size = max(1, min(CHUNK, CHUNK_BYTES // a_setting))
    limit = LIMITS[np.dtype(path.dtype)] * max(path.scale, np.finfo(np.float64).tiny)
    for first in range(0, len(alphas), size):
        chunk = alphas[first : first + size]
        risks = [path.risk(Z, chunk) for Z in sides]
        planes = [path.planes(Z, chunk) for Z in sides]
        found = [form.predictions(given) for given in planes]
        unsure = np.zeros(len(chunk), dtype=bool)
        for risk, (_, margin) in zip(risks, found, strict=True):
            unsure |= (risk > limit) | ~(margin > 2 * risk)
        if unsure.any():
            for setting in np.flatnonzero(unsure):
                for plane, own in zip(planes, plain(first + int(setting)), strict=False):
                    plane[:, setting] = _columns(own)
            found = [form.predictions(given) for given in planes]
        parts = [predictions for predictions, _ in found]
        yield Answers(first, parts[0], parts[1] if len(parts) > 1 else None)


def _columns(own: NDArray[Any] | None) -> NDArray[Any]:
    assert own is not None
    return own[np.newaxis] if own.ndim == 1 else own.T
