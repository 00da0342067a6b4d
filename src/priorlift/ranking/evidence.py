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
    n, values, shares = spectrum.freedom, spectrum.eigenvalues[:, None], spectrum.shares
    rest = _outside(spectrum)
    grid = np.log(spectrum.eigenvalues.sum() / n) + GRID
    kept = 1.0 / (1.0 + values * np.exp(-grid))
    residual = np.maximum(rest[:, None] + shares.T @ kept, _floor(spectrum)[:, None])
    height = -n * np.log(residual) + np.log(kept).sum(axis=0)
    peak = grid[height.argmax(axis=1)]
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
            log_t + step, np.maximum(peak - 1.0, grid[0]), np.minimum(peak + 1.0, grid[-1])
        )
    return np.asarray(np.exp(log_t))


def evidence(spectrum: Spectrum, ratio: Floats) -> Floats:
    """Return the log evidence per row at t = `ratio`, beta at its best; shape (k,), in O(k r)."""
    n, values = spectrum.freedom, spectrum.eigenvalues[:, None]
    residual = _outside(spectrum) + (spectrum.shares * (ratio / (values + ratio))).sum(axis=0)
    residual = np.maximum(residual, _floor(spectrum))
    determinant = np.log1p(values / ratio).sum(axis=0)
    found = n * np.log(n / residual) - determinant - n - n * np.log(2.0 * np.pi)
    return np.asarray(found / (2.0 * n))


def null_evidence(spectrum: Spectrum) -> Floats:
    """Return the log evidence per row as t goes to infinity: no feature helps; shape (k,)."""
    n = max(spectrum.freedom, 1)
    return np.asarray(0.5 * (np.log(n / spectrum.squares) - 1.0 - np.log(2.0 * np.pi)))


def _outside(spectrum: Spectrum) -> Floats:
    """Return the squared length of each label column that no feature can reach."""
    if len(spectrum.eigenvalues) >= spectrum.freedom:
        return np.zeros_like(spectrum.squares)  # exactly, where the difference is mere rounding
    return np.asarray(np.maximum(spectrum.squares - spectrum.shares.sum(axis=0), 0.0))


def _floor(spectrum: Spectrum) -> Floats:
    """Return the least residual to believe in, so that a perfect fit stays finite."""
    return np.asarray(RESIDUAL_FLOOR * spectrum.squares)
