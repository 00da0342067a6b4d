import numpy as np
import pytest
from benchmarks.cells import data
from sklearn.metrics import roc_auc_score

from priorlift import Source, SourcePool
from priorlift.core.errors import InputError
from priorlift.transfer.joint import neighbours
from priorlift.transfer.joint.novelty import separation
from priorlift.transfer.joint_labels import JointLabelTransferClassifier


def _cells(spreads, seed):
    """Return cells of one type a direction, with the spread of each."""
    rng = np.random.default_rng(seed)
    parts = [
        np.eye(8)[i] + spread * rng.normal(size=(60, 8)) / 8**0.5
        for i, spread in enumerate(spreads)
    ]
    return neighbours.normalised(np.concatenate(parts).astype(np.float32))


def test_a_tight_new_type_is_told_from_a_loose_known_one():
    spreads = [1.5, 0.1, 0.2]
    query, anchors = _cells(spreads, 0), _cells(spreads[:2], 1)
    new = np.arange(180) >= 120
    assert roc_auc_score(new, separation(query, anchors)) > 0.99


def test_known_types_lie_near_one():
    found = separation(_cells([0.2, 0.4], 0), _cells([0.2, 0.4], 1))
    np.testing.assert_allclose(np.median(found), 1.0, atol=0.15)


def test_the_order_of_cells_and_anchors_does_not_matter():
    query, anchors = _cells([0.3, 0.3, 0.3], 0), _cells([0.3, 0.3], 1)
    order = np.random.default_rng(2).permutation(len(query))
    found = separation(query[order], anchors[::-1])
    np.testing.assert_allclose(found, separation(query, anchors)[order], rtol=1e-4)


def test_one_cell_has_no_fellows():
    with pytest.raises(InputError, match="two cells"):
        separation(np.eye(2, dtype=np.float32)[:1], np.eye(2, dtype=np.float32))


def test_natural_killers_stand_out_where_the_reference_lacks_them(data_dir):
    task = data.adt(data_dir, half=(100, 0))
    source = next(iter(task.pool))
    kept = source.y != "NK"
    rest = Source("proteins", np.asarray(source.X)[kept], source.y[kept], task="classification")
    model = JointLabelTransferClassifier(random_state=0, **task.settings)
    model.fit(task.X, [None] * len(task.truth), sources=SourcePool([rest]))
    new = task.truth == "NK"
    by_distance = roc_auc_score(new, model.decision_distance(task.X))
    found = roc_auc_score(new, model.separation(task.X))
    assert found > max(0.88, by_distance)
