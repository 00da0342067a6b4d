"""Task2Vec: a task as the Fisher information of a head over fixed features.

Features whose weights the labels pin down have a large Fisher information; two tasks that lean on
the same features are alike. For a linear head it has a closed form, so a task costs one logistic
regression and one product.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.labels import Floats
from priorlift.ranking.scores.inputs import (
    check_lengths,
    sample_rows,
    several_classes,
    varied_rows,
)


def task2vec(
    F: Any,
    y: ArrayLike,
    *,
    inverse_penalty: float = 1.0,
    max_rows: int = 5000,
    random_state: RandomState = 0,
) -> Floats:
    """Return the Task2Vec embedding of a task: the diagonal Fisher information of a linear head.

    A head with probabilities p has for the weight of feature j and class c the information
    f_jc = mean_i z_ij² p_ic (1 - p_ic); the embedding is the mean over classes.

    Parameters
    ----------
    F : array or sparse matrix of shape (n, d)
        Rows in features that all tasks share.
    y : array-like of shape (n,)
        Classes.
    inverse_penalty : float, default=1.0
        The head's C, as in scikit-learn.
    max_rows : int, default=5000
        A larger data set is sampled.
    random_state : int, RandomState or None
        Seeds the sample.

    Returns
    -------
    ndarray of shape (d,)
        Non-negative. Does not depend on the order of rows or the names of classes. A feature
        scaled by c has c² times the information, which cancels between two tasks in the same units.

    Raises
    ------
    InputError
        There is one class only, features are constant or not finite, or lengths differ.

    Notes
    -----
    As published: the Fisher information of a probe network, of which the last layer is left here.
    As in the authors' code: one number for all weights that leave a feature. Our choice: the closed
    form, which is the expectation over the head's own labels and needs no sampling; a logistic
    regression on standardised features as the head; the mean over classes, so that tasks with
    different classes can be compared. O(n d C) an iteration.

    References
    ----------
    Achille et al.: Task2Vec: Task Embedding for Meta-Learning, ICCV 2019 (arXiv:1902.03545).

    Examples
    --------
    >>> import numpy as np
    >>> F = np.array([[0.0, 1.0], [1.0, 0.0], [4.0, 0.0], [5.0, 1.0]])
    >>> task2vec(F, ["a", "a", "b", "b"]).shape
    (2,)
    """
    rows, codes = varied_rows(F, "Task2Vec"), several_classes(y, "Task2Vec")
    check_lengths(rows, codes)
    chosen = sample_rows(rows, max_rows, base_seed(random_state), codes)
    rows, codes = rows[chosen], several_classes(codes[chosen], "Task2Vec")
    # To the end of the descent: half-fitted heads would differ by where they stopped.
    head = LogisticRegression(C=inverse_penalty, max_iter=2000, tol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_pipeline(StandardScaler(), head).fit(rows, codes)
    p = model.predict_proba(rows)
    return np.asarray((np.square(rows).T @ (p * (1.0 - p))).mean(axis=1) / len(rows))


def task2vec_similarity(first: ArrayLike, second: ArrayLike) -> float:
    """Return the cosine of F_a / (F_a + F_b) and F_b / (F_a + F_b), for two embeddings.

    Parameters
    ----------
    first, second : array-like of shape (d,)
        Embeddings from `task2vec` over the same features.

    Returns
    -------
    float
        In [0, 1], 1 for a task with itself; symmetric; invariant to a change of units of a feature
        that both tasks share.

    Raises
    ------
    InputError
        The lengths differ, a value is negative or not finite, or an embedding is all zero.

    Notes
    -----
    As in the authors' code, which returns 1 minus it and adds 1e-8 to the denominators; here a
    feature on which neither task has information counts for nothing.

    Examples
    --------
    >>> task2vec_similarity([1.0, 2.0, 0.0], [1.0, 2.0, 0.0])
    1.0
    """
    a, b = _embeddings(first, second)
    whole = a + b
    shares = np.divide(a, whole, out=np.zeros_like(a), where=whole > 0.0)
    rest = np.divide(b, whole, out=np.zeros_like(b), where=whole > 0.0)
    lengths = np.sqrt((shares @ shares) * (rest @ rest))
    return float(min(shares @ rest / lengths, 1.0))


def task2vec_transfer(
    source: ArrayLike, target: ArrayLike, *, alpha: float = 0.15, prior: float = 0.01
) -> float:
    """Return the asymmetric form: near to the target, far from the trivial task.

    With d = 1 - `task2vec_similarity`, it is alpha d(source, trivial) - d(source, target): of two
    sources as near, the more complex one is preferred.

    Parameters
    ----------
    source, target : array-like of shape (d,)
        Embeddings from `task2vec` over the same features.
    alpha : float, default=0.15
        Weight of the source's complexity.
    prior : float, default=0.01
        Information of the trivial task on every feature, in units of the mean information of the
        two tasks; it is added to both.

    Returns
    -------
    float
        In [-1, alpha]; larger is better.

    Raises
    ------
    InputError
        As `task2vec_similarity`.

    Notes
    -----
    After the published form; neither its alpha nor its trivial embedding could be read there. In
    the authors' code the trivial task is what the prior alone would give, and so it is here.
    """
    a, b = _embeddings(source, target)
    trivial = np.full_like(a, prior * (a.mean() + b.mean()) / 2.0)
    a, b = a + trivial, b + trivial
    complexity = 1.0 - task2vec_similarity(a, trivial)
    return alpha * complexity - (1.0 - task2vec_similarity(a, b))


def _embeddings(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = (np.asarray(given, dtype=np.float64) for given in (first, second))
    if a.ndim != 1 or a.shape != b.shape:
        raise InputError(
            f"embeddings of shapes {a.shape} and {b.shape} do not match",
            cause="they come from different features",
        )
    for given in (a, b):
        if not np.isfinite(given).all() or (given < 0.0).any():
            raise InputError("an embedding holds a value that is negative or not finite")
        if not given.any():
            raise InputError("an embedding is all zero", cause="the task is trivial")
    return a, b
