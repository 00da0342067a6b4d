"""The demo's data: handwritten digits from scikit-learn, and sources of different worth.

Sources and seed were fixed before any result was looked at.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_wine

from priorlift.pool import Source, SourcePool, Target

SEED = 20261124
N_TARGET = 900
N_SOURCE = 300
LABEL_BUDGETS = (20, 100)
N_SPLITS = 20
LICENCE = "scikit-learn's copy of the UCI optical digits (CC BY 4.0)"


def demo_task() -> tuple[Target, SourcePool]:
    """Return the demo's target and its sources.

    The target is 900 images of ten digits. From 300 other images come: the same task, the images
    inverted (light on dark), the images rotated by a quarter turn, the images labelled even or odd
    only (another label set), and the images with shuffled labels (a negative control). A table
    about wine cannot be used at all.

    Returns
    -------
    target : Target
        900 rows x 64 pixels.
    sources : SourcePool
        Six sources.
    """
    digits = load_digits()
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(digits.target))
    mine, others = order[:N_TARGET], order[N_TARGET : N_TARGET + N_SOURCE]
    X, y = digits.data[others], digits.target[others]
    wine = load_wine()

    def source(
        name: str, pixels: NDArray[np.float64], labels: NDArray[np.generic], about: str
    ) -> Source:
        return Source(
            name, pixels, labels, task="classification", licence=LICENCE, description=about
        )

    rotated = np.rot90(X.reshape(-1, 8, 8), axes=(1, 2)).reshape(-1, 64)
    parity = np.where(y % 2 == 0, "even", "odd")
    sources = [
        source("same task", X, y, "other images of the same digits"),
        source("inverted", 16.0 - X, y, "the same images, light on dark"),
        source("rotated", rotated, y, "the same images, turned by 90 degrees"),
        source("even or odd", X, parity, "the same images with another label set"),
        source(
            "shuffled labels",
            X,
            rng.permutation(y),
            "the same images, labels permuted: a negative control",
        ),
        Source("wine", wine.data, wine.target, description="an unrelated table with other columns"),
    ]
    target = Target(
        "handwritten digits",
        digits.data[mine],
        digits.target[mine],
        task="classification",
        licence=LICENCE,
    )
    return target, SourcePool(sources)
