"""TransferBoost: whole sources gain or lose weight, by what they do to the error on the target.

With weights of sum 1, miss e_i (0 or 1) of h on row i, in every round:

    h = A(S u T, w),  eps = weighted error of h on all rows
    a = 1/2 (ln((1 - eps) / eps) + ln(C - 1))
    h_T = A(T, w),  h_k = A(S_k u T, w) for each source k
    t_k = error of h_T on the target minus error of h_k on it, weighted
    row of source k:    w_i <- w_i exp(a (2 e_i - 1) + t_k)
    row of the target:  w_i <- w_i exp(a (2 e_i - 1))
    all rounds vote with weight a

After Eaton & desJardins (AAAI 2011), whose text could not be read here. Our choice: ln(C - 1) for
several classes, as in SAMME; eps kept at 1e-6 or more; rounds end before eps reaches that of
guessing, the first learner is kept.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import RandomState
from priorlift.transfer.base import Method, Rows, TransferClassifier, TransferTags
from priorlift.transfer.boosting import (
    BoostingClassifier,
    Stack,
    Trace,
    multiplied,
    quiet,
    stack,
)
from priorlift.transfer.source_pairs import SourcePairs
from priorlift.transfer.weighted_learner import WeightedLearner


class TransferBoostClassifier(BoostingClassifier, TransferClassifier):
    """Boost a classifier on all rows; sources that raise the error on the target lose weight.

    Parameters
    ----------
    estimator : classifier, optional
        Base learner; by default `LogisticRegression(max_iter=50)`. One without `sample_weight` is
        fitted on rows drawn by weight; a `Pipeline` has to take weights in its last step.
    n_estimators : int, default=20
        Rounds at most.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds base learners and draws.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    model_ : BoostedClassifier
        The rounds.
    estimators_, votes_, weights_, resamples_, sources_
        As in `TrAdaBoostClassifier`.
    errors_ : ndarray of shape (n_rounds,)
        Weighted error of each round's learner on all rows.
    transferability_ : dict of str to ndarray of shape (n_rounds,)
        By how much each source lowered the error on the target in each round (t_k).

    Raises
    ------
    InputError
        A parameter is out of range, or a source shares no label.

    Notes
    -----
    One fit on all rows, one on the target and one for each source a round; with a single source its
    fit is the one on all rows. Without sources: AdaBoost on the target.

    References
    ----------
    Eaton, E., & desJardins, M. (2011). Selective transfer between learning tasks using task-based
    boosting. AAAI.
    """

    transfer_tags = TransferTags(labels="shared")

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 20,
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        learner, kind = self._learner(), self._kind()
        rows = stack(target, sources)
        judge = _Judge(rows, learner, kind)
        trace = Trace(rows, rows.first_weights())
        gains: list[list[float]] = []
        last = None
        with quiet():
            for k in range(self.n_estimators):
                weight = trace.weight
                last = learner.fit(rows.X, rows.y, weight, rows.total, "round", str(k), warm=last)
                misses = kind.misses(last, rows.X, rows.y)
                error = float(weight @ misses)
                useless = error >= kind.limit
                if useless and trace.learners:
                    break
                trace.add(last, 0.5 * kind.vote(error), error)
                gains.append(judge.gains(last, weight, str(k)))
                if useless:
                    break
                exponent = trace.votes[-1] * (2.0 * misses - 1.0)
                for part, gain in zip(rows.sources, gains[-1], strict=True):
                    exponent[part] += gain
                trace.move(multiplied(weight, exponent, None))
        self._keep_trace(trace)
        self.transferability_ = trace.by_source(gains)
        self._keep_model(kind.model(trace.learners, trace.votes))


class _Judge:
    """By how much each source lowers the error on the target."""

    def __init__(self, rows: Stack, learner: WeightedLearner, kind: Any) -> None:
        self.rows = rows
        self.learner = learner
        self.kind = kind
        self.pairs = SourcePairs(rows, learner) if len(rows.sources) > 1 else None
        self.alone: Any = None

    def gains(self, joint: Any, weight: NDArray[np.float64], content: str) -> list[float]:
        """Return t_k of each source; `joint`, fitted on all rows, is h_k where there is one."""
        target = self.rows.parts[0]
        if not self.rows.sources:
            return []
        own = weight[self.rows.target]
        total = float(target.sample_weight.sum())
        self.alone = self.learner.fit(
            target.X, target.y, own, total, content, "target", warm=self.alone
        )
        models = [joint]
        if self.pairs is not None:
            models = [self.pairs.fit(k, weight, content) for k in range(self.pairs.n_pairs)]
        before, *after = (self._error(model, own) for model in (self.alone, *models))
        return [before - error for error in after]

    def _error(self, model: Any, own: NDArray[np.float64]) -> float:
        target = self.rows.parts[0]
        return float(own @ self.kind.misses(model, target.X, target.y) / own.sum())


METHOD = Method(
    "transferboost",
    "boosting in which whole sources gain or lose weight",
    TransferBoostClassifier,
    None,
)
