"""The objective against loops over pairs, and what it learns about tasks that differ."""

import numpy as np
import pytest
import torch

from priorlift.networks.gap_objective import GapObjective
from priorlift.networks.losses import cross_entropies

COUNTS = np.full((3, 2), 10.0)


def batch(seed=0, n=8, width=4, tasks=3):
    draws = torch.Generator().manual_seed(seed)
    z = torch.randn(n * tasks, width, generator=draws)
    logits = torch.randn(n * tasks, tasks, 2, generator=draws)
    y = torch.arange(n * tasks) % 2
    task = torch.arange(tasks).repeat_interleave(n)
    return (z, logits), {"y": y, "task": task, "weight": torch.ones(n * tasks)}


def set_alpha(objective, alpha):
    objective.alpha = torch.tensor(alpha, dtype=torch.float32)


ALPHA = [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.15, 0.8]]


def test_the_loss_is_the_sum_over_heads_and_pairs():
    objective = GapObjective(COUNTS, 4, relation="fixed", alignment=0.3)
    set_alpha(objective, ALPHA)
    outputs, labels = batch()
    objective(*batch(1))  # the spread within classes is known from the second step on
    found = objective(outputs, labels)
    probed = torch.stack([probe(outputs[0]) for probe in objective.probes], dim=1)
    alone = cross_entropies(probed, labels["y"])
    found = found - sum(alone[labels["task"] == t, t].mean() for t in range(3))
    losses = cross_entropies(outputs[1], labels["y"])
    expected = 0.0
    for t in range(3):
        for k in range(3):
            expected += ALPHA[t][k] * losses[labels["task"] == k, t].mean()
    centroids, spread = objective.centroids.current(), objective.centroids.spread()
    aligned = 0.0
    for t in range(3):
        for k in range(t + 1, 3):
            # Each pair with its own weight: not that of the last pair for all.
            weight = ALPHA[t][k] + ALPHA[k][t]
            apart = sum(0.5 * ((centroids[t, y] - centroids[k, y]) ** 2).sum() for y in range(2))
            aligned += weight * apart / spread
    torch.testing.assert_close(found, expected + 0.3 * aligned / 3)


