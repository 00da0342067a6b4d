"""Spend a budget of training runs on the pairs that promise most, and know when to stop.

With T tasks there are T(T-1) ordered pairs and training them all is what nobody can afford. The
search buys pairs in batches, refits the model of the lift after each, and ranks what is left by the
upper bound of its predicted lift. It knows nothing of how a pair is trained: `evaluate` does that,
for real (`priorlift.study.spending_run`) or from a table of known outcomes.

"No transfer" is always an arm: every single task is trained and charged, and a source is chosen
only where it was seen to beat it. A share of the budget goes to pairs drawn at random, which say
what the search overlooks and teach the model about pairs that it would never have tried.

After Pugantsov and McCreadie (ECIR 2022) in the aim, to train only the pairs predicted to be good;
bounds, random share and stopping rule are our choice.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from priorlift.core.errors import InputError
from priorlift.core.seeds import RandomState, base_seed
from priorlift.ranking.gain import GainModel
from priorlift.ranking.pairs import Outcomes, PairFeatures
from priorlift.study.pair_search import EvaluateMany, Forecast, Overhead, PairSearch
from priorlift.study.purchases import PairOutcome
from priorlift.study.spending_result import Spending

__all__ = ["Overhead", "PairOutcome", "Spending", "spend", "spend_in_batches"]

Evaluate: TypeAlias = Callable[[str, str | None], PairOutcome]


def spend(
    pairs: PairFeatures,
    evaluate: Evaluate,
    *,
    max_pairs: int | None = None,
    max_seconds: float | None = None,
    random_share: float = 0.1,
    min_gain: float | None = 0.002,
    batch_size: int | None = None,
    model: GainModel | None = None,
    past: Outcomes | None = None,
    overhead: Overhead | None = None,
    random_state: RandomState = 0,
) -> Spending:
    """Search the best source of each target within a budget.

    Parameters
    ----------
    pairs : PairFeatures
        All pairs that may be trained, each once; a target that occurs in no pair is not searched.
    evaluate : callable
        Takes (target, source) and gives a `PairOutcome`; source None is the single task. Called
        once for each of them. A pair of which a fit fails has a score of None and is charged.
    max_pairs : int, optional
        Pairs to train at most, single tasks not counted; by default all, so that the stop rule
        alone ends the search.
    max_seconds : float, optional
        No batch is begun once single tasks and pairs have cost as much. What is bought then depends
        on the machine, and the result is marked as not reproducible.
    random_share : float, default=0.1
        Share of the pairs that is drawn at random, in [0, 1].
    min_gain : float or None, default=0.002
        The search stops when no untrained pair's upper bound exceeds the best lift observed for its
        target ("no transfer" included) by more than this; never before the first batch, and never
        while bounds are not known. None never stops before the budget is spent.
    batch_size : int, optional
        Pairs between two fits of the model; by default one a target.
    model : GainModel, optional
        Fitted or not; left as it is. By default an unfitted one, which begins with a promise from
        ranks.
    past : Outcomes, optional
        Pairs of earlier runs. The model is fitted to them and to what was bought, after each batch;
        a model that was fitted elsewhere and comes without its `past` predicts as it is.
    overhead : Overhead, optional
        Seconds of attribution and scoring, for the bill.
    random_state : int, RandomState or None
        For the random pairs; the order of pairs has no influence.

    Returns
    -------
    Spending

    Raises
    ------
    InputError
        There is no pair, one comes twice, or a setting is out of range.

    Notes
    -----
    A batch goes round the targets: the best candidate of each, in the order of their promise, then
    the second best. A random draw that was bought already costs nothing, counts as drawn, and its
    place goes to the search, so that the drawn pairs are a plain random sample of all.

    Examples
    --------
    >>> pairs = PairFeatures(("t", "t"), ("a", "b"), {"logme": np.array([0.1, 0.4])})
    >>> lifts = {None: 0.0, "a": -0.1, "b": 0.2}
    >>> train = lambda target, source: PairOutcome(0.5 + lifts[source], seconds=1.0)
    >>> found = spend(pairs, train, max_pairs=1, random_share=0.0)
    >>> found["t"].source, round(found["t"].gain, 3), found.bill.pairs_saved
    ('b', 0.2, 0.5)
    """
    return spend_in_batches(
        pairs,
        lambda batch: [evaluate(target, source) for target, source in batch],
        max_pairs=max_pairs,
        max_seconds=max_seconds,
        random_share=random_share,
        min_gain=min_gain,
        batch_size=batch_size,
        model=model,
        past=past,
        overhead=overhead,
        random_state=random_state,
    )


def spend_in_batches(
    pairs: PairFeatures,
    evaluate: EvaluateMany,
    *,
    max_pairs: int | None = None,
    max_seconds: float | None = None,
    random_share: float = 0.1,
    min_gain: float | None = 0.002,
    batch_size: int | None = None,
    model: GainModel | None = None,
    past: Outcomes | None = None,
    overhead: Overhead | None = None,
    random_state: RandomState = 0,
    warnings: tuple[str, ...] = (),
) -> Spending:
    """Search as `spend` does, with an `evaluate` that trains a whole batch at once.

    Parameters
    ----------
    pairs, max_pairs, max_seconds, random_share, min_gain, batch_size, model, past, overhead
        As for `spend`.
    evaluate : callable
        Takes a sequence of (target, source) and gives their outcomes in that order.
    random_state
        As for `spend`.
    warnings : tuple of str
        What the result shall tell beside its own.
    """
    ordered = _ordered(pairs)
    budget = _checked(ordered, max_pairs, max_seconds, random_share, min_gain, batch_size)
    search = PairSearch(ordered, evaluate, Forecast(ordered, model, past), min_gain)
    search.draw(random_share, base_seed(random_state))
    search.buy([(target, None) for target in search.targets], "single task")
    size = batch_size or len(search.targets)
    stopped = "the budget is spent" if budget < ordered.n_pairs else "all pairs are trained"
    while search.n_trained < budget:
        if max_seconds is not None and search.seconds >= max_seconds:
            stopped = f"the limit of {max_seconds:g} seconds is reached"
            break
        if not search.batch(min(size, budget - search.n_trained)):
            stopped = f"no untrained pair promises more than {min_gain:g} above the best observed"
            break
    settings = {
        "max_pairs": max_pairs,
        "max_seconds": max_seconds,
        "random_share": random_share,
        "min_gain": min_gain,
        "batch_size": size,
    }
    found = search.result(stopped, settings, overhead or Overhead(), max_seconds is None)
    return replace(found, warnings=(*warnings, *found.warnings))


def _ordered(pairs: PairFeatures) -> PairFeatures:
    """Return the pairs by name, so that their order has no influence."""
    keys = list(zip(pairs.targets, pairs.sources, strict=True))
    if not keys:
        raise InputError("there is no pair to train", remedy="give a target and a source")
    if len(set(keys)) < len(keys):
        target, source = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"the pair {source} -> {target} comes twice", remedy="give each pair once")
    return pairs.take(np.array(sorted(range(len(keys)), key=lambda i: keys[i]), dtype=np.intp))


def _checked(
    pairs: PairFeatures,
    max_pairs: int | None,
    max_seconds: float | None,
    random_share: float,
    min_gain: float | None,
    batch_size: int | None,
) -> int:
    for name, count in (("max_pairs", max_pairs), ("batch_size", batch_size)):
        if count is not None and count < 1:
            raise InputError(f"{name} is {count}", remedy="1 or more")
    if max_seconds is not None and not max_seconds > 0:
        raise InputError(f"max_seconds is {max_seconds}", remedy="a number above 0")
    if not 0.0 <= random_share <= 1.0:
        raise InputError(f"random_share is {random_share}", remedy="between 0 and 1, 0.1 say")
    if min_gain is not None and not min_gain >= 0.0:
        raise InputError(f"min_gain is {min_gain}", remedy="0 or more")
    return min(max_pairs or pairs.n_pairs, pairs.n_pairs)
