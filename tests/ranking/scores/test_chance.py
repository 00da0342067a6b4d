"""What a score says of shuffled labels."""

import numpy as np
import pytest

from priorlift.ranking.scores import transrate
from priorlift.ranking.scores.chance import over_chance


@pytest.mark.parametrize("n_features", [5, 200])
def test_the_part_that_shuffled_labels_have_too_is_taken_off(n_features):
    draws = np.random.default_rng(0)
    y = draws.permutation(np.arange(90) % 3)
    X = draws.normal(size=(90, n_features))
    far = X + draws.normal(0.0, 2.0, (3, n_features))[y]
    assert over_chance(transrate, X, y) == pytest.approx(0.0, abs=0.1)
    assert over_chance(transrate, far, y) > over_chance(transrate, X, y)
    rows = np.random.default_rng(0).permutation(90)
    shuffled = over_chance(transrate, X[rows], y[rows])
    assert shuffled == pytest.approx(over_chance(transrate, X, y), rel=1e-9)
