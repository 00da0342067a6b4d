"""Seeds that depend on what is computed, never on when or where.

A seed derives from the run's seed and from content (a trial's hash, a source's fingerprint), so the
result is the same in any order and for any number of workers.
"""

import hashlib
from typing import TypeAlias

import numpy as np
from sklearn.utils import check_random_state

RandomState: TypeAlias = int | np.random.RandomState | None


def base_seed(random_state: RandomState) -> int:
    """Turn scikit-learn's `random_state` into one integer from which others derive.

    Parameters
    ----------
    random_state : int, RandomState or None
        An integer is used as it is; a `RandomState` is advanced by one draw; None draws freshly.

    Returns
    -------
    int
        Non-negative, below 2**32.
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state) % 2**32
    return int(check_random_state(random_state).randint(0, 2**31 - 1))


def derive_seed(seed: int, *content: str) -> int:
    """Derive a seed from a seed and pieces of content.

    Parameters
    ----------
    seed : int
        The seed of the run or of the estimator.
    *content : str
        Hashes, fingerprints or names; their order matters, their position in a loop does not.

    Returns
    -------
    int
        In [0, 2**32), ready for any `random_state`.

    Examples
    --------
    >>> derive_seed(0, "a") == derive_seed(0, "a"), derive_seed(0, "a") == derive_seed(1, "a")
    (True, False)
    """
    words = [seed % 2**32]
    for piece in content:
        digest = hashlib.blake2b(piece.encode(), digest_size=16).digest()
        words.extend(np.frombuffer(digest, dtype="<u4").tolist())
    return int(np.random.SeedSequence(words).generate_state(1)[0])
