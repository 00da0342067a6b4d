"""Transferability scores: pure functions of features and labels, a larger value being better.

A score ranks sources for one target; it does not say how large the lift will be, and its values are
not comparable between targets. One file a family of scores; `registered` names those that
`rank_sources` can be asked for.
"""

from priorlift.ranking.scores.label_relation import adjusted_nce, nce, normalized_nce
from priorlift.ranking.scores.linear import h_score, ledoit_wolf, logme, shrinkage_h_score
from priorlift.ranking.scores.registered import LOGME, NCE, SHRINKAGE_H, Score

__all__ = [
    "LOGME",
    "NCE",
    "SHRINKAGE_H",
    "Score",
    "adjusted_nce",
    "h_score",
    "ledoit_wolf",
    "logme",
    "nce",
    "normalized_nce",
    "shrinkage_h_score",
]
