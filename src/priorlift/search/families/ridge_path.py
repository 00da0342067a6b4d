"""Ridge regression for every penalty from one spectrum, and how far that may be trusted.

With the centred training rows A = U diag(s) V', w = s**2, and z the coordinates of a row in the
eigenbasis, the prediction for a penalty alpha is z . diag(1 / (w + alpha)) . r + mean(y), where r
are the targets in that basis. Only the diagonal depends on alpha, so all penalties, all targets and
all rows are one product of matrices.

An eigendecomposition of the Gram matrix and a Cholesky factorisation for one alpha agree as far as
their rounding errors allow. `RidgePath.risk` bounds the difference to first order; where it passes
a limit, or where two classes are closer than it, the setting is fitted by the estimator itself.
"""

from collections.abc import Callable, Iterator, Sequence
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

_USUAL_NUMBERS = {float, int, np.float64}
DOUBLE = np.dtype(np.float64)
# Settings solved by one product, and the bytes that their predictions may take.
CHUNK, CHUNK_BYTES = 256, 2**24
# The largest difference to the estimator's own fit, relative to the targets, that is let through.
LIMITS = {DOUBLE: 5e-10, np.dtype(np.float32): 1e-3}
# Sums of many products are off by more than one rounding; measured differences stay below a third
# of the bound with these factors.
SUMS = {DOUBLE: 16.0, np.dtype(np.float32): 4.0}


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
    doubt : float
        By how much more the spectrum may be off than that of rows which were read for it.
    slack : float
        What else may be off, absolute.
    """

    eigenvalues: Floats
    targets: Floats
    offset: Floats
    scale: float
    row_norm: float
    stretch: Floats
    dtype: Any = DOUBLE
    doubt: float = 1.0
    slack: float = 0.0

    def planes(self, Z: Floats, alphas: Floats) -> NDArray[Any]:
        """Return the predictions of all penalties.

        Parameters
        ----------
        Z : ndarray of shape (n, r + 1)
            Rows in the eigenbasis, and a column of ones.
        alphas : ndarray of shape (s,)
            Penalties.

        Returns
        -------
        ndarray of shape (k, s, n)

        Notes
        -----
        O(k s n r), one GEMM.
        """
        (r, k), s = self.targets.shape, len(alphas)
        # The offset is one more coefficient, of a column of ones: cheaper than another pass.
        coefficients = np.empty((k, s, r + 1))
        np.multiply(self.targets.T[:, np.newaxis], self._inverse(alphas), out=coefficients[..., :r])
        coefficients[..., r] = self.offset[:, np.newaxis]
        planes = (coefficients.reshape(k * s, r + 1) @ Z.T).reshape(k, s, len(Z))
        return planes.astype(self.dtype, copy=False)

    def risk(self, largest: Floats, alphas: Floats) -> Floats:
        """Bound how far predictions may lie from the estimator's own, for each penalty.

        Parameters
        ----------
        largest : ndarray of shape (r,)
            The largest square of each coordinate among the rows.
        alphas : ndarray of shape (s,)
            Penalties.

        Returns
        -------
        ndarray of shape (s,)
            Absolute, in units of the targets.

        Notes
        -----
        Our choice. A Gram matrix G with an error of c eps |G| changes the coefficients W by
        (G + alpha)^-1 c eps |G| W, hence a row's prediction by at most
        c eps |G| |z / (w + alpha)| |W|; products of rows and coefficients add a few eps |x| |W|
        and the sum with the offset eps times the targets' scale. O(s r k).
        """
        eps, sums = float(np.finfo(self.dtype).eps), SUMS[np.dtype(self.dtype)] * self.doubt
        squares = self._inverse(alphas) ** 2
        with np.errstate(invalid="ignore"):
            reach = np.sqrt(squares @ largest)
            size = np.sqrt((squares @ self.targets**2).max(axis=1))
            length = np.sqrt(
                (squares @ (self.stretch[:, np.newaxis] * self.targets**2)).max(axis=1)
            )
            top = float(self.eigenvalues.max(initial=0.0))
            found = eps * (sums * top * reach * size + 8 * self.row_norm * length + 8 * self.scale)
        return np.where(np.isfinite(found), found + self.slack, np.inf)

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

    def predictions(
        self, planes: NDArray[Any], risk: Floats
    ) -> tuple[Predictions, NDArray[np.bool_]]:
        """Return predictions, and for each setting whether its labels hang on rounding.

        Parameters
        ----------
        planes : ndarray of shape (k, s, n)
            From `RidgePath.planes`.
        risk : ndarray of shape (s,)
            How far each setting's values may be off.
        """
        shaped = planes[0] if self.flat and len(planes) == 1 else planes.transpose(1, 2, 0)
        if self.classes is None:
            return Predictions(values=shaped), np.zeros(planes.shape[1], dtype=bool)
        if self.multilabel:
            near = ~(np.abs(planes) > risk[:, np.newaxis])
            marks = (planes > 0).astype(np.int64).transpose(1, 2, 0)
            return Predictions(self.classes, values=marks, decision=shaped), near.any(axis=(0, 2))
        labels, near_ties = labels_of(planes, 2 * risk)
        return Predictions(self.classes, labels=labels, decision=shaped), near_ties


def labels_of(planes: NDArray[Any], tolerance: Floats) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the label of every row, and which settings have rows that two labels share.

    Parameters
    ----------
    planes : ndarray of shape (k, s, n)
        Decision values; one plane stands for two classes, parted at 0.
    tolerance : ndarray of shape (s,)
        Values that are no further apart count as equal.

    Returns
    -------
    labels : ndarray of int, shape (s, n)
        Meant for settings without ties only.
    ties : ndarray of bool, shape (s,)
        NaN counts as a tie, too.

    Examples
    --------
    >>> planes = np.array([[[0.1, 0.5]], [[0.4, 0.2]]])
    >>> labels, ties = labels_of(planes, np.array([0.2]))
    >>> labels.tolist(), ties.tolist()
    ([[1, 0]], [False])
    """
    if len(planes) == 1:
        ties = ~(np.abs(planes[0]) > tolerance[:, np.newaxis])
        return (planes[0] > 0).view(np.uint8), ties.any(axis=1)
    small = np.uint8 if len(planes) < 256 else np.int64
    floor = planes.max(axis=0)
    floor -= tolerance.astype(planes.dtype)[:, np.newaxis]
    labels, n_near = np.zeros((2, *floor.shape), dtype=small)
    near = np.empty(floor.shape, dtype=bool)
    for label, plane in enumerate(planes):
        np.greater_equal(plane, floor, out=near)
        n_near += near
        labels += np.multiply(near, small(label), dtype=small)
    return labels, (n_near != 1).any(axis=1)


