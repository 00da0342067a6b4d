import functools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process.kernels import RBF
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.core.errors import InputError
from priorlift.search.keys import by_pickle, digest


def adder(n):
    return lambda x: x + n


class Twin(BaseEstimator):
    def __init__(self, value=None):
        self.value = value

    def __repr__(self):
        return "always the same"

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


DIFFERENT = [
    *(None, True, 1, 1.0, "1", b"1", -0.0, 0.0, float("nan"), float("inf")),
    *([1, 2], (1, 2), [1, [2]], [[1], 2], {1, 2}, frozenset({1, 2}), {"a": 1}, {"a": 2}),
    *("ab", ["a", "b"], ["ab", ""], ["", "ab"], range(3), slice(3)),
    *(np.float32(0.1), np.arange(3), np.arange(3.0), np.arange(3)[:, None]),
    *(sp.csr_matrix([[1.0, 0]]), sp.csc_matrix([[1.0, 0]]), sp.csr_matrix([[0, 1.0]])),
    *(PCA(2), PCA(3), PCA(2, whiten=True), PCA, StandardScaler(), RBF(1.0), RBF(2.0)),
    *(SelectKBest(f_classif), SelectKBest(f_regression), make_pipeline(PCA(2)), np.exp, len),
    *(StandardScaler().set_output(transform="pandas"), Twin(1), Twin(2), np.dtype("f4")),
    *(adder(1), adder(2), functools.partial(max, 1), functools.partial(max, 2), "x".join),
]


def test_what_differs_has_another_digest():
    digests = [digest(value) for value in DIFFERENT]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("value", DIFFERENT, ids=lambda value: type(value).__name__)
def test_a_copy_has_the_same_digest(value):
    import copy

    assert digest(copy.deepcopy(value)) == digest(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(plain, plain)
def test_equal_digests_mean_equal_content(left, right):
    # repr tells 1, 1.0 and True apart, as a digest has to; a dictionary's order does not count.
    def canonical(value):
        if isinstance(value, dict):
            return repr(sorted((canonical(k), canonical(v)) for k, v in value.items())) + "dict"
        if isinstance(value, list | tuple):
            return type(value).__name__ + repr([canonical(item) for item in value])
        return repr(value)

    assert (digest(left) == digest(right)) == (canonical(left) == canonical(right))


def test_numpy_scalars_equal_what_they_hold():
    assert digest(np.float64(0.5)) == digest(0.5)
    assert digest(np.int32(5)) == digest(5)
    assert digest(np.bool_(True)) == digest(True)
    assert digest(np.array([1.0, 2.0])[::-1]) == digest(np.array([2.0, 1.0]))


def test_opaque_objects_are_told_apart_or_refused():
    one, two = object.__new__(type("Odd", (), {})), object.__new__(type("Odd", (), {}))
    assert digest(one) == digest(one) != digest(two)
    with open(__file__) as file, pytest.raises(InputError, match="TextIOWrapper"):
        digest(file, by_pickle)


def test_a_frozen_estimator_is_its_fit(small):
    X, _ = small
    fitted, other = StandardScaler().fit(X), StandardScaler().fit(X * 2)
    frozen = FrozenEstimator(fitted)
    assert digest(frozen) == digest(frozen)
    assert digest(frozen) != digest(FrozenEstimator(other))


def test_functions_that_hold_themselves():
    def count(n):
        return n if n == 0 else count(n - 1)

    assert digest(count) == digest(count)
    loop = []
    loop.append(loop)
    assert digest(loop) == digest(loop)


def test_an_edited_method_gives_another_digest():
    def make(factor):
        class Step(BaseEstimator):
            def transform(self, X):
                return X * factor if factor else X

        return Step

    def edited():
        class Step(BaseEstimator):
            def transform(self, X):
                return X + 1

        return Step

    one, two = make(1), edited()
    one.__qualname__ = two.__qualname__ = "Step"
    assert digest(one()) != digest(two())
