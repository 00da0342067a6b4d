"""Ranking: which sources will help a target, before anything is trained on the target.

`statistics` condenses rows into sufficient statistics in one pass, `scores` are functions of them,
`view` is what a score may look at for one source, `rank` puts the sources in an order with
intervals and ties, and `tasks` does so for all pairs of many tasks. `attribution` compares what
heads look at, and `gap` what each domain's model loses on the other. `gain` learns from the
outcomes of past transfers (`pairs`) how large a lift to expect, and `measures` say how good a
ranking was.

The names below are fetched from their modules when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlift.ranking.gain import GainModel, PredictedGains
    from priorlift.ranking.gap.heads import HeadGaps, head_gaps
    from priorlift.ranking.gap.performance import performance_gap
    from priorlift.ranking.gap.result import GapResult
    from priorlift.ranking.pairs import Outcomes, PairFeatures
    from priorlift.ranking.rank import Ranking, rank_sources
    from priorlift.ranking.statistics import TaskStatistics
    from priorlift.ranking.task_ranking import TaskRanking
    from priorlift.ranking.tasks import rank_tasks

_HOMES = {
    "GainModel": "priorlift.ranking.gain",
    "PredictedGains": "priorlift.ranking.gain",
    "PairFeatures": "priorlift.ranking.pairs",
    "Outcomes": "priorlift.ranking.pairs",
    "rank_sources": "priorlift.ranking.rank",
    "Ranking": "priorlift.ranking.rank",
    "rank_tasks": "priorlift.ranking.tasks",
    "TaskRanking": "priorlift.ranking.task_ranking",
    "TaskStatistics": "priorlift.ranking.statistics",
    "performance_gap": "priorlift.ranking.gap.performance",
    "GapResult": "priorlift.ranking.gap.result",
    "head_gaps": "priorlift.ranking.gap.heads",
    "HeadGaps": "priorlift.ranking.gap.heads",
}

__all__ = [
    "GainModel",
    "PredictedGains",
    "PairFeatures",
    "Outcomes",
    "rank_sources",
    "Ranking",
    "rank_tasks",
    "TaskRanking",
    "TaskStatistics",
    "performance_gap",
    "GapResult",
    "head_gaps",
    "HeadGaps",
]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'priorlift.ranking' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
