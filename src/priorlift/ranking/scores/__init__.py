"""Transferability scores: pure functions of features and labels, a larger value being better.

A score ranks sources for one target; it does not say how large the lift will be, and its values are
not comparable between targets. One file a family of scores; `registered` names those that
`rank_sources` can be asked for.
"""

from priorlift.ranking.scores.domains import neg_mmd, neg_proxy_a_distance
from priorlift.ranking.scores.fisher import task2vec, task2vec_similarity, task2vec_transfer
from priorlift.ranking.scores.label_relation import (
    adjusted_nce,
    leep,
    n_leep,
    nce,
    normalized_leep,
    normalized_nce,
)
from priorlift.ranking.scores.linear import h_score, ledoit_wolf, logme, shrinkage_h_score
from priorlift.ranking.scores.neighbours import knn
from priorlift.ranking.scores.registered import LOGME, NCE, SHRINKAGE_H, Score
from priorlift.ranking.scores.separation import gbc, sfda, transrate
from priorlift.ranking.scores.similarity import label_cka, linear_cka, parc
from priorlift.ranking.scores.transport import neg_ot_distance

__all__ = [
    "LOGME",
    "NCE",
    "SHRINKAGE_H",
    "Score",
    "adjusted_nce",
    "gbc",
    "h_score",
    "knn",
    "label_cka",
    "ledoit_wolf",
    "leep",
    "linear_cka",
    "logme",
    "n_leep",
    "nce",
    "neg_mmd",
    "neg_ot_distance",
    "neg_proxy_a_distance",
    "normalized_leep",
    "normalized_nce",
    "parc",
    "sfda",
    "shrinkage_h_score",
    "task2vec",
    "task2vec_similarity",
    "task2vec_transfer",
    "transrate",
]
