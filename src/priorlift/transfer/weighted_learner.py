"""Fit copies of one base learner on weighted rows, whatever the learner can take.

With `sample_weight` the weights are passed on, to the last step of a `Pipeline` too. Without it,
rows are drawn by weight and no class is ever lost. A `Pipeline` whose last step takes no weights is
refused: drawing would happen before steps that the user did not expect to see repeated rows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from priorlift.core import arrays
from priorlift.core.seeds import derive_seed
from priorlift.pool import Task
from priorlift.ranking.weights import fit_weighted

# Rows below this share of the weight cannot move a fit, and cost as much as any other.
NEGLIGIBLE = 1e-9
EQUAL = 1e-10


class WeightedLearner:
    """A base learner that is fitted again and again under new weights.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Never fitted itself.
    task : {"classification", "regression"}
        What it learns.
    seed : int
        From which the seeds of its copies and of the draws derive.

    Attributes
    ----------
    resamples : bool
        Whether weights become draws, because the learner takes none.
    """

    def __init__(self, estimator: Any, task: Task, seed: int) -> None:
        self.estimator = estimator
        self.task = task
        self.seed = seed
        takes = has_fit_parameter(estimator, "sample_weight")
        self.resamples = not takes and not isinstance(estimator, Pipeline)

    def fit(
        self,
        X: Any,
        y: NDArray[Any],
        weight: NDArray[np.float64],
        total: float,
        *content: str,
        warm: Any = None,
    ) -> Any:
        """Fit a copy.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d)
            Features.
        y : ndarray of shape (n,)
            Labels.
        weight : ndarray of shape (n,)
            Non-negative; only their ratios count.
        total : float
            What the weights are scaled to sum to, so that a penalty such as C or alpha keeps its
            meaning.
        *content : str
            What this fit is, for its seed.
        warm : estimator, optional
            An earlier copy; a logistic regression starts from its coefficients.

        Returns
        -------
        estimator
            Fitted. Where one class is left, a constant: that class.

        Raises
        ------
        InputError
            Weights vary, and the last step of a pipeline takes none.
        """
        keep = weight > NEGLIGIBLE * weight.sum()
        if not keep.all():
            X, y, weight = arrays.take_rows(X, keep), y[keep], weight[keep]
        if self.task == "classification" and (y == y[0]).all():
            return DummyClassifier().fit(np.zeros((1, X.shape[1])), y[:1])
        model = clone(self.estimator)
        if "random_state" in model.get_params(deep=False):
            model.set_params(random_state=derive_seed(self.seed, *content))
        weight = weight * (total / weight.sum())
        if np.allclose(weight, 1.0, rtol=0.0, atol=EQUAL):
            weight = np.ones(len(weight))  # which need not be passed on
        if self.resamples:
            rows = self._drawn(y, weight, *content)
            return model.fit(arrays.take_rows(X, rows), y[rows])
        warmed = _warmed(model, warm, y, X.shape[1])
        fit_weighted(model, X, y, weight)
        if warmed:
            model.set_params(warm_start=False)
        return model

    def _drawn(
        self, y: NDArray[Any], weight: NDArray[np.float64], *content: str
    ) -> NDArray[np.intp]:
        """Draw rows by weight, and one of each class that would be lost (our choice).

        The authors of gapBoost draw again until both classes appear, which need never end. Equal
        weights need no draw.
        """
        if np.ptp(weight) <= EQUAL * weight.max():
            return np.arange(len(y))
        draws = np.random.default_rng(derive_seed(self.seed, "draw", *content))
        rows = draws.choice(len(y), size=len(y), p=weight / weight.sum())
        if self.task == "classification":
            for label in np.setdiff1d(np.unique(y), y[rows]):
                of_class = np.flatnonzero(y == label)
                shares = weight[of_class] / weight[of_class].sum()
                rows = np.append(rows, draws.choice(of_class, p=shares))
        return np.asarray(rows)


def _warmed(model: Any, warm: Any, y: NDArray[Any], n_columns: int) -> bool:
    """Let a logistic regression start where an earlier one ended; its optimum is the same.

    Other learners with `warm_start` would add to the earlier fit instead of going on to their own.
    """
    if type(model) is not LogisticRegression or type(warm) is not LogisticRegression:
        return False
    if model.solver == "liblinear" or model.warm_start:
        return False
    labels = np.unique(y)
    if not np.array_equal(labels, warm.classes_) or warm.coef_.shape[1] != n_columns:
        return False
    model.set_params(warm_start=True)
    model.coef_, model.intercept_ = warm.coef_.copy(), np.array(warm.intercept_, copy=True)
    return True
