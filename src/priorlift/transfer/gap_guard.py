"""The guard of gapBoost: transfer only where held-out rows of the target do not speak against it.

The base learner alone on the target, the base learner on all rows, and gapBoost itself are fitted
on the same inner splits of the target's rows, sources whole, and compared row by row, as
`AutoTransfer` does. Boosting keeps what the target's own model contradicts less in its weights, but
it has no way back to not transferring; this is that way.

Classifiers are compared by 0/1 loss: the penalty of a base learner sets how confident it is, so
that log-loss would prefer whatever was fitted on more rows. But one that wins by 0/1 loss has to
have the smaller log-loss too, so that luck on a few rows does not decide.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.pool import Task
from priorlift.ranking.inner_validation import inner_splits
from priorlift.transfer.base import Rows
from priorlift.transfer.boosting import take
from priorlift.transfer.decision import Candidate, Decision
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
        0-1 loss or squared error.
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
    losses, soft = _held_out_losses(makers, target, sources, task, splits)
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
    doubtful = {name for name, found in soft.items() if weight @ found > weight @ soft[ALONE]}
    chosen, why = _chosen(candidates, doubtful)
    n_fits = len(splits) * len(makers) + 1
    return Decision(chosen.method, chosen.sources, why, candidates, n_fits=n_fits)


def _held_out_losses(
    makers: dict[str, Make],
    target: Rows,
    sources: tuple[Rows, ...],
    task: Task,
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
    """Return 0/1 losses and log-losses of the held-out rows; of regression squared errors twice."""
    hard: dict[str, list[NDArray[np.float64]]] = {name: [] for name in makers}
    soft: dict[str, list[NDArray[np.float64]]] = {name: [] for name in makers}
    for train, test in splits:
        part, held_out = take(target, train), take(target, test)
        for name, make in makers.items():
            model, X, y = make(part, sources), held_out.X, held_out.y
            hard[name].append(row_losses(model, X, y, task, zero_one=True))
            soft[name].append(row_losses(model, X, y, task))
    return _joined(hard), _joined(soft)


def _joined(losses: dict[str, list[NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate(found) for name, found in losses.items()}


def _chosen(candidates: tuple[Candidate, ...], doubtful: set[str]) -> tuple[Candidate, str]:
    alone, *transfers = candidates
    better = [
        one
        for one in transfers
        if one.improvement > CAUTION * one.standard_error and one.method not in doubtful
    ]
    if not better:
        best = min(transfers, key=lambda one: one.loss)
        doubt = ", and its log-loss is the larger" if best.method in doubtful else ""
        why = (
            "No candidate beats the base learner on the target alone by more than "
            f"{CAUTION:g} standard errors without a larger log-loss; the nearest, {best.label}, "
            f"changes the validated loss by {-best.improvement:+.4f} (standard error "
            f"{best.standard_error:.4f}){doubt}."
        )
        return alone, why
    winner = min(better, key=lambda one: one.loss)
    why = (
        f"{winner.label} lowers the validated loss of the base learner on the target alone by "
        f"{winner.improvement:.4f}, which is more than {CAUTION:g} standard errors "
        f"({winner.standard_error:.4f} each)."
    )
    return winner, why
