"""Scoring: what a search's scorer needs, and many settings judged at once where that is exact.

scikit-learn's own scorers only ask for predictions, so a fitted last step on transformed rows, or a
view of answers, serves them as well as the whole fitted pipeline does. A user's own function may
look at anything, so it gets the real fitted pipeline and the real rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import get_scorer

from priorlift.search.answers import Predictions
from priorlift.search.scikit_learn import (
    is_own_score,
    is_scorer,
    named_scorers,
    score_estimator,
)
from priorlift.search.scores import batched_scores
from priorlift.search.views import View, has_usual_score

Score = float | dict[str, float]

# What `score` of classifiers and of regressors is, by whether the answers are of a regression.
_USUAL = {False: get_scorer("accuracy"), True: get_scorer("r2")}


@dataclass(frozen=True, eq=False)
class Scoring:
    """A scorer with what it is given beside the rows, and what its failure scores.

    Parameters
    ----------
    scorer : callable
        As scikit-learn's searches resolve `scoring`: one scorer, or a multi-metric one.
    params : mapping
        Metadata for it, not cut to rows.
    error_score : float or "raise"
        As in scikit-learn.
    """

    scorer: Any
    params: Mapping[str, Any] = field(default_factory=dict)
    error_score: Any = np.nan

    @property
    def parts(self) -> dict[str, Any]:
        """The scorers by name; a single one is called "score"."""
        found = named_scorers(self.scorer)
        return {"score": self.scorer} if found is None else found

    @property
    def is_multiple(self) -> bool:
        """Whether scores come by name."""
        return named_scorers(self.scorer) is not None

    @property
    def needs_the_pipeline(self) -> bool:
        """Whether the scorer may look at more than predictions."""
        routed = bool(self.params) and _routing_is_on()
        return routed or not all(
            is_scorer(part) or is_own_score(part) for part in self.parts.values()
        )

    def score(self, estimator: Any, X: Any, y: Any, params: Mapping[str, Any]) -> Score:
        """Score a fitted estimator as scikit-learn's searches do.

        Parameters
        ----------
        estimator : fitted estimator or View
            What is judged.
        X, y : array-like
            The rows that judge it.
        params : mapping
            The scorer's metadata for these rows.
        """
        found: Score = score_estimator(estimator, X, y, self.scorer, dict(params), self.error_score)
        return found

    def view_reason(self, estimator: Any) -> str:
        """Return why answers cannot stand for this fitted estimator; empty if they can."""
        if self.needs_the_pipeline:
            return "the scorer is a function that may look at the fitted estimator"
        own = any(is_own_score(part) for part in self.parts.values())
        if own and not has_usual_score(estimator):
            return f"{type(estimator).__name__} has a score of its own"
        return ""

    def score_all(
        self,
        estimator: Any,
        predictions: Predictions,
        X: Any,
        y: Any,
        params: Mapping[str, Any],
    ) -> dict[str, NDArray[np.float64]]:
        """Score all settings of some predictions, each exactly as alone.

        Parameters
        ----------
        estimator : estimator
            Whose predictions they are.
        predictions : Predictions
            Of S settings.
        X, y : array-like
            The rows that they are for.
        params : mapping
            The scorer's metadata for these rows.

        Returns
        -------
        dict of str to ndarray of shape (S,)
            By the scorers' names.
        """
        found: dict[str, NDArray[np.float64]] = {}
        if not params:
            for name, part in self.parts.items():
                scores = _batched(part, predictions, y)
                if scores is not None:
                    found[name] = scores
        if len(found) < len(self.parts):
            rows = []
            for setting in range(predictions.n_settings):
                view = View(estimator, predictions, setting)
                rows.append(self.score(view, X, y, params))
            for name in self.parts.keys() - found.keys():
                found[name] = np.array(
                    [row[name] if isinstance(row, dict) else row for row in rows], dtype=float
                )
        return {name: found[name] for name in self.parts}


def _routing_is_on() -> bool:
    from sklearn import get_config

    return bool(get_config()["enable_metadata_routing"])


def _batched(scorer: Any, predictions: Predictions, y: Any) -> NDArray[np.float64] | None:
    if is_own_score(scorer):
        scorer = _USUAL[predictions.classes is None]
    return batched_scores(scorer, predictions, y)
