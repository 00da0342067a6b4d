"""What the boosting methods share: stacked rows, caps, misses."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LinearRegression

from priorlift.core.errors import InputError
from priorlift.transfer.base import Rows
from priorlift.transfer.boosting import Classes, Numbers, capped, multiplied, stack


def rows(name, X, weight=None, fingerprint=""):
    y = np.arange(X.shape[0])
    weight = np.ones(X.shape[0]) if weight is None else np.asarray(weight, dtype=float)
    return Rows(name, X, y, weight, None, "classification", fingerprint)


@given(
    arrays(float, 12, elements=st.floats(1e-12, 1e3)),
    st.floats(1 / 12, 1.0),
)
def test_the_cap_is_strict_and_what_is_below_keeps_its_ratios(weight, gamma):
    cap = np.full(12, gamma)
    found = capped(weight, cap)
    assert found.sum() == pytest.approx(1)
    assert (found <= cap * (1 + 1e-9)).all()
    free = found < gamma * (1 - 1e-9)
    if free.any():
        scale = found[free] / weight[free]
        np.testing.assert_allclose(scale, scale[0], rtol=1e-6)
        # Whatever is at its cap would be above it at that scale.
        assert (weight[~free] * scale[0] >= gamma * (1 - 1e-6)).all()


def test_weights_below_the_cap_are_only_scaled():
    np.testing.assert_allclose(
        capped(np.array([1.0, 2.0, 1.0]), np.full(3, 0.6)), [0.25, 0.5, 0.25]
    )


def test_weights_survive_exponents_that_overflow():
    found = multiplied(np.full(3, 1 / 3), np.array([2000.0, 0.0, 1999.0]), None)
    assert np.isfinite(found).all()
    assert (found > 0).all()
    assert found[0] / found[2] == pytest.approx(np.e)


def test_rows_stand_with_the_target_first_and_masses_add_up():
    X = np.arange(6.0).reshape(3, 2)
    both = stack(rows("target", X), (rows("a", X + 10, fingerprint="x"), rows("b", X + 20)))
    assert both.X[:, 0].tolist() == [0, 2, 4, 10, 12, 14, 20, 22, 24]
    assert [(s.start, s.stop) for s in both.sources] == [(3, 6), (6, 9)]
    weight = both.first_weights(0.5)
    assert both.masses(weight) == pytest.approx([0.5, 0.25, 0.25])
    assert both.masses(both.first_weights()) == pytest.approx([1 / 3] * 3)


def test_rows_without_weight_are_left_out():
    X = np.arange(6.0).reshape(3, 2)
    both = stack(rows("target", X, [1, 0, 2]), (rows("a", X, [0, 0, 0], "x"),))
    assert both.X[:, 0].tolist() == [0, 4]
    assert both.sources == ()
    with pytest.raises(InputError, match="all sample weights of the target are zero"):
        stack(rows("target", X, [0, 0, 0]), ())
    with pytest.raises(InputError, match="source 'a': a sample weight is negative"):
        stack(rows("target", X), (rows("a", X, [1, -1, 1], "x"),))


def test_sparse_and_dense_rows_stack_sparse():
    X = np.eye(3)
    both = stack(rows("target", X), (rows("a", sp.csr_matrix(X), fingerprint="x"),))
    assert sp.issparse(both.X)
    np.testing.assert_array_equal(both.X.toarray(), np.vstack([X, X]))


@given(st.floats(0.0, 1.0))
def test_for_two_classes_the_vote_is_the_binary_one_and_always_finite(error):
    clipped = min(max(error, 1e-6), 1 - 1e-6)
    binary = np.log((1 - clipped) / clipped)
    assert Classes(np.array([0, 1])).vote(error) == pytest.approx(binary)
    assert Numbers().vote(error) == pytest.approx(binary)
    assert np.isfinite(Classes(np.arange(5)).vote(error))


def test_guessing_among_classes_has_no_vote():
    for n_classes in (2, 3, 10):
        kind = Classes(np.arange(n_classes))
        assert kind.vote(kind.limit) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("linear", [0, 0.5, 1]),
        ("square", [0, 0.25, 1]),
        ("exponential", 1 - np.exp([0.0, -0.5, -1])),
    ],
)
def test_misses_of_numbers_are_relative_to_the_largest(loss, expected):
    X = np.array([[0.0], [1.0], [2.0]])
    line = LinearRegression().fit(X, X[:, 0])
    found = Numbers(loss).misses(line, X, X[:, 0] + [0.0, 3.0, -6.0])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_perfect_regressor_misses_nothing():
    X = np.array([[0.0], [1.0], [2.0]])

    class Exact:
        def predict(self, X):
            return X[:, 0]

    assert Numbers().misses(Exact(), X, X[:, 0]).tolist() == [0, 0, 0]


def test_an_unknown_loss_is_named():
    with pytest.raises(InputError, match="loss is 'cubic'"):
        Numbers("cubic")
