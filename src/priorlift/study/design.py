"""The two designs of a study, chosen by how many labels there are, and their splits.

*Label budgets*: one held-out test part and many draws of each budget from the rest; for targets
with labels to spare. *Scarce target*: repeated cross-validation with every labelled row in play.
Splits depend on the target's rows and the seed alone, so any process can compute them again.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.pool import Target, Task

MIN_TEST_ROWS = 200
MIN_DRAWS = 20
MIN_REPEATS = 10
MIN_LABELS = 10
N_FOLDS = 5
DEFAULT_BUDGETS = (10, 20, 50, 100, 200)

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """One training set and the test rows that judge it.

    Attributes
    ----------
    budget : int
        Labelled training rows.
    draw : int
        Number of the draw, or of the repeat of cross-validation.
    fold : int
        Number of the fold; 0 for label budgets.
    """

    budget: int
    draw: int
    fold: int = 0


@dataclass(frozen=True)
class Design:
    """How the target's labelled rows are split, and why so.

    Attributes
    ----------
    kind : {"label budgets", "scarce target"}
        Which of the two designs.
    reason : str
        Why it was chosen, in a sentence.
    budgets : tuple of int
        Labelled training rows, rising; verdicts are about the last.
    n_draws : int
        Draws of each budget, or repeats of cross-validation.
    n_folds : int
        Folds of each repeat; 1 for label budgets.
    n_test : int
        Test rows asked for; in cross-validation every labelled row is one.
    n_labelled : int
        Labelled rows of the target.
    n_pool : int
        Rows from which the draws come.
    grouped : bool
        Whether groups are kept whole.
    seed : int
        Seeds all splits.
    """

    kind: Literal["label budgets", "scarce target"]
    reason: str
    budgets: tuple[int, ...]
    n_draws: int
    n_folds: int
    n_test: int
    n_labelled: int
    n_pool: int
    grouped: bool
    seed: int

    @property
    def splits(self) -> tuple[Split, ...]:
        """All splits, whole draws first, so that a run that is cut short has complete ones."""
        return tuple(
            Split(budget, draw, fold)
            for draw in range(self.n_draws)
            for fold in range(self.n_folds)
            for budget in self.budgets
        )

    @property
    def largest(self) -> int:
        """The largest budget: the one that verdicts are about."""
        return self.budgets[-1]

    def overlap(self, budget: int) -> float:
        """Return the share of the pool that one draw takes."""
        return budget / self.n_pool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for plans and hashes."""
        return asdict(self) | {"budgets": list(self.budgets)}


def choose_design(
    target: Target,
    task: Task,
    label_budgets: Sequence[int] | None = None,
    n_splits: int = MIN_DRAWS,
    seed: int = 0,
) -> Design:
    """Choose the design that the target's labels allow.

    Parameters
    ----------
    target : Target
        Its labelled rows are split.
    task : {"classification", "regression"}
        Splits of a classification target are stratified.
    label_budgets : sequence of int, optional
        Labelled training rows to try; by default up to five from 10 to 200. A budget of 0 asks what
        the sources alone can do.
    n_splits : int, default=20
        Draws, or folds over all repeats.
    seed : int
        Seeds the splits.

    Returns
    -------
    Design
        Label budgets where at least 200 test rows remain, the largest budget is at most half of the
        rest and there are at least 20 draws; else scarce target, with at least ten repeats.

    Raises
    ------
    InputError
        Fewer than ten labelled rows, a class with one row, or a budget that cannot be drawn.
    """
    y = target.y[target.labelled]
    n_classes = _check_labels(target, y, task)
    wanted = _check_budgets(label_budgets, n_classes)
    room = (len(y) - MIN_TEST_ROWS) // 2
    if wanted is None:
        budgets = tuple(n for n in DEFAULT_BUDGETS if 2 * n_classes <= n <= room)[-3:]
    else:
        budgets = wanted
    if budgets and budgets[-1] <= room and n_splits >= MIN_DRAWS:
        return _label_budgets(target, y, task, budgets, n_splits, seed)
    cause = f"{n_splits} draws are fewer than {MIN_DRAWS}"
    if not budgets or budgets[-1] > room:
        cause = (
            f"{len(y)} labelled rows leave no room for {MIN_TEST_ROWS} test rows "
            "and twice the budget"
        )
    return _scarce_target(target, y, task, wanted, n_splits, seed, cause)


