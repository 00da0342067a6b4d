"""What boosting leaves behind: learners with votes, and how they decide together.

Classes are decided by the weighted vote, numbers by the weighted median. Every round can be looked
at: the staged methods tell what the model would have said, had boosting ended there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

# Moves a tie between the winner of the vote and another class to the winner.
TIE = 1e-9
SMALLEST_PROBABILITY = 1e-12


def weighted_median(
    values: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return, for each row, the smallest value at which half of the weight is reached.

    Parameters
    ----------
    values : ndarray of shape (n, k)
        k values a row.
    weight : ndarray of shape (k,)
        Weights of the columns, not negative and not all 0.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    The rule of AdaBoost.R2 (Drucker, ICML 1997). O(n k log k).

    Examples
    --------
    >>> weighted_median(np.array([[3.0, 1.0, 2.0]]), np.array([1.0, 1.0, 1.0])).tolist()
    [2.0]
    """
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(weight[order], axis=1)
    place = np.argmax(reached >= 0.5 * reached[:, -1:], axis=1)
    rows = np.arange(len(values))
    return np.asarray(values[rows, order[rows, place]])


class _Boosted(BaseEstimator):
    """Learners and their votes; `last_half` leaves out the first half of the rounds."""

    def _voters(self, n_rounds: int) -> range:
        """Return the rounds that decide after `n_rounds` rounds (Dai et al.: ceil(N / 2) to N)."""
        return range((n_rounds + 1) // 2 - 1 if self.last_half else 0, n_rounds)

    def _weights(self, voters: range) -> NDArray[np.float64]:
        """Return the votes; equal ones where no learner was better than chance."""
        votes = np.asarray(self.votes, dtype=float)[voters.start : voters.stop]
        return votes if (votes > 0).any() else np.ones(len(votes))

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the label of each row."""
        voters = self._voters(len(self.estimators))
        return self._decided([self._said(self.estimators[k], X) for k in voters], voters)

    def staged_predict(self, X: Any) -> Iterator[NDArray[Any]]:
        """Yield the prediction after each round."""
        said = [self._said(learner, X) for learner in self.estimators]
        for n_rounds in range(1, len(said) + 1):
            voters = self._voters(n_rounds)
            yield self._decided(said[voters.start : voters.stop], voters)

    def _said(self, learner: Any, X: Any) -> Any:
        raise NotImplementedError

    def _decided(self, said: Sequence[Any], voters: range) -> NDArray[Any]:
        raise NotImplementedError


class BoostedClassifier(_Boosted):
    """Classifiers that vote.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted labels.
    estimators : list of classifiers
        Fitted, one a round; each knows some of the classes.
    votes : ndarray of shape (n_rounds,)
        Weight of each one's vote.
    last_half : bool, default=False
        Whether only the last half of the rounds votes, as in TrAdaBoost.

    Notes
    -----
    The class with the largest sum of votes wins; of equal sums, the first. Probabilities are our
    choice: the mean of the learners' probabilities, weighted by votes, moved towards the winner
    just as far as it takes for the winner to have the largest. Where the learners give no
    probabilities, they are the share of votes, with one more vote spread over all classes.
    """

    def __init__(self, classes: Any, estimators: Any, votes: Any, last_half: bool = False) -> None:
        self.classes = classes
        self.estimators = estimators
        self.votes = votes
        self.last_half = last_half

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted."""
        return np.asarray(self.classes)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict class probabilities, shape (n, n_classes)."""
        voters = self._voters(len(self.estimators))
        said = [self._said_softly(self.estimators[k], X) for k in voters]
        return self._probabilities(said, voters)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the log-odds of the second of two classes, or each class's log-probability."""
        logs = np.log(np.clip(self.predict_proba(X), SMALLEST_PROBABILITY, 1.0))
        return np.asarray(logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs)

    def staged_predict_proba(self, X: Any) -> Iterator[NDArray[np.float64]]:
        """Yield the probabilities after each round."""
        said = [self._said_softly(learner, X) for learner in self.estimators]
        for n_rounds in range(1, len(said) + 1):
            voters = self._voters(n_rounds)
            yield self._probabilities(said[voters.start : voters.stop], voters)

    def _said(self, learner: Any, X: Any) -> NDArray[np.intp]:
        return codes_of(self.classes, learner.predict(X))

    def _said_softly(self, learner: Any, X: Any) -> tuple[NDArray[np.intp], Any]:
        soft = None
        if hasattr(learner, "predict_proba"):
            soft = probabilities_of(self.classes, learner, X)
        return self._said(learner, X), soft

    def _tally(self, said: Sequence[Any], voters: range) -> NDArray[np.float64]:
        tally = np.zeros((len(said[0]), len(self.classes)))
        rows = np.arange(len(tally))
        for codes, vote in zip(said, self._weights(voters), strict=True):
            tally[rows, codes] += vote
        return tally

    def _decided(self, said: Sequence[Any], voters: range) -> NDArray[Any]:
        return np.asarray(self.classes_[np.argmax(self._tally(said, voters), axis=1)])

    def _probabilities(self, said: Sequence[Any], voters: range) -> NDArray[np.float64]:
        tally = self._tally([codes for codes, _ in said], voters)
        votes = self._weights(voters)
        if any(soft is None for _, soft in said):
            mean = (tally + 1.0 / tally.shape[1]) / (votes.sum() + 1.0)
        else:
            mean = sum(vote * soft for vote, (_, soft) in zip(votes, said, strict=True))
            mean = mean / votes.sum()
        rows, winner = np.arange(len(tally)), np.argmax(tally, axis=1)
        behind = mean.max(axis=1) - mean[rows, winner]
        rival = np.partition(mean, -2, axis=1)[:, -2]
        behind = np.where((behind > 0) | (rival >= mean[rows, winner]), behind + TIE, 0.0)
        share = behind / (1.0 + behind)
        mean *= 1.0 - share[:, None]
        mean[rows, winner] += share
        return np.asarray(mean / mean.sum(axis=1, keepdims=True))


class BoostedRegressor(_Boosted):
    """Regressors whose weighted median decides.

    Parameters
    ----------
    estimators : list of regressors
        Fitted, one a round.
    votes : ndarray of shape (n_rounds,)
        Weight of each one's value.
    last_half : bool, default=False
        Whether only the last half of the rounds counts, as in TrAdaBoost.R2.
    """

    def __init__(self, estimators: Any, votes: Any, last_half: bool = False) -> None:
        self.estimators = estimators
        self.votes = votes
        self.last_half = last_half

    def _said(self, learner: Any, X: Any) -> NDArray[np.float64]:
        return np.asarray(learner.predict(X), dtype=float).ravel()

    def _decided(self, said: Sequence[Any], voters: range) -> NDArray[np.float64]:
        return weighted_median(np.stack(said, axis=1), self._weights(voters))


def codes_of(classes: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of each label among sorted classes that hold it."""
    return np.asarray(np.searchsorted(classes, labels))


def probabilities_of(classes: NDArray[Any], learner: Any, X: Any) -> NDArray[np.float64]:
    """Return a learner's probabilities in the order of `classes`, 0 for those it never saw."""
    found = np.asarray(learner.predict_proba(X))
    if len(learner.classes_) == len(classes):
        return found
    aligned = np.zeros((len(found), len(classes)))
    aligned[:, codes_of(classes, learner.classes_)] = found
    return aligned
