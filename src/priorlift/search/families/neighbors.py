"""Nearest neighbours: one search at the largest k; every smaller k is a prefix of it.

Votes are summed neighbour by neighbour and read off at each k, for both ways of weighting. Which of
several equally far neighbours come first is a matter of the search, so where rows at one distance
lie on both sides of a k and do not all say the same, or weighted votes are as good as tied, that k
is fitted plainly: its answers are then scikit-learn's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.families.common import Floats, Sheet, class_codes, pieces, plain_fit
from priorlift.search.families.rows import is_count, rows_reason
from priorlift.search.scikit_learn import has_valid_parameters

_EUCLIDEAN = ("euclidean", "l2")
_METRICS = (*_EUCLIDEAN, "minkowski", "manhattan", "l1", "cityblock", "chebyshev", "cosine")
# Neighbours beyond the largest k, to see where a group of equally far ones ends (our choice).
_BEYOND = 8


class NeighborsFamily:
    """Solves `n_neighbors` and `weights` of nearest-neighbour classifiers and regressors."""

    name = "neighbors"
    estimators = (KNeighborsClassifier, KNeighborsRegressor)
    axis = frozenset({"n_neighbors", "weights"})

    def declines(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> str | None:
        """Return why these settings are not solved here; None if they are.

        Parameters
        ----------
        estimator : KNeighborsClassifier or KNeighborsRegressor
            With the settings off the axis.
        settings : sequence of mapping
            Numbers of neighbours, ways of weighting.
        block : Block
            Rows of one fold.
        """
        if not has_valid_parameters(estimator):
            return "a parameter is invalid"
        if not isinstance(estimator.metric, str) or estimator.metric not in _METRICS:
            return "its metric is not one of the usual ones"
        if estimator.metric_params:
            return "its metric has parameters"
        reason = rows_reason(block.X_train) or rows_reason(block.X_test)
        if reason:
            return reason
        if block.fit_params:
            return "its fit is given metadata"
        n_rows = len(block.X_train)
        for setting in settings:
            k, weighting = _of(estimator, setting)
            if not is_count(k) or k > n_rows:
                return f"n_neighbors={k!r} is not a number of rows"
            if not isinstance(weighting, str) or weighting not in ("uniform", "distance"):
                return "its weights are not 'uniform' or 'distance'"
        if isinstance(estimator, KNeighborsClassifier):
            return None if class_codes(block.y_train) is not None else "y is no vector of labels"
        y = np.asarray(block.y_train)
        usual = y.dtype.kind in "fiub" and y.ndim in (1, 2) and np.isfinite(y).all()
        return None if usual else "y is no table of numbers"

    def answers(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> Iterator[Answers]:
        """Give the predictions of all settings.

        Parameters
        ----------
        estimator, settings, block : object
            As accepted by `declines`.

        Notes
        -----
        One search, then O(n_test k_max) additions for each way of weighting.
        """
        known = [_of(estimator, setting) for setting in settings]
        largest = max(k for k, _ in known)
        fitted = plain_fit(estimator, {"n_neighbors": largest, "weights": "uniform"}, block)
        classes, targets = _targets(estimator, block.y_train)
        depth = min(largest + _BEYOND, len(block.X_train))
        rows = [block.X_test, block.X_train] if block.want_train else [block.X_test]
        scale = _largest_norm(block) if _is_euclidean(estimator) else None
        sides = []
        for X in rows:
            distances, indices = fitted.kneighbors(X, depth)
            sides.append(_Neighbors(distances, indices, targets, len(block.X_train), scale))
        one = classes is not None or np.asarray(block.y_train).ndim == 1
        width = max(len(side.distances) for side in sides) * targets.shape[1]
        for piece in pieces(len(settings), width):
            here = known[piece]
            sheets = [
                _sheet(side, X, here, classes, one) for side, X in zip(sides, rows, strict=True)
            ]
            unsure = [side.unsure(here, classes is not None) for side in sides]
            for i in np.flatnonzero(np.any(unsure, axis=0)):
                plain = plain_fit(estimator, settings[piece.start + i], block)
                for sheet in sheets:
                    sheet.put_plain(int(i), plain)
            found = [sheet.predictions() for sheet in sheets]
            yield Answers(piece.start, found[0], found[1] if block.want_train else None)


@dataclass(eq=False)
class _Neighbors:
    """The neighbours of one side's rows, nearest first, and the targets that they bring.

    `targets` holds a row's class indicators or its target values, one column each.
    """

    distances: Floats
    indices: NDArray[np.intp]
    targets: Floats
    n_train: int
    scale: float | None

    def sums(self, known: Sequence[tuple[int, str]]) -> tuple[Floats, Floats]:
        """Return weighted sums of targets (S, n, K) and of weights (S, n), one a setting."""
        n, width = len(self.distances), self.targets.shape[1]
        totals, norms = np.empty((len(known), n, width)), np.empty((len(known), n))
        for weighting in {weighting for _, weighting in known}:
            places: dict[int, list[int]] = {}
            for i, (k, own) in enumerate(known):
                if own == weighting:
                    places.setdefault(int(k), []).append(i)
            weights = self._weights(weighting)
            total, norm = np.zeros((n, width)), np.zeros(n)
            for j in range(max(places)):
                total += weights[:, j, None] * self.targets[self.indices[:, j]]
                norm += weights[:, j]
                for i in places.get(j + 1, ()):
                    totals[i], norms[i] = total, norm
        return totals, norms

    def _weights(self, weighting: str) -> Floats:
        if weighting == "uniform":
            return np.ones_like(self.distances)
        zero = self.distances == 0
        with np.errstate(divide="ignore"):
            inverse = 1.0 / self.distances
        # As scikit-learn has it: neighbours at no distance are the only ones that count.
        return np.where(zero.any(axis=1, keepdims=True), zero.astype(np.float64), inverse)

    def unsure(self, known: Sequence[tuple[int, str]], votes: bool) -> NDArray[np.bool_]:
        """Tell for each setting whether its answers depend on an order that is not given."""
        cut = {k: self._cuts_a_group(k) for k in {k for k, _ in known}}
        found = np.array([cut[k] for k, _ in known])
        weighted = np.array([weighting == "distance" for _, weighting in known])
        if votes and weighted.any():
            totals, norms = self.sums([own for own in known if own[1] == "distance"])
            top = np.partition(totals / norms[..., None], -2, axis=2)
            lead = (top[..., -1] - top[..., -2]).min(axis=1)
            found[weighted] |= lead < 1e-9
        if weighted.any() and self._nearly_zero():
            found |= weighted
        return found

    def _tied(self) -> NDArray[np.bool_]:
        """Tell for each neighbour but the first whether it is as far as the one before."""
        d = self.distances
        if self.scale is None:
            return np.asarray(np.diff(d, axis=1) <= 1e-12 * (1.0 + d[:, 1:]))
        # Squared distances may be computed from products, which round like squared norms.
        return np.asarray(np.diff(d**2, axis=1) <= 1e-13 * (self.scale + d[:, 1:] ** 2))

    def _nearly_zero(self) -> bool:
        """Tell whether a distance is so small that rounding may hide or show it."""
        noise = 1e-7 if self.scale is None else np.sqrt(1e-13 * self.scale)
        exact = self.distances == 0
        return bool(((self.distances < noise) & ~exact).any())

    def _cuts_a_group(self, k: int) -> bool:
        """Tell whether equally far neighbours with other targets lie on both sides of k."""
        if k >= self.n_train:
            return False
        tied = self._ties
        for row in np.flatnonzero(tied[:, k - 1]):
            first, last = k - 1, k
            while first > 0 and tied[row, first - 1]:
                first -= 1
            while last < tied.shape[1] and tied[row, last]:
                last += 1
            ends = last < tied.shape[1] or tied.shape[1] + 1 == self.n_train
            group = self.targets[self.indices[row, first : last + 1]]
            if not ends or (group != group[0]).any():
                return True
        return False

    def __post_init__(self) -> None:
        self._ties = self._tied()


def _of(estimator: Any, setting: Mapping[str, Any]) -> tuple[Any, Any]:
    return (
        setting.get("n_neighbors", estimator.n_neighbors),
        setting.get("weights", estimator.weights),
    )


def _targets(estimator: Any, y: Any) -> tuple[NDArray[Any] | None, Floats]:
    if isinstance(estimator, KNeighborsClassifier):
        found = class_codes(y)
        assert found is not None
        classes, codes = found
        return classes, np.eye(len(classes))[codes]
    array = np.asarray(y, dtype=np.float64)
    return None, array.reshape(len(array), -1)


def _sheet(
    side: _Neighbors,
    X: Any,
    known: Sequence[tuple[int, str]],
    classes: NDArray[Any] | None,
    one: bool,
) -> Sheet:
    totals, norms = side.sums(known)
    means = totals / norms[..., None]
    if classes is None:
        return Sheet(X, values=means[..., 0] if one else means)
    return Sheet(X, classes, labels=totals.argmax(axis=2), proba=means)


def _is_euclidean(estimator: Any) -> bool:
    minkowski = estimator.metric == "minkowski" and estimator.p == 2
    return bool(minkowski or estimator.metric in _EUCLIDEAN)


def _largest_norm(block: Block) -> float:
    sides = (np.asarray(X, dtype=np.float64) for X in (block.X_train, block.X_test))
    return max(float(np.einsum("ij,ij->i", X, X).max()) for X in sides)


FAMILY = NeighborsFamily()
