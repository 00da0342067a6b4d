"""The columns that a gain model learns from: the same for every regime.

Scores compare the sources of one target, seldom sources of different targets. So each score appears
twice: as a rank within its target, and as it is, for what is comparable after all. Features of the
target alone (its size, `target_...`) say how large its lifts are and nothing of which source is
better.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from priorlift.ranking.cold_start import GROUPS, group_ranks, promise, within_target_ranks
from priorlift.ranking.pairs import Outcomes, PairFeatures

Floats = NDArray[np.float64]
GROUPED = frozenset(name for _, names in GROUPS for name in names)


@dataclass(frozen=True)
class ColumnNames:
    """Features by the part they play.

    Attributes
    ----------
    scores : tuple of str
        Larger promises more.
    extra : tuple of str
        Scores outside the groups of the cold start, those of third parties say.
    levels : tuple of str
        Of the target alone; their direction is open.
    """

    scores: tuple[str, ...]
    extra: tuple[str, ...]
    levels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PairDesign:
    """Columns of N pairs.

    Attributes
    ----------
    groups : ndarray of shape (N, 9)
        Damped ranks of the groups of the cold start; no NaN.
    extra : ndarray
        Ranks of further scores, 0.5 where not known.
    scores, levels : ndarray
        Features as they are; NaN where not known.
    transfer : {"any", "rows", "features"}
        What is carried over, which sets the weights of the groups.
    """

    groups: Floats
    extra: Floats
    scores: Floats
    levels: Floats
    transfer: str = "any"

    @property
    def promise(self) -> Floats:
        """The cold start's promise, shape (N,)."""
        return promise(self.groups, self.transfer)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "PairDesign":
        """Return some of the pairs."""
        return PairDesign(
            self.groups[rows],
            self.extra[rows],
            self.scores[rows],
            self.levels[rows],
            self.transfer,
        )


def column_names(pairs: PairFeatures) -> ColumnNames:
    """Sort the features by the part they play; `static_prior` is computed, never read."""
    levels = [n for n in pairs.names if n == "log_n_target" or n.startswith("target_")]
    scores = [n for n in pairs.names if n not in levels and n != "static_prior"]
    extra = [n for n in scores if n not in GROUPED and n != "proximity"]
    return ColumnNames(tuple(sorted(scores)), tuple(sorted(extra)), tuple(sorted(levels)))


def pair_design(
    pairs: PairFeatures,
    names: ColumnNames,
    among: PairFeatures | None = None,
    transfer: str = "any",
) -> PairDesign:
    """Return the columns of pairs, ranked among the pairs of `among` or among themselves."""
    extra = within_target_ranks(pairs, names.extra, among)
    return PairDesign(
        groups=group_ranks(pairs, among, transfer),
        extra=np.where(np.isnan(extra), 0.5, extra),
        scores=pairs.matrix(names.scores),
        levels=pairs.matrix(names.levels),
        transfer=transfer,
    )


def distinct(outcomes: Outcomes) -> Outcomes:
    """Return one row a pair, sorted by names: the mean gain and the mean of each known feature.

    Repeats of a pair (other seeds) share everything that a model can know of it, so they are one
    outcome measured better, not several. The given order of rows has no influence.
    """
    pairs = outcomes.pairs
    values = pairs.matrix(pairs.names)
    gains = np.asarray(outcomes.gains, dtype=float)
    keys = (*values.T[::-1], gains, np.array(pairs.sources), np.array(pairs.targets))
    order = np.lexsort(keys) if len(gains) else np.empty(0, dtype=np.intp)
    seen: dict[tuple[str, str], list[int]] = {}
    for i in order.tolist():
        seen.setdefault((pairs.targets[i], pairs.sources[i]), []).append(i)
    rows = list(seen.values())
    columns = {
        name: np.array([_known_mean(values[r, j]) for r in rows], dtype=float)
        for j, name in enumerate(pairs.names)
    }
    unique = PairFeatures(tuple(t for t, _ in seen), tuple(s for _, s in seen), columns)
    return Outcomes(unique, np.array([gains[r].mean() for r in rows], dtype=float))


def _known_mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
