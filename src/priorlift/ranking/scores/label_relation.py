"""Scores of two label columns, the target's and those a source's head predicts: NCE."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.metrics.cluster import expected_mutual_information

from priorlift.core.errors import InputError
from priorlift.ranking.labels import Floats


def nce(y: ArrayLike, z: ArrayLike) -> float:
    """Return NCE: minus the conditional entropy H(Y|Z) of the labels given predicted source labels.

    Parameters
    ----------
    y : array-like of shape (n,)
        The target's classes.
    z : array-like of shape (n,)
        The source head's predicted classes on the same rows.

    Returns
    -------
    float
        At most 0, in nats; larger is better. O(n log n).

    References
    ----------
    Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks, ICCV
    2019.

    Examples
    --------
    >>> nce([0, 0, 1, 1], ["a", "a", "b", "b"]) == 0.0
    True
    """
    joint = _joint_counts(y, z)
    return _entropy(joint.sum(axis=0)) - _entropy(joint)


def normalized_nce(y: ArrayLike, z: ArrayLike) -> float:
    """Return I(Y;Z) / H(Y) = 1 + NCE / H(Y), the share of the label entropy that Z explains.

    Parameters
    ----------
    y, z : array-like of shape (n,)
        As in `nce`.

    Returns
    -------
    float
        In [0, 1]; larger is better.

    Raises
    ------
    InputError
        There is one class only.
    """
    entropy = _label_entropy(_joint_counts(y, z))
    return float(np.clip(1.0 + nce(y, z) / entropy, 0.0, 1.0))


def adjusted_nce(y: ArrayLike, z: ArrayLike) -> float:
    """Return (I - E) / (H(Y) - E), with E the value of I(Y;Z) to expect from shuffled labels.

    On few rows, predictions that have nothing to do with the labels share information with them by
    chance, the more the more classes they have: normalised NCE then prefers a meaningless source
    of ten classes to a good one of two.

    Parameters
    ----------
    y, z : array-like of shape (n,)
        As in `nce`.

    Returns
    -------
    float
        At most 1; about 0 for meaningless predictions, where it can be negative.

    Raises
    ------
    InputError
        There is one class only.

    Notes
    -----
    Our choice; E is exact under the hypergeometric model of fixed margins. O(n C_z) at most.

    References
    ----------
    Vinh, Epps, Bailey: Information Theoretic Measures for Clusterings Comparison: Variants,
    Properties, Normalization and Correction for Chance, JMLR 2010.
    """
    joint = _joint_counts(y, z)
    entropy = _label_entropy(joint)
    expected = float(expected_mutual_information(joint.astype(np.int64), int(joint.sum())))
    if entropy - expected < 1e-9 * entropy:
        return 0.0
    return float((entropy + nce(y, z) - expected) / (entropy - expected))


def _joint_counts(y: ArrayLike, z: ArrayLike) -> Floats:
    labels, rows = np.unique(np.asarray(y), return_inverse=True)
    sources, columns = np.unique(np.asarray(z), return_inverse=True)
    if len(rows) != len(columns) or len(rows) == 0:
        raise InputError(f"{len(rows)} labels and {len(columns)} predictions do not match")
    shape = (len(labels), len(sources))
    joint = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    return np.asarray(joint.toarray())


def _label_entropy(joint: Floats) -> float:
    entropy = _entropy(joint.sum(axis=1))
    if entropy == 0.0:
        raise InputError("the labels are constant", remedy="NCE needs two classes or more")
    return entropy


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
