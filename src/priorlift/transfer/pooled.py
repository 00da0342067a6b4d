"""Pooled: target and source rows together, the naive thing that everyone tries first.

It helps where the source follows the target's own distribution and hurts where it does not, which
makes it the first comparison for any method that claims to do better.
"""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.ranking.weights import fit_weighted
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferEstimator,
    TransferRegressor,
    TransferTags,
)


class _Pooled(TransferEstimator):
    transfer_tags = TransferTags(labels="shared")

    def __init__(
        self,
        estimator: Any = None,
        source_weight: float = 1.0,
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
    ) -> None:
        self.estimator = estimator
        self.source_weight = source_weight
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state

    def _default(self) -> Any:
        raise NotImplementedError

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        if not self.source_weight > 0:
            raise InputError(
                f"source_weight is {self.source_weight!r}",
                remedy="a positive number; without sources, pass sources=None",
            )
        model = self._default() if self.estimator is None else clone(self.estimator)
        if "random_state" in model.get_params(deep=False):
            model.set_params(random_state=derive_seed(self._seed, "pooled"))
        rows = (target, *sources)
        weight = [part.sample_weight * self.source_weight for part in sources]
        self.model_ = fit_weighted(
            model,
            arrays.stack_rows([part.X for part in rows]),
            np.concatenate([part.y for part in rows]),
            np.concatenate([target.sample_weight, *weight]),
        )


class PooledClassifier(TransferClassifier, _Pooled):
    """Fit one classifier on target and weighted source rows together.

    Source rows whose label the target does not have are left out.

    Parameters
    ----------
    estimator : classifier, optional
        Base learner; by default L2-penalised logistic regression.
    source_weight : float, default=1.0
        Weight of a source row where a target row has 1.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds the base learner.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    model_ : classifier
        The fitted base learner.
    sources_ : dict of str to str
        Names and fingerprints of the sources.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from priorlift import Source, SourcePool
    >>> X, y = load_iris(return_X_y=True)
    >>> pool = SourcePool([Source("odd rows", X[1::2], y[1::2])])
    >>> round(PooledClassifier().fit(X[::30], y[::30], sources=pool).score(X[::2], y[::2]), 2)
    0.97
    """

    def _default(self) -> Any:
        return LogisticRegression(max_iter=200)


class PooledRegressor(TransferRegressor, _Pooled):
    """Fit one regressor on target and weighted source rows together.

    Parameters
    ----------
    estimator : regressor, optional
        Base learner; by default ridge regression.
    source_weight : float, default=1.0
        Weight of a source row where a target row has 1.
    preprocess : "auto", None or transformer, default="auto"
        "auto" imputes and scales numbers and one-hot encodes categories.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds the base learner.

    Attributes
    ----------
    model_ : regressor
        The fitted base learner.
    sources_ : dict of str to str
        Names and fingerprints of the sources.
    """

    def _default(self) -> Any:
        return Ridge()


METHOD = Method(
    "pooled", "target and source rows together, one model", PooledClassifier, PooledRegressor
)
