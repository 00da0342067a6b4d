"""Scores under a name: what the registry holds, each a function of a view of one source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from priorlift.ranking.gap.score import negative_target_gap
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.chance import over_chance
from priorlift.ranking.scores.closed_form import (
    agreement,
    agreements,
    feature_gain,
    feature_gains,
    pooling_gain,
    pooling_gains,
    proximity,
)
from priorlift.ranking.scores.domains import neg_mmd, neg_proxy_a_distance
from priorlift.ranking.scores.fisher import task2vec, task2vec_similarity
from priorlift.ranking.scores.label_relation import adjusted_nce, n_leep, normalized_leep
from priorlift.ranking.scores.linear import h_score, shrinkage_h_score
from priorlift.ranking.scores.many import logme_gains, nces, shrinkage_hs
from priorlift.ranking.scores.neighbours import knn
from priorlift.ranking.scores.separation import gbc, leading_components, sfda, transrate
from priorlift.ranking.scores.similarity import label_cka, parc
from priorlift.ranking.scores.transport import neg_ot_distance

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
    many : callable, optional
        The same for several views of one target through linear heads in one space, shape (S,).
    """

    name: str
    summary: str
    tasks: tuple[str, ...]
    function: "Callable[[SourceView], float]"
    many: "Callable[[Sequence[SourceView]], Floats] | None" = None

    def __call__(self, view: "SourceView") -> float:
        """Return the score of the source behind the view."""
        return self.function(view)


def _logme_gain(view: "SourceView") -> float:
    return float(logme_gains([view])[0])


def _nce_of_source_labels(view: "SourceView") -> float:
    return adjusted_nce(view.source_labels, view.y)


def _knn(view: "SourceView") -> float:
    balanced = view.task == "classification"
    return knn(view.features, view.y, task=view.task, balanced=balanced)


def _ot_distance(view: "SourceView") -> float:
    return neg_ot_distance(view.source_rows, _source_classes(view), view.rows, view.y)


def _task2vec(view: "SourceView") -> float:
    source = task2vec(view.source_rows, _source_classes(view))
    return task2vec_similarity(source, task2vec(view.rows, view.y))


def _source_classes(view: "SourceView") -> NDArray[Any]:
    _ = view.source_classes  # raises for a regression, whose labels would pass for many classes
    return view.source_y


def _h_score_of_few(F: Any, y: Any) -> float:
    return h_score(leading_components(F), y)


def _sfda_of_few(F: Any, y: Any) -> float:
    return sfda(leading_components(F), y)


LOGME = Score(
    name="logme",
    summary="Log evidence per row of the labels given the source's features, over that of a "
    "random map of equal width",
    tasks=("classification", "regression"),
    function=_logme_gain,
    many=logme_gains,
)
SHRINKAGE_H = Score(
    name="shrinkage_h",
    summary="Separation of the classes in the source's features, with a shrunken covariance, "
    "adjusted for chance",
    tasks=("classification",),
    function=lambda view: shrinkage_h_score(view.statistics, adjusted=True),
    many=shrinkage_hs,
)
NCE = Score(
    name="nce",
    summary="Share of the label entropy explained by the source head's predicted labels, "
    "corrected for chance",
    tasks=("classification",),
    function=_nce_of_source_labels,
    many=nces,
)
AGREEMENT = Score(
    name="agreement",
    summary="Correlation of the source head's output with the target's labels",
    tasks=("classification", "regression"),
    function=agreement,
    many=agreements,
)
POOLING_GAIN = Score(
    name="pooling_gain",
    summary="Variance of the labels that a ridge regression predicts better with the source's rows",
    tasks=("classification", "regression"),
    function=pooling_gain,
    many=pooling_gains,
)
FEATURE_GAIN = Score(
    name="feature_gain",
    summary="Variance of the labels that a ridge regression predicts better with the source's "
    "features",
    tasks=("classification", "regression"),
    function=feature_gain,
    many=feature_gains,
)
PROXIMITY = Score(
    name="proximity",
    summary="How hard it is to tell the source's rows from the target's, whatever their labels",
    tasks=("classification", "regression"),
    function=proximity,
)
LEEP = Score(
    name="leep",
    summary="Share of the label entropy explained by the source head's probabilities",
    tasks=("classification",),
    function=lambda view: normalized_leep(view.source_proba, view.y),
)
N_LEEP = Score(
    name="n_leep",
    summary="Log-likelihood of the labels given clusters of the source's features",
    tasks=("classification",),
    function=lambda view: n_leep(view.features, view.y),
)
PARC = Score(
    name="parc",
    summary="Rank correlation of rows' dissimilarities in the source's features and in the labels",
    tasks=("classification",),
    function=lambda view: parc(view.features, view.y),
)
LABEL_CKA = Score(
    name="label_cka",
    summary="Alignment of the source's features with the labels (unbiased linear CKA)",
    tasks=("classification", "regression"),
    function=lambda view: label_cka(view.features, view.y, task=view.task, unbiased=True),
)
KNN = Score(
    name="knn",
    summary="How well the labels follow from the nearest neighbours in the source's features",
    tasks=("classification", "regression"),
    function=_knn,
)
NEG_PROXY_A_DISTANCE = Score(
    name="neg_proxy_a_distance",
    summary="How badly a classifier tells source rows from target rows, whatever their labels",
    tasks=("classification", "regression"),
    function=lambda view: neg_proxy_a_distance(view.source_rows, view.rows),
)
NEG_MMD = Score(
    name="neg_mmd",
    summary="Nearness of the source's rows to the target's by a kernel, whatever their labels",
    tasks=("classification", "regression"),
    function=lambda view: neg_mmd(view.source_rows, view.rows),
)
NEG_OT_DISTANCE = Score(
    name="neg_ot_distance",
    summary="Nearness of the source's rows and classes to the target's by optimal transport",
    tasks=("classification",),
    function=_ot_distance,
)
TASK2VEC = Score(
    name="task2vec",
    summary="Likeness of the features on which a head leans in the source and in the target",
    tasks=("classification",),
    function=_task2vec,
)
H_SCORE = Score(
    name="h_score",
    summary="Separation of the classes in the leading components of the source's features, over "
    "that of shuffled labels",
    tasks=("classification",),
    function=lambda view: over_chance(_h_score_of_few, view.features, view.y),
)
TRANSRATE = Score(
    name="transrate",
    summary="How much shorter a code for the source's features gets once the classes are known, "
    "over that for shuffled labels",
    tasks=("classification",),
    function=lambda view: over_chance(transrate, view.features, view.y),
)
GBC = Score(
    name="gbc",
    summary="How little the classes overlap as normal distributions in the source's features",
    tasks=("classification",),
    function=lambda view: gbc(view.features, view.y),
)
SFDA = Score(
    name="sfda",
    summary="How surely a discriminant analysis of the source's leading components knows the "
    "classes, over that of shuffled labels",
    tasks=("classification",),
    function=lambda view: over_chance(_sfda_of_few, view.features, view.y),
)
PERFORMANCE_GAP = Score(
    name="performance_gap",
    summary="How much better a linear model of the source does on the target than the target's own",
    tasks=("classification", "regression"),
    function=negative_target_gap,
)
