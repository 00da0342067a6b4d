"""The published procedure, written down straight: what the fast solver is measured against.

Fixed-point iteration of (V, q, m) from V = 1000, q = m = 0.001 without damping. Each update takes
six adaptive integrals over a Gaussian (three for each label), and inside every integrand a scalar
minimisation for the proximal point. That is the procedure of the public code that goes with
Loureiro et al. 2021; the transcription is ours. Two things are kinder to it. The order parameters
come from the spectrum in O(p), not from matrices. And it ends when no order parameter moves by more
than 1e-8 of its size: a summed absolute change below 1e-10, as published, is below what Brent's
minimiser resolves, and some points would iterate forever.
"""

import time
import warnings

import numpy as np
from scipy.integrate import IntegrationWarning, quad
from scipy.optimize import minimize_scalar
from scipy.special import erfc

REACH = 10.0
MAX_UPDATES = 400
CLOSE = 1e-8


def proximal(label, omega, V):
    """Return the minimiser of the loss plus its parabola, by Brent's method."""
    return minimize_scalar(lambda x: (x - omega) ** 2 / (2.0 * V) + np.logaddexp(0.0, -label * x)).x


def integrals(V, q, m, rho=1.0):
    """Return E[Z f'], E[Z f^2] and E[dZ f] summed over both labels, each an adaptive integral."""
    hidden = rho - m * m / q

    def gaussian(zeta):
        return np.exp(-0.5 * zeta * zeta) / np.sqrt(2.0 * np.pi)

    def weight(label, omega):
        return 0.5 * erfc(-label * (m / q) * omega / np.sqrt(2.0 * hidden))

    def slope(label, omega):
        narrow = np.exp(-0.5 * ((m / q) * omega) ** 2 / hidden)
        return label * narrow / np.sqrt(2.0 * np.pi * hidden)

    def pull(label, omega):
        return (proximal(label, omega, V) - omega) / V

    def bend(label, omega):
        curvature = 0.25 / np.cosh(0.5 * proximal(label, omega, V)) ** 2
        return curvature / (1.0 + V * curvature)

    def over(integrand):
        total = 0.0
        for label in (1.0, -1.0):
            total += quad(
                lambda zeta, y=label: gaussian(zeta) * integrand(y, np.sqrt(q) * zeta),
                -REACH,
                REACH,
                limit=500,
            )[0]
        return total

    return (
        over(lambda y, omega: weight(y, omega) * bend(y, omega)),
        over(lambda y, omega: weight(y, omega) * pull(y, omega) ** 2),
        over(lambda y, omega: slope(y, omega) * pull(y, omega)),
    )


def solve(spectrum, alignment, rho, alpha, lam):
    """Return error, updates, CPU seconds and whether the iteration ended, for one point."""
    start = time.process_time()
    V, q, m = 1000.0, 0.001, 0.001
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)
        updates, change = 0, np.inf
        while updates < MAX_UPDATES and change >= CLOSE:
            updates += 1
            bend, square, slope = integrals(V, q, m, rho)
            Vh, qh, M = alpha * bend, alpha * square, alpha * slope
            D = lam + Vh * spectrum
            new = (
                np.mean(spectrum / D),
                qh * np.mean((spectrum / D) ** 2) + M * M * np.sum(alignment * spectrum / D**2),
                M * np.sum(alignment / D),
            )
            change = max(abs(a / b - 1.0) for a, b in zip(new, (V, q, m), strict=True))
            V, q, m = new
    return {
        "error": float(np.arccos(m / np.sqrt(rho * q)) / np.pi),
        "updates": updates,
        "cpu_seconds": time.process_time() - start,
        "ended": bool(change < CLOSE),
    }
