"""Run a search's units in this process or on joblib's workers."""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import joblib
from sklearn.utils.parallel import Parallel, delayed

from priorlift.core.threads import one_blas_thread
from priorlift.search.fold import evaluate
from priorlift.search.score_table import ScoreTable
from priorlift.search.shared_work import Tally
from priorlift.search.shipping import Shipped
from priorlift.search.work import Unit, Work

# So many units a worker keep all workers busy to the end without cutting much that is shared.
UNITS_A_WORKER = 3


def wanted_units(n_jobs: int | None) -> int:
    """Return into how many units a search should be divided for so many workers."""
    n_workers = int(joblib.effective_n_jobs(n_jobs))
    return 1 if n_workers == 1 else UNITS_A_WORKER * n_workers


def run_with_joblib(
    work: Work, units: Sequence[Unit], n_jobs: int | None, pre_dispatch: Any
) -> Iterator[tuple[Unit, ScoreTable, Tally]]:
    """Evaluate units where joblib's current backend puts them.

    Parameters
    ----------
    work : Work
        Common to all units.
    units : sequence of Unit
        What is evaluated.
    n_jobs, pre_dispatch : object
        As in scikit-learn's searches.

    Yields
    ------
    tuple of Unit, ScoreTable, Tally
        In the order of the units.
    """
    if joblib.effective_n_jobs(n_jobs) == 1:
        # Without joblib's bookkeeping, which costs more than a small fit.
        with one_blas_thread():
            for unit in units:
                yield unit, *evaluate(work, unit)
        return
    parallel = Parallel(n_jobs=n_jobs, pre_dispatch=pre_dispatch, return_as="generator")
    # Folds share their candidates, which are many in a dense grid: each process opens them once.
    lists = list({id(unit.candidates): unit.candidates for unit in units}.values())
    places = {id(found): place for place, found in enumerate(lists)}
    shipped = Shipped(lists, f"{os.getpid()}-{next(_counter)}")
    results = parallel(
        delayed(_evaluate_shipped)(work, replace(unit, candidates=()), shipped, place)
        for unit, place in ((unit, places[id(unit.candidates)]) for unit in units)
    )
    for unit, (table, tally) in zip(units, results, strict=True):
        yield unit, table, tally


_counter = itertools.count()


def evaluate_here(work: Work, unit: Unit) -> tuple[ScoreTable, Tally]:
    """Evaluate one unit with one BLAS thread."""
    with one_blas_thread():
        return evaluate(work, unit)


def _evaluate_shipped(
    work: Work, unit: Unit, candidates: Shipped, place: int
) -> tuple[ScoreTable, Tally]:
    """Evaluate a unit whose candidates are one of the lists that were sent."""
    return evaluate_here(work, replace(unit, candidates=candidates.open()[place]))
