"""Target only: the best that can be done without any source, chosen by inner validation.

It is the second opponent of every verdict. A method's own baseline can be weak (random frozen
features, say), and beating it proves nothing to somebody who would have used another learner
anyway.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core.seeds import RandomState, derive_seed
from priorlift.ranking.inner_validation import inner_splits
from priorlift.ranking.weights import fit_weighted
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferEstimator,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.losses import row_losses


class _TargetOnly(TransferEstimator):
    transfer_tags = TransferTags(labels="any", uses_sources=False)

    def __init__(
        self,
        candidates: Mapping[str, Any] | None = None,
        n_splits: int = 3,
        preprocess: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        self.candidates = candidates
        self.n_splits = n_splits
        self.preprocess = preprocess
        self.random_state = random_state

    def _default(self) -> dict[str, Any]:
        raise NotImplementedError

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        candidates = dict(self.candidates or self._default())
        splits = inner_splits(
            target.y, target.groups, self._task, derive_seed(self._seed, "splits"), self.n_splits
        )
        # Two kinds of loss cannot be compared: one candidate without probabilities decides.
        self._zero_one = not all(hasattr(model, "predict_proba") for model in candidates.values())
        self.losses_ = {}
        if splits and len(candidates) > 1:
            for name, model in candidates.items():
                self.losses_[name] = self._validated_loss(model, target, splits)
        # Without a valid inner split the first candidate, the linear one, is the safest choice.
        first = next(iter(candidates))
        self.chosen_ = min(self.losses_, key=self.losses_.__getitem__, default=first)
        self.model_ = self._fitted(candidates[self.chosen_], target, slice(None))

    def _validated_loss(self, model: Any, target: Rows, splits: list[Any]) -> float:
        losses, weight = [], []
        for train, test in splits:
            fitted = self._fitted(model, target, train)
            X, y = target.X[test], target.y[test]
            losses.append(row_losses(fitted, X, y, self._task, zero_one=self._zero_one))
            weight.append(target.sample_weight[test])
        return float(np.average(np.concatenate(losses), weights=np.concatenate(weight)))

    def _fitted(self, model: Any, target: Rows, rows: NDArray[np.intp] | slice) -> Any:
        model = clone(model)
        if "random_state" in model.get_params(deep=False):
            model.set_params(random_state=derive_seed(self._seed, "model"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            weight = target.sample_weight[rows]
            return fit_weighted(model, target.X[rows], target.y[rows], weight)


class TargetOnlyClassifier(TransferClassifier, _TargetOnly):
    """Choose the best of several classifiers by inner validation on the target alone.

    Parameters
    ----------
    candidates : mapping of str to classifier, optional
        By default logistic regression at two penalties and a random forest.
    n_splits : int, default=3
        Inner folds at most.
    preprocess : "auto", None or transformer, default="auto"
        As in every transfer estimator.
    random_state : int, RandomState or None
        Seeds splits and learners.

    Attributes
    ----------
    chosen_ : str
        Name of the chosen candidate.
    losses_ : dict of str to float
        Validated log-loss of each (0-1 loss where one gives no probabilities); empty where there
        were too few labels to validate.
    """

    def _default(self) -> dict[str, Any]:
        return {
            "logistic C=1": LogisticRegression(C=1.0, max_iter=200),
            "logistic C=0.01": LogisticRegression(C=0.01, max_iter=200),
            "random forest": RandomForestClassifier(n_estimators=30),
        }


class TargetOnlyRegressor(TransferRegressor, _TargetOnly):
    """Choose the best of several regressors by inner validation on the target alone.

    Parameters
    ----------
    candidates : mapping of str to regressor, optional
        By default ridge regression at two penalties and a random forest.
    n_splits : int, default=3
        Inner folds at most.
    preprocess : "auto", None or transformer, default="auto"
        As in every transfer estimator.
    random_state : int, RandomState or None
        Seeds splits and learners.

    Attributes
    ----------
    chosen_ : str
        Name of the chosen candidate.
    losses_ : dict of str to float
        Validated squared error of each; empty where there were too few labels to validate.
    """

    def _default(self) -> dict[str, Any]:
        return {
            "ridge alpha=1": Ridge(alpha=1.0),
            "ridge alpha=10": Ridge(alpha=10.0),
            "random forest": RandomForestRegressor(n_estimators=30),
        }


METHOD = Method(
    "target_only",
    "the best of several learners without any source",
    TargetOnlyClassifier,
    TargetOnlyRegressor,
)
