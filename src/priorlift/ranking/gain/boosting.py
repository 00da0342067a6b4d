"""With many outcomes: boosted trees that bend and combine the scores, but never turn them round.

Every score, rank and the static prior are bound to raise the prediction (monotone constraints);
only features of the target alone are free. The mean with the ridge keeps a straight line where
trees make steps, and where a split has few pairs to rest on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.ranking.gain.mixed_ridge import MixedRidge, fit_mixed_ridge
from priorlift.ranking.gain.pair_design import PairDesign

Floats = NDArray[np.float64]
SETTINGS: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 15,
    "l2_regularization": 1.0,
    "early_stopping": False,
}


@dataclass(frozen=True, eq=False)
class BoostedGains:
    """Fitted trees and the ridge they are averaged with."""

    trees: Any
    ridge: MixedRidge

    def predict(self, design: PairDesign, static: Floats) -> Floats:
        """Return the predicted gains, shape (N,)."""
        by_trees = self.trees.predict(_columns(design, static))
        return np.asarray((by_trees + self.ridge.predict(design, static)) / 2.0)


def fit_boosted_gains(
    design: PairDesign,
    static: Floats,
    gains: Floats,
    targets: NDArray[np.str_],
    seed: int,
) -> BoostedGains:
    """Fit scikit-learn's `HistGradientBoostingRegressor` and the ridge; parameters as there."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    columns = _columns(design, static)
    signs = np.ones(columns.shape[1], dtype=int)
    signs[columns.shape[1] - design.levels.shape[1] :] = 0
    trees = HistGradientBoostingRegressor(monotonic_cst=signs, random_state=seed, **SETTINGS)
    trees.fit(columns, gains)
    return BoostedGains(trees, fit_mixed_ridge(design, static, gains, targets))


def _columns(design: PairDesign, static: Floats) -> Floats:
    promise = design.promise[:, None]
    return np.hstack(
        [promise, design.groups, design.extra, static[:, None], design.scores, design.levels]
    )
