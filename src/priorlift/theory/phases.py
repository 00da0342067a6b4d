"""Where learned features beat random ones, over labels and relatedness: a phase diagram.

One network is trained on each source. The knob that relates target and source changes the target
alone, so every further point takes closed-form covariances and one eigendecomposition for each
feature map; no head is trained. After Gerace et al. 2022 (arXiv 2106.05418); of that paper the
abstract and introduction could be read, so the grid and the sizes are ours. A network from scratch
has no such theory: it is simulated on every second point, where that is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.theory.checks import checked_number
from priorlift.theory.correlated_tasks import CorrelatedTasks
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.phase_result import KNOBS, Knob, PhaseDiagram, SimulatedErrors
from priorlift.theory.quadrature import Array
from priorlift.theory.simulate import simulate_transfer, train_sources
from priorlift.theory.solution import LOSSES, Loss
from priorlift.theory.two_layer import TwoLayer

DEFAULT_VALUES: dict[str, tuple[float, ...]] = {
    "qF": (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0),
    "qt": (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0),
    "eta": (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0),
    "delta": (-0.8, -0.6, -0.4, -0.2, 0.0, 0.25, 0.5, 1.0),
}
ALPHAS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
ROWS_PER_INPUT = 20


def phase_diagram(
    knob: Knob = "qF",
    values: ArrayLike | None = None,
    n: ArrayLike | None = None,
    *,
    latent: int = 100,
    inputs: int = 200,
    width: int = 100,
    n_source: int | None = None,
    knobs: Mapping[str, float] | None = None,
    lam: float | None = None,
    loss: Loss = "logistic",
    noise: float = 0.0,
    flips: float = 0.0,
    seeds: int | Sequence[int] = 3,
    scratch: bool | Mapping[str, Any] = False,
    training: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PhaseDiagram:
    """Compute where transfer helps and where it hurts, as labels and relatedness vary.

    Parameters
    ----------
    knob : {"qF", "qt", "eta", "delta"}
        What varies, see `CorrelatedTasks.draw`.
    values : array-like, optional
        Its values; by default eight over its range.
    n : array-like of int, optional
        Labelled target rows; by default from a quarter of the width to 16 times it.
    latent, inputs, width : int
        Latent dimension d and inputs D of the source, and features p.
    n_source : int, optional
        Rows of the source; by default 20 for each input.
    knobs : mapping of str to float, optional
        The other knobs, held fixed.
    lam : float, optional
        One regulariser for all, for features scaled to a mean eigenvalue of 1: a tiny one shows
        double descent. By default the best in theory at each point.
    loss : {"logistic", "square", "square_labels"}
        Of the heads, see `CovariateModel.solve`; the source's network has the logistic one.
    noise, flips : float
        Of the target's labels, see `CovariateModel`; errors are against the rule without flips.
    seeds : int or sequence of int
        Sources to average over: how many, or their seeds.
    scratch : bool or mapping
        Simulate training from scratch, and the heads as well, on every second value and number of
        rows, or on every number where there is one value; a mapping goes to `train_two_layer`. For
        logistic heads on labels without noise.
    training : mapping, optional
        Of the source's network, for `train_two_layer`.
    progress : callable, optional
        Called with the points done and all points.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    InputError
        A number is out of its range.
    UnknownNameError
        There is no such knob or loss.

    Notes
    -----
    A training for each seed, and for each seed and value O(D^2 (d + p) + p^3), whatever n is.
    Where target and source are nearly equal, learned features depend on the teacher's field in a
    way that is not Gaussian, and the theory overstates their error by 10 to 15 %.

    Examples
    --------
    >>> sizes = {"latent": 20, "inputs": 30, "width": 20, "training": {"steps": 100}}
    >>> found = phase_diagram("qF", [0, 1], [20, 80], lam=0.3, **sizes)
    >>> found.gain.shape
    (2, 2)
    >>> bool(found.gain[1, 0] > 0.05)  # few labels of the same task
    True
    """
    grid, rows, seed_list, fixed = _checked(knob, values, n, width, seeds, knobs or {}, lam)
    _check_labels(loss, noise, flips, simulated=scratch is not False)
    sizes: dict[str, Any] = {"latent": latent, "inputs": inputs}
    for value in grid:  # what is out of range is refused before anything is trained
        CorrelatedTasks.draw(**sizes, random_state=seed_list[0], **{**fixed, knob: float(value)})
    n_source = ROWS_PER_INPUT * inputs if n_source is None else int(n_source)
    if n_source < 2:
        raise InputError(f"n_source is {n_source}", remedy="pass tens of rows for each input")
    networks = train_sources(latent, inputs, width, seed_list, n_source, **(training or {}))
    alpha = rows / width
    errors = np.empty((2, len(seed_list), len(grid), len(rows)))
    floors = np.empty(errors.shape[:-1])
    for place, seed in enumerate(seed_list):
        fresh = np.random.default_rng([seed, 4]).normal(size=(width, inputs))
        for k, value in enumerate(grid):
            all_knobs: dict[str, Any] = {**fixed, knob: float(value)}
            task = CorrelatedTasks.draw(**sizes, random_state=seed, **all_knobs).target
            for which, W in enumerate((networks.W[place].astype(float), fresh)):
                model = task.model(W, noise=noise, flips=flips)
                errors[which, place, k] = _error(model, alpha, lam, loss)
                floors[which, place, k] = _floor(model, loss)
            if progress is not None:
                progress(place * len(grid) + k + 1, len(seed_list) * len(grid))
    settings = {
        **sizes,
        "width": width,
        "n_source": n_source,
        "seeds": seed_list,
        "lam": lam,
        "loss": loss,
        "noise": noise,
        "flips": flips,
        "knobs": fixed,
        "training": dict(training or {}),
    }
    done = None
    if scratch is not False:
        how = {} if scratch is True else dict(scratch)
        seen = rows[::2] if len(grid) > 1 else rows
        done = _simulate(networks, seed_list, grid[::2], seen, knob, fixed, latent, lam, how)
    both = {"transferred": floors[0], "random": floors[1]}
    return PhaseDiagram(knob, grid, rows, width, errors[0], errors[1], settings, done, both)


def _error(model: CovariateModel, alpha: Array, lam: float | None, loss: Loss) -> Array:
    model = model.rescaled()
    if lam is None:
        return model.optimal_lambda(alpha, loss).error
    return model.solve(alpha, lam, loss).error


def _floor(model: CovariateModel, loss: Loss) -> float:
    if loss == "square":
        return model.rho * (1.0 - model.reachable) + model.noise
    return model.error_floor


def _simulate(
    networks: TwoLayer,
    seeds: list[int],
    values: Array,
    rows: NDArray[np.int64],
    knob: Knob,
    fixed: Mapping[str, float],
    latent: int,
    lam: float | None,
    scratch: Mapping[str, Any],
) -> SimulatedErrors:
    alpha = (rows / networks.W.shape[1]).tolist()
    found = [
        simulate_transfer(
            networks,
            seeds,
            alpha,
            latent=latent,
            knobs={**fixed, knob: float(value)},
            lam=lam,
            scratch=scratch,
        ).measured
        for value in values
    ]
    errors = {name: np.stack([point[name] for point in found], axis=1) for name in found[0]}
    return SimulatedErrors(values, rows, errors)


def _checked(
    knob: str,
    values: ArrayLike | None,
    n: ArrayLike | None,
    width: int,
    seeds: int | Sequence[int],
    knobs: Mapping[str, float],
    lam: float | None,
) -> tuple[Array, NDArray[np.int64], list[int], dict[str, Any]]:
    if knob not in KNOBS:
        raise UnknownNameError("knob", str(knob), KNOBS)
    for name in knobs:
        if name not in KNOBS:
            raise UnknownNameError("knob", name, KNOBS)
    if knob in knobs:
        raise InputError(f"{knob} varies, and knobs= fixes it", remedy=f"leave {knob} out of knobs")
    if width < 1:
        raise InputError(f"width is {width}", remedy="pass the number of features, 1 or more")
    if lam is not None:
        checked_number(lam, "lam", above=0.0)
    grid = np.unique(_vector(DEFAULT_VALUES[knob] if values is None else values, "values"))
    rows = _vector([round(a * width) for a in ALPHAS] if n is None else n, "n")
    if (rows < 2).any() or (rows != np.round(rows)).any():
        raise InputError("n holds a number that is no count of 2 or more", remedy="pass n=[20, 80]")
    listed = list(range(seeds)) if isinstance(seeds, int) else [int(seed) for seed in seeds]
    if not listed or min(listed) < 0 or len(set(listed)) < len(listed):
        raise InputError(f"seeds is {seeds}", remedy="pass how many, or different numbers from 0")
    return grid, np.unique(rows).astype(np.int64), listed, dict(knobs)


def _check_labels(loss: str, noise: float, flips: float, simulated: bool) -> None:
    if loss not in LOSSES:
        raise UnknownNameError("loss", str(loss), LOSSES)
    checked_number(noise, "noise")
    if not 0 <= checked_number(flips, "flips") < 0.5:
        raise InputError(f"flips is {flips}", remedy="pass a share of labels in [0, 0.5)")
    if flips and loss == "square":
        raise InputError(
            f"flips is {flips}, and the square loss learns numbers",
            remedy='pass noise= instead, or loss="square_labels"',
        )
    if simulated and (loss != "logistic" or noise or flips):
        raise InputError(
            "training from scratch is simulated for the logistic loss and clean labels alone",
            remedy="leave out scratch, or loss, noise and flips",
        )


def _vector(values: ArrayLike, name: str) -> Array:
    vector = np.atleast_1d(np.asarray(values, dtype=float))
    if vector.ndim != 1 or not len(vector) or not np.isfinite(vector).all():
        raise InputError(f"{name} is empty or not a list of finite numbers")
    return vector
