"""The hidden layer of a network trained on a source: features that depend on that source.

scikit-learn's MLP does the training. `HiddenLayerEncoder.random` gives the same architecture with
its random initial weights, the reference that learned features have to beat.
"""

import warnings
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from priorlift.core.seeds import RandomState, base_seed
from priorlift.pool import Task

# Where whole passes over the rows are cheap, L-BFGS needs fewer of them than Adam.
LBFGS_ROWS = 5_000


class HiddenLayerEncoder(TransformerMixin, BaseEstimator):
    """Features of the last hidden layer of a small ReLU network trained on labelled source rows.

    Parameters
    ----------
    task : {"classification", "regression"}, default="classification"
        What the network is trained for. Real-valued labels are standardised first.
    hidden_layer_sizes : tuple of int, default=(64,)
        Widths of the hidden layers; the last one is the width of the features.
    alpha : float, default=1e-3
        L2 penalty.
    max_iter : int, default=40
        Iterations at most: of L-BFGS for sources of up to 5,000 rows, epochs of Adam beyond.
    random_state : int, RandomState or None
        Seeds the initial weights, and the order of the batches.

    Attributes
    ----------
    weights_, biases_ : list of ndarray
        Of each layer, the output layer last (absent after `random`). No row of the source is kept.
    classes_ : ndarray
        Of a classification source.

    Notes
    -----
    O(iterations x rows x weights) time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> HiddenLayerEncoder(hidden_layer_sizes=(8,), random_state=0).fit(X, y).transform(X).shape
    (150, 8)
    """

    def __init__(
        self,
        task: Task = "classification",
        hidden_layer_sizes: tuple[int, ...] = (64,),
        alpha: float = 1e-3,
        max_iter: int = 40,
        random_state: RandomState = None,
    ) -> None:
        self.task = task
        self.hidden_layer_sizes = hidden_layer_sizes
        self.alpha = alpha
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:
        """Train the network on the rows of one source.

        Parameters
        ----------
        X : array or CSR matrix of shape (n, d)
            Encoded features, roughly standardised.
        y : ndarray of shape (n,)
            Labels of the source, none missing.
        sample_weight : ndarray of shape (n,), optional
            Weights of the rows.
        """
        network = MLPClassifier if self.task == "classification" else MLPRegressor
        if self.task == "regression":
            y = np.asarray(y, dtype=float)
            y = (y - y.mean()) / (y.std() or 1.0)
        model = network(
            hidden_layer_sizes=self.hidden_layer_sizes,
            alpha=self.alpha,
            max_iter=self.max_iter,
            solver="lbfgs" if len(y) <= LBFGS_ROWS else "adam",
            random_state=base_seed(self.random_state),
        )
        with warnings.catch_warnings():
            # A feature map need not sit at an optimum; the number of iterations regularises.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y, sample_weight=sample_weight)
        self.weights_ = [np.asarray(w) for w in model.coefs_]
        self.biases_ = [np.asarray(b) for b in model.intercepts_]
        if self.task == "classification":
            self.classes_ = model.classes_
        self.n_features_in_ = int(X.shape[1])
        return self

    def random(self, n_features: int) -> Self:
        """Draw the hidden layers' initial weights, after Glorot & Bengio (2010), and train nothing.

        Parameters
        ----------
        n_features : int
            Width of the input.
        """
        draws = np.random.default_rng(base_seed(self.random_state))
        sizes = (n_features, *self.hidden_layer_sizes)
        self.weights_, self.biases_ = [], []
        for fan_in, fan_out in pairwise(sizes):
            bound = np.sqrt(6.0 / (fan_in + fan_out))
            self.weights_.append(draws.uniform(-bound, bound, (fan_in, fan_out)))
            self.biases_.append(draws.uniform(-bound, bound, fan_out))
        self.n_features_in_ = n_features
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the activations of the last hidden layer, shape (n, hidden_layer_sizes[-1])."""
        check_is_fitted(self, "weights_")
        hidden = X
        for layer in range(len(self.hidden_layer_sizes)):
            hidden = np.maximum(
                np.asarray(hidden @ self.weights_[layer]) + self.biases_[layer], 0.0
            )
        return np.asarray(hidden, dtype=float)

    def predict_source(self, X: Any) -> NDArray[Any]:
        """Predict the source's own labels for rows X (regression: in standard deviations).

        Raises
        ------
        AttributeError
            After `random`, which has no output layer.
        """
        if self.task == "regression":
            return np.asarray(self._scores(X)[:, 0])
        codes = self.predict_source_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[codes])

    def predict_source_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities of the source's own classes for rows X, shape (n, C).

        Raises
        ------
        AttributeError
            After `random`, which has no output layer.
        """
        scores = self._scores(X)
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        return np.asarray(softmax(scores, axis=1))

    def _scores(self, X: Any) -> NDArray[np.float64]:
        if len(self.weights_) == len(self.hidden_layer_sizes):
            raise AttributeError("random features have no head to predict with")
        return np.asarray(self.transform(X) @ self.weights_[-1] + self.biases_[-1])
