"""How far the target's and each source's own models disagree, and the performance gap they leave.

In every round gapBoost fits a model h_S on each source alone and a model h_T on the target alone,
under the current weights renormalised inside the domain. On a source's rows their disagreement
bounds what the target's model loses there (the source side of the 0/1 gap):
L_S(h_T) - L_S(h_S) <= sum of the weights of the rows where h_S(x) != h_T(x).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.ranking.inner_validation import Split
from priorlift.transfer.base import Rows
from priorlift.transfer.boosted_models import probabilities_of
from priorlift.transfer.boosting import Stack, take
from priorlift.transfer.weighted_learner import WeightedLearner

# Distances of regressors are relative to this quantile, so that one outlier does not flatten all.
SCALE_QUANTILE = 0.95
KINDS = ("hard", "soft", "out_of_fold", "soft_out_of_fold")


@dataclass(frozen=True)
class Apart:
    """One comparison of a source's model h_S with the target's model h_T.

    Attributes
    ----------
    on_source : ndarray of shape (n_source,)
        Distance of h_S and h_T on each row of the source, in [0, 1].
    on_target : ndarray of shape (n_target,)
        Distance on each row of the target.
    lost_on_source : ndarray of shape (n_source,)
        Loss of h_T minus loss of h_S on each row of the source.
    lost_on_target : ndarray of shape (n_target,)
        Loss of h_S minus loss of h_T on each row of the target.
    """

    on_source: NDArray[np.float64]
    on_target: NDArray[np.float64]
    lost_on_source: NDArray[np.float64]
    lost_on_target: NDArray[np.float64]


class Auxiliaries:
    """Fits the models of target and sources, round after round, each from where it last ended.

    Parameters
    ----------
    rows : Stack
        Target and sources.
    learner : WeightedLearner
        The base learner.
    classes : ndarray or None
        The target's classes; None for regression.
    disagreement : {"hard", "soft", "out_of_fold", "soft_out_of_fold"}
        How models are compared.
    splits : list of (train, test)
        Of the target's rows, for the out-of-fold kinds; without any, h_T is fitted on all rows.

    Raises
    ------
    InputError
        The kind is unknown, or soft and the base learner has no probabilities.
    """

    def __init__(
        self,
        rows: Stack,
        learner: WeightedLearner,
        classes: NDArray[Any] | None,
        disagreement: str,
        splits: list[Split],
    ) -> None:
        self.rows = rows
        self.learner = learner
        self.classes = classes
        self.soft = disagreement.startswith("soft") and classes is not None
        self.splits = splits if disagreement.endswith("out_of_fold") else []
        self.folds = [take(rows.parts[0], train) for train, _ in self.splits]
        self.last: dict[Any, Any] = {}
        if self.soft and not hasattr(learner.estimator, "predict_proba"):
            raise InputError(
                f"{type(learner.estimator).__name__} gives no probabilities, which a soft "
                "disagreement compares",
                remedy='disagreement="hard", or a base learner with predict_proba',
            )
        spread = float(np.var(rows.y[rows.target])) if classes is None else 1.0
        self.scale_of_losses = spread if spread > 0 else 1.0

    def compare(self, weight: NDArray[np.float64], content: str) -> list[Apart]:
        """Fit all models under the given weights and compare each source's with the target's."""
        target = self.rows.parts[0]
        of_target = self._target_models(weight[self.rows.target], content)
        own = self._said_by_target(of_target, target.X, on_target=True)
        found = []
        for place, rows in enumerate(self.rows.sources):
            part = self.rows.parts[place + 1]
            model = self._fitted(place, part, weight[rows], content, part.fingerprint)
            h_S, h_T = self._said(model, part.X), self._said_by_target(of_target, part.X)
            foreign = self._said(model, target.X)
            scale = self._scale(h_S, h_T)
            found.append(
                Apart(
                    self._distance(h_S, h_T, scale),
                    self._distance(foreign, own, scale),
                    self._losses(h_T, part.y) - self._losses(h_S, part.y),
                    self._losses(foreign, target.y) - self._losses(own, target.y),
                )
            )
        return found

    def _fitted(self, key: Any, part: Rows, weight: NDArray[np.float64], *content: str) -> Any:
        """Fit a model on rows of a domain, from where the last one of the same key ended."""
        total = float(part.sample_weight.sum())
        warm = self.last.get(key)
        model = self.learner.fit(part.X, part.y, weight, total, *content, warm=warm)
        self.last[key] = model
        return model

    def _target_models(self, weight: NDArray[np.float64], content: str) -> list[Any]:
        """Return h_T, or the model of each fold and, last, h_T for rows that no fold leaves out."""
        target = self.rows.parts[0]
        models = [
            self._fitted(f"fold {fold}", part, weight[train], content, "target", str(fold))
            for fold, (part, (train, _)) in enumerate(zip(self.folds, self.splits, strict=True))
        ]
        if sum(len(test) for _, test in self.splits) < len(target.y):
            models.append(self._fitted("target", target, weight, content, "target"))
        return models

    def _said_by_target(
        self, models: list[Any], X: Any, on_target: bool = False
    ) -> NDArray[np.float64]:
        if not self.splits:
            return self._said(models[0], X)
        folds = [self._values(model, X) for model in models[: len(self.splits)]]
        if not on_target:
            return self._hardened(np.mean(folds, axis=0))
        said = self._values(models[-1], X)
        for (_, test), values in zip(self.splits, folds, strict=True):
            said[test] = values[test]
        return self._hardened(said)

    def _said(self, model: Any, X: Any) -> NDArray[np.float64]:
        if self.classes is not None and not self.soft:
            return np.asarray(np.searchsorted(self.classes, model.predict(X)))
        return self._values(model, X)

    def _values(self, model: Any, X: Any) -> NDArray[np.float64]:
        """Return numbers, probabilities, or one-hot votes, which folds can average."""
        if self.classes is None:
            return np.asarray(model.predict(X), dtype=float).ravel()
        if self.soft:
            return np.array(probabilities_of(self.classes, model, X))
        codes = np.searchsorted(self.classes, model.predict(X))
        return np.asarray(np.eye(len(self.classes))[codes])

    def _hardened(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.classes is None or self.soft:
            return values
        return np.asarray(np.argmax(values, axis=1))

    def _scale(self, h_S: NDArray[np.float64], h_T: NDArray[np.float64]) -> float:
        if self.classes is not None:
            return 1.0
        return float(np.quantile(np.abs(h_S - h_T), SCALE_QUANTILE))

    def _distance(
        self, one: NDArray[np.float64], other: NDArray[np.float64], scale: float
    ) -> NDArray[np.float64]:
        """Return 0/1 disagreement, total variation, or absolute difference over the scale."""
        if self.soft:
            return np.asarray(0.5 * np.abs(one - other).sum(axis=1))
        if self.classes is not None:
            return np.asarray(one != other, dtype=float)
        if not scale > 0:
            return np.zeros(len(one))
        return np.asarray(np.minimum(np.abs(one - other) / scale, 1.0))

    def _losses(self, said: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
        """Return 0/1 loss, or squared error over the variance of the target's labels."""
        if self.classes is None:
            return np.asarray((said - y) ** 2 / self.scale_of_losses)
        codes = np.argmax(said, axis=1) if self.soft else said
        return np.asarray(codes != np.searchsorted(self.classes, y), dtype=float)
