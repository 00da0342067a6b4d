"""The conformance suite of transferability scores."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike
from priorlift.pool import Source, SourcePool, Task
from priorlift.ranking.rank import Ranking, rank_sources
from priorlift.testing.assertions import require, require_error

TASKS: tuple[Task, ...] = ("classification", "regression")
SEEDS = range(6)
FEWEST_RIGHT = 5


class ScoreConformance:
    """Tests that every score has to pass; subclass it and return yours from `make_score`.

    Examples
    --------
    >>> from priorlift.ranking.scores import LOGME
    >>> class TestLogme(ScoreConformance):
    ...     def make_score(self):
    ...         return LOGME
    >>> TestLogme().test_it_offers_what_the_registry_asks_for()
    """

    make_score: Callable[[], ScoreLike]

    def test_it_offers_what_the_registry_asks_for(self) -> None:
        """A name, a summary, the tasks that it judges, and a call."""
        score = self.make_score()
        require(isinstance(score, ScoreLike), "it lacks name, summary, tasks or a call")
        require(score.tasks and set(score.tasks) <= set(TASKS), f"tasks are {score.tasks}")

    def test_it_prefers_a_related_source_to_a_shuffled_one(self) -> None:
        """The same task comes before shuffled labels, for at least 5 of 6 seeds."""
        for task in self._tasks():
            right = sum(self._ranked(task, seed).best == "related" for seed in SEEDS)
            require(right >= FEWEST_RIGHT, f"{task}: the related source is first in {right} of 6")

    def test_order_of_rows_and_sources_does_not_matter(self) -> None:
        """Rows of the target and sources are sets."""
        for task in self._tasks():
            expected = self._values(self._ranked(task, 0))
            found = self._values(self._ranked(task, 0, backwards=True))
            for name, value in expected.items():
                close = np.isclose(found[name], value, rtol=1e-6, atol=1e-9)
                require(close, f"{name} scores {found[name]} instead of {value}")

    def test_it_refuses_tasks_that_it_does_not_judge(self) -> None:
        """A ranking by this score alone says so."""
        for task in TASKS:
            if task in self._tasks():
                continue
            require_error(partial(self._ranked, task, 0), InputError, self.make_score().name)

    def _tasks(self) -> tuple[Any, ...]:
        return self.make_score().tasks

    def _values(self, ranking: Ranking) -> dict[str, float]:
        name = self.make_score().name
        return {row.name: row.scores[name] for row in ranking.rows if name in row.scores}

    def _ranked(self, task: Task, seed: int, backwards: bool = False) -> Ranking:
        draws = np.random.default_rng(seed)
        X = draws.normal(size=(360, 5))
        # A linear signal can be read off random features as well; this one has to be learned.
        signal = np.abs(X[:, 0] - X[:, 1]) - 1.1
        y = (signal > 0).astype(int) if task == "classification" else signal
        rows = slice(60, None)
        sources = [
            Source("related", X[rows], y[rows], task=task),
            Source("noise", X[rows], draws.permutation(y[rows]), task=task),
        ]
        step = -1 if backwards else 1
        return rank_sources(
            X[:60][::step],
            y[:60][::step],
            SourcePool(sources[::step]),
            task=task,
            scores=[self.make_score()],
            n_bootstrap=0,
            random_state=seed,
        )
