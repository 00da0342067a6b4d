"""The objective of gap-minimising multitask learning, after Wang et al. (JMLR 24(33), 2023).

Each head is trained on every task's rows, weighted by a relation matrix; class centroids of related
tasks are drawn together; the relation is refreshed after each epoch from the losses of all heads on
all tasks. The published text could not be read; the ancestors' code (SMTL, AAAI 2021; AMTNN, IJCAI
2019) was, and `GapMultitaskClassifier` lists where this differs from it.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from priorlift.core.seeds import derive_seed
from priorlift.networks.losses import (
    KEPT,
    Centroids,
    centroid_distances,
    cross_entropies,
    label_laws,
    label_shift_weights,
    loss_matrix,
    shared_mass,
    weighted_entropy,
)
from priorlift.networks.relation import fixed_relation, pairwise_gap, shrunk, task_relation

Relation: TypeAlias = Literal["none", "uniform", "fixed", "learned"]


class GapObjective(nn.Module):
    """The loss of a joint batch, with the relation matrix and the centroids as its state.

    Parameters
    ----------
    counts : ndarray of shape (n_tasks, n_classes)
        Weight of each class among a task's training rows.
    width : int
        Of the shared projection.
    relation : {"none", "uniform", "fixed", "learned"}
        How the relation matrix is set; "none" trains each head on its own task alone.
    alignment : float
        Factor lambda of the centroids' distances.
    norm_factor, distance_factor : float
        As in `priorlift.networks.relation.task_relation`.
    reweight : bool
        Whether classes are weighted against label shift.
    schedule : sequence of ndarray of shape (n_tasks, n_tasks), optional
        Relation matrices of the epochs, as an earlier training with held-out rows found them; they
        are followed instead of learned.

    seed : int
        Seeds the weights of the probes.

    Notes
    -----
    The performance gap compares what each task learns *alone*: heads that are trained on each
    other's rows have none, however little their tasks agree. So each task has a probe, a linear
    head on the same features that sees its own rows only and sends no gradient to the encoder.
    Losses of the probes on held-out rows of every task give the gap, one standard error up, since
    few rows make tasks look alike by chance. (On its own training rows a probe fits what no other
    could, and two halves of one task would show a gap.) Where such rows are few, the relation stays
    near the fixed one, and without them it is that one.
    """

    class_weight: Tensor
    shared: Tensor
    alpha: Tensor
    loss_sum: Tensor
    loss_seen: Tensor
    held_sum: Tensor
    held_seen: Tensor
    error_sum: Tensor

    def __init__(
        self,
        counts: NDArray[np.float64],
        width: int,
        *,
        relation: Relation = "learned",
        alignment: float = 0.1,
        norm_factor: float = 1.0,
        distance_factor: float = 0.5,
        reweight: bool = True,
        schedule: Sequence[NDArray[np.float64]] = (),
        seed: int = 0,
    ) -> None:
        super().__init__()
        n_tasks, n_classes = counts.shape
        laws = label_laws(counts)
        weights = label_shift_weights(laws) if reweight else np.ones_like(laws)
        start = {"none": np.eye(n_tasks), "uniform": np.full((n_tasks, n_tasks), 1.0 / n_tasks)}
        self.relation = relation
        self.alignment = alignment
        self.norm_factor, self.distance_factor = norm_factor, distance_factor
        self.centroids = Centroids(n_tasks, n_classes, width)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derive_seed(seed, "probes"))
            self.probes = nn.ModuleList(nn.Linear(width, n_classes) for _ in range(n_tasks))
        self.ignorance = weighted_entropy(laws * weights)
        self.register_buffer("class_weight", _tensor(weights))
        self.register_buffer("shared", _tensor(shared_mass(laws)))
        self.register_buffer("alpha", _tensor(start.get(relation, fixed_relation(n_tasks))))
        self.register_buffer("loss_sum", torch.zeros(n_tasks, n_tasks))
        self.register_buffer("loss_seen", torch.zeros(n_tasks))
        self.register_buffer("held_sum", torch.zeros(n_tasks, n_tasks))
        self.register_buffer("held_seen", torch.zeros(()))
        self.register_buffer("error_sum", torch.zeros(n_tasks, n_tasks))
        self.schedule = [_tensor(matrix) for matrix in schedule]
        self.n_epochs = 0
        self.held_rows = np.zeros(n_tasks)
        self._held = _HeldOut(n_tasks)
        if self.schedule:
            self.alpha = self.schedule[0].clone()

    def forward(self, outputs: tuple[Tensor, Tensor], labels: dict[str, Tensor]) -> Tensor:
        """Return the loss of a batch; in evaluation mode the plain loss of each row's own head."""
        z, logits = outputs
        y, task, weight = labels["y"], labels["task"], labels["weight"]
        losses = cross_entropies(logits, y)
        alone = cross_entropies(self._probed(z), y)
        if not self.training:
            return self._held.take(losses, alone, y, task, weight, self.class_weight)
        matrix, _ = loss_matrix(losses, y, task, weight, self.class_weight)
        total = self.combined(matrix)
        probed, present = loss_matrix(alone, y, task, weight, self.class_weight)
        self._take_losses(probed.detach(), present)
        if self.alpha.shape[0] == 1:
            return total
        total = total + probed.diagonal().sum()
        # Without alignment the distances are still looked at: the relation depends on them.
        with torch.set_grad_enabled(self.alignment > 0.0):
            centroids = self.centroids(z, y, task, weight)
            distances = centroid_distances(
                centroids, self.centroids.known(), self.shared, self.centroids.spread()
            )
        # Each pair stands twice in the symmetric matrix, once with each of its two weights.
        return total + self.alignment * (self.alpha * distances).sum() / self.alpha.shape[0]

    def _probed(self, z: Tensor) -> Tensor:
        alone = z.detach().float()
        return torch.stack([probe(alone) for probe in self.probes], dim=1)

    def extra_repr(self) -> str:
        """Return the settings, by which checkpoints are told apart."""
        return (
            f"{self.relation}, alignment={self.alignment}, norm_factor={self.norm_factor}, "
            f"distance_factor={self.distance_factor}"
        )

    def combined(self, matrix: Tensor) -> Tensor:
        """Combine the losses of all heads on all tasks (rows: heads) into one."""
        return (self.alpha * matrix).sum()

    def end_epoch(self) -> dict[str, NDArray[np.float64]]:
        """Refresh the relation matrix, and return what the epoch showed.

        Returns
        -------
        dict
            Matrices `alpha` (used in this epoch), `loss`, `gap` and `distance`; with held-out rows
            also `valid_loss`, the plain loss of the first task's head on its own.
        """
        found: dict[str, Any] = {"alpha": _array(self.alpha)}
        if self._held.rows:
            self.held_sum = KEPT * self.held_sum + (1 - KEPT) * self._held.matrix()
            self.error_sum = KEPT * self.error_sum + (1 - KEPT) * self._held.errors()
            self.held_seen = self.held_seen + 1
            self.held_rows = self._held.fewest()
            found["valid_loss"] = self._held.first_loss()
            self._held = _HeldOut(len(self.alpha))
        losses, distances = self.losses(), self.distances()
        self.n_epochs += 1
        self.alpha = self._next_relation(losses, distances)
        return {**found, "loss": losses, "gap": pairwise_gap(losses), "distance": distances}

    def _next_relation(self, losses: NDArray[np.float64], distances: NDArray[np.float64]) -> Tensor:
        if self.schedule:
            return self.schedule[min(self.n_epochs, len(self.schedule) - 1)].to(self.alpha.device)
        if self.relation != "learned" or self.held_seen == 0:
            return self.alpha
        new = task_relation(
            losses,
            distances,
            self.ignorance,
            errors=_array(self.error_sum / (1 - KEPT**self.held_seen).clamp(min=1e-12)),
            norm_factor=self.norm_factor,
            distance_factor=self.distance_factor,
        )
        new = shrunk(new, fixed_relation(len(new)), self.held_rows)
        return _tensor(new).to(self.alpha.device)

    def get_extra_state(self) -> Tensor:
        """Return the number of epochs done, for a checkpoint."""
        return torch.tensor(self.n_epochs)

    def set_extra_state(self, state: Tensor) -> None:
        """Take it up again."""
        self.n_epochs = int(state)

    def losses(self) -> NDArray[np.float64]:
        """Return the moving average of the loss of each probe (row) on each task (column).

        Of held-out rows where there are some, else of training rows.
        """
        if self.held_seen > 0:
            return _array(self.held_sum / (1 - KEPT**self.held_seen))
        return _array(self.loss_sum / (1 - KEPT**self.loss_seen).clamp(min=1e-12))

    def distances(self) -> NDArray[np.float64]:
        """Return the mean distance of centroids of each pair of tasks, over shared classes."""
        known = self.centroids.known()
        apart = centroid_distances(
            self.centroids.current(), known, self.shared, self.centroids.spread()
        )
        mass = (self.shared * (known[:, None] & known[None, :])).sum(dim=-1)
        return _array(apart / mass.clamp(min=1e-12))

    def _take_losses(self, matrix: Tensor, present: Tensor) -> None:
        mixed = KEPT * self.loss_sum + (1 - KEPT) * matrix
        self.loss_sum = torch.where(present[None, :], mixed, self.loss_sum)
        self.loss_seen = self.loss_seen + present


