"""The transport distance against a linear program and closed forms; from itself it is 0."""

import sys

import numpy as np
import pytest
from scipy import linalg, optimize

from priorlift.core.errors import InputError, MissingExtraError
from priorlift.ranking.scores import neg_ot_distance
from priorlift.ranking.scores.transport import label_distances

pytest.importorskip("ot")


def task(seed=0, n_rows=24, n_features=3, n_classes=3, shift=0.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = 3.0 * np.eye(n_classes, n_features)
    return centres[y] + generator.normal(size=(n_rows, n_features)) + shift, y


def wasserstein(A, B):
    """The squared distance of two Gaussians with matrix roots, as published."""
    first, second = np.cov(A.T, bias=True), np.cov(B.T, bias=True)
    root = linalg.sqrtm(first).real
    cross = np.trace(linalg.sqrtm(root @ second @ root).real)
    return np.sum((A.mean(0) - B.mean(0)) ** 2) + np.trace(first + second) - 2.0 * cross


def transport_by_linear_program(S, s, T, t):
    cost = np.array(
        [
            [
                np.sum((a - b) ** 2) + wasserstein(S[s == p], T[t == q])
                for b, q in zip(T, t, strict=True)
            ]
            for a, p in zip(S, s, strict=True)
        ]
    )
    m, n = cost.shape
    rows = np.kron(np.eye(m), np.ones((1, n)))
    columns = np.kron(np.ones((1, m)), np.eye(n))
    totals = np.r_[np.full(m, 1.0 / m), np.full(n, 1.0 / n)]
    return optimize.linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=totals).fun


@pytest.mark.parametrize("seed", range(2))
def test_it_equals_a_linear_program_with_matrix_roots(seed):
    (S, s), (T, t) = task(seed, 24), task(seed + 9, 20, n_classes=2, shift=0.5)
    expected = -transport_by_linear_program(S, s, T, t)
    assert neg_ot_distance(S, s, T, t) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("n_features", [2, 40])
def test_label_distances_are_those_of_gaussians(n_features):
    F, y = task(n_features=n_features)
    groups = [F[y == c] for c in range(3)]
    centres = np.array([group.mean(axis=0) for group in groups])
    spreads = [(g - g.mean(axis=0)) / np.sqrt(len(g)) for g in groups]
    found = label_distances(centres, spreads)
    if n_features == 2:
        expected = [[wasserstein(a, b) for b in groups] for a in groups]
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(np.diag(found), 0.0)
    np.testing.assert_array_equal(found, found.T)
    diagonal = [g.std(axis=0) for g in groups]
    between = label_distances(centres, diagonal)
    expected = np.sum((centres[0] - centres[1]) ** 2) + np.sum((diagonal[0] - diagonal[1]) ** 2)
    assert between[0, 1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", ["exact", "sinkhorn"])
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_a_data_set_is_at_zero_from_itself(method, covariance):
    F, y = task(n_rows=60)
    F = 1e3 * F
    options = {"method": method, "covariance": covariance}
    shuffled = np.random.default_rng(0).permutation(60)
    for rows, labels in ((F, y), (F[shuffled], 7 + 10 * y[shuffled])):
        assert neg_ot_distance(F, y, rows, labels, **options) == pytest.approx(0.0, abs=1e-9)
        part = neg_ot_distance(F, y, rows, labels, max_rows=30, **options)
        assert part == pytest.approx(0.0, abs=1e-9)


def test_without_the_outer_halves_sinkhorn_is_not_at_zero():
    from priorlift.ranking.scores.transport import _entropic

    F, _ = task()
    cost = np.square(F[:, None] - F[None]).sum(axis=2)
    assert _entropic(cost, 0.05 * cost.mean()) > 0.1  # the trap


def test_sinkhorn_goes_to_the_exact_distance():
    (S, s), (T, t) = task(0), task(5, shift=1.0)
    exact = neg_ot_distance(S, s, T, t)
    found = neg_ot_distance(S, s, T, t, method="sinkhorn", regularization=0.01)
    assert found == pytest.approx(exact, rel=0.05)
    assert neg_ot_distance(S, s, T, t, method="sinkhorn") < 0.0


@pytest.mark.parametrize("method", ["exact", "sinkhorn"])
def test_a_shift_costs_its_square_twice(method):
    F, y = task()
    # Each row moves by the shift, and so does the mean of its class.
    found = neg_ot_distance(F, y, F + np.array([2.0, 0.0, 0.0]), y, method=method)
    assert found == pytest.approx(-8.0, rel=1e-3)


def test_it_is_symmetric_and_does_not_depend_on_order_or_names():
    (S, s), (T, t) = task(0, 40), task(5, 30, shift=1.0)
    generator = np.random.default_rng(0)
    rows, columns = generator.permutation(40), generator.permutation(3)
    for options in ({}, {"max_rows": 20}):
        expected = pytest.approx(neg_ot_distance(S, s, T, t, **options), rel=1e-9)
        assert neg_ot_distance(T, t, S, s, **options) == expected
        assert neg_ot_distance(S[rows], s[rows], T[::-1], t[::-1], **options) == expected
        assert neg_ot_distance(S, np.array(["z", "a", "k"])[s], T, 7 + 10 * t) == pytest.approx(
            neg_ot_distance(S, s, T, t), rel=1e-9
        )
    whole = pytest.approx(neg_ot_distance(S, s, T, t), rel=1e-9)
    assert neg_ot_distance(S[:, columns], s, T[:, columns], t) == whole
    fixed = [np.column_stack([table, np.ones(len(table))]) for table in (S, T)]
    assert neg_ot_distance(fixed[0], s, fixed[1], t) == whole


def test_scaled_features_scale_it_by_the_square():
    (S, s), (T, t) = task(0), task(5, shift=1.0)
    expected = neg_ot_distance(S, s, T, t)
    assert neg_ot_distance(1e3 * S, s, 1e3 * T, t) == pytest.approx(1e6 * expected, rel=1e-9)
    single = neg_ot_distance(S.astype(np.float32), s, T.astype(np.float32), t)
    assert single == pytest.approx(expected, rel=1e-5)


def test_labels_matter():
    F, y = task(n_rows=60)
    shuffled = np.random.default_rng(0).permutation(y)
    assert neg_ot_distance(F, shuffled, F, y) < -0.5


def test_a_class_of_one_row_is_a_point():
    F, y = task()
    y[0] = 9
    assert neg_ot_distance(F, y, F, y) == pytest.approx(0.0, abs=1e-9)
    assert neg_ot_distance(F, y, *task()) < 0.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"y": [1] * 24}, "labels are constant"),
        ({"source_y": [1] * 24}, "labels are constant"),
        ({"y": [0, 1]}, "24 rows and 2 labels"),
        ({"rows": np.ones((24, 2))}, "3 columns, the target 2"),
        ({"rows": np.full((24, 3), np.nan)}, "NaN"),
        ({"rows": np.ones((1, 3)), "y": [0, 1]}, "fewer than two rows"),
        ({"method": "approximate"}, "unknown method"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, reason):
    F, y = task()
    given = {"source_rows": F, "source_y": y, "rows": F, "y": y} | change
    with pytest.raises(InputError, match=reason):
        neg_ot_distance(**given)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    F, y = task()
    with pytest.raises(MissingExtraError, match=r"priorlift\[ot\]"):
        neg_ot_distance(F, y, F, y)
