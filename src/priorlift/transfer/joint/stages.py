"""Training of a stage: a linear encoder and a linear head, by momentum descent on all losses.

The loop is written out: every gradient is known in closed form, so a step is two sparse products a
data set and a few small dense ones, and needs no framework.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from priorlift.core.errors import InputError
from priorlift.core.seeds import derive_seed
from priorlift.transfer.joint import losses
from priorlift.transfer.joint.settings import Settings
from priorlift.transfer.joint.sparse_batches import Batch, Cells
from priorlift.transfer.joint.workers import ALONE, Workers

Matrix = NDArray[np.float32]
EXPLODED = 1e4
"""A loss of so many times the first one, or more, has diverged."""


@dataclass
class Weights:
    """The network: W and b of the encoder, H and c of the head; centers of the classes."""

    W: Matrix
    b: Matrix
    H: Matrix
    c: Matrix
    centers: Matrix

    def parameters(self) -> list[Matrix]:
        """Return what the optimiser moves."""
        return [self.W, self.b, self.H, self.c]


@dataclass(frozen=True)
class DataSet:
    """One data set of a stage.

    Parameters
    ----------
    cells : Cells
        Its rows.
    codes : ndarray of int, shape (n,)
        Classes, -1 where a row has none.
    role : {"reference", "query", "labelled"}
        On which side of the alignment it stands; "labelled" rows of the query enter the
        cross-entropy only, beside the references.
    weight : ndarray of float32, shape (n,), or None
        Of the rows in the cross-entropy.
    key : str
        Seeds the order of its rows.
    shares : ndarray of shape (n,) or None
        How often each row is drawn; evenly where None.
    """

    cells: Cells
    codes: NDArray[np.int64]
    role: str
    weight: NDArray[np.float32] | None = None
    key: str = ""
    shares: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Stage:
    """What a stage adds up.

    Parameters
    ----------
    name : str
        For messages.
    n_classes, epochs : int
        Sizes.
    learning_rate : float
        At first.
    cross_entropy : bool
        Whether the head is trained.
    centers : bool
        Whether the center loss is added.
    """

    name: str
    n_classes: int
    epochs: int
    learning_rate: float
    cross_entropy: bool = True
    centers: bool = False


@dataclass(frozen=True)
class Drawn:
    """The rows of one data set in a step: where they are, and their values."""

    rows: NDArray[np.intp]
    batch: Batch


class DivergedError(Exception):
    """Raised inside a stage where its loss has exploded; never seen outside of it."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch


def initial(width: int, n_classes: int, settings: Settings, seed: int) -> Weights:
    """Draw weights as a linear layer of torch has them at first, and centers from N(0, 1)."""
    draws = np.random.default_rng(seed)
    d = settings.embedding_dim

    def uniform(fan_in: int, *shape: int) -> Matrix:
        bound = 1.0 / np.sqrt(fan_in)
        return draws.uniform(-bound, bound, size=shape).astype(np.float32)

    return Weights(
        uniform(width, width, d),
        uniform(width, d),
        uniform(d, d, n_classes),
        uniform(d, n_classes),
        draws.normal(size=(n_classes, d)).astype(np.float32),
    )


def train_stage(
    sets: Sequence[DataSet],
    stage: Stage,
    settings: Settings,
    seed: int,
    start: Weights,
    workers: Workers = ALONE,
) -> tuple[Weights, list[float]]:
    """Train a stage, once more at a tenth of the rate where it diverges.

    Parameters
    ----------
    sets : sequence of DataSet
        At least one query.
    stage : Stage
        Losses and length.
    settings : Settings
        Everything else.
    seed : int
        Seeds the order of rows.
    start : Weights
        Copied, not changed.
    workers : Workers
        Share the data sets of a step.

    Returns
    -------
    weights : Weights
    history : list of float
        Mean loss of each epoch.

    Raises
    ------
    InputError
        Training diverges twice.
    """
    rate = stage.learning_rate
    for attempt in (rate, rate / 10):
        try:
            slower = replace(stage, learning_rate=attempt)
            return _train(sets, slower, settings, seed, start, workers)
        except DivergedError as stopped:
            epoch = stopped.epoch
    raise InputError(
        f"training diverged in {stage.name}, epoch {epoch}, at a learning rate of {attempt:g}",
        cause=f"a learning rate that is too high ({rate:g}, then a tenth of it)",
        remedy="a smaller learning_rate, or inputs of a smaller scale",
    )


