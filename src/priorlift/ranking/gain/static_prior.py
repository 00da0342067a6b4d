"""The static prior: what a source has done for other targets, whoever the target is now.

A list of sources by their past alone is the baseline that most transferability scores fail to beat
(Singh et al., 2025), so it is both a feature of the gain model and its opponent.
"""

import numpy as np
from numpy.typing import NDArray

from priorlift.ranking.pairs import Outcomes, PairFeatures

Floats = NDArray[np.float64]
STRENGTH = 2.0


def static_prior(past: Outcomes, pairs: PairFeatures) -> Floats:
    """Return the mean past gain of each pair's source over targets other than the pair's own.

    Parameters
    ----------
    past : Outcomes
        What was observed. Rows of a pair's own target are left out for that pair, source and
        overall mean alike, so that no outcome reaches the feature it is to be predicted from.
    pairs : PairFeatures
        N pairs.

    Returns
    -------
    ndarray of shape (N,)
        (sum of the source's n gains + 2 * overall mean) / (n + 2): a source seen rarely is drawn to
        the overall mean, one never seen gets it. 0 where there are no outcomes of other targets.
        The strength 2 is our choice; a fixed one, because one estimated from all rows would carry
        the pair's own outcome back in. O(len(past) + N).

    Examples
    --------
    >>> seen = PairFeatures(("t", "u", "u"), ("a", "a", "b"), {})
    >>> past = Outcomes(seen, np.array([0.9, 0.3, 0.1]))
    >>> static_prior(past, PairFeatures(("t", "v"), ("a", "c"), {})).round(3)
    array([0.233, 0.433])
    """
    sums: dict[tuple[str | None, str | None], tuple[float, int]] = {}
    for target, source, gain in zip(
        past.pairs.targets, past.pairs.sources, past.gains.tolist(), strict=True
    ):
        for key in ((source, target), (source, None), (None, target), (None, None)):
            total, count = sums.get(key, (0.0, 0))
            sums[key] = total + gain, count + 1

    def elsewhere(source: str | None, target: str) -> tuple[float, int]:
        total, count = sums.get((source, None), (0.0, 0))
        own_total, own_count = sums.get((source, target), (0.0, 0))
        return total - own_total, count - own_count

    found = np.zeros(pairs.n_pairs)
    for i, (target, source) in enumerate(zip(pairs.targets, pairs.sources, strict=True)):
        total, count = elsewhere(source, target)
        all_total, all_count = elsewhere(None, target)
        overall = all_total / all_count if all_count else 0.0
        found[i] = (total + STRENGTH * overall) / (count + STRENGTH)
    return found
