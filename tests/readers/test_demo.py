import numpy as np
import pytest

from priorlift.readers.demo import LABEL_BUDGETS, N_SPLITS, demo_task
from priorlift.study.design import choose_design
from priorlift.study.plan import plan_arms
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.pooled import PooledClassifier


@pytest.fixture(scope="module")
def demo():
    return demo_task()


FINGERPRINTS = {
    "handwritten digits": "0ce05d543adcb59f2a8d5a5da0d5c1fc",
    "same task": "7b8875e5cefddf6f3645aadb15160793",
    "inverted": "e5f510076366ef76f23dea21f4f84bd8",
    "rotated": "add70eb6981977e2e998ef3fda3262db",
    "even or odd": "f6b953d9044a2ab66fa43621120211c4",
    "shuffled labels": "8f3c6ee5d08bc42e423f2564bd6ccb3d",
    "wine": "7a98a56426a30fb606efc6b234ac0918",
}


def test_the_data_are_the_same_everywhere(demo):
    target, pool = demo
    found = {part.name: part.fingerprint for part in (target, *pool)}
    assert found == FINGERPRINTS


def test_no_image_is_in_the_target_and_in_a_source(demo):
    target, pool = demo
    rows = {row.tobytes() for row in np.ascontiguousarray(target.X)}
    assert len(rows) == target.n_rows == 900
    assert not rows & {row.tobytes() for row in np.ascontiguousarray(pool["same task"].X)}


def test_the_sources_are_views_of_the_same_other_images(demo):
    _, pool = demo
    same = pool["same task"]
    np.testing.assert_array_equal(16 - pool["inverted"].X, same.X)
    np.testing.assert_array_equal(
        pool["rotated"].X.reshape(-1, 8, 8), np.rot90(same.X.reshape(-1, 8, 8), axes=(1, 2))
    )
    np.testing.assert_array_equal(pool["even or odd"].y == "odd", same.y % 2 == 1)
    shuffled = pool["shuffled labels"]
    np.testing.assert_array_equal(shuffled.X, same.X)
    np.testing.assert_array_equal(np.sort(shuffled.y), np.sort(same.y))
    assert 0.02 < np.mean(shuffled.y == same.y) < 0.2


def test_six_sources_one_of_them_unusable(demo):
    target, pool = demo
    methods = {"pooled": PooledClassifier(), "frozen": FrozenFeaturesClassifier()}
    _, skipped = plan_arms(target, pool, methods)
    assert pool.n_sources == 6
    assert {(s.method, s.sources) for s in skipped} == {
        ("pooled", "wine"),
        ("frozen", "wine"),
        ("pooled", "even or odd"),
    }


def test_there_are_labels_enough_for_budgets(demo):
    target, _ = demo
    design = choose_design(target, "classification", LABEL_BUDGETS, N_SPLITS)
    assert design.kind == "label budgets"
    assert design.budgets == LABEL_BUDGETS
