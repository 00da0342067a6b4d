"""Scores that compare two tables over the same rows: CKA, label CKA and PARC.

Each asks whether rows that are alike in one table are alike in the other. Against another model's
features that is CKA; against the labels it is label CKA (linear kernels) or PARC (ranks of
correlations).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.labels import Floats, TaskKind
from priorlift.ranking.scores.inputs import (
    check_lengths,
    label_columns,
    principal_components,
    sample_rows,
    several_classes,
    varied_rows,
)
from priorlift.ranking.statistics import TaskStatistics

UNBIASED_ROWS = 4


def linear_cka(A: Any, B: Any, *, unbiased: bool = False) -> float:
    """Return linear CKA: the alignment of the kernels of two feature maps over the same rows.

    With centred columns it is ||A'B||² / (||A'A|| ||B'B||), Frobenius norms.

    Parameters
    ----------
    A, B : array or sparse matrix of shape (n, d_a), (n, d_b)
        Features of the same rows; the widths may differ.
    unbiased : bool, default=False
        Estimate the three kernel statistics without bias. **Use it unless n is far above both
        widths**: the plain value of two tables of independent noise goes to 1 as the widths grow,
        the unbiased one is about 0.

    Returns
    -------
    float
        Plain: in [0, 1]. Unbiased: in [-1, 1]. 1 for a table with itself; invariant to scale,
        offset and rotation of either table, and to the order of the rows.

    Raises
    ------
    InputError
        Lengths differ, a table is constant or not finite, or there are fewer than 3 rows
        (unbiased: 4).

    Notes
    -----
    As published: the plain form (Kornblith et al.) and the unbiased HSIC (Song et al.). Ours is
    that both cost O(n d_a d_b), or O(n² d) where that is less; no unbiased kernel matrix is
    formed, since with linear kernels its sums are sums over columns.

    References
    ----------
    Kornblith, Norouzi, Lee, Hinton: Similarity of Neural Network Representations Revisited, ICML
    2019. Song et al.: Feature Selection via Dependence Maximization, JMLR 2012.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]])
    >>> round(linear_cka(A, 5.0 * A[:, ::-1] + 1.0), 12)
    1.0
    """
    first, second = (_centred(table, unbiased) for table in (A, B))
    check_lengths(first, second)
    return _aligned(first, second, unbiased)


def label_cka(
    F: Any,
    y: ArrayLike | None = None,
    *,
    task: TaskKind = "classification",
    unbiased: bool = False,
) -> float:
    """Return the linear CKA of features and labels, also known as label-feature correlation.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d), or TaskStatistics
        The target's rows in the source's features, or their statistics with the labels.
    y : array-like of shape (n,) or, for a regression, (n, k)
        Labels; not with statistics.
    task : {"classification", "regression"}
        What they are; not with statistics.
    unbiased : bool, default=False
        As in `linear_cka`; it needs the rows, so not with statistics.

    Returns
    -------
    float
        Plain: in [0, 1]. Unbiased: in [-1, 1], about 0 for permuted labels. Larger is better;
        invariant to the scale of features and of real labels.

    Raises
    ------
    InputError
        Labels or features are constant or not finite, lengths differ, or there are fewer than 3
        rows (unbiased: 4).

    Notes
    -----
    From statistics in O(d²) and no look at the rows, but for a regression with several columns,
    whose products with each other statistics do not hold.

    References
    ----------
    Cortes, Mohri, Rostamizadeh: Algorithms for Learning Kernels Based on Centered Alignment, JMLR
    2012.

    Examples
    --------
    >>> label_cka([[0.0], [0.0], [1.0], [1.0]], ["a", "a", "b", "b"])
    1.0
    """
    if isinstance(F, TaskStatistics):
        if y is not None or unbiased:
            raise InputError(
                "statistics hold the labels and not the rows",
                remedy="pass statistics alone, or features and labels for the unbiased form",
            )
        return _label_cka_of(F)
    if y is None:
        raise InputError("there are no labels", remedy="pass features and labels, or statistics")
    rows = _centred(F, unbiased)
    labels = label_columns(y, task, "label CKA")
    check_lengths(rows, labels)
    centred = _of_unit_size(labels - labels.mean(axis=0))
    return _aligned(rows, centred, unbiased)


def parc(
    F: Any,
    y: ArrayLike,
    *,
    n_components: int | None = 32,
    max_rows: int = 3000,
    random_state: RandomState = 0,
) -> float:
    """Return PARC: the rank correlation of dissimilarities of rows by features and by labels.

    Two rows are as dissimilar as 1 minus the correlation between them, over the principal
    components, and over the one-hot labels. The score is 100 times Spearman's correlation of the
    two over all pairs of rows.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        The target's rows in the source's features, d >= 2.
    y : array-like of shape (n,)
        The target's classes.
    n_components : int or None, default=32
        Principal components to compare rows by; None compares the features as they are.
    max_rows : int, default=3000
        A larger data set is sampled.
    random_state : int, RandomState or None
        Seeds the sample.

    Returns
    -------
    float
        In [-100, 100]; about 0 for permuted labels; invariant to the scale of the features and,
        without a sample, to the order of the rows.

    Raises
    ------
    InputError
        There is one class only, features are constant or not finite, or there is one feature only,
        over which rows have no correlation.

    Notes
    -----
    As published: components, correlations and Spearman. The correlation of two rows depends on the
    signs of the components, which scikit-learn fixes by the largest loading. Ours: a row that does
    not vary over its components has correlation 0 with all others. Labels have two dissimilarities
    only, so the score is a Mann-Whitney statistic in other units. O(n² log n) after the components.

    References
    ----------
    Bolya, Mittapalli, Hoffman: Scalable Diverse Model Selection for Accessible Transfer Learning,
    NeurIPS 2021.
    """
    rows, codes = varied_rows(F, "PARC"), several_classes(y, "PARC")
    check_lengths(rows, codes)
    if rows.shape[1] < 2:
        raise InputError("there is one feature only", remedy="PARC needs two or more")
    chosen = sample_rows(rows, max_rows, base_seed(random_state), codes)
    rows, codes = rows[chosen], codes[chosen]
    several_classes(codes, "PARC")
    upper = np.triu_indices(len(rows), k=1)
    apart = (1.0 - _row_correlations(_components(rows, n_components)))[upper]
    differ = (codes[:, None] != codes[None, :])[upper]
    return _spearman_of_two_values(apart, differ)


def _spearman_of_two_values(values: Floats, upper: Any) -> float:
    # Correlations of equal rows differ by rounding; ties are what is equal to 12 digits.
    ranks = stats.rankdata(np.round(values, 12))
    share, spread = float(upper.mean()), float(ranks.std())
    if spread == 0.0:
        raise InputError("all rows are equally dissimilar", cause="the features hardly vary")
    if share == 1.0:
        raise InputError("no two rows share a class", remedy="PARC needs a class of two rows")
    between = ranks[upper].mean() - ranks[~upper].mean()
    return float(100.0 * between * np.sqrt(share * (1.0 - share)) / spread)


def _components(rows: Floats, n_components: int | None) -> Floats:
    if n_components is None:
        return rows
    centred = rows - rows.mean(axis=0)
    centred /= np.abs(centred).max()
    most = min(n_components, *centred.shape)
    found = principal_components(centred, most)
    spread = found.std(axis=0)
    # A component without variance is rounding, and would still move the mean of each row. A single
    # one gets zeros beside it, so that rows correlate by its sign.
    kept = found[:, spread > 1e-6 * spread.max()]
    return np.asarray(kept if kept.shape[1] > 1 else np.pad(kept, ((0, 0), (0, 1))))


def _row_correlations(rows: Floats) -> Floats:
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.square(centred).sum(axis=1, keepdims=True))
    scale = np.where(lengths > 1e-12 * lengths.max(), lengths, np.inf)
    unit = centred / scale
    return np.asarray(unit @ unit.T)


def _centred(table: Any, unbiased: bool) -> Floats:
    rows = varied_rows(table, "CKA", least=UNBIASED_ROWS if unbiased else 3)
    return _of_unit_size(rows - rows.mean(axis=0))


def _of_unit_size(centred: Floats) -> Floats:
    # The statistics are fourth powers of the features.
    return np.asarray(centred / np.abs(centred).max())


def _aligned(A: Floats, B: Floats, unbiased: bool) -> float:
    measure = _unbiased if unbiased else _plain
    own = measure(A, A) * measure(B, B)
    if own <= 0.0:
        raise InputError(
            "rows differ in nothing but their distance from the mean",
            remedy="use unbiased=False, or more rows",
        )
    value = measure(A, B) / np.sqrt(own)
    return float(np.clip(value, -1.0 if unbiased else 0.0, 1.0))


def _plain(A: Floats, B: Floats) -> float:
    """Return the sum over all entries of the product of the kernels AA' and BB'."""
    if len(A) < min(A.shape[1], B.shape[1]):
        return float(np.vdot(A @ A.T, B @ B.T))
    cross = A.T @ B
    return float(np.vdot(cross, cross))


def _unbiased(A: Floats, B: Floats) -> float:
    """Return Song's unbiased estimate of HSIC, up to a factor, for tables with centred columns.

    K and L are the kernels with zero diagonals. The columns are centred, so a row of K sums to
    minus the squared length of that row of A.
    """
    n = len(A)
    a, b = (np.einsum("ij,ij->i", table, table) for table in (A, B))
    both = float(a @ b)
    trace = _plain(A, B) - both
    return float(trace + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2.0 * both / (n - 2))


def _label_cka_of(statistics: TaskStatistics) -> float:
    features, totals, n = statistics.features, statistics.totals, statistics.n_rows
    centred = np.diag(statistics.squares) - np.outer(totals, totals) / n
    if statistics.task == "regression" and len(totals) > 1:
        raise InputError(
            "statistics do not hold the products of several label columns with each other",
            remedy="pass features and labels, or score one column at a time",
        )
    if n < 3:
        raise InputError(f"there are {n} rows to score", remedy="CKA needs 3 or more")
    if not (np.diag(centred) > 1e-12 * statistics.squares).all():
        raise InputError("the labels are constant", remedy="label CKA needs labels that vary")
    rounding = np.finfo(np.float64).eps * np.linalg.norm(features.mean)
    if features.trace <= 16.0 * n * rounding**2:
        raise InputError(
            "the features are constant", remedy="label CKA needs features that differ among rows"
        )
    shared = float(np.vdot(statistics.products, statistics.products))
    own = np.sqrt(features.frobenius) * np.linalg.norm(centred)
    return float(np.clip(shared / own, 0.0, 1.0))
