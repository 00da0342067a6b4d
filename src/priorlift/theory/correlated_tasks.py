"""Two tasks whose relatedness is known exactly, to learn on and to test on.

Each task is a hidden manifold: latent coordinates c in R^d, inputs x = phi(F^T c / sqrt(d)) in R^D,
labels the sign of nu = theta.c / sqrt(d). A target is made from a source by four knobs, after
Gerace et al. 2022 (arXiv 2106.05418); of that paper the abstract and introduction could be read, so
the knobs' formulas are ours:

- `qF` perturbs every generative feature (another style, texture or noise),
- `eta` replaces some of them (some shapes swapped for others),
- `qt` turns the teacher (the same inputs, other labels),
- `delta` adds features or takes some away (a richer or a poorer task).

All keep entries of unit variance, so that neither the inputs' scale nor the field's power moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.pool import Source, Target
from priorlift.theory.covariances import erf_covariances, monte_carlo_covariances
from priorlift.theory.covariate_model import CovariateModel
from priorlift.theory.quadrature import Array

Nonlinearity: TypeAlias = Literal["erf", "sign", "tanh"]
NONLINEARITIES: dict[str, Callable[[Array], Any]] = {
    "erf": lambda h: erf(h / np.sqrt(2.0)),
    "sign": np.sign,
    "tanh": np.tanh,
}
LARGEST_DELTA = 10.0


@dataclass(frozen=True, eq=False)
class HiddenManifold:
    """One task.

    Parameters
    ----------
    F : ndarray of shape (d, D)
        Generative features.
    theta : ndarray of shape (d,)
        Teacher.
    nonlinearity : {"erf", "sign", "tanh"}
        From latent field to input; "erf" is erf(h / sqrt 2).
    """

    F: Array
    theta: Array
    nonlinearity: Nonlinearity = "erf"

    @property
    def rho(self) -> float:
        """Power of the field."""
        return float(self.theta @ self.theta / len(self.theta))

    def sample(self, rows: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw inputs of shape (rows, D) and the teacher's field of shape (rows,)."""
        c = rng.normal(size=(rows, len(self.theta)))
        root = np.sqrt(len(self.theta))
        x = NONLINEARITIES[self.nonlinearity](c @ self.F / root)
        return np.asarray(x, dtype=float), np.asarray(c @ self.theta / root)

    def model(self, W: Array, **kwargs: float) -> CovariateModel:
        """Return the covariate model of the features erf(W x / sqrt(2 D)), in closed form.

        Parameters
        ----------
        W : ndarray of shape (p, D)
            First layer: a trained one, or a random one.
        **kwargs
            `noise` and `flips`, as for `CovariateModel`.

        Notes
        -----
        For inputs other than "erf" the covariances are averages over 50 rows for each feature.
        """
        if self.nonlinearity == "erf":
            found = erf_covariances(self.F, self.theta, W)
        else:
            root = np.sqrt(2.0 * W.shape[1])
            found = monte_carlo_covariances(lambda x: erf(x @ W.T / root), self.sample, 50 * len(W))
        return CovariateModel.from_covariances(found.Omega, found.s, found.rho, **kwargs)


@dataclass(frozen=True, eq=False)
class CorrelatedTasks:
    """A source and a target, and how one was made from the other.

    Parameters
    ----------
    source, target : HiddenManifold
        The two tasks.
    qF, eta, qt, delta : float
        The knobs that made the target.

    Examples
    --------
    >>> tasks = CorrelatedTasks.draw(50, 100, qF=0.8, random_state=0)
    >>> tasks
    CorrelatedTasks(50 -> 50 latent, 100 inputs, qF=0.8, eta=0.0, qt=1.0, delta=0.0)
    >>> same = CorrelatedTasks.draw(50, 100, random_state=0)
    >>> bool((same.target.F == same.source.F).all())
    True
    """

    source: HiddenManifold
    target: HiddenManifold
    qF: float  # noqa: N815 - the symbol of the formulas
    eta: float
    qt: float
    delta: float

    @classmethod
    def draw(
        cls,
        latent: int,
        inputs: int,
        *,
        qF: float = 1.0,
        eta: float = 0.0,
        qt: float = 1.0,
        delta: float = 0.0,
        redraw_teacher: bool = False,
        nonlinearity: Nonlinearity = "erf",
        random_state: int | None = 0,
    ) -> "CorrelatedTasks":
        """Draw a source, and a target that is related to it as the knobs say.

        Parameters
        ----------
        latent : int
            Latent dimension d of the source.
        inputs : int
            Input dimension D of both.
        qF : float
            F_t = qF F_s + sqrt(1 - qF^2) F'; 1 keeps the features, 0 forgets them. In [-1, 1].
        eta : float
            Share of the generative features (rows of F) that are drawn anew, in [0, 1].
        qt : float
            theta_t = qt theta_s + sqrt(1 - qt^2) theta', in [-1, 1].
        delta : float
            The target has round((1 + delta) d) latent dimensions: below 0 the last ones are
            dropped, above 0 new ones are added. In (-1, 10].
        redraw_teacher : bool
            Draw theta's entry anew as well where eta replaces a feature.
        nonlinearity : {"erf", "sign", "tanh"}
            From latent field to input.
        random_state : int, RandomState or None
            Each ingredient has a stream of its own: two targets of one seed share the source and
            all that their knobs leave alone.

        Raises
        ------
        InputError
            A knob is out of its range, or a dimension is below 1.
        UnknownNameError
            The nonlinearity has no such name.
        """
        _check(latent, inputs, {"qF": qF, "qt": qt}, eta, delta)
        if nonlinearity not in NONLINEARITIES:
            raise UnknownNameError("nonlinearity", str(nonlinearity), NONLINEARITIES)
        stream = _Streams(random_state)
        F = stream("features").normal(size=(latent, inputs))
        theta = stream("teacher").normal(size=latent)
        other_F = stream("other features").normal(size=(latent, inputs))
        other_theta = stream("other teacher").normal(size=latent)
        target_F = qF * F + np.sqrt(1.0 - qF * qF) * other_F
        target_theta = qt * theta + np.sqrt(1.0 - qt * qt) * other_theta
        replaced = stream("which").permutation(latent)[: round(eta * latent)]
        fresh = stream("replacements")
        target_F[replaced] = fresh.normal(size=(latent, inputs))[: len(replaced)]
        if redraw_teacher:
            target_theta[replaced] = fresh.normal(size=latent)[: len(replaced)]
        size = max(1, round((1.0 + delta) * latent))
        added = max(0, size - latent)
        more = stream("additions").normal(size=(added, inputs + 1))
        target_F = np.concatenate([target_F[:size], more[:, :inputs]])
        target_theta = np.concatenate([target_theta[:size], more[:, inputs]])
        return cls(
            HiddenManifold(F, theta, nonlinearity),
            HiddenManifold(target_F, target_theta, nonlinearity),
            float(qF),
            float(eta),
            float(qt),
            float(delta),
        )

    def __repr__(self) -> str:
        latent, inputs = self.source.F.shape
        knobs = ", ".join(f"{name}={getattr(self, name)}" for name in ("qF", "eta", "qt", "delta"))
        sizes = f"{latent} -> {len(self.target.theta)} latent, {inputs} inputs"
        return f"CorrelatedTasks({sizes}, {knobs})"


