"""The second-moment engine of a search: made once in each process that needs it.

The engine reads all rows once and then knows every fold, so units of one search should share it.
Sending it would cost more than making it: it holds a Gram matrix a fold, and the rows.
"""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from priorlift.search.heads import HeadGroup, head_groups
from priorlift.search.moments import MomentEngine, solves
from priorlift.search.plan import Candidate
from priorlift.search.work import Work

_counter = itertools.count()
# The engine of the search that this process works on, and the groups of its candidates: folds share
# both. The candidates are kept, so that their place in memory is not given to others.
_made: dict[str, Any] = {}
_groups: dict[int, tuple[Sequence[Candidate], list[HeadGroup]]] = {}


@dataclass(frozen=True, eq=False)
class EngineRecipe:
    """What a process makes the engine of a search from.

    Parameters
    ----------
    token : str
        Tells one search from another.
    splits : sequence of (train, test)
        Row numbers of each fold.
    """

    token: str
    splits: Sequence[tuple[Any, Any]]

    def engine(self, work: Work) -> Any:
        """Return the engine, made at the first call in a process."""
        if self.token not in _made:
            forget_engine()
            _made[self.token] = MomentEngine(work.X, work.y, self.splits, work.fit_params)
        return _made[self.token]

    def groups(self, candidates: Sequence[Candidate]) -> list[HeadGroup]:
        """Return candidates grouped by chain and last step, worked out once in a process.

        Parameters
        ----------
        candidates : sequence of Candidate
            All with a chain; compared by identity, so folds must share the sequence.
        """
        known = _groups.get(id(candidates))
        if known is None:
            known = _groups[id(candidates)] = (candidates, _by_chain(candidates))
        return known[1]


def engine_recipe(
    work: Work, candidates: Sequence[Candidate], splits: Sequence[tuple[Any, Any]]
) -> EngineRecipe | None:
    """Return what the engine is made from, or None where it could not solve anything.

    Parameters
    ----------
    work : Work
        The rows must be a dense array, with no metadata for `fit` and no training scores asked.
    candidates : sequence of Candidate
        Some of them must differ along the axis of a head that the engine knows.
    splits : sequence of (train, test)
        Row numbers of each fold.
    """
    dense = isinstance(work.X, np.ndarray) and work.X.ndim == 2 and work.X.dtype.kind == "f"
    if not dense or work.fit_params or work.return_train_score or work.y is None:
        return None
    if work.scoring.needs_the_pipeline or not _has_a_run(candidates):
        return None
    # A fold's training rows are found by taking the test rows away from all rows.
    if not all(_are_all_rows(train, test, len(work.X)) for train, test in splits):
        return None
    return EngineRecipe(f"{os.getpid()}-{next(_counter)}", list(splits))


def forget_engine() -> None:
    """Let go of the engine of this process."""
    _made.clear()
    _groups.clear()


def _by_chain(candidates: Sequence[Candidate]) -> list[HeadGroup]:
    chains: dict[tuple[int, ...], list[Candidate]] = {}
    placed: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        # Candidates of a dense grid hold the same tuple, so most of them are placed at once.
        place = placed.get(id(candidate.chain))
        if place is None:
            marks = tuple(id(step) for step in candidate.chain or ())
            place = placed[id(candidate.chain)] = chains.setdefault(marks, [])
        place.append(candidate)
    return [group for found in chains.values() for group in head_groups(found)]


def _are_all_rows(train: Any, test: Any, n_rows: int) -> bool:
    seen = np.zeros(n_rows, dtype=np.int64)
    np.add.at(seen, np.asarray(train), 1)
    np.add.at(seen, np.asarray(test), 1)
    return bool((seen == 1).all())


def _has_a_run(candidates: Sequence[Candidate]) -> bool:
    chains: dict[int, list[Candidate]] = {}
    for candidate in candidates:
        if candidate.chain is not None:
            chains.setdefault(id(candidate.chain), []).append(candidate)
    return any(
        solves(group.head.kind) and len(group.candidates) > 1
        for found in chains.values()
        for group in head_groups(found)
    )
