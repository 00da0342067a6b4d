"""Task2Vec against the Fisher information by its definition, and the similarity of two tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance
from sklearn.linear_model import LogisticRegression

from priorlift.core.errors import InputError
from priorlift.ranking.scores import task2vec, task2vec_similarity, task2vec_transfer

embeddings = st.lists(st.floats(0.01, 100.0), min_size=5, max_size=5).map(np.array)


def task(seed=0, n_rows=60, n_features=4, n_classes=3, spread=1.0):
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.arange(n_rows) % n_classes)
    centres = generator.normal(0.0, spread, (n_classes, n_features))
    return centres[y] + generator.normal(size=(n_rows, n_features)), y


def test_the_closed_form_is_the_expected_squared_gradient():
    F, y = task(n_rows=20)
    Z = (F - F.mean(axis=0)) / F.std(axis=0)
    P = LogisticRegression(tol=1e-8, max_iter=2000).fit(Z, y).predict_proba(Z)
    information = np.zeros((4, 3))
    for z, p in zip(F, P, strict=True):
        for label in range(3):
            gradient = np.outer(z, np.eye(3)[label] - p)  # of log p(label) in the weights
            information += p[label] * gradient**2 / 20.0
    np.testing.assert_allclose(task2vec(F, y), information.mean(axis=1), rtol=1e-9)


@given(st.integers(0, 10**6), st.sampled_from([60, 40]))
def test_the_embedding_does_not_depend_on_order_or_names(seed, most):
    F, y = task(seed)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(60)
    expected = task2vec(F, y, max_rows=most)
    np.testing.assert_allclose(task2vec(F[rows], y[rows], max_rows=most), expected, rtol=1e-4)
    np.testing.assert_allclose(task2vec(F, 7 + 10 * y, max_rows=most), expected, rtol=1e-4)
    columns = generator.permutation(4)
    np.testing.assert_allclose(task2vec(F[:, columns], y), task2vec(F, y)[columns], rtol=1e-4)
    renamed = task2vec(F, np.array(["z", "a", "k"])[y])
    np.testing.assert_allclose(renamed, task2vec(F, y), rtol=1e-4)


def test_the_scale_of_a_feature_cancels_between_two_tasks():
    (F, y), (G, z) = task(0), task(1)
    scale = np.array([1e3, 1e-3, 1.0, 5.0])
    np.testing.assert_allclose(task2vec(scale * F, y), scale**2 * task2vec(F, y), rtol=1e-6)
    expected = task2vec_similarity(task2vec(F, y), task2vec(G, z))
    found = task2vec_similarity(task2vec(scale * F, y), task2vec(scale * G, z))
    assert found == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(task2vec(F.astype(np.float32), y), task2vec(F, y), rtol=1e-4)


def test_duplicated_and_constant_columns_and_single_row_classes():
    F, y = task()
    y[0] = 9
    twice = task2vec(np.column_stack([F, F[:, :1], np.zeros(60)]), y)
    assert twice[4] == pytest.approx(twice[0], rel=1e-9)
    assert twice[5] == 0.0
    assert np.isfinite(twice).all()


def authors_cosine(first, second):
    whole = first + second + 1e-8
    return 1.0 - distance.cosine(first / whole, second / whole)


@given(embeddings, embeddings)
def test_the_similarity_is_that_of_the_authors_code(first, second):
    found = task2vec_similarity(first, second)
    assert found == pytest.approx(authors_cosine(first, second), abs=1e-6)
    assert found == pytest.approx(task2vec_similarity(second, first), abs=1e-12)
    assert found == pytest.approx(task2vec_similarity(7.0 * first, 7.0 * second), abs=1e-12)
    assert 0.0 <= found <= 1.0


@given(embeddings)
def test_a_task_is_at_one_from_itself(first):
    assert task2vec_similarity(first, first) == pytest.approx(1.0, abs=1e-12)
    first[2] = 0.0
    assert task2vec_similarity(first, first) == pytest.approx(1.0, abs=1e-12)


def test_tasks_that_lean_on_the_same_features_are_alike():
    generator = np.random.default_rng(0)
    F = generator.normal(size=(3, 2000, 10))

    def leaning(rows, at):
        return (rows[:, at] + 0.1 * generator.normal(size=2000) > 0.0).astype(int)

    first, second = (task2vec(rows, leaning(rows, 0)) for rows in F[:2])
    other = task2vec(F[2], leaning(F[2], 7))
    assert task2vec_similarity(first, second) > task2vec_similarity(first, other) + 0.01


@given(embeddings, embeddings)
def test_the_asymmetric_form_is_a_difference_of_distances(source, target):
    trivial = np.full(5, 0.01 * (source.mean() + target.mean()) / 2.0)
    a, b = source + trivial, target + trivial
    near = 1.0 - authors_cosine(a, b)
    far = 1.0 - authors_cosine(a, trivial)
    found = task2vec_transfer(source, target, alpha=0.3)
    assert found == pytest.approx(0.3 * far - near, abs=1e-5)
    assert task2vec_transfer(source, source, alpha=0.0) == pytest.approx(0.0, abs=1e-12)


def test_of_two_sources_as_near_the_more_complex_is_preferred():
    target = np.array([1.0, 1.0, 1.0, 1.0])
    plain, complex_ = np.array([1.0, 1.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.001])
    gain = task2vec_transfer(complex_, target) - task2vec_transfer(complex_, target, alpha=0.0)
    assert gain > task2vec_transfer(plain, target) - task2vec_transfer(plain, target, alpha=0.0)


@pytest.mark.parametrize(
    ("F", "y", "reason"),
    [
        (np.ones((9, 2)), [0, 1, 2] * 3, "features are constant"),
        (np.eye(9), [1] * 9, "labels are constant"),
        (np.eye(9), [0, 1], "9 rows and 2 labels"),
        (np.eye(2), [0, 1], "2 rows"),
        (np.full((9, 2), np.nan), [0, 1, 2] * 3, "NaN"),
    ],
)
def test_a_task_that_says_nothing_is_refused(F, y, reason):
    with pytest.raises(InputError, match=reason):
        task2vec(F, y)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([1.0, 2.0], [1.0], "do not match"),
        ([1.0, -2.0], [1.0, 1.0], "negative"),
        ([1.0, np.nan], [1.0, 1.0], "not finite"),
        ([0.0, 0.0], [1.0, 1.0], "all zero"),
    ],
)
@pytest.mark.parametrize("score", [task2vec_similarity, task2vec_transfer])
def test_what_is_no_embedding_is_refused(score, first, second, reason):
    with pytest.raises(InputError, match=reason):
        score(first, second)
