"""Code of the user's own is known by what it does, that of installed packages by its version."""

import subprocess
import sys

import joblib
import pytest
from sklearn.base import BaseEstimator

from priorlift.core.own_code import own_code
from priorlift.transfer.pooled import PooledClassifier

BEGIN = """
from sklearn.base import BaseEstimator

def helper(x, by=2):
    return x * by

class Base(BaseEstimator):
    def fit(self, X):
        return self

class Step(Base):
    scale = 2.5

    def fit(self, X):
        kinds = {"a", "b", "c"}
        return helper(X) if kinds else super().fit(X)

    @staticmethod
    def aside(x):
        return x + 1

    @property
    def ready(self):
        return [x for x in range(3)]
"""


def digest_of(text, name="Step"):
    scope = {"__name__": "a_notebook"}
    exec(text, scope)
    return own_code(scope[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x * by", "x ** by"),
        ("by=2", "by=3"),
        ("x + 1", "x + 2"),
        ("range(3)", "range(4)"),
        ('{"a", "b", "c"}', '{"a", "b", "d"}'),
        ("return self", "return X"),
        ("scale = 2.5", "scale = 2.0"),
    ],
    ids=["helper", "default", "static method", "property", "constant", "base", "attribute"],
)
def test_an_edit_anywhere_in_own_code_is_seen(old, new):
    assert old in BEGIN
    assert digest_of(BEGIN.replace(old, new)) != digest_of(BEGIN)


def test_what_changes_nothing_is_not_seen():
    assert digest_of(BEGIN) == digest_of("# a remark\n\n" + BEGIN.replace("  # x", ""))
    assert digest_of(BEGIN, "helper") == digest_of(
        BEGIN.replace("class Step", "class Other"), "helper"
    )


def test_another_process_gives_the_same_digest():
    code = f"from priorlift.core.own_code import own_code\nexec({BEGIN!r})\nprint(own_code(Step))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(told.pop().strip()) == 32


def test_installed_code_is_known_by_its_version():
    assert own_code(BaseEstimator) == own_code(PooledClassifier) == own_code(dict) == ""
    assert own_code(joblib.Memory) != ""
    assert own_code(joblib.Memory) == own_code(joblib.Parallel)


def test_code_that_names_itself_ends():
    def count(n):
        return n and count(n - 1)

    assert len(own_code(count)) == 32
