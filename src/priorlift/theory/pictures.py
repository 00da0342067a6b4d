"""Pictures of labelled features, and what a head will do in each.

*field*: one Gaussian field decides the labels by its sign, and features see a part of it.
*classes*: rows of each class are Gaussian around the class's mean. Where labels are noisy and
classes overlap, both say the same; where a linear head errs on less than about a tenth, the first
one promises too much, and above a label R^2 of 2/pi it has no answer at all. *linear*: labels are
numbers, of which a linear head can express a part; the rest is noise to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr

from priorlift.core.errors import InputError
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.label_alignment import SIGN_GAUGE, LabelAlignment
from priorlift.theory.mixture import solve_mixture
from priorlift.theory.quadrature import Array
from priorlift.theory.spectrum import SpectralMeasure

PICTURES = ("classes", "field")
LINEAR = "linear"
LAMBDAS: Array = np.logspace(-3.0, 3.0, 13)


@dataclass(frozen=True, eq=False)
class ClassesPicture:
    """Two Gaussian classes with one covariance, of any shares.

    Parameters
    ----------
    alignment : LabelAlignment
        Of signs.
    """

    alignment: LabelAlignment

    @cached_property
    def _measure(self) -> SpectralMeasure:
        distance = self.alignment.squares / (0.5 * self.alignment.variance) ** 2
        return SpectralMeasure.of(self.alignment.spectrum, distance)

    @property
    def share(self) -> float:
        """Of the positive class."""
        share = self.alignment.share
        assert share is not None
        return share

    @property
    def floor(self) -> float:
        """Error of the best linear rule, of which endless labels come close."""
        both, reach = self.share * (1.0 - self.share), self.alignment.reach
        if not reach > 1e-12:
            return min(self.share, 1.0 - self.share)
        distance = np.sqrt(reach / (1.0 - reach) / both)
        shift = np.log(self.share / (1.0 - self.share)) / distance
        up, down = ndtr(-0.5 * distance - shift), ndtr(-0.5 * distance + shift)
        return float(self.share * up + (1.0 - self.share) * down)

    def errors(self, alpha: Array, lam: Array) -> Array:
        """Return the error at each (alpha, lambda); infinite where the solver did not converge."""
        found = solve_mixture(self._measure, self.share, alpha, lam)
        return np.where(found.converged & np.isfinite(found.error), found.error, np.inf)


@dataclass(frozen=True, eq=False)
class FieldPicture:
    """Labels are the signs of a Gaussian field; classes are about equal.

    Parameters
    ----------
    alignment : LabelAlignment
        Of signs.

    Raises
    ------
    InputError
        The labels' R^2 is above what the sign of a field allows.
    """

    alignment: LabelAlignment

    def __post_init__(self) -> None:
        reach = self.alignment.field_reach()
        if reach > 1.0:
            raise InputError(
                f"R^2 of the field is estimated as {reach:.3g}, above 1",
                cause="not enough labels, or classes that are further apart than the signs of a "
                "Gaussian field can be",
                remedy='label more rows, or use picture="classes"',
            )

    @cached_property
    def _model(self) -> CovariateModel:
        t = SIGN_GAUGE * self.alignment.squares
        reach = float((t / self.alignment.spectrum).sum())
        return CovariateModel(self.alignment.spectrum, t * min(1.0, 0.999 / max(reach, 1e-300)))

    @property
    def floor(self) -> float:
        """Error with endless labels."""
        return self._model.error_floor

    def errors(self, alpha: Array, lam: Array) -> Array:
        """Return the error at each (alpha, lambda); infinite where the solver did not converge."""
        found = self._model.solve(alpha, lam)
        return np.where(found.converged & np.isfinite(found.error), found.error, np.inf)


@dataclass(frozen=True, eq=False)
class LinearPicture:
    """Labels are numbers: a linear part that the features express, and a rest.

    Errors are roots of mean squared errors on new rows, the rest included, in the label's units.

    Parameters
    ----------
    alignment : LabelAlignment
        Of real labels.
    """

    alignment: LabelAlignment

    @cached_property
    def _model(self) -> CovariateModel:
        one = self.alignment
        return CovariateModel(one.spectrum, one.squares, rho=one.variance)

    @property
    def floor(self) -> float:
        """Error with endless labels."""
        return float(np.sqrt(self.alignment.variance * (1.0 - self.alignment.reach)))

    def errors(self, alpha: Array, lam: Array) -> Array:
        """Return the error at each (alpha, lambda) of a ridge head with a free intercept.

        Notes
        -----
        The intercept is the mean of the labels: it takes one row, and adds a share of 1/n.
        """
        n = alpha * len(self.alignment.spectrum)
        rows = np.maximum(n - 1.0, 0.5)
        found = self._model.solve(rows / len(self.alignment.spectrum), lam, loss="square")
        errors = np.sqrt(found.error * (1.0 + 1.0 / n))
        return np.where(found.converged & np.isfinite(errors), errors, np.inf)


Picture: TypeAlias = ClassesPicture | FieldPicture | LinearPicture


def picture_of(name: str) -> Callable[[LabelAlignment], Picture]:
    """Return the class of a picture's name."""
    made: dict[str, Callable[[LabelAlignment], Picture]] = {
        "field": FieldPicture,
        LINEAR: LinearPicture,
    }
    return made.get(name, ClassesPicture)


def best_heads(picture: Picture, alpha: Array, lambdas: Array | None = None) -> tuple[Array, Array]:
    """Return the lowest error and its lambda for each alpha.

    Parameters
    ----------
    picture : Picture
        What to predict with.
    alpha : ndarray of shape (k,)
        Labels for each feature.
    lambdas : ndarray of shape (l,), optional
        By default 13 from 1e-3 to 1e3, in units of the mean eigenvalue; the error is flat between.

    Raises
    ------
    InputError
        The solver converged nowhere for one of them.
    """
    tried = LAMBDAS if lambdas is None else lambdas
    alphas, lams = np.meshgrid(alpha, tried, indexing="ij")
    errors = picture.errors(alphas.ravel(), lams.ravel()).reshape(alphas.shape)
    best = errors.argmin(axis=1)
    lowest = errors[np.arange(len(alpha)), best]
    if not np.isfinite(lowest).all():
        raise InputError(
            "the theory found no solution for these features",
            cause="labels that the features separate completely",
            remedy="pass larger lambdas",
        )
    return lowest, tried[best]
