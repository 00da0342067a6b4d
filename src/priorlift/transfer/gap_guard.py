"""The guard of gapBoost: transfer only where held-out rows of the target do not speak against it.

The base learner alone on the target, the base learner on all rows, and gapBoost itself are fitted
on the same inner splits of the target's rows, sources whole, and compared row by row, as
`AutoTransfer` does. Boosting keeps what the target's own model contradicts less in its weights, but
it has no way back to not transferring; this is that way.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Task
from priorlift.transfer.base import Rows
from priorlift.transfer.boosting import take
from priorlift.transfer.decision import Candidate, Decision
from priorlift.transfer.inner_validation import inner_splits
from priorlift.transfer.losses import paired_improvement, row_losses

ALONE = "target_only"
# How many standard errors a candidate with sources must win by.
CAUTION = 1.0

Make = Callable[[Rows, tuple[Rows, ...]], Any]


def guarded(
    makers: dict[str, Make],
    target: Rows,
    sources: tuple[Rows, ...],
    task: Task,
    seed: int,
    n_splits: int = 3,
) -> Decision:
    """Choose among candidates by nested validation on the target's rows.

    Parameters
    ----------
    makers : dict of str to callable
        How each candidate is fitted; the first is "target_only", which uses no source.
    target : Rows
        The target.
    sources : tuple of Rows
        Given whole to each fit.
    task : {"classification", "regression"}
        Log-loss (0-1 loss where a candidate gives no probabilities) or squared error.
    seed : int
        Of the splits.
    n_splits : int, default=3
        Inner folds at most.

    Returns
    -------
    Decision
        Target-only where no inner split exists: nothing could show that a source helps.
    """
    names = tuple(rows.name for rows in sources)
    splits = inner_splits(target.y, target.groups, task, seed, n_splits)
    if not splits:
        why = (
            "The target has too few labels, or too few groups, for an inner split, so nothing "
            "could show that a source helps."
        )
        return Decision(ALONE, (), why)
    losses = _held_out_losses(makers, target, sources, task, splits)
    rows = np.concatenate([test for _, test in splits])
    weight = target.sample_weight[rows]
    units = rows if target.groups is None else target.groups[rows]
    candidates = tuple(
        Candidate(
            name,
            () if name == ALONE else names,
            float(np.average(found, weights=weight)),
            *paired_improvement(losses[ALONE], found, weight, units),
            len(splits),
        )
        for name, found in losses.items()
    )
    chosen, why = _chosen(candidates)
    n_fits = len(splits) * len(makers) + 1
    return Decision(chosen.method, chosen.sources, why, candidates, n_fits=n_fits)


def _held_out_losses(
    makers: dict[str, Make],
    target: Rows,
    sources: tuple[Rows, ...],
    task: Task,
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> dict[str, NDArray[np.float64]]:
    losses: dict[str, list[NDArray[np.float64]]] = {name: [] for name in makers}
    for train, test in splits:
        part, held_out = take(target, train), take(target, test)
        for name, make in makers.items():
            model = make(part, sources)
            losses[name].append(row_losses(model, held_out.X, held_out.y, task))
    return {name: np.concatenate(found) for name, found in losses.items()}


def _chosen(candidates: tuple[Candidate, ...]) -> tuple[Candidate, str]:
    alone, *transfers = candidates
    best = min(transfers, key=lambda one: one.loss)
    better = [one for one in transfers if one.improvement > CAUTION * one.standard_error]
    if not better:
        why = (
            f"No candidate beats the base learner on the target alone by more than {CAUTION:g} "
            f"standard errors; the nearest, {best.label}, changes the validated loss by "
            f"{-best.improvement:+.4f} (standard error {best.standard_error:.4f})."
        )
        return alone, why
    winner = min(better, key=lambda one: one.loss)
    why = (
        f"{winner.label} lowers the validated loss of the base learner on the target alone by "
        f"{winner.improvement:.4f}, which is more than {CAUTION:g} standard errors "
        f"({winner.standard_error:.4f} each)."
    )
    return winner, why
