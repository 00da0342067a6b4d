"""The target together with each source alone, as some boosting methods fit them in every round."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.transfer.boosting import Stack
from priorlift.transfer.weighted_learner import WeightedLearner


class SourcePairs:
    """Fits the base learner on the target and one source, each from where its last fit ended.

    Parameters
    ----------
    rows : Stack
        Target and sources; without sources the only "pair" is the target alone.
    learner : WeightedLearner
        The base learner.
    """

    def __init__(self, rows: Stack, learner: WeightedLearner) -> None:
        self.rows = rows
        self.learner = learner
        self.target = rows.parts[0]
        places = rows.sources or (slice(0, 0),)
        self._where = [np.r_[rows.target, place] for place in places]
        self._X = [arrays.take_rows(rows.X, where) for where in self._where]
        self._last: list[Any] = [None] * len(places)

    @property
    def n_pairs(self) -> int:
        """How many pairs there are."""
        return len(self._where)

    def fit(self, place: int, weight: NDArray[np.float64], content: str) -> Any:
        """Fit a pair under the weights of all rows."""
        where = self._where[place]
        total = float(self.rows.given[where].sum())
        who = self.rows.parts[min(place + 1, len(self.rows.parts) - 1)].fingerprint
        self._last[place] = self.learner.fit(
            self._X[place],
            self.rows.y[where],
            weight[where],
            total,
            *(content, "pair", who),
            warm=self._last[place],
        )
        return self._last[place]

    def error_on_target(self, model: Any, kind: Any, weight: NDArray[np.float64]) -> float:
        """Return a model's weighted error on the target's rows."""
        own = weight[self.rows.target]
        return float(own @ kind.misses(model, self.target.X, self.target.y) / own.sum())
