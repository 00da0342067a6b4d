"""Whole targets held out: what each way of predicting is worth on a target that it has not met.

The opponents are the model of the regime, the static prior and the cold start in points. Pairs of
one target share more than features show, so folds never part a target; a second split holds out
sources, for the day when a source arrives that no target has tried.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import derive_seed
from priorlift.ranking.gain.pair_design import PairDesign
from priorlift.ranking.gain.static_prior import static_prior
from priorlift.ranking.measures import per_target, regret_at, weighted_tau
from priorlift.ranking.pairs import Outcomes

Floats = NDArray[np.float64]
Names = NDArray[np.str_]


class Predictor(Protocol):
    """Something fitted that predicts gains."""

    def predict(self, design: PairDesign, static: Floats) -> Floats:
        """Return the predicted gains of pairs with these columns and static priors."""
        ...


Fit = Callable[[PairDesign, Floats, Floats, Names], Predictor]


@dataclass(frozen=True)
class StaticPrior:
    """The past of the source and nothing else."""

    def predict(self, design: PairDesign, static: Floats) -> Floats:
        """Return the static prior itself."""
        return static


@dataclass(frozen=True)
class ScaledColdStart:
    """The cold start's promise in points.

    Attributes
    ----------
    intercept, slope : float
        Predicted gain = intercept + slope * promise; the slope is above 0, so the order is kept.
    """

    intercept: float
    slope: float

    def predict(self, design: PairDesign, static: Floats) -> Floats:
        """Return the scaled promise."""
        return np.asarray(self.intercept + self.slope * design.promise)


def fit_static_prior(
    design: PairDesign, static: Floats, gains: Floats, targets: Names
) -> StaticPrior:
    """Return the prior; there is nothing to fit."""
    return StaticPrior()


def fit_scaled_cold_start(
    design: PairDesign, static: Floats, gains: Floats, targets: Names
) -> ScaledColdStart:
    """Fit the scale of the promise within targets, shrunk by how surely it differs from 0.

    The slope is least squares on deviations from the targets' means times max(0, 1 - 1/t^2), its
    positive-part James-Stein factor, and at least a millionth of the gains' spread.
    """
    codes = np.unique(targets, return_inverse=True)[1]
    x, y = _within(design.promise, codes), _within(gains, codes)
    squares, product = float(x @ x), float(x @ y)
    least = 1e-6 * (float(gains.std()) or 1.0)
    slope = 0.0
    freedom = len(y) - int(codes.max()) - 2
    if squares > 0.0 and product > 0.0 and freedom > 0:
        slope = product / squares
        noise = float(((y - slope * x) ** 2).sum()) / freedom
        slope *= max(0.0, 1.0 - noise / (slope**2 * squares))
    slope = max(slope, least)
    return ScaledColdStart(float(gains.mean() - slope * design.promise.mean()), slope)


def folds(names: Names, seed: int, most: int) -> list[NDArray[np.bool_]]:
    """Return masks of held-out rows: at most `most`, each of whole names; every name once."""
    unique = np.unique(names)
    generator = np.random.default_rng(derive_seed(seed, "folds", *unique.tolist()))
    shuffled = generator.permutation(unique)
    return [np.isin(names, part) for part in np.array_split(shuffled, min(most, len(unique)))]


def held_out_predictions(
    fit: Fit, past: Outcomes, design: PairDesign, parts: list[NDArray[np.bool_]]
) -> Floats:
    """Predict each part by a fit to the others; static priors too come from the others alone."""
    found = np.empty(past.n_pairs)
    targets = np.array(past.pairs.targets, dtype=str)
    for part in parts:
        rest = past.take(~part)
        model = fit(design.take(~part), static_prior(rest, rest.pairs), rest.gains, targets[~part])
        found[part] = model.predict(design.take(part), static_prior(rest, past.pairs.take(part)))
    return found


def never_below(
    favourite: str, predictions: Mapping[str, Floats], gains: Floats, targets: Names
) -> str:
    """Return who predicts: the favourite, unless an opponent orders held-out targets better.

    Who comes first has the least squared error of differences *within* a target, targets weighing
    alike: it decides which source is taken, moves less by chance than the regret itself, and cannot
    be won by ordering well and promising too much. Our choice.
    """
    codes = np.unique(targets, return_inverse=True)[1]
    loss = {
        name: float(_target_means(_within(gains - found, codes) ** 2, codes).mean())
        for name, found in predictions.items()
    }
    return min(loss, key=lambda name: (loss[name], name != favourite, name))


def held_out_measures(predicted: Floats, gains: Floats, targets: Names) -> dict[str, float]:
    """Return weighted tau and regret@1, means over targets, and the squared error."""
    names = targets.tolist()
    taus = per_target(weighted_tau, names, predicted, gains)
    known = taus[~np.isnan(taus)]
    return {
        "tau": float(known.mean()) if len(known) else float("nan"),
        "regret@1": float(per_target(regret_at, names, predicted, gains, k=1).mean()),
        "mse": float(((predicted - gains) ** 2).mean()),
    }


def target_offsets(residuals: Floats, targets: Names) -> dict[str, float]:
    """Return by how much the known targets' lifts lie above held-out predictions, shrunk to 0.

    One-way random effects: mean residual of n pairs times v_t / (v_t + v / n), both variances by
    the method of moments. Shifts all sources of a target alike, so no order changes.
    """
    unique, codes, sizes = np.unique(targets, return_inverse=True, return_counts=True)
    means = _target_means(residuals, codes)
    freedom = len(residuals) - len(unique)
    if freedom <= 0 or len(unique) < 2:
        return {}
    inner = float((_within(residuals, codes) ** 2).sum()) / freedom
    between = max(0.0, float((means**2).mean()) - inner * float((1.0 / sizes).mean()))
    total = between + inner / sizes
    shrink = np.divide(between, total, out=np.zeros(len(sizes)), where=total > 0.0)
    return dict(zip(unique.tolist(), (shrink * means).tolist(), strict=True))


def _within(values: Floats, codes: NDArray[np.intp]) -> Floats:
    return np.asarray(values - _target_means(values, codes)[codes])


def _target_means(values: Floats, codes: NDArray[np.intp]) -> Floats:
    return np.asarray(np.bincount(codes, values) / np.bincount(codes))
