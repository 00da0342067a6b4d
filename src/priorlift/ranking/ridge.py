"""Ridge regression in closed form, judged without refitting: what pairs of tasks are scored by.

A ridge regression of label columns on r features is r x r algebra once the second moments are
known, and its leave-one-out residuals follow from the leverages. So whether rows of another task,
or features of another task, would help can be tried in closed form, in a small part of the time
that training takes. Several regressions of one size are solved together along a first axis.
"""

from dataclasses import dataclass

import numpy as np

from priorlift.ranking.labels import Floats

PENALTIES = np.array([0.1, 1.0, 10.0, 100.0, 1000.0])
"""Ridge penalties to choose from, for features of mean variance 1."""
INTERCEPT = 1e-3
LEAST_LEFT = 1e-6


@dataclass(frozen=True, eq=False)
class Scatter:
    """Second moments of rows with an intercept: what a ridge regression needs of them.

    Attributes
    ----------
    gram : ndarray of shape (r + 1, r + 1), or (S, r + 1, r + 1)
        Z^T Z of the rows with a last column of ones.
    products : ndarray of shape (r + 1, k), or (S, r + 1, k)
        Z^T Y.
    """

    gram: Floats
    products: Floats

    @classmethod
    def of(cls, rows: Floats, columns: Floats) -> "Scatter":
        """Sum the rows, in O(n r (r + k)).

        Parameters
        ----------
        rows : ndarray of shape (n, r) or (S, n, r)
            Features.
        columns : ndarray of shape (n, k)
            Label columns.
        """
        extended = with_ones(rows)
        turned = np.swapaxes(extended, -1, -2)
        return cls(turned @ extended, turned @ columns)

    def beside(self, rows: Floats, features: Floats, columns: Floats) -> "Scatter":
        """Return the moments of the rows with further features, without summing theirs again.

        Parameters
        ----------
        rows : ndarray of shape (n, r)
            The rows that these moments are of.
        features : ndarray of shape (S, n, w)
            Features to stand between each row and its one, for S regressions.
        columns : ndarray of shape (n, k)
            Label columns.

        Notes
        -----
        O(S n w (r + w + k)).
        """
        r, (n_maps, _, w) = rows.shape[1], features.shape
        turned = features.transpose(0, 2, 1)
        gram = np.empty((n_maps, r + w + 1, r + w + 1))
        old = np.r_[:r, r + w]
        gram[:, old[:, None], old] = self.gram
        cross = turned @ with_ones(rows)
        gram[:, r : r + w, old] = cross
        gram[:, old, r : r + w] = cross.transpose(0, 2, 1)
        gram[:, r : r + w, r : r + w] = turned @ features
        products = np.empty((n_maps, r + w + 1, columns.shape[1]))
        products[:, old] = self.products
        products[:, r : r + w] = turned @ columns
        return Scatter(gram, products)

    def __add__(self, other: "Scatter") -> "Scatter":
        """Pool the rows of two tasks."""
        return Scatter(self.gram + other.gram, self.products + other.products)


def with_ones(rows: Floats) -> Floats:
    """Return the rows with a last column of ones, shape (..., n, r + 1)."""
    return np.concatenate([rows, np.ones((*rows.shape[:-1], 1))], axis=-1)


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """The ridge regression that predicts rows best when each is left out in turn.

    Attributes
    ----------
    errors : ndarray of shape ()  or (S,)
        Sum of the squared leave-one-out errors over rows and columns, at the best penalty.
    weights : ndarray of shape (r + 1, k) or (S, r + 1, k)
        Of that regression on all rows, the intercept last.
    """

    errors: Floats
    weights: Floats


def leave_one_out(scatter: Scatter, rows: Floats, columns: Floats) -> LeaveOneOut:
    """Choose a ridge penalty by the leave-one-out errors of some rows, in closed form.

    With A = Z^T Z + P and leverage h_i = z_i^T A^-1 z_i, the error of row i when it is left out is
    (y_i - z_i^T w) / (1 - h_i). `scatter` may hold further rows (of another task): these are never
    left out and not judged.

    Parameters
    ----------
    scatter : Scatter
        Moments of all rows that are learned from, the judged ones among them; with a first axis,
        of S regressions.
    rows : ndarray of shape (n, r) or (S, n, r)
        The judged rows.
    columns : ndarray of shape (n, k)
        Their label columns.

    Returns
    -------
    LeaveOneOut

    Notes
    -----
    One eigendecomposition for all penalties: O(r³ + n r² + p n r k) each. The intercept is
    penalised a million times less than the rest, which is next to no penalty.

    References
    ----------
    Allen: The Relationship between Variable Selection and Data Augmentation and a Method for
    Prediction, Technometrics, 1974 (the PRESS statistic).
    """
    scale = _scale(scatter.gram)
    scaled = scatter.gram / (scale[..., :, None] * scale[..., None, :])
    values, vectors = np.linalg.eigh(scaled)
    values = np.maximum(values, 0.0)
    rotated = (with_ones(rows) / scale[..., None, :]) @ vectors
    moved = np.swapaxes(vectors, -1, -2) @ (scatter.products / scale[..., None])
    squares = rotated**2
    errors, chosen = [], []
    for penalty in PENALTIES:
        inverse = 1.0 / (values + penalty)
        residual = columns - rotated @ (inverse[..., None] * moved)
        left = np.maximum(1.0 - squares @ inverse[..., None], LEAST_LEFT)
        errors.append(((residual / left) ** 2).sum(axis=(-1, -2)))
        chosen.append(inverse)
    best = np.argmin(errors, axis=0)
    inverse = np.take_along_axis(np.array(chosen), best[None, ..., None], axis=0)[0]
    weights = vectors @ (inverse[..., None] * moved) / scale[..., None]
    return LeaveOneOut(np.min(errors, axis=0), weights)


def _scale(gram: Floats) -> Floats:
    """Return what features are divided by: their common root mean square; little for the ones."""
    squares = np.diagonal(gram, axis1=-2, axis2=-1)[..., :-1]
    # Columns of zeros fill a narrower regression up to the width of its stack.
    width = np.maximum((squares > 0.0).sum(axis=-1), 1)
    mean = squares.sum(axis=-1) / width / np.maximum(gram[..., -1, -1], 1.0)
    unit = np.sqrt(np.maximum(mean, 1e-300))
    scale = np.repeat(unit[..., None], gram.shape[-1], axis=-1)
    scale[..., -1] = INTERCEPT
    return np.asarray(scale)
