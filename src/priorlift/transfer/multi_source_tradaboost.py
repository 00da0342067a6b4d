"""Multi-source TrAdaBoost: in every round, the source whose rows help the target most.

With n_S rows in all sources and N rounds, weights of sum 1, and miss e_i (0 or 1) of h on row i:

    for each source k:  h_k = A(S_k u T, w),  eps_k = weighted error of h_k on the target
    h = the h_k of the smallest eps_k,  a = ln((1 - eps) / eps) + ln(C - 1)
    row of any source:  w_i <- w_i beta ** e_i,  beta = 1 / (1 + sqrt(2 ln n_S / N))
    row of the target:  w_i <- w_i exp(a e_i)
    all rounds vote with weight a

After Yao & Doretto (CVPR 2010), whose text could not be read here: theirs is for two classes, with
half of a as vote and |h(x) - y| = 2 for a miss, which is the same. Our choice: ln(C - 1) for
several classes; eps kept between 1e-6 and just below guessing; of equal errors, the source that
comes first by its fingerprint.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.seeds import RandomState
from priorlift.transfer.base import Method, Rows, TransferClassifier, TransferTags
from priorlift.transfer.boosting import BoostingClassifier, Trace, quiet, stack
from priorlift.transfer.source_pairs import SourcePairs
from priorlift.transfer.tradaboost import BELOW_GUESSING, moved, source_factor


class MultiSourceTrAdaBoostClassifier(BoostingClassifier, TransferClassifier):
    """Boost a classifier with, in every round, the source that helps the target most.

    Parameters
    ----------
    estimator : classifier, optional
        Base learner; by default `LogisticRegression(max_iter=50)`. One without `sample_weight` is
        fitted on rows drawn by weight; a `Pipeline` has to take weights in its last step.
    n_estimators : int, default=20
        Rounds N; each fits as many learners as there are sources.
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
    estimators_, votes_, errors_, weights_, resamples_, sources_
        As in `TrAdaBoostClassifier`.
    chosen_ : list of str
        The source of each round.

    Raises
    ------
    InputError
        A parameter is out of range, or a source shares no label.

    Notes
    -----
    With one source it is TrAdaBoost of which all rounds vote; without sources, AdaBoost on the
    target.

    References
    ----------
    Yao, Y., & Doretto, G. (2010). Boosting for transfer learning with multiple sources. CVPR.
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
        pairs = SourcePairs(rows, learner)
        fall = source_factor(rows, self.n_estimators)
        trace = Trace(rows, rows.first_weights())
        self.chosen_: list[str] = []
        with quiet():
            for k in range(self.n_estimators):
                place, model, error = self._best(pairs, kind, trace.weight, str(k))
                self.chosen_ += [rows.parts[place + 1].name] if rows.sources else []
                trace.add(model, kind.vote(min(error, kind.limit - BELOW_GUESSING)), error)
                trace.move(moved(trace, kind.misses(model, rows.X, rows.y), fall))
        self._keep_trace(trace)
        self._keep_model(kind.model(trace.learners, trace.votes))

    def _best(
        self, pairs: SourcePairs, kind: Any, weight: NDArray[np.float64], content: str
    ) -> tuple[int, Any, float]:
        models = [pairs.fit(place, weight, content) for place in range(pairs.n_pairs)]
        errors = [pairs.error_on_target(model, kind, weight) for model in models]
        best = int(np.argmin(errors))
        return best, models[best], errors[best]


METHOD = Method(
    "multi_source_tradaboost",
    "boosting that takes the best source in every round",
    MultiSourceTrAdaBoostClassifier,
    None,
)
