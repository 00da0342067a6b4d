"""What a score says of shuffled labels: the part of it that has nothing to do with the labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from priorlift.ranking.scores.inputs import classified_rows, own_order


def over_chance(
    score: Callable[[Any, ArrayLike], float], F: Any, y: ArrayLike, *, n_permutations: int = 8
) -> float:
    """Return how much a score exceeds its mean over shuffled labels.

    Scores that grow with the dimensions of the features, TransRate and SFDA say, can prefer a
    source whose features have many to one whose features tell the classes apart. What they say of
    shuffled labels is that part alone.

    Parameters
    ----------
    score : callable
        From features and classes to a number.
    F : array or CSR of shape (n, d)
        Features.
    y : array-like of shape (n,)
        Classes.
    n_permutations : int, default=8
        How often to shuffle; the order in which the rows come does not matter.

    Notes
    -----
    Our choice. The cost is that of 1 + `n_permutations` scores.
    """
    rows, codes = classified_rows(F, y, "the score")
    order = own_order(rows, codes)
    rows, codes = rows[order], codes[order]
    draws = np.random.default_rng(0)
    chance = [score(rows, draws.permutation(codes)) for _ in range(n_permutations)]
    return score(rows, codes) - float(np.mean(chance))