class _HeldOut:
    """An epoch's losses on held-out rows, over batches."""

    def __init__(self, n_tasks: int) -> None:
        self.n_tasks = n_tasks
        self.rows = 0
        self.sums: Tensor | float = 0.0  # weights, losses, differences from the own probe, squares
        self.plain = [0.0, 0.0]

    def take(
        self,
        losses: Tensor,
        alone: Tensor,
        y: Tensor,
        task: Tensor,
        weight: Tensor,
        class_weight: Tensor,
    ) -> Tensor:
        """Take in losses of heads and of probes, and return the mean loss of rows' own heads."""
        known = weight * (y >= 0)
        of_task = nn.functional.one_hot(task, self.n_tasks).to(alone.dtype) * known[:, None]
        shifted = alone.detach() * class_weight[task, y.clamp(min=0)][:, None]
        beyond = shifted - shifted.gather(1, task[:, None])
        kinds = (torch.ones_like(shifted), shifted, beyond, beyond**2)
        self.sums = self.sums + torch.stack([kind.T @ of_task for kind in kinds])
        self.rows += len(y)
        own = losses.gather(1, task[:, None]).squeeze(1) * known
        self.plain[0] += float(own[task == 0].sum())
        self.plain[1] += float(known[task == 0].sum())
        return own.sum() / known.sum().clamp(min=1e-12)

    def fewest(self) -> NDArray[np.float64]:
        """Return, for each task, how many held-out rows the smallest of the others has."""
        mass = _array(torch.as_tensor(self.sums)[0])
        if self.n_tasks == 1:
            return np.zeros(1)
        others = ~np.eye(self.n_tasks, dtype=bool)
        return np.asarray(mass.min(axis=1, where=others, initial=np.inf))

    def matrix(self) -> Tensor:
        """Return the mean loss of each probe on each task."""
        mass, total = torch.as_tensor(self.sums)[:2]
        mean: Tensor = total / mass.clamp(min=1e-12)
        return mean

    def errors(self) -> Tensor:
        """Return the standard error of what each probe loses against the task's own."""
        mass, _, first, second = torch.as_tensor(self.sums)
        mean = first / mass.clamp(min=1e-12)
        variance = (second / mass.clamp(min=1e-12) - mean**2).clamp(min=0)
        error: Tensor = (variance / (mass - 1).clamp(min=1)).sqrt()
        return error

    def first_loss(self) -> float:
        """Return the plain loss of the first task's head on its own rows."""
        return self.plain[0] / max(self.plain[1], 1e-12)


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().cpu().numpy(), dtype=float)
