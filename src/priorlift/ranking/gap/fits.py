"""Fit one estimator again and again on parts of the same rows.

`fitter_for` picks how: a clone for each part, or, for the common logistic regression on a few dozen
features, the solver of `logistic`, which reuses what all parts have in common.
"""

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.ranking.gap.logistic import SubsetLogistic
from priorlift.ranking.gap.rows import PairRows
from priorlift.ranking.weights import fit_weighted

WORTH_SHARING = 20


class Fitter(Protocol):
    """Fits on a part of a pair's rows."""

    def fit_many(self, parts: Sequence[NDArray[np.intp]]) -> list[Any]:
        """Return a model fitted on each part."""
        ...


class CloneFitter:
    """Fits a clone of an estimator for each part.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Any classifier or regressor, pipelines included.
    pair : PairRows
        The rows.
    seed : int
        For each `random_state` of the estimator that is None.
    """

    def __init__(self, estimator: Any, pair: PairRows, seed: int) -> None:
        self.estimator = seeded(estimator, seed)
        self.pair = pair

    def fit_many(self, parts: Sequence[NDArray[np.intp]]) -> list[Any]:
        """Return a model fitted on each part."""
        return [self.fit(rows) for rows in parts]

    def fit(self, rows: NDArray[np.intp]) -> Any:
        """Return a model fitted on these rows.

        Raises
        ------
        InputError
            The estimator fails on them.
        """
        pair = self.pair
        model = clone(self.estimator)
        weight = pair.weight[rows]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                return fit_weighted(model, arrays.take_rows(pair.X, rows), pair.y[rows], weight)
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{type(model).__name__} cannot be fitted on {len(rows)} of the rows: {error}"
            ) from error


def fitter_for(estimator: Any, pair: PairRows, seed: int, n_fits: int) -> Fitter:
    """Return what fits an estimator fastest on many parts of a pair's rows.

    Parameters
    ----------
    estimator : scikit-learn estimator
        What to fit.
    pair : PairRows
        The rows.
    seed : int
        For estimators that draw at random.
    n_fits : int
        How many fits are planned; sharing work has its own price.
    """
    plain = CloneFitter(estimator, pair, seed)
    if n_fits >= WORTH_SHARING and SubsetLogistic.suits(estimator, pair.X, pair.y):
        return SubsetLogistic(estimator, pair.X, pair.y, pair.weight, plain.fit)
    return plain


def seeded(estimator: Any, seed: int) -> Any:
    """Return a clone whose random states that are None are set."""
    model = clone(estimator)
    random = {
        name: derive_seed(seed, name)
        for name, value in model.get_params().items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return model.set_params(**random)
