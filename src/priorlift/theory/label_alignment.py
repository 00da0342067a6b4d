"""What real rows say of a feature map: its spectrum, and how the labels lie along it.

The spectrum takes no labels: it comes from many unlabelled rows. Labels are needed for the
alignment alone, s_i = E[(y - E y) v_i] along each eigenvector, whose plain estimate is far too
large where labels are few: every square carries its own noise, and the head looks better than it
is. Here no row meets itself in a square (an estimate without bias, for any features), and s_i^2 by
eigenvalue is averaged over about ten runs of neighbouring eigenvalues. Source: the debiasing and
its bins are our choice, after the plain plug-in of Loureiro et al. 2021 (arXiv 2102.08127).
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh

from priorlift.core.errors import InputError
from priorlift.theory.quadrature import Array

BINS = 10
LARGEST_REACH = 0.999
RANK = 1e-10
WANTED = 5
BALANCED = (0.35, 0.65)
SIGN_GAUGE = np.pi / 2.0


@dataclass(frozen=True, eq=False)
class Directions:
    """The eigenvectors of a feature map's covariance, from unlabelled rows.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        Taken off every row.
    vectors : ndarray of shape (d, p)
        Orthonormal, over `scale`: features times these have the spectrum below. Directions in which
        the rows do not vary are left out.
    spectrum : ndarray of shape (p,)
        Falling eigenvalues, scaled to a mean of 1.
    scale : float
        What features were divided by.
    n_rows : int
        Unlabelled rows behind it.
    """

    mean: Array
    vectors: Array
    spectrum: Array
    scale: float
    n_rows: int

    @property
    def p(self) -> int:
        """Number of directions."""
        return len(self.spectrum)

    @classmethod
    def of(cls, features: ArrayLike, where: str = "unlabelled rows") -> Self:
        """Centre rows and decompose their covariance.

        Parameters
        ----------
        features : array-like of shape (N, d)
            Unlabelled rows; take N of at least 5 d.
        where : str
            Named in errors.

        Raises
        ------
        InputError
            Not a finite table, no column varies, or there are not more rows than directions.

        Notes
        -----
        O(N d^2 + d^3).
        """
        rows = checked_rows(features, where)
        mean = rows.mean(axis=0)
        centred = rows - mean
        values, vectors = eigh(centred.T @ centred / len(rows))
        largest = float(values[-1])
        if not largest > 0:
            raise InputError("no feature varies", where=where)
        kept = values > RANK * largest
        values, vectors = values[kept][::-1], vectors[:, kept][:, ::-1]
        if len(rows) <= len(values) + 1:
            raise InputError(
                f"{len(rows)} rows for {rows.shape[1]} features",
                where=where,
                cause="a covariance needs more rows than features",
                remedy="pass more unlabelled rows (labels are not needed), or fewer features, "
                "the leading principal components for example",
            )
        scale = float(np.sqrt(values.mean()))
        return cls(mean, vectors / scale, values / scale**2, scale, len(rows))

    def coordinates(self, features: ArrayLike, where: str = "labelled rows") -> Array:
        """Return centred rows along the eigenvectors, shape (N, p)."""
        rows = checked_rows(features, where)
        if rows.shape[1] != len(self.mean):
            raise InputError(
                f"have {rows.shape[1]} features, the unlabelled rows {len(self.mean)}", where=where
            )
        return np.asarray((rows - self.mean) @ self.vectors)


@dataclass(frozen=True, eq=False)
class LabelAlignment:
    """How one binary (or real) label lies along the directions of a feature map.

    Attributes
    ----------
    spectrum : ndarray of shape (p,)
        Falling eigenvalues.
    squares : ndarray of shape (p,)
        s_i^2, pooled and not negative.
    variance : float
        Of the label; signs have 4 share (1 - share).
    share : float or None
        Of the positive class; None for real labels.
    n_rows : int
        Labelled rows.
    raw_reach : float
        Share of the label's variance that a linear head could explain, R^2, without bias and
        therefore perhaps below 0 or above 1.
    """

    spectrum: Array
    squares: Array
    variance: float
    share: float | None
    n_rows: int
    raw_reach: float

    @property
    def reach(self) -> float:
        """R^2 of the label as it enters a forecast, in [0, 1)."""
        return float((self.squares / self.spectrum).sum() / self.variance)

    @classmethod
    def of(
        cls, directions: Directions, coordinates: Array, y: Array, *, real: bool | None = None
    ) -> Self:
        """Estimate the alignment without bias.

        Parameters
        ----------
        directions : Directions
            Of the unlabelled rows.
        coordinates : ndarray of shape (N, p)
            The labelled rows along them.
        y : ndarray of shape (N,)
            Signs -1 and 1, or real labels.
        real : bool, optional
            Which of the two; by default real where any label is neither -1 nor 1.

        Raises
        ------
        InputError
            Fewer than two rows of a class, or a label that does not vary.
        """
        values, counts = np.unique(y, return_counts=True)
        signs = bool(np.isin(values, (-1.0, 1.0)).all()) if real is None else not real
        if len(values) < 2:
            raise InputError(
                "all labels are equal",
                remedy="pass labelled rows of at least two classes, or of different values",
            )
        if signs and counts.min() < 2:
            raise InputError(
                "a class has one labelled row",
                cause="an alignment takes two rows of each class at least",
                remedy="label more rows of it, or leave the class out",
            )
        n = len(y)
        pulls = (y - y.mean())[:, None] * coordinates
        raw = (pulls.sum(axis=0) ** 2 - (pulls * pulls).sum(axis=0)) / (n * (n - 1))
        share = float((y > 0).mean()) if signs else None
        found = cls(directions.spectrum, raw, float(y.var()), share, n, 0.0)
        return found.pooled(raw)

    def pooled(self, raw: Array) -> Self:
        """Return the alignment with other raw squares, pooled over about ten runs.

        Parameters
        ----------
        raw : ndarray of shape (p,)
            Unbiased s_i^2.
        """
        ratios = raw / self.spectrum
        runs = np.array_split(np.arange(len(raw)), min(BINS, len(raw)))
        means = np.concatenate([np.full(len(run), max(0.0, ratios[run].mean())) for run in runs])
        most = LARGEST_REACH * self.variance
        means *= min(1.0, most / max(float(means.sum()), most))
        return replace(
            self, squares=means * self.spectrum, raw_reach=float(ratios.sum()) / self.variance
        )

    def resampled(self, rng: np.random.Generator) -> Self:
        """Return what as many other labelled rows might have said.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws the noise.

        Notes
        -----
        A parametric bootstrap: the mean of N pulls y v has the covariance
        (E[y^2] Omega - s s^T) / N, exactly for balanced signs and any features. For Gaussian
        features and real labels, in units of their own standard deviation, it is
        (E[y^2] Omega - s s^T / 2) / N, which follows from the delta method. So the estimate is
        drawn anew around the fitted s and passes through the same steps. O(p).
        """
        taken = 0.5 if self.share is None else 1.0
        s, scale = np.sqrt(self.squares), np.sqrt(self.variance * self.spectrum)
        along = s / scale
        power = float(along @ along)
        noise = rng.normal(size=len(s))
        if power > 0:
            stretch = (np.sqrt(max(0.0, 1.0 - taken * power)) - 1.0) / power
            noise = noise + stretch * (along @ noise) * along
        drawn = s + scale * noise / np.sqrt(self.n_rows)
        variances = self.variance * self.spectrum - taken * self.squares
        return self.pooled(drawn * drawn - variances / self.n_rows)

    def reach_error(self) -> float:
        """Return the standard error of R^2 near 1 for real labels and Gaussian features."""
        n, p = self.n_rows, len(self.spectrum)
        return float(np.sqrt(2.0 / n + 2.0 * p / n**2))

    def field_reach(self) -> float:
        """Return R^2 in units of a field whose sign the label is: pi/2 times the label's."""
        return float(SIGN_GAUGE * self.raw_reach * self.variance)

    def cautions(self) -> list[str]:
        """Return what a reader must know about so few, or so unequal, labels."""
        said = []
        p = len(self.spectrum)
        if self.n_rows < WANTED * p:
            said.append(
                f"{self.n_rows} labelled rows for {p} features are fewer than {WANTED * p} "
                f"({WANTED} a feature): the alignment is uncertain"
            )
        if self.share is not None and not BALANCED[0] <= self.share <= BALANCED[1]:
            said.append(
                f"{100 * self.share:.0f} % of the labels are of one class, outside 35 to 65 %: "
                "the theory of unequal classes is checked on Gaussian classes alone"
            )
        return said


def checked_rows(features: Any, where: str) -> Array:
    """Return a table of finite numbers.

    Raises
    ------
    InputError
        It is not two-dimensional, has no rows or columns, or holds a value that is not finite.
    """
    try:
        rows = np.asarray(features.toarray() if hasattr(features, "toarray") else features, float)
    except (TypeError, ValueError):
        raise InputError(
            "features are not numbers", where=where, remedy="encode them, with encoder= for example"
        ) from None
    if rows.ndim != 2 or not rows.size:
        raise InputError(
            f"features have shape {rows.shape}", where=where, remedy="pass one row an example"
        )
    if not np.isfinite(rows).all():
        row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(rows)))
        raise InputError(
            "a feature is missing or infinite",
            where=f"{where}, row {row}, column {column}",
            remedy="fill it in, or leave the row out",
        )
    return rows
