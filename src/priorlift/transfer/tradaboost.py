"""TrAdaBoost: source rows on which the boosted model errs lose weight, target rows gain it.

With n_S source rows, N rounds, miss e_i of the round's learner h on row i, and C classes:

    eps = sum over target rows of w_i e_i / sum over target rows of w_i
    beta = 1 / (1 + sqrt(2 ln n_S / N))
    source row: w_i <- w_i beta ** e_i,    target row: w_i <- w_i exp(a e_i)
    the rounds from ceil(N / 2) to N vote with weight a

=============  ==========================  ============================================
form           e_i                         a
=============  ==========================  ============================================
"published"    1 where h errs, else 0      ln((1 - eps) / eps) + ln(C - 1)
"soft"         1 - p_h(y_i given x_i)      ln((2 - eps) / eps)
regression     relative error, AdaBoost.R2 ln((1 - eps) / eps)
=============  ==========================  ============================================

As published for two classes: Dai, Yang, Xue & Yu (ICML 2007), where the target's factor is
beta_t ** -e_i with beta_t = eps / (1 - eps), the same as exp(a e_i). For regression: Pardoe & Stone
(ICML 2010), TrAdaBoost.R2. As in another library's code (adapt 0.4.5): "soft", which is not what
Dai et al. wrote, but does not stop learning when the 0/1 error on a small target is 0 at once. Our
choice: ln(C - 1) for several classes, as in SAMME; eps kept between 1e-6 and just below guessing
(two classes: 0.499), so that no vote is infinite or negative; no cap on weights.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.boosted_models import probabilities_of
from priorlift.transfer.boosting import (
    SMALLEST_ERROR,
    Boosting,
    BoostingClassifier,
    Stack,
    Trace,
    multiplied,
    quiet,
    stack,
)

BELOW_GUESSING = 1e-3


def source_factor(rows: Stack, n_rounds: int) -> float:
    """Return ln beta, by which a full miss lowers a source row; 0 without sources."""
    n_sources = float(rows.given[rows.all_sources].sum())
    return -float(np.log1p(np.sqrt(2.0 * np.log(max(n_sources, 1.0)) / n_rounds)))


def moved(trace: Trace, misses: NDArray[np.float64], fall: float) -> NDArray[np.float64]:
    """Return the weights after a round: sources fall by `fall`, the target rises by the vote."""
    target = trace.rows.target
    exponent = fall * misses
    exponent[target] = trace.votes[-1] * misses[target]
    return multiplied(trace.weight, exponent, None)


class _TrAdaBoost(Boosting):
    transfer_tags = TransferTags(labels="shared")

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        learner, kind = self._learner(), self._kind()
        self._check_variant(learner.estimator)
        rows = stack(target, sources)
        fall = source_factor(rows, self.n_estimators)
        trace = Trace(rows, rows.first_weights())
        last = None
        with quiet():
            for k in range(self.n_estimators):
                weight = trace.weight
                last = learner.fit(rows.X, rows.y, weight, rows.total, "round", str(k), warm=last)
                misses = self._misses(kind, last, rows)
                on_target = weight[rows.target] / weight[rows.target].sum()
                error = float(on_target @ misses[rows.target])
                if self._ends(kind, error) and trace.learners:
                    break
                trace.add(last, self._vote(kind, error), error)
                trace.move(moved(trace, misses, fall))
        self._keep_trace(trace)
        self._keep_model(kind.model(trace.learners, trace.votes, last_half=True))

    def _check_variant(self, estimator: Any) -> None:
        pass

    def _misses(self, kind: Any, model: Any, rows: Stack) -> Any:
        return kind.misses(model, rows.X, rows.y)

    def _ends(self, kind: Any, error: float) -> bool:
        return False

    def _vote(self, kind: Any, error: float) -> float:
        return float(kind.vote(min(error, kind.limit - BELOW_GUESSING)))


class TrAdaBoostClassifier(BoostingClassifier, TransferClassifier, _TrAdaBoost):
    """TrAdaBoost for two and more classes, with probabilities.

    Parameters
    ----------
    estimator : classifier, optional
        Base learner; by default `LogisticRegression(max_iter=50)`. One without `sample_weight` is
        fitted on rows drawn by weight; a `Pipeline` has to take weights in its last step.
    n_estimators : int, default=20
        Rounds N.
    variant : {"published", "soft"}, default="published"
        The rule of Dai et al., or the one with probabilities in place of 0/1 errors (see the
        module).
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
        The rounds; the last half of them votes.
    estimators_, votes_ : list, ndarray
        Learners and votes of all rounds.
    errors_ : ndarray of shape (n_rounds,)
        Error of each round's learner on the target.
    weights_ : dict of str to ndarray
        Share of the weight that the target and each source have before each round and after the
        last.
    resamples_ : bool
        Whether rows are drawn because the base learner takes no weights.
    sources_ : dict of str to str
        Names and fingerprints of the sources.

    Raises
    ------
    InputError
        A parameter is out of range, a source shares no label, or "soft" with a base learner that
        has no probabilities.

    See Also
    --------
    MultiSourceTrAdaBoostClassifier : Chooses a source in every round.
    GapBoostClassifier : Compares the models of source and target instead.

    Notes
    -----
    Several sources are pooled. Without sources: AdaBoost on the target, of which the last half of
    the rounds votes. One fit a round.

    References
    ----------
    Dai, W., Yang, Q., Xue, G.-R., & Yu, Y. (2007). Boosting for transfer learning. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlift import Source, SourcePool
    >>> X = np.random.default_rng(0).normal(size=(600, 5))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> pool = SourcePool([Source("same", X[300:], y[300:])])
    >>> model = TrAdaBoostClassifier(random_state=0).fit(X[:10], y[:10], sources=pool)
    >>> model.score(X[10:300], y[10:300]) > 0.9
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 20,
        variant: str = "published",
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.variant = variant
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _check_variant(self, estimator: Any) -> None:
        if self.variant not in ("published", "soft"):
            raise InputError(f"variant is {self.variant!r}", remedy='"published" or "soft"')
        if self.variant == "soft" and not hasattr(estimator, "predict_proba"):
            raise InputError(
                f"{type(estimator).__name__} gives no probabilities, which the soft variant takes",
                remedy='variant="published", or a base learner with predict_proba',
            )

    def _misses(self, kind: Any, model: Any, rows: Stack) -> Any:
        if self.variant == "published":
            return kind.misses(model, rows.X, rows.y)
        right = np.searchsorted(kind.classes, rows.y)
        return 1.0 - probabilities_of(kind.classes, model, rows.X)[np.arange(len(right)), right]

    def _vote(self, kind: Any, error: float) -> float:
        if self.variant == "published":
            return super()._vote(kind, error)
        return float(np.log((2.0 - error) / max(error, SMALLEST_ERROR)))


