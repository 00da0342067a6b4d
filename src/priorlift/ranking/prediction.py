"""Put what a gain model expects beside the scores of a ranking."""

import math
from dataclasses import replace
from typing import Any, Protocol

from priorlift.ranking.pairs import PairFeatures
from priorlift.ranking.result import PredictedLift, Ranking


class GainModelLike(Protocol):
    """What predicts lifts: `GainModel`, or a stand-in."""

    def predict(self, pairs: PairFeatures) -> Any:
        """Return arrays `mean`, `low`, `high`, `p_positive` and texts `regime` and `note`."""
        ...


def with_predictions(ranking: Ranking, model: GainModelLike, target: str = "target") -> Ranking:
    """Return the ranking with a predicted lift for each source.

    Parameters
    ----------
    ranking : Ranking
        Scored sources.
    model : GainModel
        Fitted on past outcomes.
    target : str
        What past outcomes call this target, should they know it.
    """
    if not ranking.rows:
        return ranking
    found = model.predict(ranking.pair_features(target))
    rows = tuple(
        replace(
            row,
            predicted=PredictedLift(
                float(found.mean[i]),
                _known(found.low[i]),
                _known(found.high[i]),
                _known(found.p_positive[i]),
            ),
        )
        for i, row in enumerate(ranking.rows)
    )
    said = f"{found.regime}: {found.note}" if found.note else str(found.regime)
    return replace(ranking, rows=rows, prediction=said)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
