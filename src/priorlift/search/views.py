"""Views: one setting's answers dressed as a fitted estimator, for any of scikit-learn's scorers.

A scorer asks an estimator for its kind, its classes and one kind of prediction. A view answers that
from predictions that were computed for all settings at once; it does not look at the rows that it
is handed, so it may only be scored on the rows that the answers belong to.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import get_tags

from priorlift.search.answers import Predictions


def has_usual_score(estimator: Any) -> bool:
    """Tell whether `estimator.score` is accuracy or R², as scikit-learn's mixins define them."""
    found = type(estimator).score
    if found is ClassifierMixin.score or found is RegressorMixin.score:
        return True
    from sklearn.neighbors import KNeighborsClassifier

    # It differs from the mixin's for X=None only, which no search asks.
    return found is KNeighborsClassifier.score


class View:
    """One setting's predictions in the form of a fitted estimator.

    Parameters
    ----------
    estimator : estimator
        Whose predictions they are; gives the tags and tells accuracy from R².
    predictions : Predictions
        Of all settings.
    setting : int
        Which of them.

    Attributes
    ----------
    classes_ : ndarray
        For classifiers only.
    """

    def __init__(self, estimator: Any, predictions: Predictions, setting: int) -> None:
        self._tags = get_tags(estimator)
        self._predictions = predictions
        self._setting = setting
        if predictions.classes is not None:
            self.classes_ = predictions.classes

    def __sklearn_tags__(self) -> Any:
        return self._tags

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> "View":
        """Refuse: a view is there because the fit has been done for all settings at once."""
        raise NotImplementedError("a view of predictions cannot be fitted")

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the setting's predictions, whatever X is."""
        return self._predictions.predict(self._setting)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return accuracy for classifiers, R² for regressors."""
        measure = r2_score if self._predictions.classes is None else accuracy_score
        return float(measure(y, self.predict(X), sample_weight=sample_weight))

    def __getattr__(self, name: str) -> Any:
        # Methods that the estimator lacks must be missing here, too: scorers look for them.
        found = {
            "decision_function": "decision",
            "predict_proba": "proba",
            "predict_log_proba": "proba",
        }.get(name)
        values = None if found is None else getattr(self._predictions, found)
        if values is None:
            raise AttributeError(f"the view of {type(self).__name__} has no {name!r}")
        chosen = values[self._setting]
        if name == "predict_log_proba":
            chosen = np.log(chosen)

        def answer(X: Any) -> NDArray[Any]:
            return np.asarray(chosen)

        # scikit-learn recognises a response method by its name.
        answer.__name__ = name
        return answer
