"""Distances between the inputs of a source and a target, labels aside: PAD and MMD.

Both are returned with a minus, so that larger is better. They see whether the rows lie in the same
places and not whether the tasks are related: a source of the target's own rows with wrong labels
is at distance 0.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.core.arrays import to_vector
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.inputs import (
    Codes,
    check_lengths,
    sample_rows,
    two_data_sets,
)

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def neg_proxy_a_distance(
    source_rows: Any,
    rows: Any,
    *,
    source_groups: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    n_folds: int = 5,
    max_rows: int = 2000,
    random_state: RandomState = 0,
) -> float:
    """Return minus the proxy A-distance: how badly a classifier tells source from target rows.

    PAD = 2 (1 - 2 e), with e the error of a domain classifier on rows that it was not fitted on,
    clipped to [0, 2].

    Parameters
    ----------
    source_rows : array or sparse matrix of shape (m, d)
        The source's encoded rows.
    rows : array or sparse matrix of shape (n, d)
        The target's, encoded in the same way.
    source_groups, groups : array-like of shape (m,), (n,), optional
        Groups (patient, event) of the rows; rows of one group are never on both sides of a fold,
        nor is a group that both data sets know. A data set without groups has one a row.
    n_folds : int, default=5
        Folds; fewer where a data set has fewer rows or groups.
    max_rows : int, default=2000
        A larger data set is sampled, each on its own.
    random_state : int, RandomState or None
        Seeds the samples and the folds.

    Returns
    -------
    float
        In [-2, 0]: 0 where the two cannot be told apart, -2 where they always can. Invariant to
        the scale of each feature.

    Raises
    ------
    InputError
        The columns differ, features are constant or not finite, or a data set has fewer than two
        rows or groups.

    Notes
    -----
    As published: 2 (1 - 2 e) of a linear classifier. Our choice: logistic regression on
    standardised features with both data sets weighing the same; e is the mean of the errors on
    each, so the larger one cannot be guessed; the clipping, since e is above 1/2 by chance.

    References
    ----------
    Ben-David, Blitzer, Crammer, Pereira: Analysis of Representations for Domain Adaptation, NIPS
    2006. Ganin et al.: Domain-Adversarial Training of Neural Networks, JMLR 2016.
    """
    source, target = two_data_sets(source_rows, rows, "the A-distance")
    seed = base_seed(random_state)
    chosen = [sample_rows(table, max_rows, seed) for table in (source, target)]
    X = np.concatenate([source[chosen[0]], target[chosen[1]]])
    domain = np.repeat([0, 1], [len(chosen[0]), len(chosen[1])])
    names = [_group_names(source, source_groups, "source"), _group_names(target, groups, "target")]
    member = _numbered(
        [side[row] for side, rows in zip(names, chosen, strict=True) for row in rows]
    )
    wrong = np.zeros(len(X))
    for train, test in _folds(X, domain, member, n_folds, derive_seed(seed, "folds")):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
        )
        wrong[test] = model.fit(X[train], domain[train]).predict(X[test]) != domain[test]
    error = (wrong[domain == 0].mean() + wrong[domain == 1].mean()) / 2.0
    return -float(np.clip(2.0 * (1.0 - 2.0 * error), 0.0, 2.0))


def neg_mmd(
    source_rows: Any, rows: Any, *, max_rows: int = 1000, random_state: RandomState = 0
) -> float:
    """Return minus the squared maximum mean discrepancy, estimated without bias.

    MMD² = mean k(s, s') + mean k(t, t') - 2 mean k(s, t), the first two over pairs of different
    rows, for the mean of five Gaussian kernels exp(-||x - x'||² / (b v)), b = 1/4, 1/2, 1, 2, 4,
    with v the median squared distance of the pooled rows.

    Parameters
    ----------
    source_rows : array or sparse matrix of shape (m, d)
        The source's encoded rows.
    rows : array or sparse matrix of shape (n, d)
        The target's, encoded in the same way.
    max_rows : int, default=1000
        A larger data set is sampled, each on its own.
    random_state : int, RandomState or None
        Seeds the samples.

    Returns
    -------
    float
        About -2 to 0 and, **where the two have the same distribution, slightly above 0 half of the
        time**: the discrepancy is at least 0, and an estimate without bias of what is 0 must fall
        on both sides of it. It is not clipped, or the bias would be back. Invariant to the scale of
        all features together.

    Raises
    ------
    InputError
        The columns differ, features are constant or not finite, or a data set has fewer than two
        rows.

    Notes
    -----
    As published: the unbiased statistic. Common in code: several bandwidths about the median; the
    mean of the kernels, where others sum them, is our choice. O((m + n)² d) on the samples.

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf, Smola: A Kernel Two-Sample Test, JMLR 2012.
    """
    source, target = two_data_sets(source_rows, rows, "MMD")
    seed = base_seed(random_state)
    source, target = (table[sample_rows(table, max_rows, seed)] for table in (source, target))
    within = [cdist(table, table, "sqeuclidean") for table in (source, target)]
    across = cdist(source, target, "sqeuclidean")
    scale = _median(within, across)
    value = 0.0
    for width in BANDWIDTHS:
        own = sum(_mean_off_diagonal(np.exp(-part / (width * scale))) for part in within)
        value += own - 2.0 * float(np.exp(-across / (width * scale)).mean())
    return -value / len(BANDWIDTHS)


def _group_names(table: Floats, groups: ArrayLike | None, side: str) -> list[tuple[str, Any]]:
    if groups is None:
        return [(side, row) for row in range(len(table))]
    ids = to_vector(groups)
    check_lengths(table, ids)
    return [("group", group) for group in ids.tolist()]


def _numbered(names: list[tuple[str, Any]]) -> Codes:
    numbers: dict[tuple[str, Any], int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _folds(X: Floats, domain: Codes, member: Codes, n_folds: int, seed: int) -> Any:
    least = min(len(np.unique(member[domain == side])) for side in (0, 1))
    if min(least, n_folds) < 2:
        raise InputError(
            "one data set is a single group", remedy="without two groups each, no fold has both"
        )
    shared = len(np.unique(member)) < len(member)
    kind = StratifiedGroupKFold if shared else StratifiedKFold
    folds = kind(n_splits=min(least, n_folds), shuffle=True, random_state=seed)
    for train, test in folds.split(X, domain, member if shared else None):
        if len(np.unique(domain[train])) == 2:
            yield train, test
            continue
        raise InputError(
            "a fold holds rows of one data set only",
            cause="a few large groups hold most of its rows",
        )


def _mean_off_diagonal(kernel: Floats) -> float:
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def _median(within: list[Floats], across: Floats) -> float:
    pairs = [part[np.triu_indices(len(part), k=1)] for part in within]
    distances = np.concatenate([*pairs, across.ravel()])
    middle = float(np.median(distances))
    # More than half of the pairs are equal: rows of zeros, say.
    return middle if middle > 0.0 else float(distances.mean())
