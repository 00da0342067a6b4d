"""What the theory accepts: each check names the quantity that is out of range."""

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError
from priorlift.theory.quadrature import Array


def checked_vector(values: ArrayLike, name: str) -> Array:
    """Return a non-empty vector of finite numbers, none below 0."""
    vector = np.asarray(values, dtype=float)
    if vector.ndim != 1 or not len(vector):
        raise InputError(f"{name} has shape {vector.shape}", remedy="pass one value a feature")
    if not np.isfinite(vector).all():
        raise InputError(f"{name} holds a value that is not finite")
    if (vector < 0).any():
        where = int(np.argmin(vector))
        raise InputError(
            f"{name}[{where}] is {vector[where]:.6g}, below 0",
            cause="not the eigenvalues of a covariance, or not squared projections",
        )
    return vector


def checked_number(value: float, name: str, above: float | None = None) -> float:
    """Return a finite number that is not negative, or above a bound."""
    if not np.isfinite(value) or value < 0 or (above is not None and value <= above):
        needed = "0 or more" if above is None else f"above {above:g}"
        raise InputError(f"{name} is {value}", remedy=f"pass a finite number, {needed}")
    return float(value)


def checked_grid(alpha: ArrayLike, lam: ArrayLike) -> tuple[Array, Array]:
    """Return alpha and lambda, positive and broadcast against one another."""
    both = []
    for name, values in (("alpha", alpha), ("lam", lam)):
        array = np.asarray(values, dtype=float)
        bad = ~(np.isfinite(array) & (array > 0))
        if bad.any():
            raise InputError(
                f"{name} is {array[bad].ravel()[0]:g}",
                cause="a head without rows, or without a regulariser, is not defined here"
                if np.isfinite(array[bad]).all()
                else None,
                remedy=f"pass {name} above 0 and finite",
            )
        both.append(array)
    try:
        alpha, lam = np.broadcast_arrays(*both)
    except ValueError:
        raise InputError(
            f"alpha has shape {both[0].shape} and lam {both[1].shape}, which do not broadcast",
            remedy="alpha[:, None] and lam[None, :] give a grid",
        ) from None
    return alpha.copy(), lam.copy()