def _label_budgets(
    target: Target, y: NDArray[Any], task: Task, budgets: tuple[int, ...], n_splits: int, seed: int
) -> Design:
    n_test = min(max(MIN_TEST_ROWS, len(y) // 3), len(y) - 2 * budgets[-1])
    groups = None if target.groups is None else target.groups[target.labelled]
    pool, test = _test_part(y, groups, task, n_test, seed)
    cause = None
    if len(pool) < 2 * budgets[-1]:
        cause = "whole groups leave too few rows beside a test part"
    elif task == "classification" and len(np.unique(y[pool])) < len(np.unique(y)):
        cause = "a class would stand in the test part only"
    if cause is not None:
        return _scarce_target(target, y, task, budgets, n_splits, seed, cause)
    reason = (
        f"{len(y)} labelled rows allow {len(test)} held-out test rows and {n_splits} draws "
        f"of up to {budgets[-1]} from the other {len(pool)}"
    )
    return Design(
        "label budgets",
        reason,
        budgets,
        n_splits,
        1,
        n_test,
        len(y),
        len(pool),
        groups is not None,
        seed,
    )


def _scarce_target(
    target: Target,
    y: NDArray[Any],
    task: Task,
    wanted: tuple[int, ...] | None,
    n_splits: int,
    seed: int,
    cause: str,
) -> Design:
    n_folds = min(N_FOLDS, len(y))
    if task == "classification":
        n_folds = max(2, min(n_folds, int(np.unique(y, return_counts=True)[1].min())))
    if target.groups is not None:
        n_groups = len(np.unique(target.groups[target.labelled]))
        if n_groups < 2:
            raise InputError(
                "all labelled rows are of one group, so none can be held out",
                where=f"target {target.name!r}",
                remedy="label rows of another group, or leave groups out",
            )
        n_folds = min(n_folds, n_groups)
    full = len(y) * (n_folds - 1) // n_folds
    n_repeats = max(MIN_REPEATS, -(-n_splits // n_folds))
    most = full - 1
    if target.groups is not None:
        most = min(most, _smallest_training_part(target, y, task, n_folds, n_repeats, seed))
    fewest = 2 * (len(np.unique(y)) if task == "classification" else 2)
    asked = wanted if wanted is not None else (full // 2,)
    smaller = tuple(sorted({n for n in asked if n == 0 or fewest <= n <= most}))
    reason = (
        f"{cause}; every row is judged in {n_repeats} repeats of {n_folds}-fold cross-validation"
    )
    left_out = [str(n) for n in wanted or () if n not in (*smaller, full)]
    if left_out:
        reason += f"; budgets of {', '.join(left_out)} cannot be drawn from its folds"
    return Design(
        "scarce target",
        reason,
        (*smaller, full),
        n_repeats,
        n_folds,
        len(y),
        len(y),
        len(y),
        target.groups is not None,
        seed,
    )


def split_rows(target: Target, design: Design, task: Task, split: Split) -> tuple[Rows, Rows]:
    """Return the training and test rows of a split, as positions in the target.

    Parameters
    ----------
    target : Target
        The target that the design was made for.
    design : Design
        How its rows are split.
    task : {"classification", "regression"}
        Whether splits are stratified.
    split : Split
        Which one.

    Returns
    -------
    train, test : ndarray of int
        Sorted; train is empty at budget 0.
    """
    pool, test = training_part(target, design, task, split.draw, split.fold)
    if design.kind == "scarce target" and split.budget == design.largest:
        return pool, test
    seed = derive_seed(design.seed, "draw", str(split.budget), str(split.draw), str(split.fold))
    train = pool[_draw(target.y[pool], split.budget, task, seed)]
    return np.sort(train), test


def training_part(
    target: Target, design: Design, task: Task, draw: int = 0, fold: int = 0
) -> tuple[Rows, Rows]:
    """Return the rows that training samples are drawn from, and the test rows beside them.

    Parameters
    ----------
    target : Target
        The target that the design was made for.
    design : Design
        How its rows are split.
    task : {"classification", "regression"}
        Whether splits are stratified.
    draw, fold : int
        Repeat and fold of cross-validation; with label budgets all draws have one test part.

    Returns
    -------
    train, test : ndarray of int
        Sorted positions of labelled rows in the target.
    """
    labelled = np.flatnonzero(target.labelled)
    if design.kind == "label budgets":
        train, test = _cached_test_part(target, design, task)
    else:
        train, test = _cached_folds(target, design, task, draw)[fold]
    return labelled[train], labelled[test]


def _draw(y: NDArray[Any], n: int, task: Task, seed: int, share: int = 1) -> Rows:
    """Draw n rows, stratified; a class that is due few rows gets two, or 1/share of its rows."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    if task == "regression" or n == 0:
        return order[:n]
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    quota = _quotas(counts, n, np.minimum(counts // share, 2 if n >= 2 * len(counts) else 1))
    kept = [order[codes[order] == c][: quota[c]] for c in range(len(classes))]
    return np.concatenate(kept)


def _quotas(counts: NDArray[np.intp], n: int, floor: NDArray[np.intp]) -> NDArray[np.intp]:
    # Largest remainders, but some rows of every class before any class gets its share.
    share = np.maximum(counts * n / counts.sum(), floor)
    quota = np.minimum(np.floor(share).astype(int), counts)
    while quota.sum() > n:
        quota[np.argmax(np.where(quota > floor, quota - share, -np.inf))] -= 1
    while quota.sum() < n:
        quota[np.argmax(np.where(quota < counts, share - quota, -np.inf))] += 1
    return np.asarray(quota)


def _test_part(
    y: NDArray[Any], groups: NDArray[Any] | None, task: Task, n_test: int, seed: int
) -> tuple[Rows, Rows]:
    seed = derive_seed(seed, "test part")
    if groups is None:
        # A rare class gives at most half of its rows to the test part.
        test = np.sort(_draw(y, n_test, task, seed, share=2))
    else:
        names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        order = np.random.default_rng(seed).permutation(len(names))
        n_groups = int(np.searchsorted(np.cumsum(sizes[order]), n_test)) + 1
        test = np.flatnonzero(np.isin(codes, order[:n_groups]))
    return np.setdiff1d(np.arange(len(y)), test), test


@lru_cache(maxsize=8)
def _cached_test_part(target: Target, design: Design, task: Task) -> tuple[Rows, Rows]:
    y = target.y[target.labelled]
    groups = None if target.groups is None else target.groups[target.labelled]
    return _test_part(y, groups, task, design.n_test, design.seed)


@lru_cache(maxsize=64)
def _cached_folds(
    target: Target, design: Design, task: Task, repeat: int
) -> list[tuple[Rows, Rows]]:
    return _folds(target, target.y[target.labelled], task, design.n_folds, repeat, design.seed)


def _smallest_training_part(
    target: Target, y: NDArray[Any], task: Task, n_folds: int, n_repeats: int, seed: int
) -> int:
    """Whole groups make folds of uneven size; a budget must fit beside each of them."""
    return min(
        len(train)
        for repeat in range(n_repeats)
        for train, _ in _folds(target, y, task, n_folds, repeat, seed)
    )


def _folds(
    target: Target, y: NDArray[Any], task: Task, n_folds: int, repeat: int, seed: int
) -> list[tuple[Rows, Rows]]:
    groups = None if target.groups is None else target.groups[target.labelled]
    seed = derive_seed(seed, "folds", str(repeat))
    stratified = task == "classification"
    if stratified:
        # scikit-learn does not take integers that stand in an object array for classes.
        y = np.unique(y, return_inverse=True)[1]
    if groups is None:
        kind = StratifiedKFold if stratified else KFold
    else:
        kind = StratifiedGroupKFold if stratified else GroupKFold
    folds = kind(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is possible with groups; the trials say so where it
        # matters.
        warnings.simplefilter("ignore")
        return list(folds.split(np.empty((len(y), 1)), y, groups))


def _check_labels(target: Target, y: NDArray[Any], task: Task) -> int:
    where = f"target {target.name!r}"
    if len(y) < MIN_LABELS:
        raise InputError(
            f"has {len(y)} labelled rows, a study needs at least {MIN_LABELS}",
            where=where,
            remedy="label more rows; with so few, no comparison can be proved",
        )
    if task == "regression":
        return 1
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"has one class only ({arrays.plain(classes[0])!r})",
            where=where,
            cause="the label column does not vary",
            remedy="name another label column, or label rows of another class",
        )
    if counts.min() < 2:
        rare = classes[int(np.argmin(counts))]
        raise InputError(
            f"class {arrays.plain(rare)!r} has one row only",
            where=where,
            remedy="label more rows of it, merge it with another class, or leave it out",
        )
    return len(classes)


def _check_budgets(budgets: Sequence[int] | None, n_classes: int) -> tuple[int, ...] | None:
    if budgets is None:
        return None
    kept = tuple(sorted({int(n) for n in budgets}))
    if not kept or kept[0] < 0 or kept[-1] < 1:
        raise InputError(
            f"label budgets are {list(budgets)}", remedy="pass positive numbers of rows"
        )
    small = [n for n in kept if 0 < n < max(n_classes, 2)]
    if small:
        raise InputError(
            f"a budget of {small[0]} labels cannot hold one row of each of {n_classes} classes",
            remedy=f"use at least {n_classes}",
        )
    return kept
