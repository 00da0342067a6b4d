"""The scores of some candidates on one fold, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float64]]


@dataclass(eq=False)
class ScoreTable:
    """Scores, times and errors of n candidates on one fold.

    Parameters
    ----------
    n : int
        How many candidates.

    Attributes
    ----------
    test, train : dict of str to ndarray of shape (n,)
        Scores by the scorers' names; "score" for a single one.
    fit_time, score_time : ndarray of shape (n,)
        Seconds, with each candidate's share of what was done once for several.
    errors : dict of int to str
        Tracebacks of failed fits by position; their scores are not set.
    multiple : bool
        Whether scores come by name, known once one candidate is scored.
    """

    n: int
    test: Columns = field(default_factory=dict)
    train: Columns = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    multiple: bool = False
    fit_time: NDArray[np.float64] = field(init=False)
    score_time: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.fit_time = np.zeros(self.n)
        self.score_time = np.zeros(self.n)

    def put(
        self,
        positions: Sequence[int] | NDArray[np.intp],
        test: Mapping[str, Any],
        train: Mapping[str, Any] | None,
        fit_time: float,
        score_time: float,
    ) -> None:
        """Store scores at some positions; times are each position's own.

        Parameters
        ----------
        positions : sequence of int
            Where.
        test, train : mapping of str to scalar or array
            By name.
        fit_time, score_time : float
            Seconds for each of the positions.
        """
        where = np.asarray(positions, dtype=np.intp)
        for columns, given in ((self.test, test), (self.train, train or {})):
            for name, values in given.items():
                columns.setdefault(name, np.full(self.n, np.nan))[where] = values
        self.fit_time[where] = fit_time
        self.score_time[where] = score_time

    def put_result(self, position: int, result: Mapping[str, Any]) -> None:
        """Store what scikit-learn's own fit-and-score gave for one candidate."""
        times = (result["fit_time"], result["score_time"])
        if result["fit_error"] is not None:
            self.errors[position] = result["fit_error"]
            self.put([position], {}, None, *times)
            return
        test, train = result["test_scores"], result.get("train_scores")
        self.multiple = isinstance(test, dict)
        self.put([position], by_name(test), None if train is None else by_name(train), *times)


def by_name(scores: Any) -> dict[str, float]:
    """Return scores by name; a single one is called "score"."""
    return dict(scores) if isinstance(scores, dict) else {"score": scores}
