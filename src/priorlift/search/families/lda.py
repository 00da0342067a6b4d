"""Linear discriminant analysis: every shrinkage from one decomposition of the within-class scatter.

The shrunk covariance (1 - s) C + s tr(C)/p I has the eigenvectors of C whatever s is, so with
C = Q diag(w) Q' the coefficients are M Q diag(1 / ((1 - s) w + s tr(C)/p)) Q' for the class means M
and any shrinkage s. The solvers "lsqr" and "eigen" both compute just that. A shrinkage so small
that the matrix is nearly singular, where either solver decides by a cut-off, is fitted plainly, and
so is one with two classes as good as tied.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import expit, softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from priorlift.search.answers import Answers
from priorlift.search.block import Block
from priorlift.search.families.common import (
    Floats,
    Sheet,
    class_codes,
    least_lead,
    pieces,
    plain_fit,
)
from priorlift.search.families.rows import is_number, rows_reason
from priorlift.search.scikit_learn import has_valid_parameters

# A condition number times the machine's precision bounds the error of coefficients (our choice).
_WORST_CONDITION = 1e5


class LdaFamily:
    """Solves `shrinkage` of LinearDiscriminantAnalysis."""

    name = "lda"
    estimators = (LinearDiscriminantAnalysis,)
    axis = frozenset({"shrinkage"})

    def declines(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> str | None:
        """Return why these settings are not solved here; None if they are.

        Parameters
        ----------
        estimator : LinearDiscriminantAnalysis
            With the settings off the axis.
        settings : sequence of mapping
            Their shrinkages.
        block : Block
            Rows of one fold.
        """
        if not has_valid_parameters(estimator):
            return "a parameter is invalid"
        if estimator.solver not in ("lsqr", "eigen"):
            return f"solver={estimator.solver!r} does not shrink"
        if estimator.covariance_estimator is not None or estimator.priors is not None:
            return "it is given priors or an estimator of covariances"
        if not all(is_number(setting["shrinkage"], 0.0, 1.0) for setting in settings):
            return "a shrinkage is not a number from 0 to 1"
        reason = rows_reason(block.X_train) or rows_reason(block.X_test)
        if reason:
            return reason
        if np.asarray(block.X_train).dtype == np.float32:
            return "its rows are float32"
        if block.fit_params:
            return "its fit is given metadata"
        found = class_codes(block.y_train)
        if found is None or len(found[1]) <= len(found[0]):
            return "y is no vector of labels with more rows than classes"
        n_most = min(len(found[0]) - 1, block.X_train.shape[1])
        if estimator.n_components is not None and estimator.n_components > n_most:
            return "n_components is too large"
        return None

    def answers(
        self, estimator: Any, settings: Sequence[Mapping[str, Any]], block: Block
    ) -> Iterator[Answers]:
        """Give the predictions for all shrinkages.

        Parameters
        ----------
        estimator, settings, block : object
            As accepted by `declines`.

        Notes
        -----
        O(n p² + p³) once and O(n_test p K) a shrinkage.
        """
        shrinkages = np.array([float(setting["shrinkage"]) for setting in settings])
        found = class_codes(block.y_train)
        assert found is not None
        model = _Model(np.asarray(block.X_train, dtype=np.float64), *found)
        rows = [block.X_test, block.X_train] if block.want_train else [block.X_test]
        sides = [np.asarray(X, dtype=np.float64) @ model.basis for X in rows]
        n_most = max(len(side) for side in sides)
        for piece in pieces(len(shrinkages), n_most * len(model.classes)):
            here = shrinkages[piece]
            unsure = model.is_ill(here)
            sheets = []
            for X, side in zip(rows, sides, strict=True):
                sheet, lead = model.sheet(X, side, here)
                sheets.append(sheet)
                unsure |= lead
            for i in np.flatnonzero(unsure):
                plain = plain_fit(estimator, settings[piece.start + i], block)
                for sheet in sheets:
                    sheet.put_plain(int(i), plain)
            done = [sheet.predictions() for sheet in sheets]
            yield Answers(piece.start, done[0], done[1] if block.want_train else None)


class _Model:
    """Class means and priors, and the within-class covariance in its eigenbasis."""

    def __init__(self, X: Floats, classes: NDArray[Any], codes: NDArray[np.intp]) -> None:
        self.classes = classes
        counts = np.bincount(codes).astype(np.float64)
        means = np.zeros((len(classes), X.shape[1]))
        np.add.at(means, codes, X)
        means /= counts[:, None]
        within = X - means[codes]
        values, self.basis = eigh(within.T @ within / len(X), driver="evd", check_finite=False)
        self.values = np.maximum(values, 0.0)
        self.means = means @ self.basis
        self.log_priors = np.log(counts / len(X))

    def _shrunk(self, shrinkages: Floats) -> Floats:
        s = shrinkages[:, None]
        return np.asarray((1.0 - s) * self.values + s * self.values.mean())

    def is_ill(self, shrinkages: Floats) -> NDArray[np.bool_]:
        """Tell where the covariance is so nearly singular that solvers may differ."""
        shrunk = self._shrunk(shrinkages)
        return np.asarray(shrunk.max(axis=1) > _WORST_CONDITION * shrunk.min(axis=1))

    def sheet(self, X: Any, side: Floats, shrinkages: Floats) -> tuple[Sheet, NDArray[np.bool_]]:
        """Return the predictions of a side, and where two classes are as good as tied."""
        # A singular matrix gives NaN here, and its settings are fitted plainly.
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = self.means / self._shrunk(shrinkages)[:, None, :]
            intercept = -0.5 * np.einsum("skp,kp->sk", weights, self.means) + self.log_priors
            if len(self.classes) == 2:
                weights = weights[:, 1:] - weights[:, :1]
                intercept = intercept[:, 1:] - intercept[:, :1]
            n_settings, n_columns, p = weights.shape
            flat = (side @ weights.reshape(-1, p).T).reshape(len(side), n_settings, n_columns)
            decision = flat.transpose(1, 0, 2) + intercept[:, None, :]
        scale = 1e-9 * (1.0 + np.abs(decision).max(axis=(1, 2)))
        if n_columns == 1:
            decision = decision[..., 0]
            one = expit(decision)
            proba = np.stack([1 - one, one], axis=2)
            labels, lead = (decision > 0).astype(np.intp), np.abs(decision).min(axis=1)
        else:
            proba = softmax(decision, axis=2)
            labels, lead = decision.argmax(axis=2), least_lead(decision)
        # `not larger` also holds for NaN, of a singular matrix.
        return Sheet(X, self.classes, None, labels, decision, proba), ~(lead > scale)


FAMILY = LdaFamily()
