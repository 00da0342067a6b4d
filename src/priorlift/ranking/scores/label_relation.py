"""Scores of how a source's labels relate to the target's: NCE, LEEP and N-LEEP.

The source's head looks at the target's rows. NCE takes the class that it names for each row, LEEP
the probabilities of all its classes; N-LEEP needs no head and lets clusters of the features take
its place. All three ask how well the target's labels follow from that.
"""

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.cluster import expected_mutual_information
from sklearn.mixture import GaussianMixture

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.inputs import (
    Codes,
    check_lengths,
    class_codes,
    own_order,
    principal_components,
    probabilities,
    several_classes,
    varied_rows,
)

BLOCK_ROWS = 4096
ROWS_PER_COMPONENT = 10


def nce(z: ArrayLike, y: ArrayLike) -> float:
    """Return NCE: minus the conditional entropy H(Y|Z) of the labels given predicted source labels.

    Parameters
    ----------
    z : array-like of shape (n,)
        The source head's predicted classes on the target's rows.
    y : array-like of shape (n,)
        The target's classes.

    Returns
    -------
    float
        At most 0, in nats; larger is better. O(n log n).

    Raises
    ------
    InputError
        Lengths differ, or a label is missing.

    References
    ----------
    Tran, Nguyen, Hassner: Transferability and Hardness of Supervised Classification Tasks, ICCV
    2019.

    Examples
    --------
    >>> nce(["a", "a", "b", "b"], [0, 0, 1, 1]) == 0.0
    True
    """
    return _negative_conditional_entropy(_joint_counts(z, y))


def normalized_nce(z: ArrayLike, y: ArrayLike) -> float:
    """Return I(Y;Z) / H(Y) = 1 + NCE / H(Y), the share of the label entropy that Z explains.

    Parameters
    ----------
    z, y : array-like of shape (n,)
        As in `nce`.

    Returns
    -------
    float
        In [0, 1]; larger is better.

    Raises
    ------
    InputError
        As `nce`, or there is one class only.
    """
    several_classes(y, "NCE")
    joint = _joint_counts(z, y)
    share = 1.0 + _negative_conditional_entropy(joint) / _entropy(joint.sum(axis=1))
    return float(np.clip(share, 0.0, 1.0))


def adjusted_nce(z: ArrayLike, y: ArrayLike) -> float:
    """Return (I - E) / (H(Y) - E), with E the value of I(Y;Z) to expect from shuffled labels.

    On few rows, predictions that have nothing to do with the labels share information with them by
    chance, the more the more classes they have: normalised NCE then prefers a meaningless source
    of ten classes to a good one of two.

    Parameters
    ----------
    z, y : array-like of shape (n,)
        As in `nce`.

    Returns
    -------
    float
        At most 1; about 0 for meaningless predictions, where it can be negative.

    Raises
    ------
    InputError
        As `nce`, or there is one class only.

    Notes
    -----
    Our choice; E is exact under the hypergeometric model of fixed margins. O(n C_z) at most.

    References
    ----------
    Vinh, Epps, Bailey: Information Theoretic Measures for Clusterings Comparison: Variants,
    Properties, Normalization and Correction for Chance, JMLR 2010.
    """
    several_classes(y, "NCE")
    return adjusted_nce_of_counts(_joint_counts(z, y))


def adjusted_nce_of_counts(joint: Any) -> float:
    """Return `adjusted_nce` from a table of counts.

    Parameters
    ----------
    joint : ndarray of shape (C, C_z)
        How many rows have each target class and each predicted source class; no row and no column
        is all zero.
    """
    entropy = _entropy(joint.sum(axis=1))
    expected = float(expected_mutual_information(joint.astype(np.int64), int(joint.sum())))
    if entropy - expected < 1e-9 * entropy:
        return 0.0
    shared = entropy + _negative_conditional_entropy(joint)
    return float((shared - expected) / (entropy - expected))


def leep(P: Any, y: ArrayLike) -> float:
    """Return LEEP: the mean log-likelihood of the labels under the expected empirical predictor.

    With P(y, z) the mean over rows of class y of theta_iz, divided by n, the predictor is
    sum_z P(y|z) theta_iz: what the source's probabilities say once each source class z stands for
    the target classes of the rows on which it is probable.

    Parameters
    ----------
    P : array of shape (n, C_s)
        Probabilities theta of the source head's classes on the target's rows.
    y : array-like of shape (n,)
        The target's classes.

    Returns
    -------
    float
        In [-H(Y), 0], in nats; larger is better. Not comparable between label sets: see
        `normalized_leep`. With P of zeros and ones it equals `nce`.

    Raises
    ------
    InputError
        A row of P does not sum to 1, a value is negative or not finite, or lengths differ.

    Notes
    -----
    As published. A source class that has no probability on any row is left out, where thuml's and
    TLlib's code divide 0 by 0. The predictor is summed directly and not through logarithms: since
    P(y_i, z) >= theta_iz / n, no sum is below 1 / (n C_s²), and nothing can underflow. O(n C_s): a
    product with the sparse indicator of the labels and a gather, by blocks of rows.

    References
    ----------
    Nguyen, Hassner, Seeger, Archambeau: LEEP, ICML 2020 (arXiv:2002.12462).

    Examples
    --------
    >>> import numpy as np
    >>> certain = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> leep(certain, ["cat", "cat", "dog", "dog"]) == 0.0
    True
    """
    theta, codes = probabilities(P), class_codes(y)
    check_lengths(theta, codes)
    return _log_likelihood(theta, codes)


