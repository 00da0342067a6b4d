"""CKA, label CKA and PARC against kernels written out, and what they must not depend on."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA

from priorlift.core.errors import InputError
from priorlift.ranking.scores import label_cka, linear_cka, parc
from priorlift.ranking.statistics import TaskStatistics

SHAPES = [(30, 5, 4), (9, 20, 3), (8, 30, 25)]


def tables(shape=SHAPES[0], seed=0):
    n, first, second = shape
    generator = np.random.default_rng(seed)
    A = generator.normal(size=(n, first))
    return A, A[:, :2] @ generator.normal(size=(2, second)) + generator.normal(size=(n, second))


def task(seed=0, n_rows=40, n_features=6, n_classes=3, spread=1.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


def kernel(table):
    return table @ table.T


def plain_by_hand(A, B):
    H = np.eye(len(A)) - 1.0 / len(A)
    K, L = H @ kernel(A) @ H, H @ kernel(B) @ H
    return np.sum(K * L) / np.sqrt(np.sum(K * K) * np.sum(L * L))


def song(K, L):
    """The unbiased HSIC as in Song et al., equation 5, with kernels of zero diagonal."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    middle = K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2.0 * (K @ L).sum() / (n - 2)
    return (np.trace(K @ L) + middle) / (n * (n - 3))


def unbiased_by_hand(A, B):
    K, L = kernel(A), kernel(B)
    return song(K, L) / np.sqrt(song(K, K) * song(L, L))


@pytest.mark.parametrize("shape", SHAPES)
def test_cka_equals_its_kernel_forms(shape):
    A, B = tables(shape)
    assert linear_cka(A, B) == pytest.approx(plain_by_hand(A, B), abs=1e-12)
    assert linear_cka(A, B, unbiased=True) == pytest.approx(unbiased_by_hand(A, B), abs=1e-10)


def test_unbiased_hsic_is_the_mean_over_quadruples():
    A, B = tables((7, 2, 2))
    K, L = kernel(A), kernel(B)
    total = [
        K[i, j] * (L[i, j] + L[q, r] - 2.0 * L[i, q])
        for i, j, q, r in itertools.permutations(range(7), 4)
    ]
    assert song(K, L) == pytest.approx(np.mean(total), abs=1e-12)


@given(st.integers(0, 10**6), st.sampled_from(SHAPES), st.booleans())
def test_cka_does_not_depend_on_scale_offset_rotation_or_order(seed, shape, unbiased):
    A, B = tables(shape, seed)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(A))
    rotation = np.linalg.qr(generator.normal(size=(shape[1], shape[1])))[0]
    expected = pytest.approx(linear_cka(A, B, unbiased=unbiased), abs=1e-9)
    for other in (1e3 * A, 1e-3 * A, A + 40.0, A @ rotation, np.column_stack([A, np.ones(len(A))])):
        assert linear_cka(other, B, unbiased=unbiased) == expected
    assert linear_cka(A[rows], B[rows], unbiased=unbiased) == expected
    assert linear_cka(B, A, unbiased=unbiased) == expected
    assert linear_cka(A, A, unbiased=unbiased) == pytest.approx(1.0, abs=1e-12)
    single = linear_cka(A.astype(np.float32), B, unbiased=unbiased)
    assert single == pytest.approx(linear_cka(A, B, unbiased=unbiased), abs=1e-5)


def test_only_the_unbiased_form_sees_that_wide_noise_is_noise():
    generator = np.random.default_rng(0)
    A, B = generator.normal(size=(2, 40, 800))
    assert linear_cka(A, B) > 0.9  # the trap
    assert abs(linear_cka(A, B, unbiased=True)) < 0.1


