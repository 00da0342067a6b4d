"""From what is known of pairs, and of pairs tried before, to a predicted lift that can be believed.

How much may be learnt depends on the number N of distinct pairs with an outcome:

========== ================ ==============================================================
N          regime           how the gain is predicted
========== ================ ==============================================================
below 5    cold start       within-target ranks with fixed weights: a promise, no points
5 to 29    cold start       the same order, in points: intercept and slope are fitted
30 to 200  bayesian ridge   a ridge whose prior mean is the cold start (`mixed_ridge`)
above 200  boosting         monotone boosted trees averaged with that ridge (`boosting`)
========== ================ ==============================================================

**Never below the static prior.** From 30 outcomes on, whole targets are held out, and the model has
to beat both the static prior (the source's mean past gain) and the cold start there; who wins is
who predicts. Intervals (`conformal`) and probabilities (`lift_probability`) come from the winner's
predictions on held-out targets, so they are about a target that has not been met.

The three regimes and their bounds are our choice; that combinations of scores beat single ones, and
that a static list is the baseline to beat, is published (Chaves 2024; Singh 2025).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.cold_start import GROUP_NAMES, group_ranks, group_weights, promise
from priorlift.ranking.gain.boosting import fit_boosted_gains
from priorlift.ranking.gain.conformal import ConformalBand, fit_band
from priorlift.ranking.gain.held_out import (
    Fit,
    Predictor,
    fit_scaled_cold_start,
    fit_static_prior,
    folds,
    held_out_measures,
    held_out_predictions,
    never_below,
    target_offsets,
)
from priorlift.ranking.gain.lift_probability import IsotonicCurve, PlattCurve, fit_probability
from priorlift.ranking.gain.mixed_ridge import MixedRidge, fit_mixed_ridge
from priorlift.ranking.gain.pair_design import (
    PairDesign,
    column_names,
    distinct,
    pair_design,
)
from priorlift.ranking.gain.static_prior import static_prior
from priorlift.ranking.pairs import Outcomes, PairFeatures

Floats = NDArray[np.float64]
Names = NDArray[np.str_]

FEWEST_OUTCOMES = 5
FEWEST_TARGETS = 3
ENOUGH_FOR_RIDGE = 30
MOST_FOR_RIDGE = 200
COLD, RIDGE, BOOSTING = "cold start", "bayesian ridge", "boosting"


@dataclass(frozen=True, eq=False)
class PredictedGains:
    """Predicted lifts of N pairs.

    Attributes
    ----------
    mean : ndarray of shape (N,)
        Predicted lift in points; without calibration a promise from 0 to 1 that only orders the
        sources of one target.
    low, high : ndarray of shape (N,)
        Ends of the interval; NaN where they are not known.
    p_positive : ndarray of shape (N,)
        P(lift > 0); NaN where it is not known.
    regime : str
        "cold start", "bayesian ridge" or "boosting".
    note : str
        What a reader should know of the regime; may be empty.
    """

    mean: Floats
    low: Floats
    high: Floats
    p_positive: Floats
    regime: str
    note: str = ""

    @property
    def calibrated(self) -> bool:
        """Whether lifts are in points and probabilities are known."""
        return bool(np.isfinite(self.p_positive).all())

    def recommended(self, threshold: float = 0.5) -> NDArray[np.intp]:
        """Return the pairs worth transferring, the best first.

        Parameters
        ----------
        threshold : float
            P(lift > 0) must be above it.

        Returns
        -------
        ndarray of int
            Indices by descending mean. Empty means: do not transfer. Where probabilities are not
            known (`calibrated` is False) it is empty as well: nothing supports a recommendation
            yet, and `mean` is no more than an order in which to try.

        Examples
        --------
        >>> lift, unknown = np.array([0.1, 0.3, -0.2]), np.full(3, np.nan)
        >>> found = PredictedGains(lift, unknown, unknown, np.array([0.7, 0.9, 0.1]), "boosting")
        >>> found.recommended(0.5), found.recommended(0.95)
        (array([1, 0]), array([], dtype=int64))
        """
        order = np.argsort(-self.mean, kind="stable")
        return order[self.p_positive[order] > threshold]


class GainModel:
    """Predict the lift of pairs from their features and the outcomes of other pairs.

    Parameters
    ----------
    transfer : {"any", "rows", "features"}
        What is carried over: it sets the weights that the model begins with, and ends with where
        there are few outcomes.
    level : float
        Of the intervals, in (0, 1).
    random_state : int, RandomState or None
        For folds and trees. The order of rows has no influence.

    Attributes
    ----------
    regime_ : str
        "cold start", "bayesian ridge" or "boosting", by the number of outcomes.
    chosen_ : str
        Who predicts: "model", "static_prior" or "cold_start".
    cross_validated_ : mapping of str to float
        "tau_model", "regret@1_static_prior", "mse_cold_start" and so on, on held-out targets, and
        "new_sources_tau_model" and so on with sources held out instead; empty without calibration.
    weights_ : mapping of str to float
        Points of gain from the worst to the best rank of a group of scores where the cold start or
        the ridge predicts (shares of the promise without calibration); empty otherwise.
    note_ : str
        Why the regime is what it is, where that needs a word.

    Notes
    -----
    Scores are ranked among the pairs passed together, so pass all candidate sources of a target in
    one call. A target with outcomes of its own is predicted with its level moved by them
    (`target_offsets`), which leaves the order of its sources to the model; intervals and
    probabilities remain those of a new target, wider than they need to be.

    Examples
    --------
    >>> pairs = PairFeatures(("t", "t"), ("a", "b"), {"logme": np.array([0.1, 0.4])})
    >>> found = GainModel().predict(pairs)
    >>> found.regime, found.mean, found.low
    ('cold start', array([0.25, 0.75]), array([nan, nan]))
    """

    regime_: str
    chosen_: str
    note_: str
    cross_validated_: Mapping[str, float]
    weights_: Mapping[str, float]
    _past: Outcomes | None
    _predictor: Predictor | None
    _offsets: Mapping[str, float]
    _band: ConformalBand
    _probability: PlattCurve | IsotonicCurve

    def __init__(
        self, *, transfer: str = "any", level: float = 0.9, random_state: RandomState = 0
    ) -> None:
        if not 0.0 < level < 1.0:
            raise InputError(f"level is {level}", remedy="a number between 0 and 1")
        self._fixed = group_weights(transfer)
        self.transfer = transfer
        self.level = level
        self.random_state = random_state
        self._start_cold("no outcomes: a promise from ranks, not a lift in points")

    def fit(self, outcomes: Outcomes, candidates: PairFeatures | None = None) -> "GainModel":
        """Learn from outcomes.

        Parameters
        ----------
        outcomes : Outcomes
            Repeats of a pair count as one, their mean.
        candidates : PairFeatures, optional
            All pairs that could have been tried. Where only a chosen few were, the ranks of the few
            are taken among all, as they will be in `predict`.

        Returns
        -------
        GainModel
            Itself.
        """
        past = distinct(outcomes)
        targets = np.array(past.pairs.targets, dtype=str)
        n_targets = len(np.unique(targets))
        self._names = column_names(past.pairs)
        if past.n_pairs < FEWEST_OUTCOMES or n_targets < FEWEST_TARGETS:
            self._start_cold(
                f"{past.n_pairs} outcomes of {n_targets} targets: holding targets out takes "
                f"{FEWEST_OUTCOMES} of {FEWEST_TARGETS}; a promise from ranks, not in points"
            )
            return self
        seed = base_seed(self.random_state)
        design = pair_design(past.pairs, self._names, candidates, self.transfer)
        fits = self._contenders(past.n_pairs, seed)
        parts = folds(targets, seed, 10 if self.regime_ != BOOSTING else 6)
        held_out = {
            name: held_out_predictions(fit, past, design, parts) for name, fit in fits.items()
        }
        self._choose(held_out, past, targets)
        self.cross_validated_ = MappingProxyType(
            self._measured(fits, held_out, past, design, targets, seed)
        )
        static = static_prior(past, past.pairs)
        self._past = past
        self._predictor = fits[self.chosen_](design, static, past.gains, targets)
        self._calibrate(held_out[self.chosen_], past, design, targets, parts)
        self.weights_ = MappingProxyType(self._weights())
        return self

    def predict(self, pairs: PairFeatures) -> PredictedGains:
        """Predict the lift of pairs.

        Parameters
        ----------
        pairs : PairFeatures
            All candidate sources of each target; features the model has not seen are left aside.

        Returns
        -------
        PredictedGains
            In the order of the pairs.
        """
        if self._predictor is None or self._past is None:
            unknown = np.full(pairs.n_pairs, np.nan)
            mean = promise(group_ranks(pairs, transfer=self.transfer), self.transfer)
            return PredictedGains(mean, unknown, unknown, unknown, self.regime_, self.note_)
        design = pair_design(pairs, self._names, transfer=self.transfer)
        raw = self._predictor.predict(design, static_prior(self._past, pairs))
        mean = raw + np.array([self._offsets.get(target, 0.0) for target in pairs.targets])
        half = self._band.at(_spread_columns(raw, design))
        p_positive = self._probability.at(mean / half)
        return PredictedGains(mean, mean - half, mean + half, p_positive, self.regime_, self.note_)

    def _start_cold(self, note: str) -> None:
        self.regime_, self.chosen_, self.note_ = COLD, "cold_start", note
        self.cross_validated_ = MappingProxyType({})
        self.weights_ = MappingProxyType(dict(zip(GROUP_NAMES, self._fixed.tolist(), strict=True)))
        self._past = None
        self._predictor = None
        self._offsets = {}

    def _contenders(self, n_pairs: int, seed: int) -> dict[str, Fit]:
        fits: dict[str, Fit] = {
            "static_prior": fit_static_prior,
            "cold_start": fit_scaled_cold_start,
        }
        if n_pairs < ENOUGH_FOR_RIDGE:
            self.regime_ = COLD
        elif n_pairs <= MOST_FOR_RIDGE:
            self.regime_, fits["model"] = RIDGE, fit_mixed_ridge
        else:
            self.regime_ = BOOSTING
            fits["model"] = lambda design, static, gains, targets: fit_boosted_gains(
                design, static, gains, targets, seed
            )
        return fits

    def _choose(self, held_out: Mapping[str, Floats], past: Outcomes, targets: Names) -> None:
        if self.regime_ == COLD:
            self.chosen_ = "cold_start"
            self.note_ = f"{past.n_pairs} outcomes set the scale of the ranks, not their weights"
            return
        self.chosen_ = never_below("model", held_out, past.gains, targets)
        told = {
            "model": "",
            "static_prior": "no model beat the sources' mean past gains on held-out targets",
            "cold_start": "nothing beat the fixed weights on held-out targets",
        }
        self.note_ = told[self.chosen_]

    def _measured(
        self,
        fits: Mapping[str, Fit],
        held_out: Mapping[str, Floats],
        past: Outcomes,
        design: PairDesign,
        targets: Names,
        seed: int,
    ) -> dict[str, float]:
        found = {}
        for name, predicted in held_out.items():
            for measure, value in held_out_measures(predicted, past.gains, targets).items():
                found[f"{measure}_{name}"] = value
        sources = np.array(past.pairs.sources, dtype=str)
        if len(np.unique(sources)) >= 2:
            parts = folds(sources, seed, 4)
            for name, fit in fits.items():
                predicted = held_out_predictions(fit, past, design, parts)
                for measure, value in held_out_measures(predicted, past.gains, targets).items():
                    found[f"new_sources_{measure}_{name}"] = value
        return found

    def _calibrate(
        self,
        predicted: Floats,
        past: Outcomes,
        design: PairDesign,
        targets: Names,
        parts: list[NDArray[np.bool_]],
    ) -> None:
        residuals = past.gains - predicted
        columns = _spread_columns(predicted, design)
        self._offsets = target_offsets(residuals, targets)
        self._band = fit_band(residuals, columns, targets, self.level, parts)
        half = self._band.at(columns)
        if not (half > 0.0).all():  # every prediction was exact; any width will do for a scale
            self._band = ConformalBand(np.finfo(float).tiny, self._band.spread)
            half = np.ones(past.n_pairs)
        self._probability = fit_probability(predicted / half, past.gains > 0.0, parts)

    def _weights(self) -> dict[str, float]:
        if isinstance(self._predictor, MixedRidge):
            values = self._predictor.coefficients[: len(GROUP_NAMES)].tolist()
            return dict(zip(GROUP_NAMES, values, strict=True))
        slope = getattr(self._predictor, "slope", None)
        if slope is None:
            return {}
        return dict(zip(GROUP_NAMES, (slope * self._fixed).tolist(), strict=True))


def _spread_columns(predicted: Floats, design: PairDesign) -> Floats:
    return np.column_stack([predicted, design.levels])
