"""gapBoost: boosting on target and sources that keeps the performance gap between them small.

Rows of a source on which the source's own model and the target's model disagree lose weight in
every round, so that what is boosted are the rows on which the source speaks for the target.

As published: Wang, Mendez, Cai & Eaton (NeurIPS 2019) and Wang et al. (JMLR 24(33), 2023); their
text could not be read here, so the rules are after their released MATLAB code. As in the authors'
code: two classes, one source, the update of `gap_rounds`, 20 rounds, rho_S = log(1/2) (one of the
values they sweep), rho_T = 0, gamma_max = 1 / sqrt(N_T), uniform first weights. Our choice: weights
instead of draws where the base learner takes them, a strict cap, bounded errors, several classes by
SAMME's vote, several sources, `target_mass`, soft and out-of-fold disagreement, `gap_every`, the
guard, and the whole form for regression.
"""

import math
from typing import Any

import numpy as np

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.boosting import Boosting, BoostingClassifier, Stack, quiet, stack
from priorlift.transfer.decision import Decision
from priorlift.transfer.gap_disagreement import KINDS, Auxiliaries
from priorlift.transfer.gap_guard import ALONE, Make, guarded
from priorlift.transfer.gap_rounds import GapSettings, GapTrace, boost
from priorlift.transfer.weighted_learner import WeightedLearner

N_FOLDS = 3


class _GapBoost(Boosting):
    transfer_tags = TransferTags(labels="shared")

    rho_s: float
    rho_t: float
    gamma_max: Any
    target_mass: float | None
    gap_every: int
    disagreement: str
    guard: bool

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        settings = self._settings()
        learner, kind = self._learner(), self._kind()
        with quiet():
            rows = stack(target, sources)
            trace = self._rounds(rows, learner, kind, settings)
            boosted = kind.model(trace.learners, trace.votes)
            self._note(target, trace)
            if self.guard:
                boosted = self._guarded(rows, learner, kind, settings, boosted)
        self._keep_model(boosted)

    def _settings(self) -> GapSettings:
        settings = GapSettings(
            self.n_estimators,
            self.rho_s,
            self.rho_t,
            self.gamma_max,
            self.target_mass,
            self.gap_every,
        )
        settings.check()
        if self.disagreement not in KINDS:
            raise InputError(
                f"disagreement is {self.disagreement!r}", remedy=f"one of {', '.join(KINDS)}"
            )
        return settings

    def _rounds(
        self, rows: Stack, learner: WeightedLearner, kind: Any, settings: GapSettings
    ) -> GapTrace:
        auxiliaries = None
        if rows.sources:
            target = rows.parts[0]
            seed = derive_seed(self._seed, "out of fold")
            folds = self.disagreement.endswith("out_of_fold")
            args = (target.y, target.groups, self._task, seed, N_FOLDS)
            splits = inner_splits(*args) if folds else []
            classes = getattr(kind, "classes", None)
            auxiliaries = Auxiliaries(rows, learner, classes, self.disagreement, splits)
        return boost(rows, learner, kind, settings, auxiliaries)

    def _note(self, target: Rows, trace: GapTrace) -> None:
        self._keep_trace(trace)
        self.target_weights_ = np.zeros(len(target.y))
        self.target_weights_[target.sample_weight > 0] = trace.weight[trace.rows.target]
        self.gap_ = trace.by_source(trace.gaps)
        self.disagreement_ = trace.by_source(trace.disagreements)

    def _guarded(
        self,
        rows: Stack,
        learner: WeightedLearner,
        kind: Any,
        settings: GapSettings,
        boosted: Any,
    ) -> Any:
        target, sources = rows.parts[0], rows.parts[1:]
        if not sources:
            self.decision_ = Decision("gap_boost", (), "There is no source to transfer from.")
            return boosted

        def one_fit(target: Rows, sources: tuple[Rows, ...]) -> Any:
            both = stack(target, sources)
            model = learner.fit(both.X, both.y, both.given, both.total, "one fit")
            return kind.model([model], [1.0])

        def rounds(target: Rows, sources: tuple[Rows, ...]) -> Any:
            trace = self._rounds(stack(target, sources), learner, kind, settings)
            return kind.model(trace.learners, trace.votes)

        makers: dict[str, Make] = {
            ALONE: lambda target, _: one_fit(target, ()),
            "pooled": one_fit,
            "gap_boost": rounds,
        }
        seed = derive_seed(self._seed, "guard")
        self.decision_ = guarded(makers, target, sources, self._task, seed)
        chosen = self.decision_.method
        return boosted if chosen == "gap_boost" else makers[chosen](target, sources)


