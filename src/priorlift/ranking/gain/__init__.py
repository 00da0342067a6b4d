"""The gain model: from pair features and past outcomes to a predicted lift.

`model` has the public class. It chooses among `mixed_ridge`, `boosting`, `static_prior` and the
cold start by `held_out` targets, and says how sure it is with `conformal` and `lift_probability`;
`pair_design` makes the columns that all of them learn from.
"""

from priorlift.ranking.gain.model import GainModel, PredictedGains

__all__ = ["GainModel", "PredictedGains"]
