"""Loss terms against torch's own and against loops; what a batch lacks contributes nothing."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from priorlift.networks.losses import (
    Centroids,
    centroid_distances,
    cross_entropies,
    label_laws,
    label_shift_weights,
    loss_matrix,
    shared_mass,
)

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(9, 2, 4, generator=GENERATOR)
Y = torch.tensor([0, 1, 2, 3, -1, 0, 1, 2, -1])
TASK = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1])
WEIGHT = torch.tensor([1.0, 2, 1, 1, 5, 1, 1, 3, 1])


def test_logits_enter_the_cross_entropy_and_not_probabilities():
    found = cross_entropies(LOGITS, Y)
    for head in range(2):
        known = Y >= 0
        expected = functional.cross_entropy(LOGITS[known, head], Y[known], reduction="none")
        torch.testing.assert_close(found[known, head], expected)
    # A softmax before it would keep the loss of a certain and right answer above 0.34.
    certain = torch.full((1, 1, 4), -50.0)
    certain[..., 2] = 50.0
    assert cross_entropies(certain, torch.tensor([2])).item() < 1e-6


def test_missing_labels_have_no_loss_and_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    losses = cross_entropies(logits, Y)
    assert (losses[Y < 0] == 0).all()
    matrix, _ = loss_matrix(losses, Y, TASK, WEIGHT, torch.ones(2, 4))
    matrix.sum().backward()
    assert (logits.grad[Y < 0] == 0).all()
    assert (logits.grad[Y >= 0] != 0).any(dim=(1, 2)).all()


def test_the_loss_matrix_is_a_weighted_mean_over_each_task():
    losses, shift = cross_entropies(LOGITS, Y), torch.rand(2, 4, generator=GENERATOR)
    found, present = loss_matrix(losses, Y, TASK, WEIGHT, shift)
    assert present.all()
    for head in range(2):
        for k in range(2):
            rows = [i for i in range(9) if TASK[i] == k and Y[i] >= 0]
            total = sum(WEIGHT[i] * shift[k, Y[i]] * losses[i, head] for i in rows)
            torch.testing.assert_close(found[head, k], total / sum(WEIGHT[i] for i in rows))


def test_a_task_without_labels_in_the_batch_is_not_present():
    y = torch.where(TASK == 1, -1, Y)
    found, present = loss_matrix(cross_entropies(LOGITS, y), y, TASK, WEIGHT, torch.ones(2, 4))
    assert present.tolist() == [True, False]
    assert (found[:, 1] == 0).all()


def test_weights_bring_every_task_to_the_mean_label_law():
    laws = label_laws(np.array([[30.0, 10, 0], [5, 5, 10]]))
    weights = label_shift_weights(laws)
    np.testing.assert_allclose((laws * weights)[1], laws.mean(axis=0))
    assert weights[0, 2] == 0, "no row, no weight"
    rare = label_shift_weights(np.array([[0.999, 0.001], [0.5, 0.5]]))
    assert rare[0, 1] == 10, "capped"
    np.testing.assert_array_equal(label_shift_weights(laws[:1])[0] > 0, laws[0] > 0)
    np.testing.assert_allclose(shared_mass(laws)[0, 1], [0.25, 0.25, 0])


def batch(values, y, task):
    n = len(y)
    z = torch.tensor(values, dtype=torch.float32).reshape(n, 1)
    return z, torch.tensor(y), torch.tensor(task), torch.ones(n)


def test_a_first_batch_gives_its_own_means():
    store = Centroids(2, 2, 1)
    found = store(*batch([1, 3, 10, 4], [0, 0, 1, 0], [0, 0, 0, 1]))
    assert found.squeeze(-1).tolist() == [[pytest.approx(2), pytest.approx(10)], [4, 0]]
    assert store.known().tolist() == [[True, True], [True, False]]


def test_absent_classes_keep_their_centroids_and_do_not_drift_to_zero():
    store = Centroids(2, 2, 1)
    store(*batch([10, 20, 7], [0, 1, 0], [0, 0, 1]))
    for _ in range(5):
        found = store(*batch([30], [1], [0]))
    assert found[0, 0].item() == pytest.approx(10)
    assert found[1, 0].item() == pytest.approx(7), "the other task's centroid persists too"
    assert 20 < found[0, 1].item() < 30


def test_the_bias_of_young_averages_is_corrected():
    store = Centroids(1, 1, 1)
    for n in range(1, 6):
        found = store(*batch([5, 5], [0, 0], [0, 0]))
        assert found.item() == pytest.approx(5), f"after {n} batches"


def test_gradients_flow_through_the_batch_alone():
    store = Centroids(1, 1, 1)
    store(*batch([1], [0], [0]))
    z, *rest = batch([2], [0], [0])
    z.requires_grad_()
    store(z, *rest).sum().backward()
    assert z.grad.item() == pytest.approx(0.3 / (1 - 0.7**2))
    assert not store.sums.requires_grad


def test_rows_without_a_label_move_no_centroid():
    store = Centroids(1, 2, 1)
    store(*batch([1, 2, 99], [0, 1, -1], [0, 0, 0]))
    assert store.current().squeeze().tolist() == [pytest.approx(1), pytest.approx(2)]


def test_distances_are_in_units_of_the_spread_and_sum_over_shared_classes():
    draws = torch.Generator().manual_seed(1)
    shared = torch.rand(3, 3, 4, generator=draws)
    shared = shared + shared.transpose(0, 1)
    centroids, known = torch.randn(3, 4, 5, generator=draws), torch.ones(3, 4) > 0
    known[0, 2] = False
    found = centroid_distances(centroids, known, shared, torch.tensor(2.0))
    for t in range(3):
        for k in range(3):
            expected = sum(
                shared[t, k, y] * ((centroids[t, y] - centroids[k, y]) ** 2).sum() / 2.0
                for y in range(4)
                if known[t, y] and known[k, y]
            )
            torch.testing.assert_close(found[t, k], torch.as_tensor(expected))
    torch.testing.assert_close(found, found.T)
    larger = centroid_distances(10 * centroids, known, shared, torch.tensor(200.0))
    torch.testing.assert_close(larger, found)


def test_the_scale_of_features_does_not_change_distances():
    draws = torch.Generator().manual_seed(2)
    z, y = torch.randn(40, 3, generator=draws), torch.arange(40) % 2
    task, weight = (torch.arange(40) // 2) % 2, torch.ones(40)
    found = []
    for scale in (1.0, 100.0):
        store = Centroids(2, 2, 3)
        for _ in range(3):
            store(scale * z, y, task, weight)
        found.append(
            centroid_distances(
                store.current(), store.known(), torch.full((2, 2, 2), 0.5), store.spread()
            )
        )
    torch.testing.assert_close(*found)