def make_correlated_tasks(
    n_source: int = 2000,
    n_target: int = 100,
    *,
    latent: int = 50,
    inputs: int = 100,
    qF: float = 1.0,
    eta: float = 0.0,
    qt: float = 1.0,
    delta: float = 0.0,
    flips: float = 0.0,
    nonlinearity: Nonlinearity = "erf",
    random_state: int | None = 0,
) -> tuple[Source, Target, CorrelatedTasks]:
    """Draw a source and a target of known relatedness, ready for everything else in priorlift.

    Parameters
    ----------
    n_source, n_target : int
        Rows.
    latent, inputs, qF, eta, qt, delta, nonlinearity
        As for `CorrelatedTasks.draw`.
    flips : float
        Share of labels turned over in both tasks, in [0, 0.5).
    random_state : int, RandomState or None
        Seed.

    Returns
    -------
    source : Source
        Labels -1 and 1.
    target : Target
        Drawn from the target's task.
    tasks : CorrelatedTasks
        What generated them.

    Raises
    ------
    InputError
        A number is out of its range.

    Examples
    --------
    >>> source, target, tasks = make_correlated_tasks(500, 40, qF=0.5, random_state=1)
    >>> target
    Target('target', 40 rows x 100 columns, classification)
    """
    if n_source < 1 or n_target < 1:
        raise InputError(f"{n_source} source rows and {n_target} target rows", remedy="pass 1 up")
    if not 0 <= flips < 0.5:
        raise InputError(f"flips is {flips}", remedy="pass a share in [0, 0.5)")
    from priorlift.core.seeds import base_seed

    seed = base_seed(random_state)
    knobs: dict[str, Any] = {"qF": qF, "eta": eta, "qt": qt, "delta": delta}
    tasks = CorrelatedTasks.draw(
        latent, inputs, nonlinearity=nonlinearity, random_state=seed, **knobs
    )
    stream = _Streams(seed)
    rows = {}
    for name, task, count in (
        ("source", tasks.source, n_source),
        ("target", tasks.target, n_target),
    ):
        rng = stream(f"rows of the {name}")
        x, nu = task.sample(count, rng)
        rows[name] = (x, _labels(nu, flips, rng))
    text = "correlated hidden manifolds: " + ", ".join(f"{k}={v}" for k, v in knobs.items())
    return (
        Source("source", *rows["source"], description=text),
        Target("target", *rows["target"], description=text),
        tasks,
    )


def _labels(nu: Array, flips: float, rng: np.random.Generator) -> NDArray[np.int64]:
    labels = np.where(nu > 0, 1, -1)
    return np.where(rng.random(len(nu)) < flips, -labels, labels)


class _Streams:
    """One generator for each ingredient of a seed."""

    def __init__(self, random_state: int | None) -> None:
        from priorlift.core.seeds import base_seed

        self.seed = base_seed(random_state)

    def __call__(self, name: str) -> np.random.Generator:
        from priorlift.core.seeds import derive_seed

        return np.random.default_rng(derive_seed(self.seed, name))


def _check(latent: int, inputs: int, cosines: dict[str, float], eta: float, delta: float) -> None:
    if latent < 1 or inputs < 1:
        raise InputError(
            f"{latent} latent dimensions and {inputs} inputs", remedy="pass at least one of each"
        )
    for name, value in cosines.items():
        if not -1 <= value <= 1:
            raise InputError(f"{name} is {value}", remedy="it is a correlation: pass -1 to 1")
    if not 0 <= eta <= 1:
        raise InputError(f"eta is {eta}", remedy="it is a share of features: pass 0 to 1")
    if not -1 < delta <= LARGEST_DELTA:
        raise InputError(f"delta is {delta}", remedy="pass more than -1 (all dropped), up to 10")
