"""A description says by content what an estimator is, and by a digest what its own code is."""

import functools
import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from priorlift.core.errors import InputError
from priorlift.study.description import describe, without_code
from priorlift.transfer.pooled import PooledClassifier


def named_function(x):
    return x


def test_descriptions_are_made_of_content():
    first = PooledClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=3)))
    second = PooledClassifier(make_pipeline(StandardScaler(), LogisticRegression(C=3)))
    assert describe(first) == describe(second)
    assert "sklearn.linear_model._logistic.LogisticRegression" in json.dumps(describe(first))
    second.estimator.set_params(logisticregression__C=4)
    assert describe(first) != describe(second)
    own = describe(FunctionTransformer(named_function))["params"]["func"]
    assert own["function"].endswith("named_function")
    assert describe(FunctionTransformer(np.log))["params"]["func"] == "numpy.log"
    assert describe({"b": (1, np.float64(2.5)), "a": None}) == {"b": [1, 2.5], "a": None}
    assert describe([float("nan"), float("inf"), True]) == ["nan", "inf", True]
    assert describe({"x", "y", "z"}) == ["x", "y", "z"]


@pytest.mark.parametrize(
    "as_type", [np.asarray, sp.csr_matrix, lambda x: pd.DataFrame(x, columns=["a", "b"])]
)
def test_arrays_are_described_by_all_of_their_values(as_type):
    many = np.arange(4000.0).reshape(-1, 2)
    other = many.copy()
    other[1000, 1] = -1
    assert describe(as_type(many)) == describe(as_type(many.copy()))
    assert describe(as_type(many)) != describe(as_type(other))


@pytest.mark.parametrize(
    "value",
    [
        lambda x: x,
        object(),
        functools.partial(named_function),
        np.random.default_rng(0),
        np.random.RandomState(0),
        LogisticRegression().fit,
    ],
    ids=["lambda", "object", "partial", "generator", "random state", "bound method"],
)
def test_what_has_no_content_to_describe_is_refused(value):
    with pytest.raises(InputError, match="cannot be described by its content"):
        describe({"inside": [value]})


class Mine(PooledClassifier):
    """A class that no version stands for."""


def test_code_is_told_apart_from_what_else_is_said():
    described = describe({"a": Mine(FunctionTransformer(named_function))})
    bare, code = without_code(described)
    name = f"{__name__}.Mine"
    assert set(code) == {name, f"{__name__}.named_function"}
    assert described["a"]["code"] == code[name]
    assert "code" not in json.dumps(bare)
    assert without_code(describe(PooledClassifier(LogisticRegression())))[1] == {}
