"""The model to take away: the best that is proved to help, else the best without sources.

It is fitted on every labelled row of the target. What it scores on new rows was estimated on
smaller training sets by the study; the fit itself is not judged, since no row is left to judge it
on.
"""

from dataclasses import dataclass

import numpy as np

from priorlift.core.seeds import derive_seed
from priorlift.pool import SourcePool, Target
from priorlift.study.plan import Arm
from priorlift.study.results import StudyResult
from priorlift.study.tasks import fit_arm, seeded
from priorlift.study.verdicts import Verdict
from priorlift.transfer.base import TransferEstimator


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
    estimator = seeded(methods[arm.method], derive_seed(result.plan.seed, "final model"))
    rows = np.flatnonzero(target.labelled)
    nobody_judges = np.empty(0, dtype=np.intp)
    fit_arm(estimator, target, rows, nobody_judges, pool.subset(arm.sources))
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
