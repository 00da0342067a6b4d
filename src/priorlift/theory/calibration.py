"""The level of a forecast from real heads: what moments leave uncertain, held-out rows know better.

With a few hundred labels R^2 is known to a few hundredths, which leaves a small error uncertain by
a third; and features are never quite Gaussian. So one number, the R^2 of the labels, is set such
that the theory says what real heads showed on held-out rows, at the numbers of labels that are
there. How the labels lie along the spectrum, and with it how the error falls with more of them,
stays as it was estimated. (Our choice.)
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from priorlift.theory.label_alignment import LARGEST_REACH, SIGN_GAUGE, LabelAlignment
from priorlift.theory.pictures import LINEAR, picture_of
from priorlift.theory.quadrature import Array

WIDEST = 4.0
CLOSE = 0.01
SMALLEST_REACH = 1e-4
LEAST_REST = 1e-6
SLOPE_STEP = 0.1


def shifted(alignment: LabelAlignment, shift: float, picture: str) -> LabelAlignment:
    """Return the alignment with its R^2 moved on the logistic scale, in the picture's limits.

    Parameters
    ----------
    alignment : LabelAlignment
        One with an R^2 of 0 stays as it is.
    shift : float
        Above 0 for labels that are easier to tell.
    picture : {"classes", "field", "linear"}
        Where R^2 ends: at 1, or where a field decides all.
    """
    reach = alignment.reach
    if not reach > 0:
        return alignment
    limit, edge = LARGEST_REACH, SMALLEST_REACH
    if picture == LINEAR:
        limit, edge = 1.0, LEAST_REST
    if picture == "field":
        limit = min(limit, LARGEST_REACH / (SIGN_GAUGE * alignment.variance))
    share = np.clip(reach / limit, edge, 1.0 - edge)
    moved = float(min(limit * expit(logit(share) + shift), limit * (1.0 - edge)))
    return replace(alignment, squares=alignment.squares * (moved / reach), raw_reach=moved)


def level(
    alignments: Sequence[LabelAlignment],
    picture: str,
    alpha: Array,
    lams: Array,
    observed: Array,
) -> float:
    """Return the shift with which the mean logarithm of the errors is the observed one.

    Parameters
    ----------
    alignments : sequence of LabelAlignment
        One a task; errors are means over them.
    picture : {"classes", "field", "linear"}
        What predicts.
    alpha : ndarray of shape (k,)
        Labels for each feature.
    lams : ndarray of shape (tasks, k)
        The regularisers of the observed heads.
    observed : ndarray of shape (k,)
        Their errors, above 0.

    Notes
    -----
    The error falls with the shift, so a root between -4 and 4 is bracketed: about 8 solves.
    """
    wanted = float(np.log(observed).mean())

    def excess(shift: float) -> float:
        found = predicted(alignments, picture, alpha, lams, shift)
        return float(np.log(found).mean()) - wanted

    if excess(-WIDEST) <= 0:
        return -WIDEST
    if excess(WIDEST) >= 0:
        return WIDEST
    return float(brentq(excess, -WIDEST, WIDEST, xtol=CLOSE))


def level_error(
    alignments: Sequence[LabelAlignment],
    picture: str,
    alpha: Array,
    lams: Array,
    shift: float,
    log_error: float,
) -> float:
    """Return the standard error of a shift from that of the observed logarithm.

    Parameters
    ----------
    alignments, picture, alpha, lams
        As for `level`.
    shift : float
        What it returned.
    log_error : float
        Standard error of the mean logarithm of the observed errors.
    """
    ends = [
        np.log(predicted(alignments, picture, alpha, lams, shift + side * SLOPE_STEP)).mean()
        for side in (-1.0, 1.0)
    ]
    slope = abs(ends[1] - ends[0]) / (2.0 * SLOPE_STEP)
    return float(min(log_error / max(slope, 1e-3), 1.0))


def predicted(
    alignments: Sequence[LabelAlignment], picture: str, alpha: Array, lams: Array, shift: float
) -> Array:
    """Return the mean errors of shifted alignments, shape (k,)."""
    made = picture_of(picture)
    errors = [
        made(shifted(one, shift, picture)).errors(alpha, lam)
        for one, lam in zip(alignments, lams, strict=True)
    ]
    found = np.mean(errors, axis=0)
    worst = 1.0 if picture == LINEAR else 0.5
    return np.where(np.isfinite(found), np.maximum(found, 1e-9), worst)