def spectrum(gram: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvalues, not negative, and eigenvectors of a Gram matrix, which is lost.

    Notes
    -----
    LAPACK's divide and conquer (`syevd`).
    """
    values, vectors = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    return np.maximum(values, 0.0), vectors


def head_reason(estimator: Any, alphas: Sequence[Any]) -> str | None:
    """Return why a ridge estimator's penalties have no closed form here; None if they have.

    Parameters
    ----------
    estimator : Ridge or RidgeClassifier
        Unfitted.
    alphas : sequence
        The penalties that are asked for.
    """
    if estimator.positive is not False:
        return "coefficients are held positive"
    if estimator.solver not in ("auto", "cholesky", "svd"):
        return f"solver {estimator.solver!r} is iterative"
    if not isinstance(estimator.fit_intercept, bool | np.bool_):
        return "fit_intercept is neither true nor false"
    usual = set(map(type, alphas)) <= _USUAL_NUMBERS and len(alphas)
    if usual and np.isfinite(alphas).all() and min(alphas) >= 0:
        return None
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
    sides = [_with_ones(Z) for Z in (Z_test, Z_train) if Z is not None]
    largest = [np.square(Z[:, :-1]).max(axis=0, initial=0.0) for Z in sides]
    a_setting = 8 * path.targets.shape[1] * max(1, *(len(Z) for Z in sides))
    size = max(1, min(CHUNK, CHUNK_BYTES // a_setting))
    limit = LIMITS[np.dtype(path.dtype)] * max(path.scale, np.finfo(np.float64).tiny)
    for first in range(0, len(alphas), size):
        chunk = alphas[first : first + size]
        unsure = np.zeros(len(chunk), dtype=bool)
        planes, parts = [], []
        for Z, squares in zip(sides, largest, strict=True):
            risk = path.risk(squares, chunk)
            planes.append(path.planes(Z, chunk))
            predictions, ties = form.predictions(planes[-1], risk)
            parts.append(predictions)
            unsure |= ties | (risk > limit)
        for setting in np.flatnonzero(unsure):
            own = plain(first + int(setting))
            for part, plane, values in zip(parts, planes, own, strict=False):
                _replace(part, plane, int(setting), values)
        yield Answers(first, parts[0], parts[1] if len(parts) > 1 else None)


def _with_ones(Z: Floats) -> Floats:
    return np.column_stack([Z, np.ones(len(Z))])


def _replace(part: Predictions, planes: NDArray[Any], setting: int, values: Any) -> None:
    """Put what the estimator itself said in place of one setting's answers."""
    planes[:, setting] = columns = _columns(values)
    if part.labels is not None:
        part.labels[setting] = columns[0] > 0 if len(columns) == 1 else columns.argmax(axis=0)
    elif part.classes is not None and part.values is not None:
        part.values[setting] = columns.T > 0


def _columns(own: NDArray[Any] | None) -> NDArray[Any]:
    assert own is not None
    return own[np.newaxis] if own.ndim == 1 else own.T
