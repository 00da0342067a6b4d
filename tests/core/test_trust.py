"""Only types of priorlift that do nothing when they are built may come out of a file."""

import sys
import types

import pytest
from sklearn.base import BaseEstimator

from priorlift import transfer
from priorlift.core.trust import is_trusted


def test_every_built_in_estimator_is_trusted():
    kinds = [getattr(transfer, name) for name in transfer.__all__]
    estimators = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseEstimator)]
    assert len(estimators) >= 8
    assert all(is_trusted(f"{kind.__module__}.{kind.__name__}") for kind in estimators)
    assert is_trusted("priorlift.encoders.hidden_layer.HiddenLayerEncoder")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "os.system",
        "builtins.eval",
        "priorlift",
        "priorlift.__main__.main",
        "priorlift.load",
        "priorlift.core.persistence.load",
        "priorlift.core.registry.get",
        "priorlift.pool.Source",
        "priorlift.pool.SourcePool",
        "priorlift.pool.TaskData",
        "priorlift.pool.Path",
        "priorlift.transfer.PooledClassifier",
        "priorlift.transfer.pooled.LogisticRegression",
        "priorlift.transfer.pooled.PooledClassifier.fit",
        "priorlift.trials.journal.Journal",
        "priorlift.trials.store.DataStore",
        "priorlift.nowhere.Thing",
        "priorlift..pool.Source",
        "priorlift./../os.system",
        "priorlift_evil.models.Thing",
    ],
)
def test_all_else_is_not(name):
    assert not is_trusted(name)


def test_a_module_that_only_calls_itself_priorlift_is_not_ours(monkeypatch):
    module = types.ModuleType("priorlift.intruder")
    module.Thing = type("Thing", (BaseEstimator,), {"__module__": "priorlift.intruder"})
    monkeypatch.setitem(sys.modules, "priorlift.intruder", module)
    assert not is_trusted("priorlift.intruder.Thing")


def test_asking_does_not_run_the_command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["priorlift", "--help"])
    assert not is_trusted("priorlift.__main__.main")
    assert "priorlift.__main__" not in sys.modules
