"""Scores of many sources of one target at once, seen through linear heads in one space.

The same numbers as one by one, without the overhead of one by one: small matrices are stacked.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from priorlift.ranking.evidence import evidence, null_evidence, prior_ratio
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.closed_form import stacked_features
from priorlift.ranking.scores.label_relation import adjusted_nce_of_counts
from priorlift.ranking.scores.linear import adjusted_for_chance
from priorlift.ranking.statistics import Spectrum

if TYPE_CHECKING:
    from priorlift.ranking.view import SourceView


def logme_gains(views: Sequence["SourceView"]) -> Floats:
    """Return LogME of each source's features over that of random maps, shape (S,)."""
    target = views[0].target
    means = logmes(stacked_features(views), target.columns)
    random = [target.random_logme(view.features.shape[1]) for view in views]
    return np.asarray(means - np.array(random))


def logmes(features: Floats, columns: Floats) -> Floats:
    """Return LogME of several feature maps of the same rows, shape (S,).

    Parameters
    ----------
    features : ndarray of shape (S, n, w)
        Narrower maps are filled with zeros.
    columns : ndarray of shape (n, k)
        Label columns, each of which varies.
    """
    values, shares, squares = _spectra(features, columns)
    n_sources, k = len(features), shares.shape[2]
    spectrum = Spectrum(
        eigenvalues=np.repeat(values.T, k, axis=1),
        shares=shares.transpose(1, 0, 2).reshape(values.shape[1], n_sources * k),
        squares=np.tile(squares, n_sources),
        freedom=len(columns) - 1,
    )
    found = np.maximum(evidence(spectrum, prior_ratio(spectrum)), null_evidence(spectrum))
    return np.asarray(found.reshape(n_sources, k).mean(axis=1))


def shrinkage_hs(views: Sequence["SourceView"]) -> Floats:
    """Return the shrinkage H-score of each source's features, adjusted for chance, shape (S,)."""
    n = len(views[0].y)
    features = stacked_features(views)
    widths = np.array([view.features.shape[1] for view in views])
    squared = ((features - features.mean(axis=1, keepdims=True)) ** 2).sum(axis=2)
    values, shares, _ = _spectra(features, views[0].target.columns)
    scatter = values / n
    trace, frobenius = scatter.sum(axis=1), (scatter**2).sum(axis=1)
    spread = (frobenius - trace**2 / widths) / widths
    noise = ((squared**2).mean(axis=1) - frobenius) / (n * widths)
    shrinkage = np.where(
        noise <= 0.0,
        0.0,
        np.where(spread <= 0.0, 1.0, np.minimum(noise, spread) / np.maximum(spread, 1e-300)),
    )
    counts = views[0].target.columns.sum(axis=0)
    floor = (shrinkage * trace / widths)[:, None]
    whole = (1.0 - shrinkage)[:, None] * scatter + floor
    part = (1.0 - shrinkage)[:, None] * scatter
    kept = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)
    found = (kept * (shares / counts).sum(axis=2)).sum(axis=1)
    most = len(counts) - 1
    return np.asarray(adjusted_for_chance(found, most * kept.sum(axis=1) / (n - 1), most))


def nces(views: Sequence["SourceView"]) -> Floats:
    """Return the adjusted NCE of each source's predicted labels, shape (S,)."""
    codes = views[0].target.columns.argmax(axis=1)
    k = views[0].target.columns.shape[1]
    found = []
    for view in views:
        proba = view.source_proba
        width = proba.shape[1]
        joint = np.bincount(codes * width + proba.argmax(axis=1), minlength=k * width)
        table = joint.reshape(k, width)
        found.append(adjusted_nce_of_counts(table[:, table.any(axis=0)]))
    return np.array(found)


def _spectra(features: Floats, columns: Floats) -> tuple[Floats, Floats, Floats]:
    """Return eigenvalues (S, w), shares (S, w, k) and squares (k,) of centred columns."""
    features = features - features.mean(axis=1, keepdims=True)
    columns = columns - columns.mean(axis=0)
    turned = features.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(turned @ features)
    cut = np.maximum(values[:, -1:], 0.0) * max(features.shape[1:]) * np.finfo(float).eps
    kept = values > np.maximum(cut, 1e-300)
    products = vectors.transpose(0, 2, 1) @ (turned @ columns)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    shares = products**2 * inverse[:, :, None]
    return np.where(kept, values, 0.0), shares, (columns**2).sum(axis=0)
