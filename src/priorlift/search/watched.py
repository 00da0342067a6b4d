"""scikit-learn's callbacks see a shared search as they see its own: one task a candidate and fold.

They are told when a unit of work has come back; the inside of a fit that served many candidates has
no task of its own. Before scikit-learn 1.9 there are no callbacks and nothing is told.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from priorlift.core import arrays
from priorlift.search.work import Unit


class Watched:
    """The task tree of one search.

    Parameters
    ----------
    search : SharedSearchCV
        Its callbacks are told.
    X, y : array-like
        What it is fitted on.
    params : mapping
        What its `fit` was given beside.
    """

    def __init__(self, search: Any, X: Any, y: Any, params: Mapping[str, Any]) -> None:
        self._search, self._X, self._y = search, X, y
        self._root: Any = None
        self._tasks: Any = None
        self._weight = params.get("sample_weight")
        self._rows = self._of(None)
        if hasattr(search, "_init_callback_context"):
            # With pruning nobody knows the number of rounds beforehand.
            n_tasks = None if search.prune else 1 + (search.refit is not False)
            root = search._init_callback_context(max_subtasks=n_tasks)
            self._root = root.call_on_fit_task_begin(estimator=search, **self._rows)

    def begin(self, n_tasks: int) -> None:
        """Tell that so many candidates times folds will be scored."""
        if self._root is not None:
            tasks = self._root.subcontext(
                task_name="search", max_subtasks=n_tasks, sequential_subtasks=False
            )
            self._tasks = tasks.call_on_fit_task_begin(estimator=self._search)

    def scored(self, unit: Unit) -> None:
        """Tell that a unit has come back."""
        if self._tasks is None or not getattr(self._search, "_skl_callbacks", None):
            return
        rows = self._of(unit.train)
        for candidate in unit.candidates:
            task = self._tasks.subcontext(
                task_name="candidate-split-evaluation",
                task_id=candidate.index * self._search.n_splits_ + unit.fold,
            )
            task.call_on_fit_task_begin(estimator=self._search, **rows)
            task.call_on_fit_task_end(estimator=self._search, **rows)

    def finish(self) -> None:
        """Tell that all candidates are scored."""
        if self._tasks is not None:
            self._tasks.call_on_fit_task_end(estimator=self._search)

    @contextmanager
    def refit(self, estimator: Any) -> Iterator[None]:
        """Tell of the refit; callbacks that pass themselves on reach the estimator."""
        if self._root is None:
            yield
            return
        task = self._root.subcontext(task_name="refit-with-best-params")
        with task.propagate_callback_context(estimator):
            task.call_on_fit_task_begin(estimator=self._search, **self._rows)
            yield
        task.call_on_fit_task_end(estimator=self._search, **self._rows)

    def end(self) -> None:
        """Tell that the search is over."""
        if self._root is not None:
            self._root.call_on_fit_task_end(estimator=self._search, **self._rows)

    def _of(self, rows: Any) -> dict[str, Any]:
        """Return what callbacks may ask of a task; rows are only taken if one does ask."""
        X, y, weight = self._X, self._y, self._weight
        if rows is None:
            metadata = None if weight is None else {"sample_weight": weight}
            return {"X": X, "y": y, "metadata": metadata}
        take = arrays.take_rows
        return {
            "X": lambda: take(X, rows),
            "y": lambda: None if y is None else take(arrays.to_vector(y), rows),
            "metadata": lambda: (
                None if weight is None else {"sample_weight": take(arrays.to_vector(weight), rows)}
            ),
        }
