"""Gaps through heads: symmetric, nought on the diagonal, large where tasks contradict."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.pool import Source, Target
from priorlift.ranking.gap.heads import head_gaps


def tasks(regression=False):
    draws = np.random.default_rng(0)
    found = []
    for name, sign in (("c", -1.0), ("a", 1.0), ("b", 1.0)):
        X = draws.normal(size=(120, 3))
        y = sign * X[:, 0] + 0.2 * draws.normal(size=120)
        found.append(Source(name, X, y if regression else np.where(y > 0, "yes", "no")))
    return found


@pytest.mark.parametrize("regression", [False, True])
def test_the_matrix_tells_tasks_that_contradict(regression):
    found = head_gaps(tasks(regression), random_state=0)
    assert found.names == ("a", "b", "c")
    assert found.loss == ("squared" if regression else "log_loss")
    assert (found.gaps == found.gaps.T).all()
    assert (np.diag(found.gaps) == 0).all()
    assert found.gaps[0, 2] > 10 * abs(found.gaps[0, 1])
    assert found.gaps[0, 1] == pytest.approx(
        found.losses[0, 1] - found.losses[1, 1] + found.losses[1, 0] - found.losses[0, 0]
    )
    assert list(found.to_frame().columns) == ["task", "a", "b", "c"]


def test_the_order_of_tasks_does_not_matter():
    one, other = (head_gaps(t, loss="zero_one", random_state=0) for t in (tasks(), tasks()[::-1]))
    assert (one.losses == other.losses).all()


def test_tasks_that_do_not_fit_are_refused():
    a, b, _ = tasks()
    with pytest.raises(InputError, match="pass two or more"):
        head_gaps([a])
    with pytest.raises(InputError, match="of one kind"):
        head_gaps([a, tasks(regression=True)[0]])
    with pytest.raises(InputError, match="cannot be split"):
        head_gaps([a, Target("few", b.X[:2], ["yes", "no"])])
