"""Probes: common rows that neither names nor order of the tasks can change."""

import numpy as np
import pytest
from scipy import sparse

from priorlift.core.errors import InputError
from priorlift.ranking.attribution import probe_rows


def tasks(seed=0, n=200, d=4):
    draws = np.random.default_rng(seed)
    X, other = draws.normal(size=(n, d)), draws.normal(size=(n, d))
    return {"rare": (X, np.arange(n) < 12), "half": (X, np.arange(n) % 2), "far": (other, X[:, 0])}


def test_every_task_draws_its_share_evenly_from_its_classes():
    given = tasks()
    found = probe_rows(given, 60, random_state=0)
    assert found.members.sum(axis=1).tolist() == [20, 20, 20]
    assert len(found.rows) == found.members.any(axis=0).sum() <= 60
    assert len(np.unique(found.rows, axis=0)) == len(found.rows)
    for name, own in zip(found.names, found.members, strict=True):
        X, y = given[name]
        places = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in found.rows[own]]
        if name != "far":
            assert np.asarray(y)[places].sum() == 10


def test_order_and_names_of_tasks_change_nothing():
    given = tasks()
    one = probe_rows(given, 60, random_state=0)
    turned = {f"new {name}": given[name] for name in reversed(list(given))}
    other = probe_rows(turned, 60, random_state=0)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.members, other.members[::-1])
    assert not np.array_equal(one.rows, probe_rows(given, 60, random_state=1).rows)


def test_sparse_rows_and_missing_labels():
    X = np.abs(np.random.default_rng(0).normal(size=(30, 3)))
    y = np.where(np.arange(30) < 6, np.arange(30) % 2, np.nan)
    found = probe_rows({"a": (sparse.csr_array(X), y), "b": (X, np.arange(30) % 2)}, 40)
    own = found.rows[found.members[0]]
    assert len(own) == 6
    assert all((X[:6] == row).all(axis=1).any() for row in own)


def test_no_common_probes_is_an_error_with_the_reason():
    given = tasks()
    with pytest.raises(InputError, match=r"share no feature space .*'b' has 3"):
        probe_rows({"a": given["half"], "b": (given["half"][0][:, :3], given["half"][1])})
    with pytest.raises(InputError, match="fewer than two"):
        probe_rows({"a": given["half"]})
    with pytest.raises(InputError, match="'a': there is no labelled row"):
        probe_rows({"a": (given["half"][0], np.full(200, np.nan)), "b": given["half"]})
    with pytest.raises(InputError, match="'a': 3 labels"):
        probe_rows({"a": (given["half"][0], [0, 1, 0]), "b": given["half"]})
    broken = np.full((20, 4), np.nan)
    with pytest.raises(InputError, match="'a': a feature is NaN"):
        probe_rows({"b": given["half"], "a": (broken, np.arange(20) % 2)})
