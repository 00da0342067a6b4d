"""Labels of the query that were not given enter nothing: neither the fit nor what it says."""

import numpy as np
import pytest
from benchmarks.cells import data
from benchmarks.cells.transfer import fitted

from priorlift import Source, SourcePool
from priorlift.transfer.joint_labels import JointLabelTransferClassifier

FEW = {"epochs": (2, 2), "min_steps": 5}


def drawn(rng, n, profiles):
    y = rng.integers(len(profiles), size=n)
    return rng.poisson(30 * profiles[y]).astype(float), y


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(60, 0.5), size=3)
    X, y = drawn(rng, 200, profiles)
    query, truth = drawn(rng, 150, profiles)
    return SourcePool([Source("reference", X, y)]), query, truth


def accuracy(pool, query, truth):
    model = JointLabelTransferClassifier(random_state=0, **FEW)
    model.fit(query, [None] * len(query), sources=pool)
    return (model.transduction_ == truth).mean()


def test_the_order_of_cells_carries_nothing(made):
    """Cells sorted by type are no easier than shuffled ones."""
    pool, query, truth = made
    order = np.argsort(truth, kind="stable")
    assert accuracy(pool, query, truth) > 0.9
    assert accuracy(pool, query[order], truth[order]) == pytest.approx(
        accuracy(pool, query, truth), abs=0.03
    )


def test_labels_of_the_reference_that_mean_nothing_teach_nothing(made):
    pool, query, truth = made
    source = next(iter(pool))
    shuffled = np.random.default_rng(1).permutation(source.y)
    found = accuracy(SourcePool([Source("shuffled", source.X, shuffled)]), query, truth)
    assert found < 0.65


@pytest.mark.parametrize("anchors", ["all", "medoids"])
def test_the_label_of_a_cell_has_no_vote_on_the_cell(made, anchors):
    pool, query, truth = made
    y = np.full(len(truth), None, dtype=object)
    y[:20] = truth[:20]
    y[7] = 5  # a class that no other cell has
    model = JointLabelTransferClassifier(random_state=0, anchors=anchors, **FEW)
    model.fit(query, y, sources=pool)
    vote = model._fit_views.vote
    assert vote[7, 3] == 0
    assert vote[:, 3].max() > 0  # it has one on others
    later = model.model_.views(model.preprocess_.query(query)).vote
    assert later[7, 3] > 0
    np.testing.assert_array_equal(later[20:], vote[20:])


def test_nuclei_of_the_benchmark_are_on_one_side(data_dir):
    task = data.snare(data_dir, 0, peaks=True)
    source = next(iter(task.pool))
    assert len(task.truth) + len(source.y) == 9_190
    genes = source.X.shape[1]
    assert task.X.shape[1] > genes
    # Peaks are the query's own: no reference has a column for them.
    assert min(task.settings["query_only"]) == genes


@pytest.mark.parametrize("name", ["adt", "snare"])
def test_the_benchmarks_predict_the_same_whatever_they_hold_for_true(data_dir, name):
    if name == "adt":
        task = data.adt(data_dir, half=(100, 0))
    else:
        task = data.snare(data_dir, 100, peaks=True)
    other = task._replace(truth=np.random.default_rng(0).permutation(task.truth))
    said = [fitted(t, 0, "default", epochs=(1, 1), min_steps=5) for t in (task, other)]
    assert (said[0].transduction_ == said[1].transduction_).all()
    assert (said[0].transduction_proba_ == said[1].transduction_proba_).all()