class TrAdaBoostRegressor(TransferRegressor, _TrAdaBoost):
    """TrAdaBoost.R2 (Pardoe & Stone, ICML 2010): the last half of the rounds decides.

    Parameters
    ----------
    estimator : regressor, optional
        Base learner; by default `DecisionTreeRegressor(max_depth=6, min_samples_leaf=2)`.
    n_estimators : int, default=20
        Rounds N at most; they end before the error on the target reaches 1/2.
    loss : {"linear", "square", "exponential"}, default="linear"
        How misses grow with the error, relative to the largest error of all rows.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds base learners and draws.

    Attributes
    ----------
    model_ : BoostedRegressor
        The rounds; the last half of them counts.
    estimators_, votes_, errors_, weights_, resamples_, sources_
        As in `TrAdaBoostClassifier`.

    Raises
    ------
    InputError
        A parameter is out of range.

    Notes
    -----
    Without sources: AdaBoost.R2 on the target, of which the last half of the rounds counts.

    References
    ----------
    Pardoe, D., & Stone, P. (2010). Boosting for regression transfer. ICML.
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 20,
        loss: str = "linear",
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.loss = loss
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _ends(self, kind: Any, error: float) -> bool:
        return bool(error >= kind.limit)


METHOD = Method(
    "tradaboost",
    "boosting that takes weight from source rows on which the model errs",
    TrAdaBoostClassifier,
    TrAdaBoostRegressor,
)
