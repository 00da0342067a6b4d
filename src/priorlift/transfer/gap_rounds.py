"""The rounds of gapBoost: boosting on target and sources that lets go of rows they disagree about.

Per round, with weights D over all rows and D_S, D_T renormalised inside each domain:

    h = A(S u T, D),  h_Sj = A(S_j, D_Sj),  h_T = A(T, D_T)
    err = sum_i D(i) e_i,  a = vote(err)
    row i of source j:  b_i = a e_i + rho_S d_j(x_i)
    row i of target:    b_i = a e_i + rho_T sum_j m_j (1 - d_j(x_i))
    D(i) <- D(i) exp(b_i), scaled to sum 1, D(i) <= gamma_max

e_i is the miss of h on row i, d_j(x) the distance of h_Sj(x) and h_T(x), and m_j the share of
source j in the weight of all sources.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.transfer.boosting import SMALLEST_ERROR, Stack, Trace, multiplied
from priorlift.transfer.gap_disagreement import Apart, Auxiliaries
from priorlift.transfer.weighted_learner import WeightedLearner


@dataclass(frozen=True)
class GapSettings:
    """The parameters of the rounds; see `GapBoostClassifier`."""

    n_estimators: int
    rho_s: float
    rho_t: float
    gamma_max: Any
    target_mass: float | None
    gap_every: int

    def check(self) -> None:
        """Refuse parameters that are out of range.

        Raises
        ------
        InputError
            Names the parameter.
        """
        if not self.rho_s <= 0:
            raise InputError(f"rho_s is {self.rho_s!r}", remedy="0 or less, such as log(1/2)")
        if not self.rho_t >= 0:
            raise InputError(f"rho_t is {self.rho_t!r}", remedy="0 or more")
        if self.gamma_max != "auto" and not (_is_number(self.gamma_max) and self.gamma_max > 0):
            raise InputError(
                f"gamma_max is {self.gamma_max!r}", remedy='"auto" or a number above 0, at most 1'
            )
        if self.target_mass is not None and not 0 < self.target_mass < 1:
            raise InputError(
                f"target_mass is {self.target_mass!r}", remedy="None, or between 0 and 1"
            )
        if not self.gap_every >= 1:
            raise InputError(f"gap_every is {self.gap_every!r}", remedy="1 or more rounds")

    def cap(self, rows: Stack) -> NDArray[np.float64]:
        """Return the largest weight that each row may have; 1 / sqrt(N_T) for rows of weight 1.

        Raises
        ------
        InputError
            No weights of sum 1 are that small.
        """
        n_target = float(rows.given[rows.target].sum())
        gamma = min(1.0, n_target**-0.5) if self.gamma_max == "auto" else float(self.gamma_max)
        cap = gamma * rows.given
        if cap.sum() < 1.0:
            if self.gamma_max == "auto":
                return np.asarray(cap / cap.sum())
            raise InputError(
                f"gamma_max is {self.gamma_max!r}, and {len(cap)} weights of sum 1 cannot all be "
                "that small",
                remedy=f"{1.0 / rows.given.sum():.3g} or more",
            )
        return np.asarray(cap)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


@dataclass
class GapTrace(Trace):
    """What happened in each round, the gap included.

    Attributes
    ----------
    gaps : list of ndarray of shape (n_sources, 2)
        The 0/1 gap (regression: in variances of the target's labels), source side and target side.
    disagreements : list of list of float
        The weighted distance of each source's model from the target's, on the source's rows.
    """

    gaps: list[Any] = field(default_factory=list)
    disagreements: list[list[float]] = field(default_factory=list)

    def note_gaps(self, apart: list[Apart]) -> None:
        """Note the gap to each source under the current weights."""
        rows, weight = self.rows, self.weight
        on_target = weight[rows.target] / weight[rows.target].sum()
        gaps, disagreements = [], []
        for one, part in zip(apart, rows.sources, strict=True):
            on_source = weight[part] / weight[part].sum()
            gaps.append((on_source @ one.lost_on_source, on_target @ one.lost_on_target))
            disagreements.append(float(on_source @ one.on_source))
        self.gaps.append(gaps)
        self.disagreements.append(disagreements)


def boost(
    rows: Stack,
    learner: WeightedLearner,
    kind: Any,
    settings: GapSettings,
    auxiliaries: Auxiliaries | None,
) -> GapTrace:
    """Boost on target and sources; without sources on the target alone.

    Parameters
    ----------
    rows : Stack
        Target and sources.
    learner : WeightedLearner
        The base learner A.
    kind : Classes or Numbers
        How misses and votes are measured.
    settings : GapSettings
        Checked parameters.
    auxiliaries : Auxiliaries or None
        None where there is no source.

    Returns
    -------
    GapTrace

    Notes
    -----
    Boosting ends before a learner that is no better than guessing, but the first is kept. A learner
    without any miss ends it only where there is no source: weights then no longer move, while with
    sources the disagreement goes on to move them.
    """
    cap = settings.cap(rows)
    trace = GapTrace(rows, rows.first_weights(settings.target_mass))
    last, apart = None, []
    for k in range(settings.n_estimators):
        weight = trace.weight
        last = learner.fit(rows.X, rows.y, weight, rows.total, "round", str(k), warm=last)
        misses = kind.misses(last, rows.X, rows.y)
        error = float(weight @ misses)
        useless = error >= kind.limit
        if useless and trace.learners:
            break
        if auxiliaries is not None:
            if k % settings.gap_every == 0:
                apart = auxiliaries.compare(weight, str(k))
            trace.note_gaps(apart)
        trace.add(last, kind.vote(error), error)
        if useless or (auxiliaries is None and error <= SMALLEST_ERROR):
            break
        exponent = trace.votes[-1] * misses + _terms(rows, weight, apart, settings)
        trace.move(multiplied(weight, exponent, cap))
    return trace


def _terms(
    rows: Stack, weight: NDArray[np.float64], apart: list[Apart], settings: GapSettings
) -> NDArray[np.float64]:
    """Return what disagreement adds to the exponent of each row."""
    terms = np.zeros(len(weight))
    masses = rows.masses(weight)[1:]
    for one, part, mass in zip(apart, rows.sources, masses, strict=True):
        terms[part] = settings.rho_s * one.on_source
        terms[rows.target] += settings.rho_t * (mass / sum(masses)) * (1.0 - one.on_target)
    return terms