def normalized_leep(P: Any, y: ArrayLike) -> float:
    """Return 1 + LEEP / H(Y), the share of the label entropy that the source's head explains.

    Parameters
    ----------
    P, y
        As in `leep`.

    Returns
    -------
    float
        In [0, 1]; larger is better. The normalisation is our choice, after that of NCE.

    Raises
    ------
    InputError
        As `leep`, or there is one class only.

    Examples
    --------
    >>> normalized_leep([[0.5, 0.5], [0.5, 0.5]], [0, 1])
    0.0
    """
    codes = several_classes(y, "LEEP")
    share = 1.0 + leep(P, codes) / _entropy(np.bincount(codes).astype(float))
    return float(np.clip(share, 0.0, 1.0))


def n_leep(
    F: Any,
    y: ArrayLike,
    *,
    energy: float = 0.8,
    components_per_class: int = 5,
    covariance: Literal["diag", "full", "spherical"] = "diag",
    random_state: RandomState = 0,
) -> float:
    """Return N-LEEP: LEEP with the clusters of a Gaussian mixture in the place of source classes.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        The target's rows in the source's features.
    y : array-like of shape (n,)
        The target's classes.
    energy : float in (0, 1), default=0.8
        Share of the variance that the principal components keep.
    components_per_class : int, default=5
        Clusters per class of the target; there is never more than one for 10 rows.
    covariance : {"diag", "full", "spherical"}, default="diag"
        Of a cluster, in the basis of the principal components.
    random_state : int, RandomState or None
        Seeds the mixture.

    Returns
    -------
    float
        In [-H(Y), 0], in nats; larger is better; invariant to the scale of the features and to
        the order of the rows. The mixture is fitted and scored on the same rows, so on few of
        them it flatters: noise scores above -H(Y).

    Raises
    ------
    InputError
        There is one class only, the features are constant or not finite, or lengths differ.

    Notes
    -----
    As published: components to 80 % of the energy, five clusters a class, LEEP of the posteriors.
    The public codes differ: one leaves out the logarithm and has full covariances, another has
    spherical ones. Our choice: diagonal ones, the cap on the clusters, and unit mean variance
    before the fit, whose floor on the variances is absolute. O(n d min(n, d)) for the components,
    then O(n r K) an iteration for r of them and K clusters ("full": O(n r² K)).

    References
    ----------
    Li et al.: Ranking Neural Checkpoints, CVPR 2021 (arXiv:2011.11200).
    """
    rows, codes = varied_rows(F, "N-LEEP"), several_classes(y, "N-LEEP")
    check_lengths(rows, codes)
    order = own_order(rows, codes)
    rows, codes = rows[order] - rows.mean(axis=0), codes[order]
    reduced = principal_components(rows / rows.std(), energy)
    reduced /= np.sqrt(np.square(reduced).mean())
    wanted = components_per_class * (int(codes.max()) + 1)
    mixture = GaussianMixture(
        n_components=max(1, min(wanted, len(rows) // ROWS_PER_COMPONENT)),
        covariance_type=covariance,
        random_state=base_seed(random_state),
    )
    with warnings.catch_warnings():
        # More clusters than distinct rows, or a mixture that still moves a little, is scored as is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        posteriors = mixture.fit(reduced).predict_proba(reduced)
    return _log_likelihood(posteriors, codes)


def _log_likelihood(theta: Floats, codes: Codes) -> float:
    n = len(codes)
    indicator = sparse.csr_array((np.ones(n), codes, np.arange(n + 1)), shape=(n, codes.max() + 1))
    joint = np.asarray(indicator.T @ theta)
    mass = joint.sum(axis=0)
    given = np.divide(joint, mass, out=np.zeros_like(joint), where=mass > 0.0)
    total = 0.0
    for start in range(0, n, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        likelihood = np.einsum("ij,ij->i", given[codes[block]], theta[block])
        total += float(np.log(likelihood).sum())
    return min(total / n, 0.0)


def _joint_counts(z: ArrayLike, y: ArrayLike) -> Floats:
    columns, rows = class_codes(z), class_codes(y)
    if len(rows) != len(columns):
        raise InputError(f"{len(columns)} predictions and {len(rows)} labels do not match")
    shape = (rows.max() + 1, columns.max() + 1)
    joint = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    return np.asarray(joint.toarray())


def _negative_conditional_entropy(joint: Floats) -> float:
    return _entropy(joint.sum(axis=0)) - _entropy(joint)


def _entropy(counts: Floats) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