@pytest.mark.parametrize(("n_rows", "n_features"), [(40, 6), (12, 30)])
def test_label_cka_equals_cka_with_the_indicator(n_rows, n_features):
    F, y = task(n_rows=n_rows, n_features=n_features)
    for unbiased in (False, True):
        expected = linear_cka(F, np.eye(3)[y], unbiased=unbiased)
        assert label_cka(F, y, unbiased=unbiased) == pytest.approx(expected, abs=1e-12)
    statistics = TaskStatistics.of(F, y)
    assert label_cka(statistics) == pytest.approx(label_cka(F, y), abs=1e-12)


@pytest.mark.parametrize(("n_rows", "n_features"), [(40, 6), (12, 30)])
def test_label_cka_of_a_regression_is_free_of_units(n_rows, n_features):
    F, _ = task(n_rows=n_rows, n_features=n_features)
    y = F[:, 0] + 0.3 * F[:, 1]
    expected = pytest.approx(linear_cka(F, y[:, None]), abs=1e-12)
    assert label_cka(F, y, task="regression") == expected
    assert label_cka(F, 7.0 - 1e3 * y, task="regression") == expected
    assert label_cka(TaskStatistics.of(F, y, "regression")) == expected
    both = np.column_stack([y, F[:, 2]])
    assert label_cka(F, both, task="regression") == pytest.approx(linear_cka(F, both), abs=1e-12)


@given(st.integers(0, 10**6), st.sampled_from([(40, 6), (12, 30)]))
def test_label_cka_does_not_depend_on_scale_order_or_names(seed, shape):
    F, y = task(seed, *shape)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(shape[0]), generator.permutation(shape[1])
    expected = pytest.approx(label_cka(F, y), abs=1e-9)
    assert label_cka(1e3 * F, y) == expected
    assert label_cka(F[rows], y[rows]) == expected
    assert label_cka(F[:, columns], np.array(["z", "a", "k"])[y]) == expected
    assert label_cka(TaskStatistics.of(1e3 * F + 5.0, 7 + 10 * y)) == expected


def test_unbiased_label_cka_of_permuted_labels_is_about_zero():
    F, y = task(n_rows=30, n_features=200)
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(y) for _ in range(60)]
    assert np.mean([label_cka(F, s) for s in shuffled]) > 0.12  # the trap
    # The standard error of this mean is about 0.003.
    assert abs(np.mean([label_cka(F, s, unbiased=True) for s in shuffled])) < 0.012


def test_single_row_classes_have_a_label_cka():
    F, y = task()
    y[0] = 9
    assert 0.0 < label_cka(F, y) == pytest.approx(label_cka(TaskStatistics.of(F, y)))


def rank_correlation_by_pairs(Z, y):
    onehot = np.eye(y.max() + 1)[y]
    pairs = list(itertools.combinations(range(len(y)), 2))
    apart = [1.0 - np.corrcoef(Z[i], Z[j])[0, 1] for i, j in pairs]
    differ = [1.0 - np.corrcoef(onehot[i], onehot[j])[0, 1] for i, j in pairs]
    return 100.0 * stats.spearmanr(apart, differ).statistic


@pytest.mark.parametrize("n_classes", [2, 4])
def test_parc_equals_the_rank_correlation_over_pairs(n_classes):
    F, y = task(n_rows=24, n_features=8, n_classes=n_classes)
    Z = PCA(n_components=5).fit_transform(F)
    found = parc(F, y, n_components=5)
    assert found == pytest.approx(rank_correlation_by_pairs(Z, y), abs=1e-9)
    found = parc(F, y, n_components=None)
    assert found == pytest.approx(rank_correlation_by_pairs(F, y), abs=1e-9)


@given(st.integers(0, 10**6), st.sampled_from([(30, 6), (12, 40)]))
def test_parc_does_not_depend_on_scale_order_or_names(seed, shape):
    F, y = task(seed, *shape)
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(shape[0]), generator.permutation(shape[1])
    expected = pytest.approx(parc(F, y), abs=1e-6)
    assert parc(1e3 * F + 7.0, 7 + 10 * y) == expected
    assert parc(F[rows], y[rows]) == expected
    assert parc(F[:, columns], np.array(["z", "a", "k"])[y]) == expected
    assert parc(np.column_stack([F, np.ones(len(y))]), y) == expected


