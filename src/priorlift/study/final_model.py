"""The model to take away: the best that is proved to help, else the best without sources.

It is fitted on every labelled row of the target. What it scores on new rows was estimated on
smaller training sets by the study; the fit itself is not judged, since no row is left to judge it
on.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from priorlift.core import arrays
from priorlift.core.seeds import derive_seed
from priorlift.pool import SourcePool, Target
from priorlift.study.plan import Arm
from priorlift.study.results import StudyResult
from priorlift.study.verdicts import Verdict
from priorlift.transfer.base import TransferEstimator
from priorlift.transfer.routing import fit_params


@dataclass(frozen=True)
class FinalModel:
    """A fitted estimator and why it was chosen.

    Attributes
    ----------
    estimator : TransferEstimator
        Fitted on all labelled rows of the target.
    method : str
        Its method.
    sources : tuple of str
        Names of the sources it learned from; empty where none is proved to help.
    reason : str
        In a sentence.
    verdict : Verdict or None
        The verdict that it rests on.
    """

    estimator: TransferEstimator
    method: str
    sources: tuple[str, ...]
    reason: str
    verdict: Verdict | None


def fit_final_model(
    result: StudyResult, target: Target, pool: SourcePool, methods: dict[str, TransferEstimator]
) -> FinalModel:
    """Choose by the verdicts and fit on all labelled rows.

    Parameters
    ----------
    result : StudyResult
        Of the study.
    target, pool : Target, SourcePool
        Its data.
    methods : dict of str to TransferEstimator
        Its unfitted estimators.

    Returns
    -------
    FinalModel
        The *helps* claim whose adjusted interval has the highest lower end; the target-only
        reference where no claim helps.
    """
    arm, verdict = _chosen(result)
    estimator: TransferEstimator = clone(methods[arm.method])
    if estimator.random_state is None:
        estimator.set_params(random_state=derive_seed(result.plan.seed, "final model"))
    rows = np.flatnonzero(target.labelled)
    params = fit_params(
        estimator,
        sources=pool.subset(arm.sources) if arm.sources else None,
        groups=None if target.groups is None else target.groups[rows],
    )
    weight = None if target.sample_weight is None else target.sample_weight[rows]
    estimator.fit(arrays.take_rows(target.X, rows), target.y[rows], sample_weight=weight, **params)
    if verdict is None:
        reason = "no source is proved to help, so the best model without sources was fitted"
    else:
        reason = f"{arm.method} with {verdict.sources} has the highest proved lift"
    return FinalModel(estimator, arm.method, arm.sources, reason, verdict)


def _chosen(result: StudyResult) -> tuple[Arm, Verdict | None]:
    helping = [v for v in result.verdicts if v.verdict == "helps"]
    if not helping:
        return Arm(result.plan.reference, ()), None
    best = max(helping, key=lambda v: v.adjusted_against_same_class.low)
    for arm in result.plan.claims:
        if arm.method == best.method and result.plan.label(arm.sources) == best.sources:
            return arm, best
    raise AssertionError("a verdict without an arm")
