"""From order parameters to what a user reads: errors and losses of each row, for each loss."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from priorlift.core.errors import InputError
from priorlift.theory import logistic_loss
from priorlift.theory.fixed_point import solve_logistic
from priorlift.theory.quadrature import Array
from priorlift.theory.solution import Loss
from priorlift.theory.spectrum import SpectralMeasure
from priorlift.theory.square_loss import solve_square

ROWS_AT_ONCE = 64
Rows: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Teacher:
    """How labels are made of the field.

    Parameters
    ----------
    rho : float
        Power of the field.
    noise : float
        Variance added to it.
    flips : float
        Share of the signs that are turned over.
    """

    rho: float
    noise: float
    flips: float

    @property
    def power(self) -> float:
        """Power of the noisy field."""
        return self.rho + self.noise

    def errors(self, steepness: Array, cosine: Array) -> Rows:
        """Return the error against the true rule and against labels.

        Parameters
        ----------
        steepness, cosine : ndarray of shape (rows,)
            tan and cos of the angle between the head and the noisy field: a / 1 and
            a / sqrt(1 + a^2).
        """
        noisy = np.arctan2(1.0, steepness) / np.pi
        clean = noisy
        if self.noise:
            seen = np.minimum(1.0, cosine * np.sqrt(self.power / self.rho))
            clean = np.arccos(seen) / np.pi
        return {"error": clean, "label_error": self.flips + (1.0 - 2.0 * self.flips) * noisy}


def logistic_rows(
    measure: SpectralMeasure,
    teacher: Teacher,
    alpha: Array,
    lam: Array,
    tolerance: float,
    max_iterations: int,
) -> Rows:
    """Solve the logistic loss and read the solution.

    Parameters
    ----------
    measure : SpectralMeasure
        Eigenvalues and alignment.
    teacher : Teacher
        How labels are made.
    alpha, lam : ndarray of shape (rows,)
        The points.
    tolerance, max_iterations
        As for `solve_logistic`.
    """
    flips = teacher.flips
    found = solve_logistic(
        measure.with_power(teacher.power),
        alpha,
        lam,
        flips=flips,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    state = found.state
    q, cosine = np.exp(state[:, 1]), np.tanh(state[:, 2])
    train_loss, test_loss = np.empty(len(alpha)), np.empty(len(alpha))
    for first in range(0, len(alpha), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        train_loss[rows] = logistic_loss.train_loss(state[rows], flips)
        test_loss[rows] = logistic_loss.population_loss(state[rows], flips)
    return {
        **teacher.errors(np.sinh(state[:, 2]), cosine),
        "V": np.exp(state[:, 0]),
        "q": q,
        "m": cosine * np.sqrt(teacher.power * q),
        "train_loss": train_loss,
        "train_error": logistic_loss.train_error(state, flips),
        "test_loss": test_loss,
        "converged": found.converged,
        "iterations": found.iterations,
    }


def square_rows(
    measure: SpectralMeasure, teacher: Teacher, alpha: Array, lam: Array, loss: Loss
) -> Rows:
    """Solve a square loss and read the solution.

    Parameters
    ----------
    measure, teacher, alpha, lam
        As for `logistic_rows`.
    loss : {"square", "square_labels"}
        On the field, or on its signs.

    Raises
    ------
    InputError
        Flips are asked for where there are no signs.
    """
    power = teacher.power
    if loss == "square" and teacher.flips:
        raise InputError(
            "flips is set, and the square loss on real labels has none to flip",
            remedy='use noise=, or loss="square_labels"',
        )
    overlap = np.sqrt(2.0 / (np.pi * power)) * (1.0 - 2.0 * teacher.flips)
    label_power, overlap = (power, 1.0) if loss == "square" else (1.0, overlap)
    orders = solve_square(measure, alpha, lam, label_power, overlap)
    parts: dict[str, Array | Any] = {
        "V": orders.V,
        "q": orders.q,
        "m": orders.m,
        "train_loss": 0.5 * orders.residual / (1.0 + orders.V) ** 2,
        "test_loss": 0.5 * orders.residual,
        "converged": orders.converged,
        "iterations": orders.iterations,
    }
    if loss == "square":
        parts["error"] = parts["label_error"] = orders.residual
        parts["train_error"] = 2.0 * parts["train_loss"]
        return parts
    root_q = np.sqrt(orders.q)
    cosine = orders.m / (root_q * np.sqrt(power))
    steepness = cosine / np.sqrt(np.maximum(1.0 - cosine * cosine, 1e-30))
    parts |= teacher.errors(steepness, cosine)
    parts["train_error"] = logistic_loss.share_below(orders.V / root_q, steepness, teacher.flips)
    return parts
