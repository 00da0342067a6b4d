"""The main job: rank sources, transfer, prove the lift; splits, intervals, verdicts and results."""

from priorlift.study.design import Design, Split, choose_design
from priorlift.study.estimate import Estimate
from priorlift.study.metrics import METRICS, Metric
from priorlift.study.plan import StudyPlan
from priorlift.study.results import CurvePoint, Lift, StudyResult, Warned
from priorlift.study.study import Study
from priorlift.study.verdicts import Claim, Verdict, decide

__all__ = [
    "METRICS",
    "Claim",
    "CurvePoint",
    "Design",
    "Estimate",
    "Lift",
    "Metric",
    "Split",
    "Study",
    "StudyPlan",
    "StudyResult",
    "Verdict",
    "Warned",
    "choose_design",
    "decide",
]
