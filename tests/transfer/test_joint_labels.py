"""Joint label transfer as a user meets it: edge cases, and each defect of the original's code."""

import random

import numpy as np
import pytest
import scipy.sparse as sp

from priorlift import Source, SourcePool
from priorlift.core.errors import InputError
from priorlift.transfer import JointLabelTransferClassifier
from priorlift.transfer.joint import stages
from priorlift.transfer.joint.settings import resolve
from priorlift.transfer.joint.sparse_batches import Cells

TYPES = np.array(["a, b", "c", "d e"])


def cells(n, seed, types=3):
    """Counts of 60 genes; names of types have commas and blanks."""
    draws = np.random.default_rng(seed)
    level = np.exp(np.random.default_rng(9).normal(size=(3, 60)))
    kind = draws.integers(types, size=n)
    return draws.poisson(0.6 * level[kind]).astype(float), TYPES[kind]


def fitted(n_query=120, *, pool=None, X=None, y=None, **settings):
    settings = {"epochs": 2, "min_steps": 4, "n_members": 1, "random_state": 0, **settings}
    if pool is None:
        pool = SourcePool([Source("rna", *cells(150, 0))])
    X = cells(n_query, 1)[0] if X is None else X
    y = [None] * X.shape[0] if y is None else y
    return JointLabelTransferClassifier(**settings).fit(X, y, sources=pool)


@pytest.mark.parametrize("mode", ["published", "default"])
@pytest.mark.parametrize("n", [1, 2, 255, 256, 257])
def test_any_number_of_query_cells_is_trained_on_and_labelled(mode, n):
    """The original does not train at all where the query is smaller than a batch."""
    model = fitted(n, mode=mode, min_steps=None, epochs=1)
    assert len(model.history_["stage 1"]) == len(model.history_["stage 3"]) == 1
    assert np.isfinite(model.transduction_proba_).all()
    assert len(model.transduction_) == n
    start = stages.initial(60, 3, model.plan_, 0)
    assert model.model_.members[0].W.std() != pytest.approx(start.W.std(), rel=1e-6)


def test_a_stage_that_diverges_is_tried_again_slower_and_then_refused(monkeypatch):
    rates = []
    train = stages._train

    def seen(sets, stage, *rest):
        rates.append(stage.learning_rate)
        return train(sets, stage, *rest)

    monkeypatch.setattr(stages, "_train", seen)
    with pytest.raises(InputError, match=r"diverged in stage 1, epoch \d+, at a learning rate"):
        fitted(learning_rate=1e6, max_grad_norm=1e12, epochs=5)
    assert rates == [1e6, 1e5]
    rates.clear()
    # Too fast at first, and slow enough at a tenth.
    model = fitted(learning_rate=3.0, max_grad_norm=1e12, epochs=5, mode="published")
    assert len(rates) > 2
    assert np.isfinite(model.model_.members[0].W).all()


def test_an_empty_cell_gets_a_finite_embedding_and_a_label():
    X = cells(50, 1)[0]
    X[7] = 0.0
    for mode in ("published", "default"):
        model = fitted(X=X, mode=mode)
        assert np.isfinite(model.transform(X)).all()
        assert np.isfinite(model.predict_proba(X)).all()
        assert model.transduction_[7] in TYPES


def test_one_seed_governs_all_and_no_other_generator_is_touched():
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist()
    first, again, other = fitted(), fitted(), fitted(random_state=1)
    assert (first.transduction_proba_ == again.transduction_proba_).all()
    assert (first.transform(cells(9, 3)[0]) == again.transform(cells(9, 3)[0])).all()
    assert not np.allclose(first.transform(cells(9, 3)[0]), other.transform(cells(9, 3)[0]))
    assert before == (random.getstate(), np.random.get_state()[1].tolist())


def test_names_of_types_are_kept_whole():
    model = fitted()
    assert model.classes_.tolist() == sorted(TYPES.tolist())
    assert set(model.transduction_) <= set(TYPES)


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(InputError, match="rna"):
        SourcePool([Source("rna", *cells(20, 0)), Source("rna", *cells(20, 2))])


def test_published_mode_is_as_published():
    plan = fitted(mode="published").plan_
    assert plan.embedding_dim == 64
    assert (plan.preprocess, plan.n_neighbors, plan.vote) == ("binary", 30, "uniform")
    assert (plan.centers, plan.joint_init) == ("fixed", "random")
    assert plan.count_weight == plan.refine_rounds == 0
    assert plan.alignment_fraction == 0.8
    assert resolve("published", {}).epochs == (20, 20)
    known, y = cells(150, 0)
    pool = SourcePool([Source("rna", known[:, :59], y)])
    with pytest.raises(InputError, match="query_only"):
        fitted(mode="published", query_only=[59], pool=pool)


