"""How good a ranking was, once the truth is known.

`orders` are about the order of the sources of one target, `calibration` about probabilities and
intervals, `target_bootstrap` gives intervals over targets.
"""

from priorlift.ranking.measures.calibration import (
    auc_of_lift,
    brier_score,
    coverage,
    expected_calibration_error,
    harmful_share,
    mean_width,
)
from priorlift.ranking.measures.orders import (
    noise_ceiling,
    per_target,
    random_regret_at,
    regret_at,
    relative_regret_at,
    score_lost,
    weighted_tau,
)
from priorlift.ranking.measures.target_bootstrap import (
    bootstrap_over_targets,
    mean_over_targets,
    paired_difference,
)

__all__ = [
    "auc_of_lift",
    "bootstrap_over_targets",
    "brier_score",
    "coverage",
    "expected_calibration_error",
    "harmful_share",
    "mean_over_targets",
    "mean_width",
    "noise_ceiling",
    "paired_difference",
    "per_target",
    "random_regret_at",
    "regret_at",
    "relative_regret_at",
    "score_lost",
    "weighted_tau",
]
