"""What is known of ordered pairs of tasks, and what became of those that were tried.

`PairFeatures` holds one row a pair (source, target) and one column a feature, most of them scores;
`Outcomes` adds the lift of those pairs that were trained. A gain model learns from the second and
predicts for the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairFeatures:
    """Features of N ordered pairs of tasks.

    Attributes
    ----------
    targets, sources : tuple of str of length N
        Names of the pairs' tasks.
    values : mapping of str to ndarray of shape (N,)
        By name of the feature; NaN where it could not be computed.

    Raises
    ------
    InputError
        A column is not as long as there are pairs.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = PairFeatures(("t", "t"), ("a", "b"), {"logme": np.array([0.1, np.nan])})
    >>> pairs.n_pairs, pairs.take(np.array([1])).sources
    (2, ('b',))
    """

    targets: tuple[str, ...]
    sources: tuple[str, ...]
    values: Mapping[str, Floats]

    def __post_init__(self) -> None:
        lengths = {"sources": len(self.sources), **{k: len(v) for k, v in self.values.items()}}
        wrong = {name: length for name, length in lengths.items() if length != self.n_pairs}
        if wrong:
            name, length = next(iter(wrong.items()))
            raise InputError(f"{name} has {length} values for {self.n_pairs} pairs")

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.targets)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(self.values)

    def matrix(self, names: Sequence[str]) -> Floats:
        """Return features side by side, shape (N, len(names)); a feature not there is all NaN."""
        missing = np.full(self.n_pairs, np.nan)
        columns = [np.asarray(self.values.get(name, missing), dtype=float) for name in names]
        return np.stack(columns, axis=1) if columns else np.empty((self.n_pairs, 0))

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "PairFeatures":
        """Return some of the pairs."""
        places = np.arange(self.n_pairs)[rows]
        return PairFeatures(
            tuple(self.targets[i] for i in places),
            tuple(self.sources[i] for i in places),
            {name: column[places] for name, column in self.values.items()},
        )


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Pairs that were trained, and their lift.

    Attributes
    ----------
    pairs : PairFeatures
        The pairs as they were known before.
    gains : ndarray of shape (N,)
        Score with the source minus score without, on rows that no feature has seen.
    """

    pairs: PairFeatures
    gains: Floats

    def __post_init__(self) -> None:
        if len(self.gains) != self.pairs.n_pairs:
            raise InputError(f"{len(self.gains)} gains for {self.pairs.n_pairs} pairs")
        if not np.isfinite(self.gains).all():
            raise InputError("a gain is not finite", remedy="leave out pairs that failed")

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return self.pairs.n_pairs

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Outcomes":
        """Return some of the pairs with their lift."""
        return Outcomes(self.pairs.take(rows), self.gains[rows])
