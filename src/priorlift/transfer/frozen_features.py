"""Frozen features: a feature map learned on each source, frozen, and a linear head on the target.

The labels of the sources may be of any kind, since only their features are carried over. Without
sources the same architecture keeps its random initial weights: the baseline that learned features
have to beat (Rahimi & Recht, NIPS 2008, for random features; Alain & Bengio, 2016, for linear
probes).
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from priorlift.core import arrays
from priorlift.core.seeds import RandomState, derive_seed
from priorlift.encoders.hidden_layer import HiddenLayerEncoder
from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.base import (
    Method,
    Rows,
    TransferClassifier,
    TransferEstimator,
    TransferRegressor,
    TransferTags,
)
from priorlift.transfer.linear_head import fit_linear_head
from priorlift.transfer.source_models import kept


class _FrozenFeatures(TransferEstimator):
    transfer_tags = TransferTags(labels="any")

    def __init__(
        self,
        encoder: Any = None,
        hidden_layer_sizes: tuple[int, ...] = (64,),
        n_iterations: int = 40,
        keep_input: bool = False,
        n_splits: int = 3,
        preprocess: Any = "auto",
        preprocess_on: Any = "target",
        random_state: RandomState = None,
        encoder_seed: int | None = None,
    ) -> None:
        self.encoder = encoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_iterations = n_iterations
        self.keep_input = keep_input
        self.n_splits = n_splits
        self.preprocess = preprocess
        self.preprocess_on = preprocess_on
        self.random_state = random_state
        self.encoder_seed = encoder_seed

    def _fit(self, target: Rows, sources: tuple[Rows, ...]) -> None:
        learned_on = sources or (target,)
        self.encoders_ = [self._encoder_for(rows, random=not sources) for rows in learned_on]
        seed = derive_seed(self._seed, "splits")
        splits = inner_splits(target.y, target.groups, self._task, seed, self.n_splits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model_ = fit_linear_head(
                self._features(target.X), target.y, target.sample_weight, self._task, splits
            )

    def _encoder_for(self, rows: Rows, *, random: bool) -> Any:
        if random or self.encoder_seed is None:
            return self._learned(rows, derive_seed(self._seed, "encoder", rows.fingerprint), random)
        seed = derive_seed(self.encoder_seed, "encoder", rows.fingerprint)
        if self.encoder is not None:  # what it depends on cannot be told in full
            return self._learned(rows, seed, random)
        settings = (tuple(self.hidden_layer_sizes), self.n_iterations)
        content = map(arrays.fingerprint, (rows.X, rows.y, rows.sample_weight))
        return kept(
            (seed, rows.task, *settings, *content), lambda: self._learned(rows, seed, random)
        )

    def _learned(self, rows: Rows, seed: int, random: bool) -> Any:
        if self.encoder is not None:
            encoder = clone(self.encoder)
            if "random_state" in encoder.get_params(deep=False):
                encoder.set_params(random_state=seed)
            return encoder.fit(rows.X, rows.y)
        encoder = HiddenLayerEncoder(
            rows.task, self.hidden_layer_sizes, max_iter=self.n_iterations, random_state=seed
        )
        if random:
            return encoder.random(rows.X.shape[1])
        return encoder.fit(rows.X, rows.y, sample_weight=rows.sample_weight)

    def _features(self, X: Any) -> NDArray[np.float64]:
        parts = [encoder.transform(X) for encoder in self.encoders_]
        if self.keep_input:
            parts.append(X.toarray() if hasattr(X, "toarray") else X)
        return np.hstack(parts)


class FrozenFeaturesClassifier(TransferClassifier, _FrozenFeatures):
    """Learn a feature map on each source, freeze it, and fit a linear classifier on the target.

    Parameters
    ----------
    encoder : transformer, optional
        Cloned and fitted on each source (`fit(X, y)`), then `transform` gives the features; without
        sources it is fitted on the target. Wrap it in scikit-learn's `FrozenEstimator` to use it as
        it is: both arms then share it, and the lift is 0 by design. By default the last hidden
        layer of a small ReLU network trained on the source's own labels, and without sources the
        same network's random initial weights.
    hidden_layer_sizes : tuple of int, default=(64,)
        Widths of the default encoder's hidden layers.
    n_iterations : int, default=40
        Iterations of the default encoder's training, at most.
    keep_input : bool, default=False
        Whether the head also sees the preprocessed columns.
    n_splits : int, default=3
        Inner folds at most, for the head's penalty.
    preprocess : "auto", None or transformer, default="auto"
        Applied before the encoder, to target and sources alike.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds encoders and inner splits.
    encoder_seed : int, optional
        Seeds what is learned on sources, apart from everything else; by default it follows
        `random_state`. With it, equal rows of a source give the same feature map in every fit, and
        a process that has learned it keeps it for the next one.

    Attributes
    ----------
    classes_ : ndarray
        The target's labelled classes.
    encoders_ : list
        One frozen feature map a source, in the order of fingerprints; their features stand side by
        side.
    model_ : Pipeline
        Scaling, then logistic regression with the penalty chosen by inner cross-validation
        (log-loss).
    sources_ : dict of str to str
        Names and fingerprints of the sources.
    """


class FrozenFeaturesRegressor(TransferRegressor, _FrozenFeatures):
    """Learn a feature map on each source, freeze it, and fit a ridge regression on the target.

    Parameters
    ----------
    encoder : transformer, optional
        As in `FrozenFeaturesClassifier`.
    hidden_layer_sizes : tuple of int, default=(64,)
        Widths of the default encoder's hidden layers.
    n_iterations : int, default=40
        Iterations of the default encoder's training, at most.
    keep_input : bool, default=False
        Whether the head also sees the preprocessed columns.
    n_splits : int, default=3
        Inner folds at most, for the head's penalty.
    preprocess : "auto", None or transformer, default="auto"
        Applied before the encoder, to target and sources alike.
    preprocess_on : {"target", "all"}, default="target"
        Whose training rows the preprocessing is learned on.
    random_state : int, RandomState or None
        Seeds encoders and inner splits.
    encoder_seed : int, optional
        Seeds what is learned on sources, apart from everything else; by default it follows
        `random_state`. With it, equal rows of a source give the same feature map in every fit, and
        a process that has learned it keeps it for the next one.

    Attributes
    ----------
    encoders_ : list
        One frozen feature map a source, in the order of fingerprints.
    model_ : Pipeline
        Scaling, then ridge regression with the penalty chosen by inner cross-validation.
    sources_ : dict of str to str
        Names and fingerprints of the sources.
    """


METHOD = Method(
    "frozen_features",
    "features learned on the source, a linear head on the target",
    FrozenFeaturesClassifier,
    FrozenFeaturesRegressor,
)
