"""Two-stage TrAdaBoost.R2: how much weight the sources keep is chosen by validation.

With m target rows and n source rows, and miss e_i of one fit of the base learner (relative error,
as in AdaBoost.R2), for steps t = 1..S:

    stage two:  AdaBoost.R2 from the weights w, in which only target rows change weight, and their
                sum stays as it is; its squared error by cross-validation on the target
    stage one:  source rows w_i <- w_i beta ** e_i, all scaled to sum 1, with the beta for which the
                target's share becomes m / (n + m) + t / (S - 1) (1 - m / (n + m))

The model of the step with the smallest error is the result. After Pardoe & Stone (ICML 2010,
two-stage TrAdaBoost.R2). Our choice: inner splits that respect groups; the first step, in which all
rows are alike, where no split exists; a cap on beta's search where misses of 0 leave source rows
that no beta can lower.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.base import Method, Rows, TransferRegressor, TransferTags
from priorlift.transfer.boosting import SMALLEST_ERROR, Boosting, Stack, quiet, stack, take
from priorlift.transfer.losses import row_losses
from priorlift.transfer.weighted_learner import WeightedLearner

LARGEST_EXPONENT = 1e4


class TwoStageTrAdaBoostRegressor(Boosting, TransferRegressor):
    """Lower the weight of all sources step by step, and keep the step that validates best.

    Parameters
    ----------
    estimator : regressor, optional
        Base learner; by default `DecisionTreeRegressor(max_depth=6, min_samples_leaf=2)`.
    n_estimators : int, default=10
        Rounds of AdaBoost.R2 in each step at most.
    n_steps : int, default=10
        Steps S between equal weights of all rows and the target alone.
    n_splits : int, default=3
        Inner folds at most.
    loss : {"linear", "square", "exponential"}, default="linear"
        How misses grow with the error, relative to the largest error.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds base learners, draws and inner splits.

    Attributes
    ----------
    model_ : BoostedRegressor
        The rounds of the chosen step.
    estimators_, votes_ : list, ndarray
        Its learners and votes.
    losses_ : ndarray of shape (n_steps,)
        Validated squared error of each step; empty where nothing could be validated.
    target_shares_ : ndarray of shape (n_steps,)
        The target's share of the weight in each step.
    step_ : int
        The chosen step, from 0.
    resamples_ : bool
        Whether rows are drawn because the base learner takes no weights.
    sources_ : dict of str to str
        Names and fingerprints of the sources.

    Raises
    ------
    InputError
        A parameter is out of range.

    Notes
    -----
    Up to n_steps * (n_splits * n_estimators + 1) + n_estimators fits. Without sources: AdaBoost.R2
    on the target.

    References
    ----------
    Pardoe, D., & Stone, P. (2010). Boosting for regression transfer. ICML.
    """

    transfer_tags = TransferTags(labels="shared")

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 10,
        n_steps: int = 10,
        n_splits: int = 3,
        loss: str = "linear",
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_steps = n_steps
        self.n_splits = n_splits
        self.loss = loss
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        learner, kind = self._learner(), self._kind()
        for name, least in (("n_steps", 2), ("n_splits", 2)):
            if not getattr(self, name) >= least:
                raise InputError(f"{name} is {getattr(self, name)!r}", remedy=f"at least {least}")
        with quiet():
            rows = stack(target, sources)
            weights = self._steps(rows, learner, kind) if rows.sources else [rows.first_weights()]
            self.target_shares_ = np.array([weight[rows.target].sum() for weight in weights])
            self.losses_ = self._validated(rows, weights, learner, kind)
            self.step_ = int(np.argmin(self.losses_)) if len(self.losses_) else 0
            model = _second_stage(rows, weights[self.step_], learner, kind, self.n_estimators)
        self._keep_model(model)

    def _steps(self, rows: Stack, learner: WeightedLearner, kind: Any) -> list[NDArray[np.float64]]:
        weight = rows.first_weights()
        share = float(weight[rows.target].sum())
        weights = [weight]
        for t in range(1, self.n_steps):
            model = learner.fit(rows.X, rows.y, weight, rows.total, "step", str(t))
            wanted = share + t / (self.n_steps - 1) * (1.0 - share)
            weight = _with_target_share(rows, weight, kind.misses(model, rows.X, rows.y), wanted)
            weights.append(weight)
        return weights

    def _validated(
        self, rows: Stack, weights: list[Any], learner: WeightedLearner, kind: Any
    ) -> NDArray[np.float64]:
        target = rows.parts[0]
        seed = derive_seed(self._seed, "splits")
        splits = inner_splits(target.y, target.groups, "regression", seed, self.n_splits)
        if not splits or len(weights) == 1:
            return np.empty(0)
        losses = np.zeros((len(weights), len(target.y)))
        for train, test in splits:
            part = stack(take(target, train), rows.parts[1:])
            where = np.concatenate([train, np.arange(len(target.y), len(rows.y))])
            for t, weight in enumerate(weights):
                inner = _rescaled(part, weight[where], float(weight[rows.target].sum()))
                model = _second_stage(part, inner, learner, kind, self.n_estimators)
                losses[t, test] = row_losses(model, target.X[test], target.y[test], "regression")
        return np.asarray(np.average(losses, axis=1, weights=target.sample_weight))


def _rescaled(rows: Stack, weight: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Give the target its share again, of which the rows that are held out took some away."""
    weight = weight / weight.sum()
    weight[rows.target] *= share / weight[rows.target].sum()
    if share < 1.0:
        weight[rows.all_sources] *= (1.0 - share) / weight[rows.all_sources].sum()
    return np.asarray(weight / weight.sum())


def _with_target_share(
    rows: Stack, weight: NDArray[np.float64], misses: NDArray[np.float64], wanted: float
) -> NDArray[np.float64]:
    """Lower source rows by beta ** miss, beta found by bisection over -ln beta."""
    sources, on_sources = weight[rows.all_sources], misses[rows.all_sources]
    target = float(weight[rows.target].sum())

    def share(exponent: float) -> float:
        return target / (target + float(sources @ np.exp(-exponent * on_sources)))

    low, high = 0.0, 1.0
    while share(high) < wanted and high < LARGEST_EXPONENT:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if share(middle) < wanted else (low, middle)
    lowered = weight.copy()
    lowered[rows.all_sources] = sources * np.exp(-high * on_sources)
    return np.asarray(lowered / lowered.sum())


def _second_stage(
    rows: Stack, weight: NDArray[np.float64], learner: WeightedLearner, kind: Any, n_rounds: int
) -> Any:
    """AdaBoost.R2 in which the sources keep their weights, and the target its sum of weights."""
    target = rows.target
    share = float(weight[target].sum())
    weight = weight.copy()
    learners: list[Any] = []
    votes: list[float] = []
    for k in range(n_rounds):
        model = learner.fit(rows.X, rows.y, weight, rows.total, "round", str(k))
        misses = kind.misses(model, rows.X, rows.y)[target]
        error = float(weight[target] @ misses) / share
        if error >= kind.limit and learners:
            break
        learners.append(model)
        votes.append(kind.vote(error))
        if error <= SMALLEST_ERROR or error >= kind.limit:
            break
        grown = weight[target] * np.exp(votes[-1] * misses)
        weight[target] = grown * (share / grown.sum())
    return kind.model(learners, votes)


METHOD = Method(
    "two_stage_tradaboost",
    "regression that lowers the weight of all sources step by step, by validation",
    None,
    TwoStageTrAdaBoostRegressor,
)
