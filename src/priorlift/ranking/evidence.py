"""The evidence of a Bayesian linear regression in one number, and where it is largest.

With prior precision alpha and noise precision beta, all that matters of them beyond a scale is
t = alpha / beta; `priorlift.ranking.scores.logme` has the formula.
"""

import numpy as np

from priorlift.ranking.labels import Floats
from priorlift.ranking.statistics import Spectrum

GRID = np.arange(-18.0, 19.0)
NEWTON_STEPS = 5
RESIDUAL_FLOOR = 1e-12


def prior_ratio(spectrum: Spectrum) -> Floats:
    """Return the t = alpha / beta of the largest evidence, one a label column, shape (k,).

    A grid of ratio e over e^±18 mean eigenvalues per row finds the peak, Newton steps in log t
    sharpen it. A column without signal ends at the upper edge, one fitted perfectly at the lower.

    Parameters
    ----------
    spectrum : Spectrum
        With one eigenvalue or more.
    """
    n, values, shares = spectrum.freedom, by_column(spectrum), spectrum.shares
    rest = _outside(spectrum)
    grid = np.log(values.sum(axis=0) / n)[:, None] + GRID
    kept = 1.0 / (1.0 + values[:, :, None] * np.exp(-grid))
    one_set = kept.shape[1] == 1
    within = shares.T @ kept[:, 0] if one_set else np.einsum("rk,rkg->kg", shares, kept)
    residual = rest[:, None] + within
    height = -n * np.log(np.maximum(residual, _floor(spectrum)[:, None])) + np.log(kept).sum(axis=0)
    grid = np.broadcast_to(grid, height.shape)
    peak = np.take_along_axis(grid, height.argmax(axis=1)[:, None], axis=1)[:, 0]
    log_t = peak.copy()
    for _ in range(NEWTON_STEPS):
        kept = 1.0 / (1.0 + values * np.exp(-log_t))
        fit = 1.0 - kept
        weighted = shares * kept
        residual = np.maximum(rest + weighted.sum(axis=0), _floor(spectrum))
        weighted *= fit
        first = weighted.sum(axis=0) / residual
        second = (weighted * (fit - kept)).sum(axis=0) / residual
        slope = fit.sum(axis=0) - n * first
        bend = -(fit * kept).sum(axis=0) - n * (second - first**2)
        step = np.divide(-slope, bend, out=np.zeros_like(slope), where=bend < 0.0)
        log_t = np.clip(
            log_t + step, np.maximum(peak - 1.0, grid[:, 0]), np.minimum(peak + 1.0, grid[:, -1])
        )
    return np.asarray(np.exp(log_t))


def evidence(spectrum: Spectrum, ratio: Floats) -> Floats:
    """Return the log evidence per row at t = `ratio`, beta at its best; shape (k,), in O(k r)."""
    n, values = spectrum.freedom, by_column(spectrum)
    residual = _outside(spectrum) + (spectrum.shares * (ratio / (values + ratio))).sum(axis=0)
    residual = np.maximum(residual, _floor(spectrum))
    determinant = np.log1p(values / ratio).sum(axis=0)
    found = n * np.log(n / residual) - determinant - n - n * np.log(2.0 * np.pi)
    return np.asarray(found / (2.0 * n))


def null_evidence(spectrum: Spectrum) -> Floats:
    """Return the log evidence per row as t goes to infinity: no feature helps; shape (k,)."""
    n = max(spectrum.freedom, 1)
    return np.asarray(0.5 * (np.log(n / spectrum.squares) - 1.0 - np.log(2.0 * np.pi)))


def by_column(spectrum: Spectrum) -> Floats:
    """Return the eigenvalues that each label column meets, shape (r, 1) where all meet the same."""
    values = spectrum.eigenvalues
    return values[:, None] if values.ndim == 1 else values


def _outside(spectrum: Spectrum) -> Floats:
    """Return the squared length of each label column that no feature can reach."""
    # Where the features span all dimensions, exactly 0: the difference is mere rounding.
    spanned = (by_column(spectrum) > 0.0).sum(axis=0) >= spectrum.freedom
    outside = np.maximum(spectrum.squares - spectrum.shares.sum(axis=0), 0.0)
    return np.asarray(np.where(spanned, 0.0, outside))


def _floor(spectrum: Spectrum) -> Floats:
    """Return the least residual to believe in, so that a perfect fit stays finite."""
    return np.asarray(RESIDUAL_FLOOR * spectrum.squares)
