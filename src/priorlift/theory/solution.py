"""What solving the covariate model gives: arrays over the grid that was asked for."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from priorlift.core.tables import to_frame
from priorlift.theory.quadrature import Array

Loss: TypeAlias = Literal["logistic", "square", "square_labels"]
LOSSES = ("logistic", "square", "square_labels")


@dataclass(frozen=True, eq=False)
class Solution:
    """Expected behaviour of a linear head at each (alpha, lambda); all arrays have one shape.

    Attributes
    ----------
    loss : {"logistic", "square", "square_labels"}
        What the head minimises.
    alpha, lam : ndarray
        Labelled rows for each feature, and the regulariser.
    error : ndarray
        Losses on signs: probability that the head and the true rule disagree on a new row. Square
        loss on real labels: mean squared error on new rows, their noise included.
    label_error : ndarray
        The same against labels as noisy as those of training.
    V, q, m : ndarray
        Order parameters: response, power of the head's output, its overlap with the teacher's.
    train_loss, test_loss : ndarray
        Mean loss on the training rows (without the regulariser) and on new rows.
    train_error : ndarray
        Share of training rows on the wrong side; mean squared residual for real labels.
    converged : ndarray of bool
        Whether the solver reached its tolerance. Where it did not, the other arrays hold the last
        iterate.
    iterations : ndarray of int
        Evaluations that a point took.
    """

    loss: Loss
    alpha: Array
    lam: Array
    error: Array
    label_error: Array
    V: Array
    q: Array
    m: Array
    train_loss: Array
    train_error: Array
    test_loss: Array
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]

    COLUMNS = (
        "alpha",
        "lam",
        "error",
        "label_error",
        "train_loss",
        "train_error",
        "test_loss",
        "V",
        "q",
        "m",
        "converged",
        "iterations",
    )

    def to_frame(self) -> Any:
        """Return one row for each point of the grid, in C order."""
        return to_frame({name: getattr(self, name).ravel().tolist() for name in self.COLUMNS})

    def __repr__(self) -> str:
        done = int(self.converged.sum())
        return f"Solution({self.loss}, {self.error.shape}, {done}/{self.error.size} converged)"
