"""All that is known of a query cell, added up: neighbours' votes, counts, the query's own features.

The references speak through the vote in the joint embedding and, where both sides have counts,
through profiles at the query's levels (`count_model`). Then the query's own features refine what
they say (`refinement`): its genes, its peaks, its proteins.

References seldom have the types in the query's proportions. Where a query has few cells of a type
that is frequent in the references, its level of a gene is not that of their mixture, and their
shares of types are no prior for it. So where the composition that a round of the refinement found
is another, the next round follows it, as far as `composition_weight` says.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from priorlift.transfer.joint import composition, count_model
from priorlift.transfer.joint.query_models import CountFeatures, GaussianFeatures
from priorlift.transfer.joint.refinement import log_normalised, refine
from priorlift.transfer.joint.settings import Settings
from priorlift.transfer.joint.sparse_batches import Cells, blocks
from priorlift.transfer.joint.workers import ALONE, Workers

Floats = NDArray[np.float64]

PROFILE = 0.5
"""Weight of a count under the references' profiles."""
GENES, GENES_BESIDE_PEAKS, PEAKS = 0.8, 0.2, 0.25
"""Weights of a count under the query's own profiles; a fragment is a gene's and a peak's count."""
GENE_STRENGTH, PEAK_STRENGTH = 1.0, 0.25
"""Counts a column that each class has beforehand."""
LEAST_VOTE = 0.01
"""Added to each class's share of votes, since thirty neighbours cannot rule a class out."""


class Labelled(Protocol):
    """Rows with classes, as `procedure.Side` has them."""

    @property
    def cells(self) -> Cells:
        """Prepared rows."""

    @property
    def codes(self) -> NDArray[np.int64]:
        """Classes, -1 where unknown."""

    @property
    def weight(self) -> Floats:
        """Of the rows."""


class Combination(BaseEstimator):
    """What is kept for new rows: profiles, priors, and the models of the query's own features.

    Parameters
    ----------
    profiles : ndarray of shape (n_classes, g) or None
        Logarithms of the references' profiles at the query's levels.
    log_prior : ndarray of shape (n_classes,)
        Logarithms of the classes' shares among labelled cells.
    shift : ndarray of shape (n_classes,)
        Added because classes are more or less frequent in the query than among labelled cells.
    count_weight : float
        Of the profiles against the vote.
    names : list of str
        Which attributes of `Cells` have models.
    features : list of CountFeatures or GaussianFeatures
        A kind of model for each.
    learned : list of ndarray
        The models.
    """

    def __init__(
        self,
        profiles: Floats | None,
        log_prior: Floats,
        shift: Floats,
        count_weight: float,
        names: list[str],
        features: list[Any],
        learned: list[Floats],
    ) -> None:
        self.profiles = profiles
        self.log_prior = log_prior
        self.shift = shift
        self.count_weight = count_weight
        self.names = names
        self.features = features
        self.learned = learned

    def evidence(self, vote: Floats, cells: Cells) -> Floats:
        """Return logarithms of what the references say of rows, shape (n, n_classes)."""
        voted = np.log((vote + LEAST_VOTE) / (1.0 + LEAST_VOTE * vote.shape[1]))
        if self.profiles is None:
            return np.asarray(voted + self.shift)
        counted = PROFILE * count_model.log_likelihood(cells.counts, self.profiles)
        w = self.count_weight
        return np.asarray((1.0 - w) * voted + w * (counted + self.log_prior) + self.shift)

    def proba(self, vote: Floats, cells: Cells) -> Floats:
        """Return class probabilities of new rows, shape (n, n_classes)."""
        total = self.evidence(vote, cells)
        for name, model, learned in zip(self.names, self.features, self.learned, strict=True):
            total = total + model.log_likelihood(getattr(cells, name), learned)
        return np.exp(log_normalised(total))


def combine(
    query: Labelled,
    references: Sequence[Labelled],
    vote: Floats,
    settings: Settings,
    workers: Workers = ALONE,
) -> tuple[Combination, Floats]:
    """Learn what is kept, and return the query's class probabilities by it.

    Parameters
    ----------
    query : Side
        Its known classes teach the models of its features.
    references : sequence of Side
        Labelled rows.
    vote : ndarray of shape (n, n_classes)
        Shares of votes of the query's rows.
    settings : Settings
        Resolved.
    workers : Workers
        Share the query's rows.

    Returns
    -------
    combination : Combination
    proba : ndarray of shape (n, n_classes)
        Each row by models of other rows, its own known class not looked at.
    """
    names, features = _features(query.cells) if settings.refine_rounds else ([], [])
    log_prior, totals, level = _log_prior([*references, query], vote.shape[1]), None, None
    if settings.count_weight > 0:
        totals, level = _totals(references, vote.shape[1]), _level(query.cells.counts)

    def at(ratio: Floats | None) -> Combination:
        """Return what is kept where the classes are so much more frequent in the query."""
        profiles, shift = None, np.zeros_like(log_prior)
        if totals is not None and level is not None:
            profiles = count_model.profiles(totals, level, ratio)
        if ratio is not None:
            shift = settings.composition_weight * np.log(ratio)
        return Combination(profiles, log_prior, shift, settings.count_weight, names, features, [])

    kept = at(None)
    evidence = kept.evidence(vote, query.cells)

    def follow(found: Floats) -> Floats:
        """Return the evidence where this is the query's composition, and keep what made it."""
        nonlocal kept, evidence
        if settings.composition_weight:
            prior = np.exp(log_prior)
            kept = at(None if composition.alike(prior, found) else found / prior)
            evidence = kept.evidence(vote, query.cells)
        return evidence

    shares, learned = refine(
        evidence,
        follow,
        [getattr(query.cells, name) for name in names],
        features,
        query.codes,
        query.weight,
        settings.refine_rounds,
        workers,
    )
    kept.learned = learned
    return kept, np.exp(shares)


def _totals(references: Sequence[Labelled], n_classes: int) -> Floats:
    """Return the counts of each class in all references."""
    each = [
        count_model.class_totals(s.cells.counts, s.codes, s.weight, n_classes) for s in references
    ]
    return np.asarray(np.sum(each, axis=0))


def _features(cells: Cells) -> tuple[list[str], list[Any]]:
    """Return which of the query's own features have models, and of which kind."""
    names: list[str] = []
    features: list[Any] = []
    if cells.counts is not None:
        weight = GENES if cells.own is None else GENES_BESIDE_PEAKS
        names.append("counts")
        features.append(CountFeatures.of(_level(cells.counts), GENE_STRENGTH, weight))
    if cells.own is not None:
        names.append("own")
        features.append(CountFeatures.of(_level(cells.own), PEAK_STRENGTH, PEAKS))
    if cells.extra.shape[1]:
        names.append("extra")
        features.append(GaussianFeatures.of(cells.extra.astype(float), 1.0))
    return names, features


def _level(X: Any) -> Floats:
    total = np.zeros(X.shape[1])
    for block in blocks(X.shape[0]):
        total += np.asarray(X[block].sum(axis=0, dtype=float)).ravel()
    return total


def _log_prior(sides: Sequence[Labelled], n_classes: int) -> Floats:
    """Return logarithms of the classes' shares of labelled cells, each with half a cell more."""
    sizes = np.zeros(n_classes)
    for side in sides:
        known = side.codes >= 0
        sizes += np.bincount(side.codes[known], side.weight[known], minlength=n_classes)
    return np.asarray(np.log((sizes + 0.5) / (sizes + 0.5).sum()))
