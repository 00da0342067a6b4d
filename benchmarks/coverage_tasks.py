"""Tasks with a known lift: Gaussian classes, one fixed source at a rotated class mean.

The target's balanced classes have unit covariance in ten dimensions; the source (500 rows, drawn
once a cell) has its class means turned by an angle out of the target's plane. The estimator with
sources pools its rows with the target's; without, it sees the target's alone. For two classes the
accuracy, the area under the ROC curve and the squared error of a linear score on the population are
closed forms, so the truth costs no test rows, only fresh training samples.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from batched_linear import FixedSource, fit, predict, scores, with_ones
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

DIM, SEPARATION, N_SOURCE = 10, 2.0, 500
GROUP_SIZE, GROUP_SPREAD = 5, 0.7
TRUTH_SAMPLES, SOLVE_SAMPLES, BLOCK = 12_000, 2_000, 200
SMALL, NEGATIVE = 0.75, 1.25  # angle as a multiple of the one with zero lift
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


@dataclass(frozen=True)
class Task:
    """What the rows look like and which learner is fitted to `n_train` of them.

    Parameters
    ----------
    kind : {"binary", "three classes", "grouped"}
    learner : {"logistic", "ridge"}
    n_train : int
        Rows of the target in one fit.
    seed : int
    """

    kind: str
    learner: str
    n_train: int
    seed: int

    @property
    def n_classes(self):
        return 3 if self.kind == "three classes" else 2

    def means(self, angle=0.0):
        """Class means, (C, DIM), turned out of the target's plane by an angle."""
        means = np.zeros((self.n_classes, DIM))
        if self.n_classes == 2:
            means[:, 0] = np.array([-0.5, 0.5]) * SEPARATION * np.cos(angle)
            means[:, 1] = np.array([-0.5, 0.5]) * SEPARATION * np.sin(angle)
            return means
        turn = 2 * np.pi * np.arange(3) / 3
        corners = SEPARATION / np.sqrt(3) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        means[:, :2], means[:, 2:4] = np.cos(angle) * corners, np.sin(angle) * corners
        return means

    @cached_property
    def row_scale(self):
        """Marginal standard deviation of a feature within a class."""
        return np.sqrt(1 + GROUP_SPREAD**2) if self.kind == "grouped" else 1.0

    def sample(self, rng, n_sets, n_rows):
        """Draw fresh target rows, (n_sets, n_rows, DIM), and class codes; groups lie in a row."""
        y = rng.integers(self.n_classes, size=(n_sets, n_rows))
        X = rng.normal(size=(n_sets, n_rows, DIM)) + self.means()[y]
        if self.kind == "grouped":
            effects = rng.normal(size=(n_sets, n_rows // GROUP_SIZE, DIM)) * GROUP_SPREAD
            X += np.repeat(effects, GROUP_SIZE, axis=1)
        return X, y

    def groups(self, n_rows):
        return np.arange(n_rows) // GROUP_SIZE if self.kind == "grouped" else None

    def source(self, angle):
        """The cell's source; its noise is the same at every angle, so the lift is smooth in it."""
        rng = np.random.default_rng([self.seed, 1])
        y = rng.integers(self.n_classes, size=N_SOURCE)
        return FixedSource.of(rng.normal(size=(N_SOURCE, DIM)) + self.means(angle)[y], y)

    def fit(self, X, y, mask=None, source=None):
        return fit(self.learner, X, y, mask, source, self.n_classes)

    def population_scores(self, coef, rng=None):
        """Scores of each fit on the whole population: {metric: (n_fits,)}."""
        if self.n_classes > 2:
            X, y = self.sample(rng, 1, 2_000)
            guess = predict(np.einsum("np,mpc->mnc", with_ones(X[0]), coef))
            return {"accuracy": (guess == y[0]).mean(axis=1)}
        weights, offset = coef[:, :-1, 0], coef[:, -1, 0]
        centres = weights @ self.means().T + offset[:, None]
        spread = np.linalg.norm(weights, axis=1) * self.row_scale
        right = norm.cdf(np.array([-1, 1]) * centres / spread[:, None])
        hits, misses, alarms = right[:, 1] / 2, (1 - right[:, 1]) / 2, (1 - right[:, 0]) / 2
        return {
            "accuracy": right.mean(axis=1),
            "auc": norm.cdf((centres[:, 1] - centres[:, 0]) / (spread * np.sqrt(2))),
            "f1": hits / (hits + (misses + alarms) / 2),
            "squared error": -self._squared_error(centres, spread),
        }

    def _squared_error(self, centres, spread):
        at = centres[:, :, None] + spread[:, None, None] * NODES
        error = row_squared_error(self.learner, at, np.array([0, 1])[:, None])
        return (error @ (NODE_WEIGHTS / NODE_WEIGHTS.sum())).mean(axis=1)

    def lift(self, angle, n_samples, seed):
        """Expected lift of each metric over fresh samples of `n_train` rows, with its error."""
        with_source = self._mean_scores(self.source(angle), n_samples, seed)
        without = self._mean_scores_without(n_samples, seed)
        answers = {}
        for metric, scores_ in with_source.items():
            by_block = scores_ - without[metric]
            error = by_block.std(ddof=1) / np.sqrt(by_block.size)
            answers[metric] = (float(by_block.mean()), float(error))
        return answers

    @cache  # noqa: B019 - tasks are few and live as long as the process
    def _mean_scores_without(self, n_samples, seed):
        return self._mean_scores(None, n_samples, seed)

    def _mean_scores(self, source, n_samples, seed):
        """Mean scores of fits on fresh samples, by blocks that are the same for any source."""
        found = {}
        for block in range(n_samples // BLOCK):
            rng = np.random.default_rng([self.seed, seed, block])
            coef = self.fit(*self.sample(rng, BLOCK, self.n_train), None, source)[:, 0]
            for metric, values in self.population_scores(coef, rng).items():
                found.setdefault(metric, []).append(values.mean())
        return {metric: np.array(values) for metric, values in found.items()}

    @cache  # noqa: B019 - as above
    def angle_without_lift(self, metric="accuracy"):
        """Angle of the source at which the lift is zero, on samples of its own."""
        return brentq(
            lambda angle: self.lift(angle, SOLVE_SAMPLES, seed=2)[metric][0],
            0.0,
            np.pi / 2,
            xtol=5e-3,
        )

    def angle(self, lift):
        """Angle for a named lift; a zero lift may name its metric, as in "zero auc"."""
        if lift == "large":
            return 0.0
        if lift == "zero auc":
            return self.angle_without_lift("auc")
        multiple = {"small": SMALL, "zero": 1.0, "negative": NEGATIVE}[lift]
        return multiple * self.angle_without_lift()


def row_squared_error(learner, score, y):
    """Brier score of a logistic regression, squared error of a ridge score against -1 and 1."""
    if learner == "logistic":
        return (expit(score) - y) ** 2
    return (score - (2 * y - 1)) ** 2


def paired_scores(task, coefs, X, y):
    """Paired differences of rows for coefficients (with, without): {metric: (D, M, N)}, scores."""
    both = [scores(coef, X) for coef in coefs]
    right = [(predict(s) == y[:, None, :]).astype(float) for s in both]
    differences = {"accuracy": right[0] - right[1]}
    if task.n_classes == 2:
        errors = [row_squared_error(task.learner, s[..., 0], y[:, None, :]) for s in both]
        differences["squared error"] = errors[1] - errors[0]
    return differences, both
