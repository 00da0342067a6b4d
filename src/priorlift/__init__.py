"""priorlift: which earlier data to learn from, how to carry it over, and proof that it helped.

This is the front door. It imports nothing when it is opened: each name below is fetched from its
floor of the house the first time it is used (PEP 562), so `import priorlift` stays fast and pulls
in no table, plot or deep-learning library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlift.core.persistence import load, save
    from priorlift.pool import ModelSource, Source, SourcePool, Target
    from priorlift.ranking.gain import GainModel
    from priorlift.ranking.gap.performance import performance_gap
    from priorlift.ranking.gap.result import GapResult
    from priorlift.ranking.rank import Ranking, rank_sources
    from priorlift.ranking.task_ranking import TaskRanking
    from priorlift.ranking.tasks import rank_tasks
    from priorlift.report import write_report
    from priorlift.study import Study, StudyResult, Sweep, SweepResult
    from priorlift.transfer.routing import fit_params

__version__ = "0.1.0"

_HOMES = {
    "Target": "priorlift.pool",
    "Source": "priorlift.pool",
    "SourcePool": "priorlift.pool",
    "ModelSource": "priorlift.pool",
    "rank_sources": "priorlift.ranking.rank",
    "Ranking": "priorlift.ranking.rank",
    "rank_tasks": "priorlift.ranking.tasks",
    "TaskRanking": "priorlift.ranking.task_ranking",
    "GainModel": "priorlift.ranking.gain",
    "performance_gap": "priorlift.ranking.gap.performance",
    "GapResult": "priorlift.ranking.gap.result",
    "Study": "priorlift.study",
    "StudyResult": "priorlift.study",
    "Sweep": "priorlift.study",
    "SweepResult": "priorlift.study",
    "write_report": "priorlift.report",
    "save": "priorlift.core.persistence",
    "load": "priorlift.core.persistence",
    "fit_params": "priorlift.transfer.routing",
}

# Modules for people of one field, opened when they are first named.
_DOORS = ("cells",)

__all__ = [
    "Target",
    "Source",
    "SourcePool",
    "ModelSource",
    "rank_sources",
    "Ranking",
    "rank_tasks",
    "TaskRanking",
    "GainModel",
    "performance_gap",
    "GapResult",
    "Study",
    "StudyResult",
    "Sweep",
    "SweepResult",
    "write_report",
    "save",
    "load",
    "fit_params",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its home and keep it, so that the next look-up is free."""
    if name in _DOORS:
        return import_module(f"priorlift.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'priorlift' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names too that nobody has used yet."""
    return sorted({*globals(), *__all__, *_DOORS})
