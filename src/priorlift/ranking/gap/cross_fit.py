"""Cross-fitted losses: each row is judged by models that have not seen it.

The rows of both domains are split into folds. On the training rows of a fold one model learns from
the source and one from the target; both are judged on the fold's other rows, of both domains.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core import arrays
from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.ranking.gap.fits import Fitter
from priorlift.ranking.gap.losses import row_losses
from priorlift.ranking.gap.rows import PairRows
from priorlift.ranking.inner_validation import inner_splits
from priorlift.ranking.labels import Floats


@dataclass(frozen=True)
class Folding:
    """How rows are split.

    Attributes
    ----------
    n_splits, n_repeats : int
        Folds, and how often they are drawn anew.
    matched_size : bool
        Whether the source's model learns from as many rows as the target's.
    losses : tuple of str
        What is measured.
    """

    n_splits: int
    n_repeats: int
    matched_size: bool
    losses: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Fold:
    """Training and test rows of one fold, as positions in a pair."""

    source_train: NDArray[np.intp]
    target_train: NDArray[np.intp]
    test: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Losses of all rows of a pair, averaged over the folds that judged them.

    Attributes
    ----------
    by_source, by_target : mapping of str to ndarray of shape (n,)
        Of the model that learned from the source and from the target; NaN in rows never judged.
    """

    by_source: Mapping[str, Floats]
    by_target: Mapping[str, Floats]

    def difference(self, loss: str, of_target: NDArray[np.bool_]) -> Floats:
        """Return what the other domain's model loses on each row, shape (n,)."""
        source, target = self.by_source[loss], self.by_target[loss]
        return np.where(of_target, source - target, target - source)


def folds_of(pair: PairRows, of_target: NDArray[np.bool_], how: Folding, seed: int) -> list[Fold]:
    """Split the rows of both domains into folds.

    Parameters
    ----------
    pair : PairRows
        The rows.
    of_target : ndarray of bool, shape (n,)
        Which count as the target's.
    how : Folding
        Numbers of folds and repeats.
    seed : int
        Seeds the folds and the rows of a matched size.

    Raises
    ------
    InputError
        A domain cannot be split.

    Notes
    -----
    A fold in which one domain has no test rows judges the other domain alone. Where domains share
    groups, they are split together, and a fold in which a domain would lose a class is left out.
    """
    found = []
    for repeat in range(how.n_repeats):
        drawn = derive_seed(seed, "folds", str(repeat))
        if pair.groups is not None and _share_groups(pair.groups, of_target):
            found += _joint_folds(pair, of_target, how, drawn)
            continue
        source = _splits(pair, ~of_target, how.n_splits, drawn, "source")
        target = _splits(pair, of_target, how.n_splits, drawn, "target")
        for place in range(max(len(source), len(target))):
            # A domain with fewer folds than the other uses them again, and judges nothing twice.
            source_train, source_test = source[place % len(source)]
            target_train, target_test = target[place % len(target)]
            test = np.concatenate(
                [
                    source_test if place < len(source) else source_test[:0],
                    target_test if place < len(target) else target_test[:0],
                ]
            )
            found.append(Fold(source_train, target_train, test))
    if not how.matched_size:
        return found
    random = np.random.default_rng(derive_seed(seed, "matched"))
    return [
        replace(fold, source_train=matched(pair, fold.source_train, len(fold.target_train), random))
        for fold in found
    ]


def _share_groups(groups: NDArray[Any], of_target: NDArray[np.bool_]) -> bool:
    return bool(np.isin(groups[of_target], groups[~of_target]).any())


def _joint_folds(
    pair: PairRows, of_target: NDArray[np.bool_], how: Folding, seed: int
) -> list[Fold]:
    """Split both domains at once, so that a group which is in both is on one side only."""
    found = []
    for train, test in inner_splits(pair.y, pair.groups, pair.task, seed, how.n_splits):
        source, target = train[~of_target[train]], train[of_target[train]]
        if _whole(pair, source, ~of_target) and _whole(pair, target, of_target):
            found.append(Fold(source, target, test))
    judged = np.concatenate([fold.test for fold in found]) if found else np.empty(0, dtype=np.intp)
    if not of_target[judged].any() or of_target[judged].all():
        raise InputError(
            "target and source cannot be split into folds",
            cause="they share groups, and without one of these a class is gone",
            remedy="pass data of more groups",
        )
    return found


def _whole(pair: PairRows, rows: NDArray[np.intp], of: NDArray[np.bool_]) -> bool:
    """Tell whether rows hold all classes of their domain; for a regression, at least two rows."""
    if pair.task == "regression":
        return len(rows) > 1
    return len(np.unique(pair.y[rows])) == len(np.unique(pair.y[of]))


