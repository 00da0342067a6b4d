"""The theory's claims, done for real: Gaussian features, and the whole pipeline of transfer.

`simulate_heads` draws features of a given covariance and fits the head. `simulate_transfer` runs
what a practitioner does: train a network on the source, freeze its first layer, fit a head on a few
rows of the target; beside it random features and a network from scratch. Seeds run together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.core.tables import to_frame
from priorlift.theory.correlated_tasks import CorrelatedTasks, HiddenManifold
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.heads import logistic_heads, ridge_heads
from priorlift.theory.quadrature import Array
from priorlift.theory.solution import LOSSES, Loss
from priorlift.theory.two_layer import TwoLayer, hidden, train_two_layer

MAPS = ("transferred", "random", "scratch")


@dataclass(frozen=True, eq=False)
class SimulatedHeads:
    """What fitted heads did, one value a draw.

    Attributes
    ----------
    error : ndarray of shape (draws,)
        As `Solution.error`, computed from the known covariances and so without a test set.
    train_loss, train_error : ndarray of shape (draws,)
        As in `Solution`.
    """

    error: Array
    train_loss: Array
    train_error: Array


def simulate_heads(
    model: CovariateModel,
    alpha: float,
    lam: float,
    loss: Loss = "logistic",
    *,
    draws: int = 10,
    random_state: int = 0,
) -> SimulatedHeads:
    """Fit heads on Gaussian features of the model's covariance.

    Parameters
    ----------
    model : CovariateModel
        Features and labels.
    alpha, lam, loss
        As for `CovariateModel.solve`; n is round(alpha p).
    draws : int
        Training sets.
    random_state : int
        Seed.

    Notes
    -----
    draws * n * p numbers at once.
    """
    if loss not in LOSSES:
        raise UnknownNameError("loss", str(loss), LOSSES)
    rng = np.random.default_rng(random_state)
    p, n = model.p, max(1, round(alpha * model.p))
    s = np.sqrt(model.alignment)
    seen = model.spectrum > 0
    teacher = np.where(seen, s / np.where(seen, model.spectrum, 1.0), 0.0)
    v = rng.normal(size=(draws, n, p)) * np.sqrt(model.spectrum)
    hidden_power = max(0.0, model.rho * (1.0 - model.reachable)) + model.noise
    nu = v @ teacher + np.sqrt(hidden_power) * rng.normal(size=(draws, n))
    y = nu
    if loss != "square":
        y = np.where(nu > 0, 1.0, -1.0)
        y = np.where(rng.random(y.shape) < model.flips, -y, y)
    fit = logistic_heads if loss == "logistic" else ridge_heads
    w = fit(v, y, np.full(draws, float(lam)))
    outputs = (v @ w[:, :, None])[:, :, 0] / np.sqrt(p)
    q, m = (w * w) @ model.spectrum / p, w @ s / np.sqrt(p)
    if loss == "square":
        losses = 0.5 * (y - outputs) ** 2
        return SimulatedHeads(
            model.rho + model.noise + q - 2.0 * m, losses.mean(axis=1), 2.0 * losses.mean(axis=1)
        )
    losses = np.logaddexp(0.0, -y * outputs) if loss == "logistic" else 0.5 * (y - outputs) ** 2
    error = np.arccos(np.clip(m / np.sqrt(model.rho * q), -1.0, 1.0)) / np.pi
    return SimulatedHeads(error, losses.mean(axis=1), (y * outputs < 0).mean(axis=1))


@dataclass(frozen=True, eq=False)
class SimulatedTransfer:
    """Measured and predicted errors of each feature map, seed and number of rows.

    Attributes
    ----------
    n : ndarray of shape (k,)
        Target rows.
    alpha : ndarray of shape (k,)
        n divided by the number of features.
    measured : dict of str to ndarray of shape (seeds, k)
        Share of wrong predictions on new rows, for "transferred", "random" and, where it was asked
        for, "scratch".
    predicted : dict of str to ndarray of shape (seeds, k)
        What the theory says of the same feature maps; there is none for "scratch".
    lam : dict of str to ndarray of shape (seeds, k)
        Regulariser of each head, for features scaled to a mean eigenvalue of 1.
    floor, effective_dimension : dict of str to ndarray of shape (seeds,)
        What endless labels would reach, and the directions that the features use.
    """

    n: NDArray[np.int64]
    alpha: Array
    measured: dict[str, Array]
    predicted: dict[str, Array]
    lam: dict[str, Array]
    floor: dict[str, Array]
    effective_dimension: dict[str, Array]

    def to_frame(self) -> Any:
        """Return one row for each map and number of target rows: means and standard errors."""
        rows = []
        for name, errors in self.measured.items():
            for column, n in enumerate(self.n):
                values = errors[:, column]
                spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
                theory = self.predicted.get(name)
                rows.append(
                    {
                        "features": name,
                        "n": int(n),
                        "alpha": float(self.alpha[column]),
                        "measured": float(values.mean()),
                        "standard_error": float(spread),
                        "predicted": None if theory is None else float(theory[:, column].mean()),
                    }
                )
        return to_frame({name: [row[name] for row in rows] for name in rows[0]})


def train_sources(
    latent: int, inputs: int, width: int, seeds: Sequence[int], n_source: int, **training: Any
) -> TwoLayer:
    """Train a network on the source of each seed.

    Parameters
    ----------
    latent, inputs : int
        Dimensions of the tasks.
    width : int
        Hidden units p.
    seeds : sequence of int
        As in `CorrelatedTasks.draw`, which gives the same source for every setting of its knobs.
    n_source : int
        Rows of each source; take tens for each input.
    **training
        As for `train_two_layer`.
    """
    networks = []
    for seed in seeds:
        task = CorrelatedTasks.draw(latent, inputs, random_state=seed).source
        rng = np.random.default_rng([seed, 1])
        x, y = _rows([task], n_source, [rng])
        networks.append(train_two_layer(x, y, width, rng, **training))
    return TwoLayer(
        np.concatenate([network.W for network in networks]),
        np.concatenate([network.a for network in networks]),
    )


def simulate_transfer(
    networks: TwoLayer,
    seeds: Sequence[int],
    alpha: Sequence[float],
    *,
    latent: int,
    knobs: Mapping[str, Any],
    lam: float | None = None,
    scratch: Mapping[str, Any] | None = None,
    test_rows: int = 4000,
) -> SimulatedTransfer:
    """Fit heads on frozen features of each seed's target, and predict their errors.

    Parameters
    ----------
    networks : TwoLayer
        Trained on the sources, one for each seed (`train_sources`).
    seeds : sequence of int
        The same as there.
    alpha : sequence of float
        Target rows for each feature.
    latent : int
        Latent dimension of the sources.
    knobs : mapping of str to float
        qF, eta, qt, delta of `CorrelatedTasks.draw`.
    lam : float, optional
        One regulariser for all, for features scaled to a mean eigenvalue of 1; a tiny one shows
        double descent. By default the best one in theory for each map and number of rows.
    scratch : mapping, optional
        Train a network from scratch as well, with these arguments of `train_two_layer`; a fifth of
        the rows is held out for early stopping.
    test_rows : int
        New rows that errors are counted on.

    Notes
    -----
    Features are always scaled: without it a lambda means something else for each map.
    """
    if len(networks.W) != len(seeds):
        raise InputError(f"{len(networks.W)} networks for {len(seeds)} seeds")
    width, inputs = networks.W.shape[1:]
    alphas = np.asarray(alpha, dtype=float)
    n = np.maximum(2, np.round(alphas * width)).astype(np.int64)
    tasks = [CorrelatedTasks.draw(latent, inputs, random_state=s, **knobs).target for s in seeds]
    streams = [np.random.default_rng([seed, 2]) for seed in seeds]
    x, y = _rows(tasks, int(n.max()), streams)
    x_new, y_new = _rows(tasks, test_rows, streams)
    fresh = np.stack([rng.normal(size=(width, inputs)) for rng in streams])
    result = SimulatedTransfer(n, n / width, {}, {}, {}, {}, {})
    for name, W in (("transferred", networks.W), ("random", fresh)):
        models = [task.model(W[k].astype(float)) for k, task in enumerate(tasks)]
        scale = np.array([model.spectrum.mean() for model in models])
        models = [model.rescaled() for model in models]
        solved = [
            model.optimal_lambda(n / width) if lam is None else model.solve(n / width, lam)
            for model in models
        ]
        result.predicted[name] = np.stack([solution.error for solution in solved])
        result.lam[name] = np.stack([solution.lam for solution in solved])
        result.floor[name] = np.array([model.error_floor for model in models])
        result.effective_dimension[name] = np.array([m.effective_dimension for m in models])
        v = hidden(W, x) / np.sqrt(scale)[:, None, None]
        v_new = hidden(W, x_new) / np.sqrt(scale)[:, None, None]
        result.measured[name] = _head_errors(v, y, v_new, y_new, n, result.lam[name])
    if scratch is not None:
        result.measured["scratch"] = _scratch_errors(x, y, x_new, y_new, n, width, seeds, scratch)
    return result


def _rows(
    tasks: Sequence[HiddenManifold], rows: int, streams: Sequence[np.random.Generator]
) -> tuple[NDArray[np.float32], Array]:
    drawn = [task.sample(rows, rng) for task, rng in zip(tasks, streams, strict=True)]
    x = np.stack([inputs.astype(np.float32) for inputs, _ in drawn])
    return x, np.stack([np.where(nu > 0, 1.0, -1.0) for _, nu in drawn])


def _head_errors(
    v: Array, y: Array, v_new: Array, y_new: Array, n: NDArray[np.int64], lam: Array
) -> Array:
    errors = np.empty((len(v), len(n)))
    for column, rows in enumerate(n):
        w = logistic_heads(v[:, :rows].astype(float), y[:, :rows], lam[:, column])
        outputs = (v_new @ w[:, :, None])[:, :, 0]
        errors[:, column] = (outputs * y_new < 0).mean(axis=1)
    return errors


def _scratch_errors(
    x: NDArray[np.float32],
    y: Array,
    x_new: NDArray[np.float32],
    y_new: Array,
    n: NDArray[np.int64],
    width: int,
    seeds: Sequence[int],
    training: Mapping[str, Any],
) -> Array:
    rng = np.random.default_rng([*seeds, 3])
    errors = np.empty((len(x), len(n)))
    for column, rows in enumerate(n):
        arguments = {"held_out": 0.2, **training}
        network = train_two_layer(x[:, :rows], y[:, :rows], width, rng, **arguments)
        errors[:, column] = (network.outputs(x_new) * y_new < 0).mean(axis=1)
    return errors
