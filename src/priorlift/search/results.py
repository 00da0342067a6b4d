"""`cv_results_`: from the scores of all units to the table that scikit-learn's searches give.

Keys, their order, dtypes, masks, ranks and warnings are those of `GridSearchCV`; the columns are
made at once instead of value by value, because a table may have 100,000 rows.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import NDArray
from scipy.stats import rankdata

from priorlift.search.score_table import ScoreTable
from priorlift.search.work import Unit


class ScoreBoard:
    """Collects the scores of all candidates on all folds.

    Parameters
    ----------
    n_candidates, n_splits : int
        Its shape.
    with_train : bool
        Whether training scores are kept.

    Attributes
    ----------
    test, train : dict of str to ndarray of shape (n_candidates, n_splits)
        By the scorers' names.
    fit_time, score_time : ndarray of shape (n_candidates, n_splits)
        Seconds.
    errors : dict of int to str
        Tracebacks by candidate * n_splits + fold.
    multiple : bool
        Whether scores came by name.
    """

    def __init__(self, n_candidates: int, n_splits: int, with_train: bool) -> None:
        self.shape = (n_candidates, n_splits)
        self.with_train = with_train
        self.test: dict[str, NDArray[np.float64]] = {}
        self.train: dict[str, NDArray[np.float64]] = {}
        self.fit_time, self.score_time = np.zeros(self.shape), np.zeros(self.shape)
        self.errors: dict[int, str] = {}
        self.multiple = False

    def add(self, unit: Unit, table: ScoreTable) -> None:
        """Take in the scores of one unit."""
        rows = np.array([candidate.index for candidate in unit.candidates], dtype=np.intp)
        sides = [(self.test, table.test)]
        if self.with_train:
            sides.append((self.train, table.train))
        for columns, given in sides:
            for name, values in given.items():
                columns.setdefault(name, np.full(self.shape, np.nan))[rows, unit.fold] = values
        self.fit_time[rows, unit.fold] = table.fit_time
        self.score_time[rows, unit.fold] = table.score_time
        self.multiple = self.multiple or table.multiple
        for position, error in table.errors.items():
            self.errors[int(rows[position]) * self.shape[1] + unit.fold] = error

    def fill_errors(self, error_score: float, names: Sequence[str]) -> None:
        """Give failed fits the score that the user chose for them.

        Parameters
        ----------
        error_score : float
            That score.
        names : sequence of str
            The scorers' names, for the case that no fit succeeded.
        """
        for columns in (self.test, self.train) if self.with_train else (self.test,):
            for name in names if not columns else list(columns):
                flat = columns.setdefault(name, np.full(self.shape, np.nan)).ravel()
                flat[list(self.errors)] = error_score


def cv_results(
    params: Sequence[Mapping[str, Any]],
    board: ScoreBoard,
    given: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Return the table in scikit-learn's form.

    Parameters
    ----------
    params : sequence of mappings
        The candidates' parameters.
    board : ScoreBoard
        Their scores.
    given : ndarray of bool, shape (n_candidates, n_splits), optional
        Which folds each candidate was given; means are taken over these. By default all.

    Returns
    -------
    dict of str to array
        As `GridSearchCV.cv_results_`.

    Notes
    -----
    O(candidates x (folds + parameters)). Times of settings that were solved together are each
    setting's share.
    """
    results: dict[str, Any] = {}
    _mean_and_std(results, "fit_time", board.fit_time, given)
    _mean_and_std(results, "score_time", board.score_time, given)
    results.update(masked_params(params))
    results["params"] = list(params)
    for name in board.test:
        _split_scores(results, f"test_{name}", board.test[name], given)
        results[f"rank_test_{name}"] = ranks(results[f"mean_test_{name}"])
        if board.with_train:
            _split_scores(results, f"train_{name}", board.train[name], given)
    return results


def ranks(means: NDArray[np.float64]) -> NDArray[np.int32]:
    """Rank mean scores from 1, ties at the lowest rank, NaN with the worst.

    Examples
    --------
    >>> ranks(np.array([0.5, 0.9, np.nan, 0.9])).tolist()
    [3, 1, 4, 1]
    """
    if np.isnan(means).all():
        return np.ones(len(means), dtype=np.int32)
    worst = np.nanmin(means) - 1
    return np.asarray(rankdata(-np.nan_to_num(means, nan=worst), method="min"), dtype=np.int32)


def _split_scores(
    results: dict[str, Any],
    name: str,
    scores: NDArray[np.float64],
    given: NDArray[np.bool_] | None,
) -> None:
    for split in range(scores.shape[1]):
        results[f"split{split}_{name}"] = scores[:, split]
    _mean_and_std(results, name, scores, given)


def _mean_and_std(
    results: dict[str, Any],
    name: str,
    values: NDArray[np.float64],
    given: NDArray[np.bool_] | None,
) -> None:
    # Weights of zero would let NaN through, so cells that were not given are set aside.
    filled = values if given is None else np.where(given, values, 0.0)
    means = np.average(filled, axis=1, weights=given)
    results[f"mean_{name}"] = means
    if name.startswith(("train_", "test_")) and not np.isfinite(means).all():
        warnings.warn(
            f"One or more of the {name.split('_')[0]} scores are non-finite: {means}",
            category=UserWarning,
            stacklevel=2,
        )
    squares = (filled - means[:, np.newaxis]) ** 2
    results[f"std_{name}"] = np.sqrt(np.average(squares, axis=1, weights=given))


def masked_params(params: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, MaskedArray]]:
    """Give one masked column a parameter; candidates that do not have it are masked."""
    rows: dict[str, list[int]] = defaultdict(list)
    values: dict[str, list[Any]] = defaultdict(list)
    for index, given in enumerate(params):
        for name, value in given.items():
            rows[name].append(index)
            values[name].append(value)
    for name, found in values.items():
        column = MaskedArray(np.empty(len(params), dtype=_column_type(found)), mask=True)
        if column.dtype == object:
            for index, value in zip(rows[name], found, strict=True):
                column.data[index] = value
            mask: Any = column.mask
            mask[rows[name]] = False
        else:
            column[rows[name]] = found
        yield f"param_{name}", column


def _column_type(values: list[Any]) -> Any:
    if any(hasattr(value, "fit") for value in values):
        # NumPy would take a pipeline, which has a length, for a sequence of steps.
        return object
    try:
        array = np.array(values)
    except ValueError:
        return object
    return array.dtype if array.dtype.kind != "U" and array.ndim == 1 else object
