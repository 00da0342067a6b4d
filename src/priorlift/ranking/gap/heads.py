"""Gaps between many tasks on the same features, through one head a task.

Where an encoder is shared, the gap of two tasks is that of their heads on its features: each head
is fitted on its own task and judged on all. The matrix of losses says which tasks can share.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed, derive_seed
from priorlift.core.tables import to_frame
from priorlift.pool import TaskData
from priorlift.ranking.gap.fits import CloneFitter
from priorlift.ranking.gap.losses import resolve_losses, row_losses
from priorlift.ranking.gap.rows import PairRows
from priorlift.ranking.inner_validation import inner_splits
from priorlift.ranking.labels import Floats


@dataclass(frozen=True, eq=False)
class HeadGaps:
    """Losses of each task's head on each task, and the gaps that follow.

    Attributes
    ----------
    names : tuple of str
        The T tasks.
    losses : ndarray of shape (T, T)
        Row t, column k: mean loss of the head of task t on held-out rows of task k.
    gaps : ndarray of shape (T, T)
        Off-diagonal minus diagonal, both ways: losses[t, k] - losses[k, k] + losses[k, t] -
        losses[t, t]. Symmetric, 0 on the diagonal; it can be negative.
    loss : str
        Which.
    """

    names: tuple[str, ...]
    losses: Floats
    gaps: Floats
    loss: str

    def to_frame(self) -> Any:
        """Return one row a task with its gap to each, as pandas, polars or pyarrow."""
        columns: dict[str, list[Any]] = {"task": list(self.names)}
        return to_frame(
            columns | {n: self.gaps[:, place].tolist() for place, n in enumerate(self.names)}
        )


def head_gaps(
    tasks: Iterable[TaskData],
    *,
    head: Any = None,
    loss: Any = "auto",
    n_splits: int = 3,
    random_state: RandomState = None,
) -> HeadGaps:
    """Measure the gaps between tasks through heads on shared features.

    Parameters
    ----------
    tasks : iterable of Target or Source
        Two or more; X are features of one width, of a frozen network say, and labels have one
        meaning. Rows without label are left out.
    head : estimator, optional
        By default a logistic regression or a ridge regression with scikit-learn's settings.
    loss : str
        As for `performance_gap`; the default is log-loss where the head gives probabilities, which
        tells heads apart that make the same mistakes, and else as there.
    n_splits : int, default=3
        Folds; each head is judged on rows that none of the heads has seen.
    random_state : int, RandomState or None
        Seeds the folds.

    Returns
    -------
    HeadGaps

    Raises
    ------
    InputError
        There are fewer than two tasks, they are not all of one kind, or one cannot be split.

    Notes
    -----
    After Wang et al., JMLR 24(33), 2023, for multitask learning; this form is our choice. It takes
    T n_splits fits.

    Examples
    --------
    >>> import numpy as np
    >>> from priorlift.pool import Source
    >>> X = np.random.default_rng(0).normal(size=(90, 3))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> found = head_gaps([Source("a", X, y), Source("b", X, y), Source("c", X, 1 - y)])
    >>> bool(found.gaps[0, 2] > found.gaps[0, 1])
    True
    """
    several = sorted((task.take(task.labelled) for task in tasks), key=lambda task: task.name)
    kinds = {task.task for task in several}
    if len(several) < 2 or len(kinds) > 1 or None in kinds:
        raise InputError(
            f"{len(several)} tasks of kind {', '.join(map(str, sorted(map(str, kinds))))}",
            remedy="pass two or more tasks of one kind, with task= where labels leave doubt",
        )
    kind = several[0].task or "classification"
    regression = kind == "regression"
    estimator = head or (Ridge() if regression else LogisticRegression())
    names = resolve_losses(loss, kind, estimator)
    name = names[-1] if isinstance(loss, str) and loss == "auto" else names[0]
    y = [task.y.astype(float) if regression else task.y for task in several]
    if not regression:
        classes = np.unique(np.concatenate(y))
        y = [np.searchsorted(classes, labels) for labels in y]
    seed = base_seed(random_state)
    heads, splits = [], []
    for task, labels in zip(several, y, strict=True):
        own = derive_seed(seed, task.fingerprint)
        found = inner_splits(labels, task.groups, kind, own, n_splits)
        if not found:
            raise InputError(
                "cannot be split into folds", where=f"task {task.name!r}", remedy="label more rows"
            )
        n = task.n_rows
        everywhere = np.ones(n, dtype=bool)
        rows = PairRows(
            task.X, labels, np.ones(n), task.groups, everywhere, np.arange(n), kind, 1.0, 0, ()
        )
        heads.append(CloneFitter(estimator, rows, own).fit_many([train for train, _ in found]))
        splits.append(found)
    losses = np.array(
        [
            [
                np.mean(
                    [
                        row_losses(
                            own[fold % len(own)],
                            arrays.take_rows(task.X, test),
                            labels[test],
                            (name,),
                            float(labels.var()) if regression else 1.0,
                        )[name].mean()
                        for fold, (_, test) in enumerate(tests)
                    ]
                )
                for task, labels, tests in zip(several, y, splits, strict=True)
            ]
            for own in heads
        ]
    )
    own_losses = np.diag(losses)
    one_way = losses - own_losses[None, :]
    return HeadGaps(tuple(task.name for task in several), losses, one_way + one_way.T, name)