def _splits(
    pair: PairRows, of: NDArray[np.bool_], n_splits: int, seed: int, which: str
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    rows = np.flatnonzero(of)
    groups = None if pair.groups is None else pair.groups[rows]
    if groups is None:
        codes = pair.y[rows] if pair.task == "classification" else None
        splits = dealt_splits(len(rows), codes, seed, n_splits)
    else:
        splits = inner_splits(pair.y[rows], groups, pair.task, seed, n_splits)
    if not splits:
        unit = "rows" if groups is None else "groups"
        raise InputError(
            f"the {which} cannot be split into folds",
            cause=f"fewer than two {unit}, or fewer than two in each of two classes",
            remedy="label more rows",
        )
    return [(rows[train], rows[test]) for train, test in splits]


def dealt_splits(
    n: int, codes: NDArray[np.intp] | None, seed: int, n_splits: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Deal rows out to folds, class by class, as `inner_splits` does, in a fraction of its time.

    Parameters
    ----------
    n : int
        Rows.
    codes : ndarray of shape (n,) or None
        Codes of their classes; None for a regression.
    seed : int
        Seeds the order.
    n_splits : int
        At most; fewer where a class has fewer rows. A class of one row always trains.
    """
    codes = np.zeros(n, dtype=np.intp) if codes is None else codes
    counts = np.bincount(codes)
    several = counts[counts > 1]
    n_splits = min(n_splits, int(several.min(initial=n)))
    classified = (counts > 0).sum() > 1
    if n_splits < 2 or (classified and len(several) < 2):
        return []
    mixed = np.random.default_rng(seed).permutation(np.flatnonzero(counts[codes] > 1))
    mixed = mixed[np.argsort(codes[mixed], kind="stable")]
    fold = np.full(n, -1)
    fold[mixed] = np.arange(len(mixed)) % n_splits
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_splits)]


def matched(
    pair: PairRows, rows: NDArray[np.intp], size: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return a sample of rows, at least one of each class, the shares of the classes kept."""
    if len(rows) <= size:
        return rows
    if pair.task == "regression":
        return np.sort(random.choice(rows, size, replace=False))
    mixed = random.permutation(rows)
    codes = pair.y[mixed]
    # The k-th row of a class of c rows stands at (k + 1/2) / c: the first ones are spread evenly.
    place = np.empty(len(mixed))
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
        place[own[0]] = -1.0
    return np.sort(mixed[np.argsort(place, kind="stable")[: max(size, len(np.unique(codes)))]])


def fitted(folds: list[Fold], fitter: Fitter) -> list[tuple[Any, Any]]:
    """Return the source's and the target's model of each fold."""
    by_source = fitter.fit_many([fold.source_train for fold in folds])
    by_target = fitter.fit_many([fold.target_train for fold in folds])
    return list(zip(by_source, by_target, strict=True))


def cross_fit(
    pair: PairRows, folds: list[Fold], models: list[tuple[Any, Any]], names: tuple[str, ...]
) -> CrossFit:
    """Judge each row by the models of the folds in which it did not train.

    Parameters
    ----------
    pair : PairRows
        The rows.
    folds : list of Fold
        From `folds_of`.
    models : list of (source's model, target's model)
        One pair a fold.
    names : tuple of str
        Losses.
    """
    n = len(pair.y)
    sums = {(side, name): np.zeros(n) for side in (0, 1) for name in names}
    times = np.zeros(n)
    for fold, both in zip(folds, models, strict=True):
        X, y = arrays.take_rows(pair.X, fold.test), pair.y[fold.test]
        for side, model in enumerate(both):
            try:
                found = row_losses(model, X, y, names, pair.scale)
            except (TypeError, ValueError) as error:
                # An estimator of the caller's may complain in its own way.
                raise InputError(f"{type(model).__name__} cannot predict: {error}") from error
            for name, losses in found.items():
                sums[side, name][fold.test] += losses
        times[fold.test] += 1.0
    with np.errstate(invalid="ignore"):
        mean = {key: total / times for key, total in sums.items()}
    return CrossFit(
        {name: mean[0, name] for name in names}, {name: mean[1, name] for name in names}
    )


def mean_gap(differences: Floats, weight: Floats, of: NDArray[np.bool_]) -> float:
    """Return the weighted mean of the judged rows of one domain."""
    used = of & ~np.isnan(differences)
    total = float(weight[used].sum())
    return float(weight[used] @ differences[used]) / total if total > 0 else float("nan")
