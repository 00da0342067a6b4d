"""The Gaussian covariate model: how well a linear head on fixed features will do.

A head sees features v with covariance Omega and labels that depend on a field nu, E[nu^2] = rho.
When many rows and features are given in proportion, all that matters of the features are the
eigenvalues om of Omega and the alignment t, the squared projections of s = E[v nu] on its
eigenvectors. From these the model gives error and losses for any number of labels and any
regulariser. After Loureiro et al. 2021 (arXiv 2102.08127), who prove it for Gaussian features, and
Gerace et al. 2022 (arXiv 2106.05418), who use it for transferred features.
"""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory.checks import checked_grid, checked_number, checked_vector
from priorlift.theory.eigen import spectrum_and_alignment
from priorlift.theory.optimum import best_lambda
from priorlift.theory.quadrature import Array
from priorlift.theory.solution import LOSSES, Loss, Solution
from priorlift.theory.solver import Teacher, logistic_rows, square_rows
from priorlift.theory.spectrum import SpectralMeasure

ROUNDING = 1e-9
NEGLIGIBLE = 1e-100


@dataclass(frozen=True, eq=False)
class CovariateModel:
    """A feature map as the theory sees it.

    Parameters
    ----------
    spectrum : array-like of shape (p,)
        Eigenvalues om of the features' covariance E[v v^T], not negative.
    alignment : array-like of shape (p,)
        t_i = (u_i . E[v nu])^2 for each eigenvector u_i, not negative. They enter as a sum, the
        eigenvalues as a mean.
    rho : float
        Power E[nu^2] of the teacher's field, positive.
    noise : float
        Variance of what is added to the field before labels are read from it.
    flips : float
        Share of labels that are turned over, in [0, 0.5); for losses on signs.

    Attributes
    ----------
    p : int
        Number of features.
    reachable : float
        R^2 = sum(t / om) / rho, the part of the field's power that a linear head can express.
    effective_dimension : float
        sum(om)^2 / sum(om^2).
    error_floor : float
        What remains with endless labels: arccos(sqrt(R^2)) / pi.

    Raises
    ------
    InputError
        Lengths differ, a number is negative or not finite, or R^2 is above 1: no teacher has such
        an alignment.

    Examples
    --------
    >>> model = CovariateModel(np.ones(300), np.full(300, 1 / 300))
    >>> solution = model.solve(alpha=[0.5, 2.0, 5.0], lam=0.1)
    >>> solution.error.round(6).tolist()
    [0.322751, 0.179662, 0.096036]
    >>> bool(solution.converged.all())
    True
    """

    spectrum: Any
    alignment: Any
    rho: float = 1.0
    noise: float = field(default=0.0, kw_only=True)
    flips: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        spectrum = checked_vector(self.spectrum, "spectrum")
        alignment = checked_vector(self.alignment, "alignment")
        if len(spectrum) != len(alignment):
            raise InputError(
                f"spectrum has {len(spectrum)} values and alignment {len(alignment)}",
                remedy="pass one alignment for each eigenvalue",
            )
        if not spectrum.max() > 0:
            raise InputError("every eigenvalue is 0", cause="the features do not vary")
        checked_number(self.rho, "rho", above=0.0)
        checked_number(self.noise, "noise")
        if not 0 <= checked_number(self.flips, "flips") < 0.5:
            raise InputError(
                f"flips is {self.flips}",
                cause="at 0.5 the labels say nothing, above it they say the opposite",
                remedy="pass a share in [0, 0.5)",
            )
        seen = spectrum > NEGLIGIBLE * spectrum.max()
        spectrum = np.where(seen, spectrum, 0.0)
        if (alignment[~seen] > ROUNDING * self.rho * spectrum.max()).any():
            raise InputError(
                "alignment is positive where the spectrum is 0",
                cause="a feature that does not vary cannot go along with the teacher",
            )
        alignment = np.where(seen, alignment, 0.0)
        reachable = float((alignment[seen] / spectrum[seen]).sum()) / self.rho
        if reachable > 1 + ROUNDING:
            raise InputError(
                f"sum(alignment / spectrum) is {reachable:.6g} times rho: R^2 is above 1",
                cause="alignment or rho was estimated from too few rows, or in other units",
                remedy="estimate both from more rows, or without the bias of few labels",
            )
        object.__setattr__(self, "spectrum", spectrum)
        object.__setattr__(self, "alignment", alignment / max(1.0, reachable))

    @classmethod
    def from_covariances(
        cls, Omega: ArrayLike, s: ArrayLike, rho: float = 1.0, **kwargs: float
    ) -> Self:
        """Build the model from covariances.

        Parameters
        ----------
        Omega : array-like of shape (p, p)
            E[v v^T] of centred features.
        s : array-like of shape (p,)
            E[v nu].
        rho : float
            E[nu^2].
        **kwargs
            `noise` and `flips`, as for the class.

        Raises
        ------
        InputError
            Omega is not square, symmetric and positive semi-definite, or shapes differ.

        Notes
        -----
        One eigendecomposition, O(p^3) time and two copies of Omega; afterwards no cost grows with
        p.
        """
        return cls(*spectrum_and_alignment(Omega, s), rho, **kwargs)

    @classmethod
    def from_features(cls, features: ArrayLike, field: ArrayLike, **kwargs: float) -> Self:
        """Build the model from rows whose field nu is known, as it is for simulated teachers.

        Parameters
        ----------
        features : array-like of shape (N, p)
            Centred here. Take N of at least 50 p: R^2 comes out too large by about p / N.
        field : array-like of shape (N,)
            The teacher's field, not its sign.
        **kwargs
            `noise` and `flips`, as for the class.

        Raises
        ------
        InputError
            Lengths differ, or there are not more rows than features.
        """
        rows, nu = np.asarray(features, dtype=float), np.asarray(field, dtype=float)
        if rows.ndim != 2 or nu.shape != rows.shape[:1]:
            raise InputError(
                f"features have shape {rows.shape} and the field {nu.shape}",
                remedy="pass features of shape (N, p) and one value of the field for each row",
            )
        if len(rows) <= rows.shape[1]:
            raise InputError(
                f"{len(rows)} rows for {rows.shape[1]} features",
                cause="a covariance needs many more rows than features",
                remedy="pass at least 50 rows for each feature",
            )
        centred, nu = rows - rows.mean(axis=0), nu - nu.mean()
        covariance = centred.T @ centred / len(rows)
        return cls.from_covariances(
            covariance, centred.T @ nu / len(rows), float(np.mean(nu * nu)), **kwargs
        )

    @property
    def p(self) -> int:
        """Number of features."""
        return len(self.spectrum)

    @cached_property
    def reachable(self) -> float:
        """R^2: the share of the field's power that the features can express linearly."""
        seen = self.spectrum > 0
        return float((self.alignment[seen] / self.spectrum[seen]).sum()) / self.rho

    @property
    def error_floor(self) -> float:
        """Error with endless labels, for losses on signs."""
        return float(np.arccos(np.sqrt(min(1.0, self.reachable))) / np.pi)

    @property
    def effective_dimension(self) -> float:
        """sum(om)^2 / sum(om^2): how many directions the features really use."""
        return float(self.spectrum.sum() ** 2 / (self.spectrum**2).sum())

    @cached_property
    def _measure(self) -> SpectralMeasure:
        return SpectralMeasure.of(self.spectrum, self.alignment)

    def concentration(self) -> Array:
        """Return how fast the teacher is met along falling eigenvalues.

        Returns
        -------
        ndarray of shape (p,)
            C(k) = sum of t_i / om_i over the k largest eigenvalues, divided by rho. It ends at
            `reachable`: a curve that rises early learns from few labels.
        """
        order = np.argsort(-self.spectrum, kind="stable")
        om, t = self.spectrum[order], self.alignment[order]
        return np.asarray(np.cumsum(np.where(om > 0, t / np.where(om > 0, om, 1), 0)) / self.rho)

    def rescaled(self) -> Self:
        """Return the same model for features scaled to a mean eigenvalue of 1.

        Errors are the same at lambda divided by the old mean.
        """
        mean = self.spectrum.mean()
        return type(self)(
            self.spectrum / mean,
            self.alignment / mean,
            self.rho,
            noise=self.noise,
            flips=self.flips,
        )

    def solve(
        self,
        alpha: ArrayLike,
        lam: ArrayLike,
        loss: Loss = "logistic",
        *,
        tolerance: float = 1e-9,
        max_iterations: int = 200,
    ) -> Solution:
        """Solve for every alpha and lambda at once.

        Parameters
        ----------
        alpha : array-like
            Labelled rows for each feature, n/p, positive.
        lam : array-like
            The regulariser of sum(loss) + lam/2 |w|^2 with predictions w.v/sqrt(p), positive:
            1/C of scikit-learn's LogisticRegression on features v/sqrt(p). Broadcast against alpha.
        loss : {"logistic", "square", "square_labels"}
            Logistic on signs, square on the field itself, or square on its signs.
        tolerance : float
            For the logistic loss: relative, on V and q.
        max_iterations : int
            For the logistic loss.

        Returns
        -------
        Solution
            Its `converged` tells where the tolerance was reached; a warning is given if not
            everywhere.

        Raises
        ------
        InputError
            alpha or lambda is not positive and finite, shapes do not broadcast, or `flips` is set
            with real labels.
        UnknownNameError
            The loss is none of the three.

        Notes
        -----
        Logistic: about 0.5 ms a point, whatever p is. Square losses: no iteration over the order
        parameters.
        """
        if loss not in LOSSES:
            raise UnknownNameError("loss", str(loss), LOSSES)
        alpha, lam = checked_grid(alpha, lam)
        shape = alpha.shape
        teacher = Teacher(self.rho, self.noise, self.flips)
        points = (self._measure, teacher, alpha.ravel(), lam.ravel())
        if loss == "logistic":
            parts = logistic_rows(*points, tolerance, max_iterations)
        else:
            parts = square_rows(*points, loss)
        solution = Solution(
            loss, alpha, lam, **{name: values.reshape(shape) for name, values in parts.items()}
        )
        if not solution.converged.all():
            missed = int((~solution.converged).sum())
            warnings.warn(
                f"{missed} of {alpha.size} points did not converge; Solution.converged tells which",
                stacklevel=2,
            )
        return solution

    def optimal_lambda(
        self,
        alpha: ArrayLike,
        loss: Loss = "logistic",
        *,
        lambdas: ArrayLike | None = None,
        bounds: tuple[float, float] = (1e-8, 1e8),
    ) -> Solution:
        """Solve at the lambda of the lowest error for each alpha.

        Parameters
        ----------
        alpha : array-like
            Labelled rows for each feature.
        loss : {"logistic", "square", "square_labels"}
            As for `solve`.
        lambdas : array-like of shape (k,), optional
            Choose among these. By default a log grid from 1e-4 to 10, in units of the mean
            eigenvalue, is extended while the optimum sits on its edge and then refined until the
            error is flat to 1e-8.
        bounds : tuple of float
            How far the grid is extended, in units of the mean eigenvalue.

        Returns
        -------
        Solution
            With alpha's shape; the optima are in its `lam`. An optimum at a bound stays there.
        """
        if lambdas is not None:
            return best_lambda(self.solve, alpha, loss, candidates=np.asarray(lambdas, float))
        scale = float(self.spectrum.mean())
        return best_lambda(self.solve, alpha, loss, scale=scale, bounds=bounds)