def test_alignment_draws_centroids_together_by_the_pairs_own_weight():
    def pull(alpha):
        objective = GapObjective(COUNTS, 4, relation="fixed", alignment=1.0)
        objective(*batch(1))
        set_alpha(objective, alpha)
        (z, logits), labels = batch()
        z.requires_grad_()
        objective((z, logits), labels).backward()
        return [z.grad[labels["task"] == t].abs().sum().item() for t in range(3)]

    first_two = pull([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    assert first_two[0] > 0
    assert first_two[2] == 0, "an unrelated task is not drawn to the others"


def test_in_evaluation_it_is_the_plain_loss_of_each_rows_own_head():
    objective = GapObjective(np.array([[9.0, 1], [1, 9], [5, 5]]), 4).eval()
    outputs, labels = batch()
    before = objective.state_dict()
    found = objective(outputs, labels)
    losses = cross_entropies(outputs[1], labels["y"])
    torch.testing.assert_close(found, losses.gather(1, labels["task"][:, None]).mean())
    for name, value in objective.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_the_matrices_are_filled_and_symmetric_and_no_sums_over_batches():
    few, many = (GapObjective(COUNTS, 4, alignment=0.0) for _ in range(2))
    for _ in range(2):
        few(*batch())
    for _ in range(8):
        many(*batch())
    found = few.end_epoch()
    assert (found["loss"] > 0).all()
    off = ~np.eye(3, dtype=bool)
    assert (found["distance"][off] > 0).all()
    np.testing.assert_allclose(found["distance"], found["distance"].T, rtol=1e-6)
    assert not np.diag(found["distance"]).any()
    np.testing.assert_allclose(many.end_epoch()["distance"], found["distance"], rtol=0.2)
    np.testing.assert_allclose(many.losses(), few.losses(), rtol=1e-5)


def opposed(objective, labels):
    """Features and probes of three tasks; the third calls the classes the other way round."""
    truth = torch.where(labels["task"] == 2, 1 - labels["y"], labels["y"])
    z = torch.zeros(len(truth), 4)
    z[:, 0] = 2.0 * truth - 1
    with torch.no_grad():
        for place, probe in enumerate(objective.probes):
            probe.bias.zero_()
            probe.weight.zero_()
            probe.weight[1, 0] = -3.0 if place == 2 else 3.0
    return z


def test_the_learned_relation_is_not_uniform_when_tasks_differ():
    objective = GapObjective(COUNTS, 4)
    (_, logits), labels = batch(n=400)
    z = opposed(objective, labels)
    objective((z, logits), labels)
    objective.eval()((z, logits), labels)
    assert objective.end_epoch()["alpha"][0, 0] == pytest.approx(0.9), "the first epoch's is given"
    alpha = objective.alpha.numpy()
    np.testing.assert_allclose(alpha.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(alpha, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]], atol=0.1)


def test_with_few_or_no_held_out_rows_the_relation_stays_near_its_start():
    moved = []
    for n in (0, 4, 40):
        objective = GapObjective(COUNTS, 4)
        (_, logits), labels = batch(n=40)
        z = opposed(objective, labels)
        objective((z, logits), labels)
        if n:
            few = torch.arange(120) % 40 < n
            part = {name: value[few] for name, value in labels.items()}
            objective.eval()((z[few], logits[few]), part)
        objective.end_epoch()
        moved.append(float((objective.alpha - GapObjective(COUNTS, 4).alpha).abs().max()))
    assert moved[0] == 0 < moved[1] < 0.1 < moved[2]


def test_heads_that_share_rows_hide_no_gap():
    # All heads alike, as they become with equal weights: the probes still tell the tasks apart.
    objective = GapObjective(COUNTS, 4, relation="uniform")
    (_, logits), labels = batch()
    z, alike = opposed(objective, labels), logits[:, :1].expand(-1, 3, -1)
    objective((z, alike), labels)
    gap = objective.end_epoch()["gap"]
    assert gap[0, 2] > 2
    assert abs(gap[0, 1]) < 1e-6


def test_probes_send_no_gradient_to_the_encoder():
    objective = GapObjective(COUNTS, 4, relation="none", alignment=0.0)
    (z, logits), labels = batch()
    z.requires_grad_()
    objective((z, logits.requires_grad_()), labels).backward()
    assert z.grad is None
    assert all(probe.weight.grad.abs().sum() > 0 for probe in objective.probes)


def test_held_out_rows_decide_where_there_are_some():
    objective = GapObjective(COUNTS, 4)
    objective(*batch(0))
    (z, logits), labels = batch(5)
    objective.eval()
    for rows in (slice(0, 7), slice(7, None)):
        part = {name: value[rows] for name, value in labels.items()}
        objective((z[rows], logits[rows]), part)
    held = objective._held
    found = objective.end_epoch()
    with torch.no_grad():
        probed = torch.stack([probe(z) for probe in objective.probes], dim=1)
        alone = cross_entropies(probed, labels["y"]).numpy()
    own = cross_entropies(logits, labels["y"])[labels["task"] == 0, 0].mean()
    assert found["valid_loss"] == pytest.approx(float(own), rel=1e-5)
    for k in range(3):
        rows = (labels["task"] == k).numpy()
        np.testing.assert_allclose(found["loss"][:, k], alone[rows].mean(axis=0), rtol=1e-5)
        beyond = alone[rows] - alone[rows][:, [k]]
        error = beyond.std(axis=0, ddof=1) / np.sqrt(rows.sum())
        np.testing.assert_allclose(held.errors()[:, k].detach(), error, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("none", np.eye(3)), ("uniform", np.full((3, 3), 1 / 3)), ("fixed", None)],
)
def test_other_relations_stay_as_they_are(relation, expected):
    objective = GapObjective(COUNTS, 4, relation=relation)
    start = objective.alpha.clone()
    if expected is not None:
        np.testing.assert_allclose(start, expected)
    objective(*batch())
    objective.end_epoch()
    torch.testing.assert_close(objective.alpha, start)


def test_a_schedule_is_followed():
    schedule = [np.eye(3), np.full((3, 3), 1 / 3)]
    objective = GapObjective(COUNTS, 4, schedule=schedule)
    used = []
    for _ in range(3):
        objective(*batch())
        used.append(objective.end_epoch()["alpha"])
    np.testing.assert_allclose(used, [schedule[0], schedule[1], schedule[1]], rtol=1e-6)


def test_outputs_of_half_precision_are_judged_in_full():
    objective = GapObjective(COUNTS, 4)
    (z, logits), labels = batch()
    half = (z.bfloat16(), logits.bfloat16())
    for mode in (True, False):
        loss = objective.train(mode)(half, labels)
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
    assert all(np.isfinite(value).all() for value in objective.end_epoch().values())
