"""What a search's work is made of: what all units have in common, and a unit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.search.plan import Candidate, is_pairwise
from priorlift.search.scoring import Scoring


@dataclass(frozen=True, eq=False)
class Work:
    """What evaluating any unit of a search needs; the same for all of them.

    Parameters
    ----------
    estimator : estimator
        Unfitted.
    X, y : array-like
        All rows.
    scoring : Scoring
        How predictions are judged.
    fit_params : mapping
        What `fit` is given beside X and y, not cut to rows.
    return_train_score : bool
        Whether training rows are scored, too.
    verbose : int
        As in scikit-learn.
    memory_limit : int or None
        Bytes of rows that one worker may hold.
    paths : bool
        Whether warm-started paths are allowed.
    n_candidates, n_splits : int
        For messages.
    recipe : EngineRecipe or None
        Makes the engine that solves chains and heads from second moments.
    """

    estimator: Any
    X: Any
    y: Any
    scoring: Scoring
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    return_train_score: bool = False
    verbose: int = 0
    memory_limit: int | None = None
    paths: bool = False
    n_candidates: int = 0
    n_splits: int = 0
    recipe: Any = None

    @cached_property
    def reads_distances(self) -> bool:
        """Whether the rows of X are distances to all rows."""
        return is_pairwise(self.estimator)


@dataclass(frozen=True, eq=False)
class Unit:
    """Candidates to be evaluated together on one fold.

    Parameters
    ----------
    fold : int
        Position of the fold.
    train, test : ndarray of int
        Its rows.
    candidates : sequence of Candidate
        What is evaluated.
    """

    fold: int
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    candidates: Sequence[Candidate]
