"""The objective of gap-minimising multitask learning, after Wang et al. (JMLR 24(33), 2023).

Each head is trained on every task's rows, weighted by a relation matrix; class centroids of related
tasks are drawn together; the relation is refreshed after each epoch from the losses of all heads on
all tasks. The published text could not be read; the ancestors' code (SMTL, AAAI 2021; AMTNN, IJCAI
2019) was, and `GapMultitaskClassifier` lists where this differs from it.
"""

from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from priorlift.networks.losses import (
    KEPT,
    Centroids,
    centroid_distances,
    cross_entropies,
    label_laws,
    label_shift_weights,
    loss_matrix,
    shared_mass,
)
from priorlift.networks.relation import fixed_relation, pairwise_gap, task_relation

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
    """

    class_weight: Tensor
    shared: Tensor
    alpha: Tensor
    loss_sum: Tensor
    loss_seen: Tensor

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
        self.register_buffer("class_weight", _tensor(weights))
        self.register_buffer("shared", _tensor(shared_mass(laws)))
        self.register_buffer("alpha", _tensor(start.get(relation, fixed_relation(n_tasks))))
        self.register_buffer("loss_sum", torch.zeros(n_tasks, n_tasks))
        self.register_buffer("loss_seen", torch.zeros(n_tasks))

    def forward(self, outputs: tuple[Tensor, Tensor], labels: dict[str, Tensor]) -> Tensor:
        """Return the loss of a batch; in evaluation mode the plain loss of each row's own head."""
        z, logits = outputs
        y, task, weight = labels["y"], labels["task"], labels["weight"]
        losses = cross_entropies(logits, y)
        if not self.training:
            own = losses.gather(1, task[:, None]).squeeze(1)
            mass = (weight * (y >= 0)).sum().clamp(min=1e-12)
            return (own * weight).sum() / mass
        matrix, present = loss_matrix(losses, y, task, weight, self.class_weight)
        self._take_losses(matrix.detach(), present)
        total = self.combined(matrix)
        if self.alpha.shape[0] == 1:
            return total
        # Without alignment the distances are still looked at: the relation depends on them.
        with torch.set_grad_enabled(self.alignment > 0.0):
            centroids = self.centroids(z, y, task, weight)
            distances = centroid_distances(
                centroids, self.centroids.known(), self.shared, self.centroids.spread()
            )
        # Each pair stands twice in the symmetric matrix, once with each of its two weights.
        return total + self.alignment * (self.alpha * distances).sum() / self.alpha.shape[0]

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
            Matrices `alpha` (used in this epoch), `loss`, `gap` and `distance`.
        """
        used, losses, distances = _array(self.alpha), self.losses(), self.distances()
        if self.relation == "learned":
            new = task_relation(
                losses,
                distances,
                norm_factor=self.norm_factor,
                distance_factor=self.distance_factor,
            )
            self.alpha = _tensor(new).to(self.alpha.device)
        return {
            "alpha": used,
            "loss": losses,
            "gap": pairwise_gap(losses),
            "distance": distances,
        }

    def losses(self) -> NDArray[np.float64]:
        """Return the moving average of the loss of each head (row) on each task (column)."""
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


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.detach().cpu().numpy(), dtype=float)