def test_parc_of_signal_is_high_and_of_permuted_labels_about_zero():
    F, y = task(spread=6.0, n_rows=60)
    assert parc(F, y) > 50.0
    generator = np.random.default_rng(0)
    shuffled = [parc(F, generator.permutation(y)) for _ in range(40)]
    # The standard error of this mean is about 0.4.
    assert abs(np.mean(shuffled)) < 1.6


def test_parc_of_duplicated_rows_columns_and_single_row_classes_is_a_number():
    F, y = task(n_rows=20)
    y[0] = 9
    for table in (F, np.column_stack([F[:, :1]] * 3), np.repeat(F[:10], 2, axis=0)):
        assert -100.0 <= parc(table, y) <= 100.0


def test_equal_dissimilarities_stay_equal_after_rounding():
    F, y = task(n_rows=40, n_features=3)
    F = np.round(F)  # few different rows, so most dissimilarities are tied
    expected = pytest.approx(parc(F, y, n_components=None), abs=1e-9)
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(40)
        assert parc(np.pi * F[rows], y[rows], n_components=None) == expected


def test_parc_of_a_sample_does_not_depend_on_the_order_of_the_rows():
    F, y = task(n_rows=90)
    rows = np.random.default_rng(0).permutation(90)
    found = parc(F, y, max_rows=50)
    assert parc(F[rows], y[rows], max_rows=50) == pytest.approx(found, abs=1e-6)
    assert found == pytest.approx(parc(F, y), abs=12.0)
    assert found != parc(F, y, max_rows=50, random_state=1)


@pytest.mark.parametrize(
    ("score", "F", "y", "reason"),
    [
        (label_cka, np.ones((6, 2)), [0, 1] * 3, "features are constant"),
        (label_cka, np.eye(6), [1] * 6, "labels are constant"),
        (label_cka, np.eye(6), [0, 1], "6 rows and 2 labels"),
        (label_cka, np.eye(2), [0, 1], "2 rows"),
        (label_cka, np.eye(6), None, "no labels"),
        (label_cka, np.full((6, 2), np.nan), [0, 1] * 3, "NaN"),
        (parc, np.ones((6, 2)), [0, 1] * 3, "features are constant"),
        (parc, np.eye(6), [1] * 6, "labels are constant"),
        (parc, np.eye(6), [0, 1], "6 rows and 2 labels"),
        (parc, np.eye(2), [0, 1], "2 rows"),
        (parc, np.eye(6)[:, :1], [0, 1] * 3, "one feature only"),
        (parc, np.eye(6), range(6), "no two rows share a class"),
        (linear_cka, np.eye(6), np.ones((6, 3)), "features are constant"),
        (linear_cka, np.eye(6), np.eye(5), "6 rows and 5 labels"),
    ],
)
def test_what_says_nothing_is_refused(score, F, y, reason):
    with pytest.raises(InputError, match=reason):
        score(F, y)


def test_label_cka_of_statistics_refuses_what_they_cannot_tell():
    F, y = task()
    with pytest.raises(InputError, match="not the rows"):
        label_cka(TaskStatistics.of(F, y), unbiased=True)
    with pytest.raises(InputError, match="several label columns"):
        label_cka(TaskStatistics.of(F, F[:, :2], "regression"))
    with pytest.raises(InputError, match="labels are constant"):
        label_cka(TaskStatistics.of(F, np.full(40, 3.0), "regression"))
    with pytest.raises(InputError, match="features are constant"):
        label_cka(TaskStatistics.of(np.full((40, 2), 0.1), y))
    with pytest.raises(InputError, match="not numbers"):
        label_cka(F, ["a"] * 40, task="regression")
