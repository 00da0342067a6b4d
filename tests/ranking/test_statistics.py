"""Statistics of one pass: the same by blocks, by kernel or by Gram, and free of rounding noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from priorlift.core.errors import InputError
from priorlift.ranking import row_sums
from priorlift.ranking.labels import LabelColumns
from priorlift.ranking.moments import Moments
from priorlift.ranking.scores import h_score, logme, shrinkage_h_score
from priorlift.ranking.statistics import FeatureStatistics, TaskStatistics


def task(seed=0, n_rows=60, n_features=7, n_classes=3):
    generator = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    centres = generator.normal(size=(n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


def values(statistics):
    return [logme(statistics), logme(statistics, centre=False), shrinkage_h_score(statistics)]


@given(st.integers(0, 10**6), st.integers(1, 20))
def test_blocks_of_any_size_give_the_same_moments(seed, size):
    X, _ = task(seed, n_rows=40, n_features=5)
    X = X + 100.0
    whole = FeatureStatistics.of([X])
    parts = FeatureStatistics.of(X[start : start + size] for start in range(0, 40, size))
    centred = X - X.mean(axis=0)
    for found in (whole, parts):
        np.testing.assert_allclose(found.centred.gram, centred.T @ centred, atol=1e-9)
        np.testing.assert_allclose(found.mean, X.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(
            found.fourth, (np.square(centred).sum(axis=1) ** 2).sum(), rtol=1e-9
        )


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("n_rows", [5, 29, 30, 31, 60])
def test_kernel_branch_equals_gram_branch(centre, n_rows):
    X, y = task(n_rows=n_rows, n_features=30)
    chosen = TaskStatistics.of(X, y)
    assert (chosen.features.rows is None) == (n_rows >= 30)
    # Empty features change no score of the evidence, but push the task over to the kernel.
    kernel = TaskStatistics.of(np.hstack([X, np.zeros((n_rows, 40))]), y)
    assert kernel.features.rows is not None
    forced = FeatureStatistics.of([X])
    if forced.rows is not None:
        forced = FeatureStatistics(Moments.of(X, X.mean(axis=0)), None, forced.precision)
    gram = TaskStatistics._label(forced, X, LabelColumns.of(y, "classification"))
    for found in (chosen, kernel):
        left, right = found.spectrum(centre=centre), gram.spectrum(centre=centre)
        np.testing.assert_allclose(left.eigenvalues, right.eigenvalues, rtol=1e-8)
        np.testing.assert_allclose(left.shares, right.shares, atol=1e-8)
        assert logme(found, centre=centre) == pytest.approx(logme(gram, centre=centre), abs=1e-8)
    assert shrinkage_h_score(chosen) == pytest.approx(shrinkage_h_score(gram), rel=1e-9)


def test_shares_are_squared_projections_on_left_singular_vectors():
    X, y = task()
    statistics = TaskStatistics.of(X, y)
    left, singular, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    spectrum = statistics.spectrum()
    np.testing.assert_allclose(spectrum.eigenvalues, singular**2, rtol=1e-10)
    one_hot = np.eye(3)[y]
    np.testing.assert_allclose(spectrum.shares, (left.T @ one_hot) ** 2, atol=1e-10)
    np.testing.assert_allclose(spectrum.squares, one_hot.var(axis=0) * len(y), rtol=1e-10)


def test_further_labels_reuse_the_decomposition(monkeypatch):
    X, y = task()
    first = TaskStatistics.of(X, y)
    logme(first)
    other = (y > 0).astype(int)
    expected = logme(TaskStatistics.of(X, other))

    def refuse(*_, **__):
        raise AssertionError("decomposed twice")

    monkeypatch.setattr(FeatureStatistics, "_decompose", refuse)
    assert logme(first.with_labels(X, other)) == pytest.approx(expected, rel=1e-12)


def test_labels_of_other_rows_are_refused():
    X, y = task()
    with pytest.raises(InputError, match="do not belong"):
        TaskStatistics.of(X, y).with_labels(X[:-1], y[:-1])


@pytest.mark.parametrize("n_rows", [20, 400])
def test_sparse_and_float32_agree_with_dense_float64(n_rows):
    X, y = task(n_rows=n_rows, n_features=30)
    X = np.where(np.abs(X) > 0.7, X, 0.0).astype(np.float32)
    dense = values(TaskStatistics.of(X.astype(np.float64), y))
    assert values(TaskStatistics.of(X, y)) == pytest.approx(dense, rel=1e-6)
    assert values(TaskStatistics.of(sparse.csr_array(X), y)) == pytest.approx(dense, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [15, 200])
def test_rank_ignores_duplicated_and_constant_columns(dtype, n_rows):
    X, y = task(n_rows=n_rows, n_features=12)
    X = X.astype(dtype)
    padded = np.hstack([X, X[:, :4], np.full((n_rows, 2), dtype(0.1)), X[:, :1] + X[:, 1:2]])
    spectrum = TaskStatistics.of(padded, y).spectrum()
    assert len(spectrum.eigenvalues) == min(12, n_rows - 1)


def test_a_large_offset_is_no_direction():
    X, y = task(n_rows=100, n_features=3)
    far = TaskStatistics.of(np.hstack([X, np.full((100, 1), 1e6)]) + 1e6, y)
    assert len(far.spectrum().eigenvalues) == 3
    assert logme(far) == pytest.approx(logme(TaskStatistics.of(X, y)), abs=1e-6)


def test_only_constant_columns_score_like_no_columns():
    _, y = task()
    constant = TaskStatistics.of(np.ones((len(y), 3)), y)
    balanced = 0.5 * (np.log((len(y) - 1) / (len(y) * 2 / 9)) - 1 - np.log(2 * np.pi))
    assert logme(constant) == pytest.approx(balanced)
    assert shrinkage_h_score(constant) == 0.0
    assert h_score(constant) == 0.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(value):
    X, y = task()
    X[3, 1] = value
    with pytest.raises(InputError, match="NaN or infinite"):
        TaskStatistics.of(X, y)


def test_no_rows_and_no_table_are_refused():
    with pytest.raises(InputError, match="no rows"):
        TaskStatistics.of(np.zeros((0, 3)), [])
    with pytest.raises(InputError, match="rows and columns"):
        TaskStatistics.of(np.zeros(3), [0, 1, 1])
    with pytest.raises(InputError, match="one column"):
        TaskStatistics.of(np.eye(3), np.eye(3))


def test_many_label_sets_equal_one_by_one():
    X, _ = task(n_rows=3000, n_features=25)
    generator = np.random.default_rng(0)
    labels = [generator.integers(0, k, 3000) for k in (2, 3, 40)]
    together = TaskStatistics.of_many(X, labels)
    for found, y in zip(together, labels, strict=True):
        alone = TaskStatistics.of(X, y)
        np.testing.assert_allclose(found.products, alone.products, atol=1e-9)
        assert values(found) == pytest.approx(values(alone), rel=1e-9)
    assert len({id(found.features) for found in together}) == 1


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("n_rows", [20, 200])
def test_projected_statistics_are_those_of_projected_rows(n_rows, kind):
    X, y = task(n_rows=n_rows, n_features=30)
    y = y if kind == "classification" else X[:, 0] + 0.3 * X[:, 1]
    directions = np.random.default_rng(1).normal(size=(30, 6))
    projected = TaskStatistics.of(X, y, kind).project(directions)
    expected = TaskStatistics.of(X @ directions, y, kind)
    np.testing.assert_allclose(projected.features.mean, expected.features.mean, atol=1e-9)
    np.testing.assert_allclose(projected.products, expected.products, atol=1e-8)
    for centre in (True, False):
        found = logme(projected, centre=centre)
        assert found == pytest.approx(logme(expected, centre=centre), abs=1e-9)
    if kind == "classification":
        assert h_score(projected) == pytest.approx(h_score(expected), rel=1e-8)
        assert shrinkage_h_score(projected) == pytest.approx(shrinkage_h_score(expected), rel=0.02)


@pytest.mark.parametrize("n_rows", [20, 200])
def test_projecting_on_every_feature_changes_nothing(n_rows):
    X, y = task(n_rows=n_rows, n_features=30)
    whole = TaskStatistics.of(X, y)
    assert values(whole.project(np.eye(30))) == pytest.approx(values(whole), rel=1e-9)


def test_fourth_powers_of_a_projected_elliptical_distribution():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(20_000, 8)) * generator.choice([0.5, 2.0], (20_000, 1))
    y = generator.integers(0, 2, 20_000)
    directions = generator.normal(size=(8, 3))
    projected = TaskStatistics.of(X, y).project(directions).features
    assert projected.fourth == pytest.approx(
        TaskStatistics.of(X @ directions, y).features.fourth, rel=0.03
    )


def test_tasks_over_the_same_rows_share_a_projection():
    X, y = task()
    both = TaskStatistics.of_many(X, [y, y % 2])
    directions = np.random.default_rng(0).normal(size=(7, 3))
    found = TaskStatistics.project_many(both, directions)
    assert found[0].features is found[1].features
    for one, alone in zip(found, both, strict=True):
        assert values(one) == pytest.approx(values(alone.project(directions)), rel=1e-12)
    with pytest.raises(InputError, match="different features"):
        TaskStatistics.project_many([both[0], TaskStatistics.of(X, y)], directions)


def test_a_map_that_does_not_fit_is_refused():
    X, y = task()
    with pytest.raises(InputError, match="does not fit 7 features"):
        TaskStatistics.of(X, y).project(np.eye(6))


@pytest.fixture
def single(monkeypatch):
    """float32 products even for small tables."""
    monkeypatch.setattr(row_sums, "SINGLE_FLOPS", 0)


def test_products_in_single_precision_keep_six_digits(single):
    X, y = task(n_rows=9000, n_features=40, n_classes=20)
    X = (X + 30.0).astype(np.float32)
    exact = values(TaskStatistics.of(X.astype(np.float64), y))
    found = TaskStatistics.of(X, y)
    assert values(found) == pytest.approx(exact, rel=2e-6)
    other = y % 2
    assert logme(found.with_labels(X, other)) == pytest.approx(logme(X, other), rel=1e-6)


@pytest.mark.parametrize("small", [1e-3, 1.0])
def test_a_direction_in_the_rounding_is_summed_again(single, monkeypatch, small):
    X, y = task(n_rows=5000, n_features=6)
    X = (X * np.array([1e3, 1, 1, 1, 1, small])).astype(np.float32)
    kinds, inner = [], row_sums._sum_as
    monkeypatch.setattr(row_sums, "_sum_as", lambda k, *rest: (kinds.append(k), inner(k, *rest))[1])
    exact = values(TaskStatistics.of(X.astype(np.float64), y))
    kinds.clear()
    assert values(TaskStatistics.of(X, y)) == pytest.approx(exact, rel=1e-9)
    assert kinds == [np.float32, np.float64]


def test_constant_columns_do_not_force_double_precision(single):
    X, _ = task(n_rows=5000, n_features=6)
    origin = np.zeros(8, dtype=np.float32)
    sums = row_sums.HostSums(origin)
    sums.add(np.hstack([X, np.zeros((5000, 2))]).astype(np.float32))
    assert row_sums.clear_of_rounding(sums.moments().centred())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_device_gives_the_same_sums(dtype, device):
    torch = pytest.importorskip("torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    X, _ = task(n_rows=900, n_features=12)
    origin = X.mean(axis=0).astype(dtype)
    host, other = row_sums.HostSums(origin), row_sums.TorchSums(origin, device)
    for start in (0, 500):
        z = X[start : start + 500].astype(dtype) - origin
        host.add(z)
        other.add(z)
    left, right = host.moments().centred(), other.moments().centred()
    for part in ("n_rows", "mean", "gram", "cubes", "fourth"):
        np.testing.assert_allclose(getattr(left, part), getattr(right, part), rtol=1e-4, atol=1e-2)


def test_a_device_is_asked_for_by_name(monkeypatch):
    torch = pytest.importorskip("torch")
    X, y = task()
    with pytest.raises(InputError, match="auto"):
        TaskStatistics.of(X, y, device="gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert values(TaskStatistics.of(X, y, device="auto")) == values(TaskStatistics.of(X, y))
    with pytest.raises(InputError, match="no CUDA device"):
        TaskStatistics.of(X, y, device="cuda")


def test_bad_labels_and_features_are_named():
    X, y = task()
    with pytest.raises(InputError, match="all features are NaN"):
        TaskStatistics.of(np.full((9, 3), np.nan), np.arange(9) % 2)
    with pytest.raises(InputError, match="column 1"):
        TaskStatistics.of(np.where(np.arange(7) == 1, np.inf, X), y)
    with pytest.raises(InputError, match="label is missing"):
        TaskStatistics.of(X, np.where(y == 0, np.nan, y))
    with pytest.raises(InputError, match="label is missing"):
        TaskStatistics.of(X, np.where(y == 0, np.nan, y), "regression")
    with pytest.raises(InputError, match="not numbers"):
        TaskStatistics.of(X, np.array(["a", "b", "c"])[y], "regression")
    with pytest.raises(InputError, match="no number"):
        TaskStatistics.of(np.full((60, 2), "a"), y)


def test_a_million_classes_are_a_mistake():
    with pytest.raises(InputError, match=r'fewer than two rows a class.*task="regression"'):
        LabelColumns.of(np.arange(10**6), "classification")
    with pytest.raises(InputError, match="40 classes"):
        LabelColumns.of(np.linspace(0.05, 1, 40), "classification")
    assert LabelColumns.of(np.arange(40), "classification").width == 40
    assert LabelColumns.of(np.repeat(np.arange(500), 2), "classification").width == 500
