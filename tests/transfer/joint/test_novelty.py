"""What no reference has stands out, and few known cells do."""

import numpy as np
import pytest
import scipy.sparse as sp
from benchmarks.cells import data
from sklearn.metrics import roc_auc_score

import priorlift
from priorlift import Source, SourcePool
from priorlift.transfer.joint import novelty
from priorlift.transfer.joint.sparse_batches import Cells
from priorlift.transfer.joint_labels import JointLabelTransferClassifier


def proteins(n, types, seed, shift=0.0):
    """Cells of some of five types, in one modality or another."""
    draws, means = np.random.default_rng(seed), np.random.default_rng(9).normal(size=(5, 40))
    kind = draws.choice(types, size=n)
    moved = shift * np.random.default_rng(8).normal(size=40)
    return means[kind] + moved + 1.5 * draws.normal(size=(n, 40)), kind


def fitted(types=(0, 1, 2, 3), **settings):
    known, y = proteins(400, types, 0)
    X, truth = proteins(300, (0, 1, 2, 3, 4), 1, shift=0.5)
    settings = {"epochs": 4, "preprocess": "standard", "random_state": 0, **settings}
    model = JointLabelTransferClassifier(**settings)
    return model.fit(X, [None] * 300, sources=SourcePool([Source("rna", known, y)])), X, truth


@pytest.fixture(scope="module")
def made():
    return fitted()


def test_a_type_that_no_reference_has_stands_out(made):
    model, X, truth = made
    found = model.novelty(X)
    assert ((found >= 0) & (found <= 1)).all()
    assert roc_auc_score(truth == 4, found) > 0.9


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_known_cells_are_called_new_about_as_often_as_said(shift):
    known, y = proteins(2_000, (0, 1, 2, 3, 4), 0)
    X, _ = proteins(1_500, (0, 1, 2, 3, 4), 1, shift)
    model = JointLabelTransferClassifier(epochs=4, preprocess="standard", random_state=0)
    model.fit(X, [None] * 1_500, sources=SourcePool([Source("rna", known, y)]))
    for share in (0.9, 0.95):
        assert (model.novelty(X) > share).mean() == pytest.approx(1 - share, abs=0.04)


def test_unknown_is_said_beyond_the_share_that_is_kept():
    model, X, truth = fitted(unknown_label=-5, known_fraction=0.9)
    said = model.predict(X)
    assert ((said == -5) == (model.novelty(X) > 0.9)).all()
    assert (said == -5)[truth == 4].mean() > (said == -5)[truth != 4].mean() + 0.3
    assert set(said) <= {0, 1, 2, 3, -5}


def test_new_rows_are_told_as_those_of_the_fit_and_a_saved_model_says_the_same(made, tmp_path):
    model, X, truth = made
    some = np.r_[np.flatnonzero(truth == 4)[:10], np.flatnonzero(truth != 4)[:10]]
    assert model.novelty(X[some]) == pytest.approx(model.novelty(X)[some], abs=1e-6)
    new, kind = proteins(200, (0, 1, 2, 3, 4), 5, shift=0.5)
    assert roc_auc_score(kind == 4, model.novelty(new)) > 0.85
    priorlift.save(model, tmp_path / "m.priorlift")
    again = priorlift.load(tmp_path / "m.priorlift")
    assert again.novelty(new) == pytest.approx(model.novelty(new), abs=1e-6)
    assert not hasattr(again, "_fit_views")


def test_few_cells_have_a_novelty_too():
    known, y = proteins(6, (0, 1), 0)
    for n in (1, 2, 3):
        X, _ = proteins(n, (0, 1), 1)
        model = JointLabelTransferClassifier(epochs=1, preprocess="standard", random_state=0)
        model.fit(X, [None] * n, sources=SourcePool([Source("rna", known, y % 2)]))
        assert ((model.novelty(X) >= 0) & (model.novelty(X) <= 1)).all()


def test_components_are_the_leading_eigenvectors():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(80, 60)) * np.linspace(5, 0.1, 60)).astype(np.float32)
    values[values < 0] = 0
    cells = Cells(sp.csr_matrix(values), np.zeros((80, 0), dtype=np.float32))
    halves = [(cells, np.arange(0, 80, 2)), (cells, np.arange(1, 80, 2))]
    basis = novelty.components(halves, rng)
    assert basis.shape == (60, novelty.N_COMPONENTS)
    assert basis.T @ basis == pytest.approx(np.eye(novelty.N_COMPONENTS), abs=1e-4)
    held = ((values @ basis) ** 2).sum()
    best = np.linalg.svd(values, compute_uv=False)[: novelty.N_COMPONENTS]
    assert held > 0.999 * (best**2).sum()


@pytest.mark.parametrize(("kind", "floor"), [("NK", 0.95), ("B", 0.95)])
def test_types_of_blood_stand_out_where_the_reference_lacks_them(data_dir, kind, floor):
    task = data.adt(data_dir, half=(100, 0))
    source = next(iter(task.pool))
    kept = source.y != kind
    rest = Source("proteins", np.asarray(source.X)[kept], source.y[kept], task="classification")
    model = JointLabelTransferClassifier(random_state=0, **task.settings)
    model.fit(task.X, [None] * len(task.truth), sources=SourcePool([rest]))
    found, new = model.novelty(task.X), task.truth == kind
    assert roc_auc_score(new, found) > floor
    assert (found > 0.95)[~new].mean() < 0.08
    assert (found > 0.95)[new].mean() > 0.8
