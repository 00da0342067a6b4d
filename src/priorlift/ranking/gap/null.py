"""What a gap would be if source and target were one domain: the domain is permuted.

Two halves of one domain have a gap, too, since models of few rows differ. So the labels "source"
and "target" are dealt out anew, many times, and the whole measurement is repeated. For classes they
are dealt within each class, so that only a shift of the rows given their class counts.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.ranking.gap.cross_fit import Folding, cross_fit, fitted, folds_of, mean_gap
from priorlift.ranking.gap.fits import Fitter
from priorlift.ranking.gap.rows import PairRows
from priorlift.ranking.labels import Floats

AT_ONCE = 50


def permuted_domains(pair: PairRows, random: np.random.Generator) -> NDArray[np.bool_]:
    """Deal the domains out anew.

    Parameters
    ----------
    pair : PairRows
        The rows.
    random : Generator
        Draws.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which rows count as the target's. Within each class as many as there were; for a regression
        as many in all; with groups, whole groups of one domain change sides, within each class
        where each group has one class.
    """
    first = units = np.arange(len(pair.y))
    if pair.groups is not None:
        # A group in both domains is two units: its rows in each stay together.
        key = pair.groups * 2 + pair.of_target
        _, first, units = np.unique(key, return_index=True, return_inverse=True)
    of_target = pair.of_target[first].copy()
    strata = np.zeros(len(first), dtype=np.intp)
    alone = pair.groups is None or _one_class_a_unit(units, pair.y)
    if pair.task == "classification" and alone:
        strata = pair.y[first]
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        of_target[inside] = random.permutation(of_target[inside])
    return np.asarray(of_target[units])


def _one_class_a_unit(units: NDArray[np.intp], y: NDArray[np.intp]) -> bool:
    return bool(np.unique(np.stack([units, y]), axis=1).shape[1] == units.max() + 1)


def null_gaps(
    pair: PairRows,
    how: Folding,
    fitter: Fitter,
    n_permutations: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> Floats:
    """Return gaps under permuted domains, shape (R, 2, L): target side first, a column a loss.

    Parameters
    ----------
    pair : PairRows
        The rows.
    how : Folding
        As for the gap that was observed.
    fitter : Fitter
        As for the gap that was observed.
    n_permutations : int
        How many are drawn.
    seed : int
        Of permutations and folds.
    progress : callable, optional
        Told how many permutations were done since the last call.

    Notes
    -----
    A permutation of groups that leaves a domain without two classes is left out, so R may be
    smaller than `n_permutations`. Time: 2 n_splits n_repeats fits each.
    """
    found = []
    for first in range(0, n_permutations, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, n_permutations))
        drawn = []
        for number in numbers:
            own = derive_seed(seed, "permutation", str(number))
            of_target = permuted_domains(pair, np.random.default_rng(own))
            try:
                drawn.append((of_target, folds_of(pair, of_target, how, own)))
            except InputError:
                continue
        models = fitted([fold for _, folds in drawn for fold in folds], fitter)
        for of_target, folds in drawn:
            own_models, models = models[: len(folds)], models[len(folds) :]
            crossed = cross_fit(pair, folds, own_models, how.losses)
            found.append(
                [
                    [
                        mean_gap(crossed.difference(name, of_target), pair.weight, of)
                        for name in how.losses
                    ]
                    for of in (of_target, ~of_target)
                ]
            )
        if progress is not None:
            progress(len(numbers))
    return np.array(found).reshape(-1, 2, len(how.losses))


def p_value(observed: float, null: Floats) -> float | None:
    """Return (1 + #{null >= observed}) / (R + 1); None without permutations."""
    known = null[~np.isnan(null)]
    if not len(known) or np.isnan(observed):
        return None
    # Gaps of 0-1 losses are sums of few fractions: equal ones may differ by rounding.
    return float((1 + (known >= observed - 1e-12).sum()) / (len(known) + 1))
