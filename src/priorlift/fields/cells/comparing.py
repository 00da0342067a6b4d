"""Scores of a transfer and of the baselines, where the query's true types are known.

Runs after the labels are in place: whatever goes wrong here loses nothing. True types are read here
and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from priorlift.fields.cells import baselines
from priorlift.fields.cells.sides import Sides

TRANSFER = "this transfer"


@dataclass(frozen=True)
class Compared:
    """One row of the comparison.

    Attributes
    ----------
    name : str
        Of the way.
    labels : tuple of str
        What it says of each query cell.
    agreement : float
        Share of the query cells on which it says what the transfer says.
    accuracy, macro_f1 : float or None
        Over the query cells whose true type is known and was not learned from; None without any.
    """

    name: str
    labels: tuple[str, ...]
    agreement: float
    accuracy: float | None
    macro_f1: float | None


def ways(sides: Sides, estimator: Any, seed: int) -> dict[str, NDArray[Any]]:
    """Return what each simpler way says of the query.

    Parameters
    ----------
    sides : Sides
        As for the transfer.
    estimator : JointLabelTransferClassifier
        Fitted; gives its first stage, and is fitted again without sources where query cells have
        labels.
    seed : int
        For the start of the singular vectors.

    Returns
    -------
    dict of str to ndarray of shape (n_query,)
    """
    import scipy.sparse as sp

    n_genes = len(sides.genes)
    known = [np.array([v is not None for v in part.y], dtype=bool) for part in sides.parts]
    y = np.concatenate([part.y[at] for part, at in zip(sides.parts, known, strict=True)])
    y = y.astype(str)
    X = sp.vstack([part.X[at] for part, at in zip(sides.parts, known, strict=True)], format="csr")
    reference = baselines.standardised(X, n_genes)
    query = baselines.standardised(sides.shared, n_genes)
    said = {
        "majority type": baselines.majority(y, sides.X.shape[0]),
        "logistic regression": baselines.logistic(reference, y, query),
        "CCA + neighbours": baselines.cca_neighbours(reference, y, query, seed),
        "first stage's head": np.asarray(estimator.stage1_).astype(str),
    }
    own = np.array([value is not None for value in sides.y], dtype=bool)
    if len(set(sides.y[own])) > 1:
        alone = clone(estimator).fit(sides.X, sides.y)
        said["without references"] = _most_likely(alone)
    return said


def compare(
    labels: NDArray[Any],
    said: Mapping[str, NDArray[Any]],
    truth: NDArray[Any] | None,
    learned: NDArray[np.bool_],
) -> tuple[Compared, ...]:
    """Score the transfer and the other ways.

    Parameters
    ----------
    labels : ndarray of shape (n_query,)
        What the transfer says.
    said : mapping of str to ndarray
        What the other ways say.
    truth : ndarray of object or None
        True types, None where one is not known.
    learned : ndarray of bool
        Query cells whose label was learned from; they are not scored.
    """
    judged = None
    if truth is not None:
        judged = np.array([value is not None for value in truth], dtype=bool) & ~learned
    rows = []
    for name, values in {TRANSFER: labels, **said}.items():
        accuracy, f1 = scores(values, truth, judged)
        agreement = float((values == labels).mean())
        rows.append(Compared(name, tuple(map(str, values)), agreement, accuracy, f1))
    return tuple(rows)


def scores(
    labels: NDArray[Any], truth: NDArray[Any] | None, judged: NDArray[np.bool_] | None
) -> tuple[float | None, float | None]:
    """Return accuracy and macro-F1 over the types that occur in truth or labels."""
    from sklearn.metrics import f1_score

    if truth is None or judged is None or not judged.any():
        return None, None
    true, given = truth[judged].astype(str), labels[judged].astype(str)
    f1 = f1_score(true, given, average="macro", zero_division=0)
    return float((true == given).mean()), float(f1)


def _most_likely(estimator: Any) -> NDArray[Any]:
    return np.asarray(estimator.classes_[estimator.transduction_proba_.argmax(axis=1)]).astype(str)
