"""Blocks: the runs of trials that one worker takes in one go.

Trials of one group share work, a fitted prefix or a decomposition say, that a worker still has at
hand when they follow one another. So a group is one block, unless it is so long that other workers
would wait for it; then it is cut into equal pieces. A trial without a group is a block by itself.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

from priorlift.trials.trial import Trial

Block: TypeAlias = tuple[Trial, ...]

# Our choice: with four blocks a worker, the last one that ends leaves the others idle for little.
BLOCKS_A_WORKER = 4
# Our choice: a hundred times what it costs to send a bundle to a worker of a cluster.
BUNDLE_SECONDS = 0.5


def blocks_of(trials: Sequence[Trial], n_workers: int) -> list[Block]:
    """Cut trials into blocks, in order of each group's first trial.

    Parameters
    ----------
    trials : sequence of Trial
        What is to run.
    n_workers : int
        How many workers take blocks, at least 1. A block holds at most the fourth part of a
        worker's even share; one worker gets its groups uncut.

    Returns
    -------
    list of tuple of Trial
        Every trial once; trials of one group in the order given.

    Examples
    --------
    >>> trials = [Trial("fit", {"n": n}, group="even" if n % 2 == 0 else None) for n in range(4)]
    >>> [[trial.params["n"] for trial in block] for block in blocks_of(trials, 1)]
    [[0, 2], [1], [3]]
    """
    groups: dict[Hashable, list[Trial]] = {}
    for position, trial in enumerate(trials):
        groups.setdefault(position if trial.group is None else trial.group, []).append(trial)
    longest = len(trials) if n_workers == 1 else -(-len(trials) // (BLOCKS_A_WORKER * n_workers))
    return [piece for group in groups.values() for piece in _pieces(group, longest)]


class Bundles:
    """Hands out blocks, short ones joined until a bundle takes about half a second.

    How long a trial takes is learnt from the records that come back, so the first bundles are
    single blocks. Towards the end bundles shrink, so that no worker waits for another's long one.

    Parameters
    ----------
    blocks : iterable of tuple of Trial
        What is to run.
    n_workers : int
        How many workers take bundles.
    """

    def __init__(self, blocks: Iterable[Block], n_workers: int) -> None:
        self._blocks = deque(blocks)
        self._n_left = sum(map(len, self._blocks))
        self._n_workers = n_workers
        self._n_seen, self._seconds = 0, 0.0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def note(self, seconds: Iterable[float]) -> None:
        """Learn how long trials took."""
        for each in seconds:
            self._n_seen += 1
            self._seconds += each

    def take(self) -> Block:
        """Return the next bundle: one block, or several short ones in a row."""
        bundle = self._blocks.popleft()
        wanted = self._wanted()
        while self._blocks and len(bundle) + len(self._blocks[0]) <= wanted:
            bundle += self._blocks.popleft()
        self._n_left -= len(bundle)
        return bundle

    def _wanted(self) -> float:
        if not self._n_seen:
            return 1
        mean = max(self._seconds / self._n_seen, 1e-6)
        return min(BUNDLE_SECONDS / mean, self._n_left / (2 * self._n_workers))


def _pieces(group: Sequence[Trial], longest: int) -> list[Block]:
    n_pieces = -(-len(group) // max(longest, 1))
    length = -(-len(group) // n_pieces)
    return [tuple(group[begin : begin + length]) for begin in range(0, len(group), length)]