class GapBoostClassifier(BoostingClassifier, TransferClassifier, _GapBoost):
    """Boost a classifier on target and sources; let go of source rows that contradict the target.

    Parameters
    ----------
    estimator : classifier, optional
        Base learner; by default `LogisticRegression(max_iter=50)`. One without `sample_weight` is
        fitted on rows drawn by weight (`resamples_` tells); a `Pipeline` has to take weights in its
        last step.
    n_estimators : int, default=20
        Rounds at most.
    rho_s : float, default=log(1/2)
        At most 0. A source row on which the models of source and target disagree has its weight
        multiplied by exp(rho_s) in every round; 0 leaves the term out.
    rho_t : float, default=0.0
        At least 0. A target row on which they agree has its weight multiplied by exp(rho_t).
    gamma_max : "auto" or float, default="auto"
        The largest share of the weight that a row of weight 1 may have; 1 / sqrt(N_T) by default.
    target_mass : float, optional
        Share of the target in the first weights, in (0, 1); by default all rows are alike, which
        drowns a small target in a large source. 0.5 balances them.
    gap_every : int, default=1
        In every how many rounds the models of source and target are fitted anew.
    disagreement : {"hard", "soft", "out_of_fold", "soft_out_of_fold"}, default="hard"
        Whether predicted classes or probabilities (total variation) are compared; out of fold, the
        target's model does not judge rows that it was fitted on, and three such models decide
        together about source rows.
    guard : bool, default=False
        Whether held-out target rows decide between the base learner on the target alone, the base
        learner on all rows, and gapBoost; the last two must win by more than one standard error.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds base learners, draws and inner splits.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    model_ : BoostedClassifier
        What predicts: the rounds, or the guard's choice.
    estimators_, votes_ : list, ndarray
        Its learners and their votes.
    errors_ : ndarray of shape (n_rounds,)
        Weighted error of each round's learner.
    weights_ : dict of str to ndarray
        Share of the weight that the target and each source have before each round and after the
        last.
    target_weights_ : ndarray of shape (n,)
        The last weights of the target's rows.
    gap_ : dict of str to ndarray of shape (n_rounds, 2)
        The 0/1 performance gap to each source, under the weights of each round: what the target's
        model loses on the source, and what the source's model loses on the target.
    disagreement_ : dict of str to ndarray of shape (n_rounds,)
        Weighted disagreement on each source's rows.
    decision_ : Decision
        With `guard`: what was chosen, and why.
    resamples_ : bool
        Whether rows are drawn because the base learner takes no weights.
    sources_ : dict of str to str
        Names and fingerprints of the sources; no row of them is kept.

    Raises
    ------
    InputError
        A parameter is out of range, a source shares no label, a pipeline takes no weights.

    See Also
    --------
    TrAdaBoostClassifier : Source rows lose weight where the boosted model errs on them.
    PooledClassifier : All rows alike.

    Notes
    -----
    Without sources it is SAMME on the target with the same rounds, base learner and cap. Boosting
    is not always the stronger way of not transferring: compare with the base learner alone too.

    The gap term alone does not prevent negative transfer: where target and source want different
    things of the same rows, the target alone can be better, which `guard=True` looks for.

    About three fits a round. A plain `LogisticRegression` starts each fit from the last one. Memory
    is O(size of X): sparse features stay sparse, and the rows are copied once.

    References
    ----------
    Wang, B., Mendez, J., Cai, M., & Eaton, E. (2019). Transfer learning via minimizing the
    performance gap between domains. NeurIPS 32. (After their released code.)

    Zhu, J., Zou, H., Rosset, S., & Hastie, T. (2009). Multi-class AdaBoost. Statistics and its
    Interface 2.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlift import Source, SourcePool
    >>> X = np.random.default_rng(0).normal(size=(600, 5))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> half = np.where(X[:, 1] > 0, y, 1 - y)  # right on half of the rows
    >>> pool = SourcePool([Source("half", X[300:], half[300:])])
    >>> model = GapBoostClassifier(target_mass=0.5, random_state=0)
    >>> model = model.fit(X[:40], y[:40], sources=pool)
    >>> model.score(X[40:300], y[40:300]) > 0.9
    True
    >>> bool(model.weights_["half"][-1] < model.weights_["half"][0])
    True
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 20,
        rho_s: float = math.log(0.5),
        rho_t: float = 0.0,
        gamma_max: Any = "auto",
        target_mass: float | None = None,
        gap_every: int = 1,
        disagreement: str = "hard",
        guard: bool = False,
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.rho_s = rho_s
        self.rho_t = rho_t
        self.gamma_max = gamma_max
        self.target_mass = target_mass
        self.gap_every = gap_every
        self.disagreement = disagreement
        self.guard = guard
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state


class GapBoostRegressor(TransferRegressor, _GapBoost):
    """Boost a regressor on target and sources; let go of source rows that contradict the target.

    The form for regression is our reconstruction in the manner of AdaBoost.R2; none was released.
    With h the round's learner and h_S, h_T the models of source and target,

        e_i = |h(x_i) - y_i| / max_j |h(x_j) - y_j|
        err = sum_i D(i) e_i,  a = log((1 - err) / err)
        d_i = min(1, |h_S(x_i) - h_T(x_i)| / q),  q the 95 % quantile of distances on the source
        source: D(i) <- D(i) exp(a e_i + rho_S d_i)
        target: D(i) <- D(i) exp(a e_i + rho_T (1 - d_i))

    with the cap of the classifier, until err is 1/2 or more; the median weighted by a decides. A
    quantile scales d, so that one outlier does not flatten it.

    Parameters
    ----------
    estimator : regressor, optional
        Base learner; by default `DecisionTreeRegressor(max_depth=6, min_samples_leaf=2)`.
    n_estimators : int, default=20
        Rounds at most.
    rho_s : float, default=log(1/2)
        At most 0; the strength of the gap term on source rows.
    rho_t : float, default=0.0
        At least 0; the strength of agreement on target rows.
    gamma_max : "auto" or float, default="auto"
        As in `GapBoostClassifier`.
    target_mass : float, optional
        As in `GapBoostClassifier`; in regression balancing was no improvement on public data.
    gap_every : int, default=1
        In every how many rounds the models of source and target are fitted anew.
    disagreement : {"hard", "soft", "out_of_fold", "soft_out_of_fold"}, default="hard"
        Numbers have one distance: the soft kinds are the same as the others.
    guard : bool, default=False
        As in `GapBoostClassifier`, by squared error.
    loss : {"linear", "square", "exponential"}, default="linear"
        How misses grow with the error: e, e squared, or 1 - exp(-e).
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds base learners, draws and inner splits.

    Attributes
    ----------
    model_ : BoostedRegressor
        What predicts: the rounds, or the guard's choice.
    estimators_, votes_, errors_, weights_, target_weights_, disagreement_, decision_, resamples_
        As in `GapBoostClassifier`.
    gap_ : dict of str to ndarray of shape (n_rounds, 2)
        The gap in squared error over the variance of the target's labels.

    Raises
    ------
    InputError
        A parameter is out of range, or a pipeline takes no weights.

    Notes
    -----
    Without sources it is AdaBoost.R2 on the target (Drucker, ICML 1997) with a cap.
    """

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 20,
        rho_s: float = math.log(0.5),
        rho_t: float = 0.0,
        gamma_max: Any = "auto",
        target_mass: float | None = None,
        gap_every: int = 1,
        disagreement: str = "hard",
        guard: bool = False,
        loss: str = "linear",
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.rho_s = rho_s
        self.rho_t = rho_t
        self.gamma_max = gamma_max
        self.target_mass = target_mass
        self.gap_every = gap_every
        self.disagreement = disagreement
        self.guard = guard
        self.loss = loss
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state


METHOD = Method(
    "gap_boost",
    "boosting that lets go of source rows which contradict the target",
    GapBoostClassifier,
    GapBoostRegressor,
)
