"""Scores under a name: what the registry holds, each a function of a view of one source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from priorlift.ranking.scores.label_relation import adjusted_nce
from priorlift.ranking.scores.linear import logme, shrinkage_h_score

if TYPE_CHECKING:
    from priorlift.ranking.view import SourceView


@dataclass(frozen=True)
class Score:
    """A score under a name: what the registry holds.

    Attributes
    ----------
    name, summary : str
        What it is called, and what it says in one sentence.
    tasks : tuple of {"classification", "regression"}
        Kinds of target that it can score.
    function : callable
        From a `SourceView` to a number; a larger one promises more lift. It raises `InputError`
        with the reason where the source cannot be scored.
    """

    name: str
    summary: str
    tasks: tuple[str, ...]
    function: "Callable[[SourceView], float]"

    def __call__(self, view: "SourceView") -> float:
        """Return the score of the source behind the view."""
        return self.function(view)


def _logme_gain(view: "SourceView") -> float:
    return logme(view.statistics) - view.target.random_logme


def _nce_of_source_labels(view: "SourceView") -> float:
    return adjusted_nce(view.source_labels, view.y)


LOGME = Score(
    name="logme",
    summary="Log evidence per row of the labels given the source's features, over that of a "
    "random map of equal width",
    tasks=("classification", "regression"),
    function=_logme_gain,
)
SHRINKAGE_H = Score(
    name="shrinkage_h",
    summary="Separation of the classes in the source's features, with a shrunken covariance",
    tasks=("classification",),
    function=lambda view: shrinkage_h_score(view.statistics),
)
NCE = Score(
    name="nce",
    summary="Share of the label entropy explained by the source head's predicted labels, "
    "corrected for chance",
    tasks=("classification",),
    function=_nce_of_source_labels,
)
