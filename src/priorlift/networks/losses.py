"""Loss terms: cross-entropy with missing labels, weights against label shift, class centroids.

All take logits; a softmax before `cross_entropy` would be applied twice. What a batch does not hold
(a label, a class, a task) contributes nothing.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CAP = 10.0
"""The largest weight of a class."""

KEPT = 0.7
"""The share of a moving average that a step keeps; 0.3 comes from the batch (authors' code)."""


def cross_entropies(logits: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy of each head on each row, 0 where the label is missing.

    Parameters
    ----------
    logits : Tensor of shape (n, n_heads, n_classes)
        Not normalised.
    y : Tensor of int, shape (n,)
        Codes; below 0 is missing.

    Returns
    -------
    Tensor of shape (n, n_heads)
    """
    log_p = torch.log_softmax(logits.float(), dim=-1)
    wanted = y.clamp(min=0)[:, None, None].expand(-1, logits.shape[1], 1)
    return -log_p.gather(2, wanted).squeeze(2) * (y >= 0)[:, None]


def loss_matrix(
    losses: Tensor, y: Tensor, task: Tensor, weight: Tensor, class_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Average row losses into the loss of each head on each task.

    Parameters
    ----------
    losses : Tensor of shape (n, n_tasks)
        Of each head on each row.
    y, task : Tensor of int, shape (n,)
        Label codes and the tasks of the rows.
    weight : Tensor of shape (n,)
        Row weights.
    class_weight : Tensor of shape (n_tasks, n_classes)
        As from `label_shift_weights`.

    Returns
    -------
    losses : Tensor of shape (n_tasks, n_tasks)
        Heads in rows, tasks in columns; means over a task's labelled rows.
    present : Tensor of bool, shape (n_tasks,)
        Tasks with a labelled row in the batch; the columns of the others are 0.
    """
    known = weight * (y >= 0)
    of_task = nn.functional.one_hot(task, class_weight.shape[0]).to(known.dtype) * known[:, None]
    mass = of_task.sum(dim=0)
    shift = class_weight[task, y.clamp(min=0)]
    total = losses.T @ (of_task * shift[:, None])
    return total / mass.clamp(min=1e-12), mass > 0


def label_laws(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each class in each task; counts of shape (n_tasks, n_classes)."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12))


def label_shift_weights(laws: NDArray[np.float64], cap: float = CAP) -> NDArray[np.float64]:
    """Weigh classes so that each task follows the mean label law of all tasks.

    Parameters
    ----------
    laws : ndarray of shape (n_tasks, n_classes)
        Shares of the classes, p_t(y).
    cap : float, default=10.0
        The largest weight.

    Returns
    -------
    ndarray of shape (n_tasks, n_classes)
        The mean of p over tasks, divided by p_t(y), at most `cap`; 0 for a class that a task lacks.

    Examples
    --------
    >>> label_shift_weights(np.array([[0.5, 0.5], [0.9, 0.1]]))
    array([[1.4       , 0.6       ],
           [0.77777778, 3.        ]])
    """
    mean = np.broadcast_to(laws.mean(axis=0), laws.shape)
    ratio = np.divide(mean, laws, out=np.zeros_like(laws), where=laws > 0)
    return np.asarray(np.minimum(ratio, cap))


def weighted_entropy(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the loss of predicting the weighted label law itself, for each row of class masses.

    Examples
    --------
    >>> weighted_entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3)
    array([0.693, 0.   ])
    """
    total = np.maximum(mass.sum(axis=1, keepdims=True), 1e-12)
    share = np.clip(mass / total, 1e-300, 1.0)
    return np.asarray(np.abs(mass * np.log(share)).sum(axis=1))


def shared_mass(laws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return min(p_t(y), p_k(y)) for each pair of tasks and class, 0 where a task lacks it."""
    return np.asarray(np.minimum(laws[:, None, :], laws[None, :, :]))


class Centroids(nn.Module):
    """Moving averages of class centroids, one for each task and class.

    A class that a batch lacks keeps its centroid. An average of n steps is divided by 1 - 0.7^n,
    without which young centroids would lie near the origin. Gradients flow through the batch alone.

    Parameters
    ----------
    n_tasks, n_classes, width : int
        Of the store.
    """

    sums: Tensor
    seen: Tensor
    spread_sum: Tensor
    spread_seen: Tensor

    def __init__(self, n_tasks: int, n_classes: int, width: int) -> None:
        super().__init__()
        self.n_tasks, self.n_classes = n_tasks, n_classes
        self.register_buffer("sums", torch.zeros(n_tasks * n_classes, width))
        self.register_buffer("seen", torch.zeros(n_tasks * n_classes))
        self.register_buffer("spread_sum", torch.zeros(()))
        self.register_buffer("spread_seen", torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor, task: Tensor, weight: Tensor) -> Tensor:
        """Take in a batch and return the centroids, shape (n_tasks, n_classes, width)."""
        z = z.float()
        known = weight * (y >= 0)
        slot = task * self.n_classes + y.clamp(min=0)
        members = nn.functional.one_hot(slot, len(self.seen)).to(z.dtype) * known[:, None]
        self._take_spread(z.detach(), slot, known)
        mass = members.sum(dim=0)
        present = mass > 0
        mean = (members.T @ z) / mass.clamp(min=1e-12)[:, None]
        mixed = torch.where(present[:, None], KEPT * self.sums + (1 - KEPT) * mean, self.sums)
        self.sums = mixed.detach()
        self.seen = self.seen + present
        return self._corrected(mixed).reshape(self.n_tasks, self.n_classes, -1)

    def current(self) -> Tensor:
        """Return the centroids, shape (n_tasks, n_classes, width), without taking a batch in."""
        return self._corrected(self.sums).reshape(self.n_tasks, self.n_classes, -1)

    def known(self) -> Tensor:
        """Return which classes of which tasks have been seen, shape (n_tasks, n_classes)."""
        return (self.seen > 0).reshape(self.n_tasks, self.n_classes)

    def spread(self) -> Tensor:
        """Return the mean squared distance of rows from their centroids; 0 before it is known."""
        return self.spread_sum / (1 - KEPT**self.spread_seen).clamp(min=1e-12)

    def _corrected(self, sums: Tensor) -> Tensor:
        return sums / (1 - KEPT**self.seen).clamp(min=1e-12)[:, None]

    def _take_spread(self, z: Tensor, slot: Tensor, known: Tensor) -> None:
        # From the centroids before this batch: a class of one row would be its own centroid.
        counted = known * (self.seen[slot] > 0)
        distances = ((z - self._corrected(self.sums)[slot]) ** 2).sum(dim=1)
        mass = counted.sum()
        mean = (counted * distances).sum() / mass.clamp(min=1e-12)
        mixed = KEPT * self.spread_sum + (1 - KEPT) * mean
        self.spread_sum = torch.where(mass > 0, mixed, self.spread_sum)
        self.spread_seen = self.spread_seen + (mass > 0)


def centroid_distances(centroids: Tensor, known: Tensor, shared: Tensor, spread: Tensor) -> Tensor:
    """Return how far the class centroids of each pair of tasks lie apart.

    Parameters
    ----------
    centroids : Tensor of shape (n_tasks, n_classes, width)
        Of each class in each task.
    known : Tensor of bool, shape (n_tasks, n_classes)
        Which of them exist.
    shared : Tensor of shape (n_tasks, n_tasks, n_classes)
        Weights of the classes in each pair, as from `shared_mass`.
    spread : Tensor of shape ()
        Mean squared distance within a class; distances are in units of it, so that no factor of the
        features changes them. 0 while it is not known gives distances of 0.

    Returns
    -------
    Tensor of shape (n_tasks, n_tasks)
        Sum over classes of weight times squared distance; symmetric.
    """
    squared = ((centroids[:, None] - centroids[None, :]) ** 2).sum(dim=-1)
    both = known[:, None] & known[None, :]
    apart = (squared * both * shared).sum(dim=-1)
    return torch.where(spread > 0, apart / spread.clamp(min=1e-12), torch.zeros_like(apart))