def _train(
    sets: Sequence[DataSet],
    stage: Stage,
    settings: Settings,
    seed: int,
    start: Weights,
    workers: Workers,
) -> tuple[Weights, list[float]]:
    weights = Weights(*(part.copy() for part in vars(start).values()))
    velocity = [np.zeros_like(part) for part in vars(weights).values()]
    draws = [np.random.default_rng(derive_seed(seed, stage.name, one.key)) for one in sets]
    n_query = sum(one.cells.n_rows for one in sets if one.role == "query")
    n_steps = max(1, settings.min_steps, n_query // settings.batch_size)
    history: list[float] = []
    first = np.inf
    feeds = [partial(_draw, *each, settings.batch_size) for each in zip(sets, draws, strict=True)]
    drawn = workers.map(lambda feed: feed(), feeds)
    for epoch in range(stage.epochs):
        rate = stage.learning_rate * 0.1 ** (epoch // settings.lr_decay_every)
        if stage.centers and settings.centers == "class_means" and epoch:
            weights.centers = _class_means(sets, weights)
        total = 0.0
        for _ in range(n_steps):
            with np.errstate(all="ignore"):
                value, gradients, slopes = _losses(sets, drawn, weights, stage, settings, workers)
                # Who has the first gradient goes on to read the next rows.
                drawn = _backward(drawn, slopes, gradients, workers, feeds)
            first = min(first, value)
            if not np.isfinite(value) or value > EXPLODED * (abs(first) + 1.0):
                raise DivergedError(epoch + 1)
            _step(weights, velocity, gradients, rate, settings)
            total += value
        history.append(total / n_steps)
    if not all(np.isfinite(part).all() for part in weights.parameters()):
        raise DivergedError(stage.epochs)
    return weights, history


def _draw(one: DataSet, draws: np.random.Generator, size: int) -> Drawn:
    return _read(one, _picked(one, draws, size))


def _read(one: DataSet, rows: NDArray[np.intp]) -> Drawn:
    return Drawn(rows, one.cells.batch(rows))


def _picked(one: DataSet, draws: np.random.Generator, size: int) -> NDArray[np.intp]:
    """Draw a batch with replacement, so that a data set of any size gives a whole one."""
    if one.shares is None:
        return draws.integers(0, one.cells.n_rows, size)
    return draws.choice(one.cells.n_rows, size, p=one.shares)


def loss_of(
    sets: Sequence[DataSet],
    picked: Sequence[NDArray[np.intp]],
    weights: Weights,
    stage: Stage,
    settings: Settings,
) -> tuple[float, list[Matrix]]:
    """Return the loss of one step and its gradients, in the order of `Weights`."""
    drawn = [_read(one, rows) for one, rows in zip(sets, picked, strict=True)]
    value, gradients, slopes = _losses(sets, drawn, weights, stage, settings, ALONE)
    _backward(drawn, slopes, gradients, ALONE)
    return value, gradients


def _losses(
    sets: Sequence[DataSet],
    drawn: Sequence[Drawn],
    weights: Weights,
    stage: Stage,
    settings: Settings,
    workers: Workers,
) -> tuple[float, list[Matrix], list[Matrix]]:
    """Return the loss, its gradients but for the encoder's, and those of the embeddings."""
    embedded = workers.map(lambda one: one.batch.product(weights.W) + weights.b, drawn)
    value, gradients = losses.l1(weights.parameters(), settings.l1)
    gradients.append(np.zeros_like(weights.centers))
    slopes = [np.zeros_like(f) for f in embedded]
    for i, one in enumerate(sets):
        rows = drawn[i].rows
        of_set = _Terms(one, rows, embedded[i], weights, slopes[i], gradients)
        side = [other for other in sets if (other.role == "query") == (one.role == "query")]
        if stage.cross_entropy and (one.codes[rows] >= 0).any():
            value += of_set.cross_entropy(1.0 / len(side))
        if one.role == "labelled":
            continue
        share = 1.0 / sum(other.role == one.role for other in sets)
        if settings.reduction_weight:
            value += of_set.reduction(share * settings.reduction_weight, settings)
        if stage.centers and settings.center_weight:
            value += of_set.centers(share * settings.center_weight)
    value += _align(sets, embedded, slopes, settings)
    return value, gradients, slopes


@dataclass
class _Terms:
    """The terms of one data set's batch; each adds its gradients and returns its value."""

    data: DataSet
    rows: NDArray[np.intp]
    f: Matrix
    weights: Weights
    slope: Matrix
    gradients: list[Matrix]

    def cross_entropy(self, share: float) -> float:
        codes, of_rows = self.data.codes[self.rows], self.data.weight
        logits = self.f @ self.weights.H + self.weights.c
        row_weight = None if of_rows is None else of_rows[self.rows]
        part, slope = losses.cross_entropy(logits, codes, row_weight)
        slope = (share * slope).astype(np.float32)
        self.slope += slope @ self.weights.H.T
        self.gradients[2] += self.f.T @ slope
        self.gradients[3] += slope.sum(axis=0)
        return share * part

    def reduction(self, factor: float, settings: Settings) -> float:
        part, slope = losses.reduction(self.f, settings.mean_penalty, settings.decorrelation)
        self.slope += np.float32(factor) * slope
        return factor * part

    def centers(self, factor: float) -> float:
        codes = self.data.codes[self.rows]
        part, slope, pulled = losses.center_loss(self.f, codes, self.weights.centers)
        self.slope += np.float32(factor) * slope
        self.gradients[4] += np.float32(factor) * pulled
        return factor * part


def _align(
    sets: Sequence[DataSet], embedded: list[Matrix], slopes: list[Matrix], settings: Settings
) -> float:
    """Add the alignment term's gradients to `slopes` and return its value."""
    references = [i for i, one in enumerate(sets) if one.role == "reference"]
    queries = [i for i, one in enumerate(sets) if one.role == "query"]
    if not references or not settings.alignment_weight:
        return 0.0
    together = np.concatenate([embedded[i] for i in references])
    value, factor = 0.0, np.float32(settings.alignment_weight / len(queries))
    for i in queries:
        part, of_query, of_reference = losses.alignment(
            embedded[i], together, settings.alignment_fraction
        )
        value += float(factor) * part
        slopes[i] += factor * of_query
        parts = np.split(of_reference, np.cumsum([len(embedded[j]) for j in references])[:-1])
        for j, slope in zip(references, parts, strict=True):
            slopes[j] += factor * slope
    return value


def _backward(
    drawn: Sequence[Drawn],
    slopes: list[Matrix],
    gradients: list[Matrix],
    workers: Workers,
    feeds: Sequence[Callable[[], Drawn]] = (),
) -> list[Drawn]:
    """Add the encoder's gradients, and return what the data sets feed next."""

    def one(i: int) -> tuple[Matrix, Drawn | None]:
        slope = slopes[i].astype(np.float32, copy=False)
        return drawn[i].batch.gradient(slope), feeds[i]() if feeds else None

    following = []
    for (part, fed), slope in zip(workers.map(one, range(len(drawn))), slopes, strict=True):
        gradients[0] += part
        gradients[1] += slope.astype(np.float32, copy=False).sum(axis=0)
        following += [] if fed is None else [fed]
    return following


def _step(
    weights: Weights,
    velocity: list[Matrix],
    gradients: list[Matrix],
    rate: float,
    settings: Settings,
) -> None:
    """Move all parameters once; a gradient longer than `max_grad_norm` is shortened to it.

    The gradients are used up.
    """
    moved = 5 if settings.centers == "learned" else 4
    norm = np.sqrt(sum(float(np.vdot(part, part)) for part in gradients[:moved]))
    shorten = np.float32(min(1.0, settings.max_grad_norm / max(float(norm), 1e-12)))
    for part, speed, slope in list(zip(vars(weights).values(), velocity, gradients, strict=True))[
        :moved
    ]:
        if shorten < 1:
            slope *= shorten
        speed *= np.float32(settings.momentum)
        speed += slope
        np.multiply(speed, np.float32(rate), out=slope)
        part -= slope


def _class_means(sets: Sequence[DataSet], weights: Weights) -> Matrix:
    """Return mean embeddings of the classes; the old center where a class has no row."""
    sums, counts = np.zeros(weights.centers.shape), np.zeros(len(weights.centers))
    for one in sets:
        f = one.cells.embed(weights.W, weights.b)
        use = one.codes >= 0
        np.add.at(sums, one.codes[use], f[use])
        counts += np.bincount(one.codes[use], minlength=len(counts))
    means = sums / np.maximum(counts, 1.0)[:, None]
    return np.where(counts[:, None] > 0, means, weights.centers).astype(np.float32)
