"""The main job: rank sources, transfer, prove the lift; splits, intervals, verdicts and results."""

from priorlift.study.design import Design, Split, choose_design
from priorlift.study.estimate import Estimate
from priorlift.study.expected_labels import expected_labels_saved
from priorlift.study.metrics import METRICS, Metric
from priorlift.study.past_outcomes import PastOutcomes, read_outcomes
from priorlift.study.plan import StudyPlan
from priorlift.study.purchases import Bill, PairOutcome
from priorlift.study.results import CurvePoint, Lift, StudyResult, Warned
from priorlift.study.spending import spend, spend_in_batches
from priorlift.study.spending_result import Spending
from priorlift.study.spending_run import run_spending
from priorlift.study.study import Study
from priorlift.study.sweep import Sweep
from priorlift.study.sweep_estimate import SweepEstimate
from priorlift.study.sweep_methods import NamedMethod
from priorlift.study.sweep_plan import SweepPlan
from priorlift.study.sweep_result import SweepResult
from priorlift.study.target_forecast import ExpectedSaved, TargetForecast
from priorlift.study.verdicts import Claim, Verdict, decide
from priorlift.study.verification import Verification
from priorlift.study.verify import verify_ranking

__all__ = [
    "METRICS",
    "Bill",
    "Claim",
    "CurvePoint",
    "Design",
    "Estimate",
    "ExpectedSaved",
    "Lift",
    "Metric",
    "NamedMethod",
    "PairOutcome",
    "PastOutcomes",
    "Spending",
    "Split",
    "Study",
    "StudyPlan",
    "StudyResult",
    "Sweep",
    "SweepEstimate",
    "SweepPlan",
    "SweepResult",
    "TargetForecast",
    "Verdict",
    "Verification",
    "Warned",
    "choose_design",
    "decide",
    "expected_labels_saved",
    "read_outcomes",
    "run_spending",
    "spend",
    "spend_in_batches",
    "verify_ranking",
]
