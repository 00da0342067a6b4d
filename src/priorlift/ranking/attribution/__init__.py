"""Attribution: which features the heads of two tasks use, and how far they are the same ones.

Two tasks that attribute their decisions on the same inputs to the same features should have
something to give to each other, and that is known before any transfer is tried. `heads` says what a
head is, `ridge` fits many in closed form together with heads of permuted labels, `probes` chooses
the inputs, `gradients` and `conductance` attribute, `similarity` compares.
"""

from priorlift.ranking.attribution.conductance import conductance
from priorlift.ranking.attribution.gradients import Attribution, attribute
from priorlift.ranking.attribution.heads import Head, HiddenHead, LinearHead
from priorlift.ranking.attribution.probes import Probes, probe_rows
from priorlift.ranking.attribution.ridge import RidgeHeads
from priorlift.ranking.attribution.similarity import (
    FEATURES,
    attribution_pairs,
    attribution_similarity,
)

__all__ = [
    "FEATURES",
    "Attribution",
    "Head",
    "HiddenHead",
    "LinearHead",
    "Probes",
    "RidgeHeads",
    "attribute",
    "attribution_pairs",
    "attribution_similarity",
    "conductance",
    "probe_rows",
]