def test_trajectory_mode_leaves_the_head_to_its_penalty():
    """Without cross-entropy nothing but the L1 term moves the head in the third stage."""
    rows, codes = sp.csr_matrix(cells(40, 0)[0], dtype=np.float32), np.zeros(40, dtype=np.int64)
    one = Cells(rows, np.zeros((40, 0), dtype=np.float32))
    sets = [stages.DataSet(one, codes, "reference"), stages.DataSet(one, codes, "query")]
    settings = resolve("published", {"l1": 0.0})
    weights = stages.initial(60, 3, settings, 0)
    picked = [np.arange(40), np.arange(40)]
    for wanted in (True, False):
        stage = stages.Stage("stage 3", 3, 1, 0.01, cross_entropy=wanted, centers=True)
        _, gradients = stages.loss_of(sets, picked, weights, stage, settings)
        assert bool(np.abs(gradients[2]).max() > 0) == wanted
        assert np.abs(gradients[0]).max() > 0
    assert fitted(mode="published", trajectory=True).history_["stage 3"]


@pytest.mark.parametrize("centers", ["fixed", "learned", "class_means"])
def test_centers_move_only_where_asked_for(centers):
    rows, codes = sp.csr_matrix(cells(40, 0)[0], dtype=np.float32), np.arange(40) % 3
    one = Cells(rows, np.zeros((40, 0), dtype=np.float32))
    sets = [stages.DataSet(one, codes, "reference"), stages.DataSet(one, codes, "query")]
    settings = resolve("published", {"centers": centers})
    start = stages.initial(60, 3, settings, 0)
    stage = stages.Stage("stage 3", 3, 3, 0.01, centers=True)
    weights, _ = stages.train_stage(sets, stage, settings, 0, start)
    assert (weights.centers == start.centers).all() == (centers == "fixed")


@pytest.mark.parametrize("mode", ["published", "default"])
def test_sparse_and_dense_rows_say_the_same(mode):
    (known, y), (X, _) = cells(150, 0), cells(120, 1)
    dense = fitted(mode=mode)
    sparse = fitted(
        mode=mode, X=sp.csr_matrix(X), pool=SourcePool([Source("rna", sp.csr_matrix(known), y)])
    )
    assert sparse.transform(sp.csr_matrix(X)) == pytest.approx(dense.transform(X), abs=1e-4)
    assert (sparse.transduction_ == dense.transduction_).all()


def test_the_order_of_sources_changes_nothing_and_a_copy_little():
    one, two = Source("one", *cells(80, 0)), Source("two", *cells(70, 2))
    first, second = fitted(pool=SourcePool([one, two])), fitted(pool=SourcePool([two, one]))
    assert (first.transduction_proba_ == second.transduction_proba_).all()
    twice = fitted(pool=SourcePool([one, two, Source("copy", *cells(80, 0))]))
    truth = cells(120, 1)[1]
    found = [(model.transduction_ == truth).mean() for model in (first, twice)]
    assert found[1] == pytest.approx(found[0], abs=0.1)


def test_types_that_one_side_lacks_are_legal():
    known, y = cells(150, 0, types=2)
    X, truth = cells(120, 1)
    some = np.where(np.arange(120) % 3 == 0, truth, None)
    model = fitted(X=X, y=some, pool=SourcePool([Source("rna", known, y)]))
    assert set(model.classes_) == set(TYPES)
    asked = np.array([value is None for value in some])
    assert (model.transduction_ == truth)[asked & (truth == TYPES[2])].mean() > 0.5
    few, _ = cells(60, 1, types=2)
    assert set(fitted(X=few).transduction_) <= set(TYPES)


def test_a_type_with_one_cell_is_no_trouble():
    known, y = cells(150, 0, types=2)
    y = y.copy()
    y[3] = TYPES[2]
    model = fitted(pool=SourcePool([Source("rna", known, y)]))
    assert model.transduction_proba_.shape == (120, 3)


def test_what_the_first_stage_said_stands_beside_the_result():
    """The original leaves the first stage's probabilities beside the third stage's embedding."""
    model = fitted()
    assert len(model.stage1_) == len(model.transduction_) == 120
    assert (model.classes_[model.transduction_proba_.argmax(axis=1)] == model.transduction_).all()


def test_a_class_index_too_large_and_missing_labels_only_are_refused():
    X = cells(30, 1)[0]
    with pytest.raises(InputError, match="nothing to learn from"):
        JointLabelTransferClassifier().fit(X, [None] * 30)
    with pytest.raises(InputError, match="one class only"):
        fitted(X=X, pool=SourcePool([Source("rna", X, ["a"] * 30)]))


def test_few_rows_have_five_members_by_default():
    assert fitted(n_members=None).plan_.n_members == 5
    assert fitted(n_members=None, mode="published").plan_.n_members == 1
    assert fitted(n_members=2).plan_.n_members == 2
    assert resolve("default", {}, 2_001).n_members == 1
