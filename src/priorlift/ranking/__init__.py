"""Ranking: which sources will help a target, before anything is trained on the target.

`statistics` condenses rows into sufficient statistics in one pass, `scores` are functions of them,
`view` is what a score may look at for one source, and `rank` puts the sources in an order with
intervals, ties and a bill. `gain` learns from the outcomes of past transfers (`pairs`) how large a
lift to expect, and `measures` say how good a ranking was.

The names below are fetched from their modules when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from priorlift.ranking.gain import GainModel, PredictedGains
    from priorlift.ranking.pairs import Outcomes, PairFeatures

_HOMES = {
    "GainModel": "priorlift.ranking.gain",
    "PredictedGains": "priorlift.ranking.gain",
    "PairFeatures": "priorlift.ranking.pairs",
    "Outcomes": "priorlift.ranking.pairs",
}

__all__ = ["GainModel", "PredictedGains", "PairFeatures", "Outcomes"]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'priorlift.ranking' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
