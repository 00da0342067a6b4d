"""Each loss beside a twin in loops, and its gradient beside differences of the twin."""

import numpy as np
import pytest

from priorlift.transfer.joint import losses

N, D, K = 5, 4, 3
STEP = 1e-6


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def slope(function, at):
    """Return central differences of a function of an array."""
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        there = at.copy()
        there[place] += STEP
        up = function(there)
        there[place] -= 2 * STEP
        found[place] = (up - function(there)) / (2 * STEP)
    return found


def reduction_in_loops(f, mean_penalty, decorrelation):
    n, d = f.shape
    means = [sum(f[b][j] for b in range(n)) / n for j in range(d)]
    spread = sum(abs(f[b][j] - means[j]) for b in range(n) for j in range(d)) / (n * d)
    pairs = 0.0
    for i in range(d):
        for j in range(i + 1, d):
            c = sum((f[b][i] - means[i]) * (f[b][j] - means[j]) for b in range(n)) / (n - 1)
            if decorrelation == "correlation":
                for at in (i, j):
                    c /= np.sqrt(sum((f[b][at] - means[at]) ** 2 for b in range(n)) / (n - 1))
            pairs += abs(c)
    if mean_penalty == "values":
        mean = sum(abs(f[b][j]) for b in range(n) for j in range(d)) / (n * d)
    else:
        mean = sum(abs(m) for m in means) / d
    return 1.0 / spread + pairs / d**2 + mean


@pytest.mark.parametrize("mean_penalty", ["values", "coordinate_means"])
@pytest.mark.parametrize("decorrelation", ["covariance", "correlation"])
@pytest.mark.parametrize("seed", range(3))
def test_reduction(mean_penalty, decorrelation, seed):
    f = draw(N, D, seed=seed)
    kinds = (mean_penalty, decorrelation)
    value, gradient = losses.reduction(f, *kinds)
    assert value == pytest.approx(reduction_in_loops(f, *kinds), rel=1e-9)
    assert gradient == pytest.approx(slope(lambda g: reduction_in_loops(g, *kinds), f), abs=1e-6)


def test_a_batch_of_one_and_a_constant_batch_have_finite_terms():
    value, gradient = losses.reduction(draw(1, D))
    assert value == pytest.approx(np.abs(draw(1, D)).mean())
    assert gradient.shape == (1, D)
    for kind in ("covariance", "correlation"):
        value, gradient = losses.reduction(np.ones((N, D)), "values", kind)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def alignment_in_loops(query, references, fraction):
    best = []
    for q in query:
        similar = [q @ r / np.sqrt((q @ q) * (r @ r)) for r in references]
        best.append(max(similar))
    kept = max(1, int(fraction * len(query)))
    return -sum(sorted(best, reverse=True)[:kept]) / kept


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.8, 1.0])
def test_alignment(fraction):
    query, references = draw(N, D), draw(7, D, seed=1)
    value, of_query, of_references = losses.alignment(query, references, fraction)
    assert value == pytest.approx(alignment_in_loops(query, references, fraction), rel=1e-9)
    assert of_query == pytest.approx(
        slope(lambda q: alignment_in_loops(q, references, fraction), query), abs=1e-6
    )
    assert of_references == pytest.approx(
        slope(lambda r: alignment_in_loops(query, r, fraction), references), abs=1e-6
    )


def test_alignment_of_one_cell_and_of_empty_embeddings():
    value, *_ = losses.alignment(draw(1, D), draw(3, D, seed=1), 0.8)
    assert value == pytest.approx(alignment_in_loops(draw(1, D), draw(3, D, seed=1), 1.0))
    value, of_query, of_references = losses.alignment(np.zeros((2, D)), np.zeros((3, D)), 0.8)
    assert value == 0.0
    assert np.isfinite(of_query).all()
    assert np.isfinite(of_references).all()


def cross_entropy_in_loops(logits, codes, weight):
    total = parts = 0.0
    for row, code, w in zip(logits, codes, weight, strict=True):
        if code >= 0:
            parts -= w * (row[code] - np.log(sum(np.exp(v) for v in row)))
            total += w
    return parts / total


@pytest.mark.parametrize("weight", [np.ones(N), np.array([0.0, 1.0, 2.0, 0.5, 3.0])])
def test_cross_entropy(weight):
    logits, codes = 3.0 * draw(N, K), np.array([0, 2, -1, 1, 2])
    value, gradient = losses.cross_entropy(logits, codes, weight)
    assert value == pytest.approx(cross_entropy_in_loops(logits, codes, weight), rel=1e-9)
    assert gradient == pytest.approx(
        slope(lambda x: cross_entropy_in_loops(x, codes, weight), logits), abs=1e-6
    )
    assert losses.cross_entropy(logits, np.full(N, -1))[0] == 0.0


def center_loss_in_loops(f, codes, centers):
    total = 0.0
    for row, code in zip(f, codes, strict=True):
        if code >= 0:
            total += np.sqrt(sum((a - b) ** 2 for a, b in zip(row, centers[code], strict=True)))
    return total / (len(f) * len(centers))


def test_center_loss_is_not_squared_and_divided_by_the_classes_too():
    f, codes, centers = draw(N, D), np.array([0, 2, -1, 1, 2]), draw(K, D, seed=1)
    value, of_rows, of_centers = losses.center_loss(f, codes, centers)
    assert value == pytest.approx(center_loss_in_loops(f, codes, centers), rel=1e-9)
    assert of_rows == pytest.approx(
        slope(lambda x: center_loss_in_loops(x, codes, centers), f), abs=1e-6
    )
    assert of_centers == pytest.approx(
        slope(lambda c: center_loss_in_loops(f, codes, c), centers), abs=1e-6
    )


def test_a_cell_at_its_center_has_no_endless_gradient():
    centers = draw(K, D)
    value, of_rows, of_centers = losses.center_loss(centers.copy(), np.arange(K), centers)
    assert value == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(of_rows).all()
    assert np.isfinite(of_centers).all()


def test_l1_is_a_sum_of_means_over_tensors():
    parts = [draw(4, 3), draw(3, seed=1)]
    value, gradients = losses.l1(parts, 0.1)
    assert value == pytest.approx(0.1 * sum(np.abs(part).sum() / part.size for part in parts))
    for place, part in enumerate(parts):
        others = [other for other in parts if other is not part]
        expected = slope(lambda x, others=others: losses.l1([x, *others], 0.1)[0], part)
        assert gradients[place] == pytest.approx(expected, abs=1e-6)
