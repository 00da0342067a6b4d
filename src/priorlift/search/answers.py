"""Answers: the predictions of many settings of one estimator at once.

A family does not score. It says what each setting's fitted estimator would predict, in the form in
which scikit-learn's own methods would say it, and any scorer can judge that.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Predictions:
    """What S settings predict for n rows.

    Parameters
    ----------
    classes : ndarray of shape (K,) or None
        `classes_` of the fitted classifiers, the same for all settings; None for regressors.
    values : ndarray of shape (S, n) or (S, n, k), optional
        `predict` of regressors; of classifiers only where every row has several labels.
    labels : ndarray of int, shape (S, n), optional
        `predict` of classifiers, as positions in `classes`.
    decision : ndarray of shape (S, n) or (S, n, K), optional
        `decision_function`, in the shape that scikit-learn gives it (one column for two classes).
    proba : ndarray of shape (S, n, K), optional
        `predict_proba`.

    Notes
    -----
    None means that the estimator has no such method.

    Examples
    --------
    >>> two = Predictions(np.array(["a", "b"]), labels=np.array([[0, 1, 1], [0, 0, 1]]))
    >>> two.n_settings
    2
    >>> two.predict(1)
    array(['a', 'a', 'b'], dtype='<U1')
    """

    classes: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    labels: NDArray[np.intp] | None = None
    decision: NDArray[Any] | None = None
    proba: NDArray[Any] | None = None

    @property
    def n_settings(self) -> int:
        """How many settings are answered."""
        for found in (self.values, self.labels, self.decision, self.proba):
            if found is not None:
                return len(found)
        return 0

    def predict(self, setting: int) -> NDArray[Any]:
        """Return what `predict` of one setting's fitted estimator returns.

        Parameters
        ----------
        setting : int
            Its position among these answers.
        """
        if self.values is not None:
            return np.asarray(self.values[setting])
        if self.labels is None or self.classes is None:
            raise ValueError("these predictions hold neither values nor labels")
        return np.asarray(self.classes[self.labels[setting]])


@dataclass(frozen=True, eq=False)
class Answers:
    """The predictions of consecutive settings of a run.

    Parameters
    ----------
    first : int
        Position of the first of them in the run of settings that was asked for.
    test : Predictions
        For the block's test rows.
    train : Predictions, optional
        For its training rows, if the block wants them.
    """

    first: int
    test: Predictions
    train: Predictions | None = None
