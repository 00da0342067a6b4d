"""What was learned on a source is kept for fits that would learn the same, and changes nothing."""

import numpy as np
import pytest

from priorlift import Source, SourcePool
from priorlift.encoders.hidden_layer import HiddenLayerEncoder
from priorlift.transfer import source_models
from priorlift.transfer.frozen_features import FrozenFeaturesClassifier
from priorlift.transfer.source_models import MOST_KEPT, forget, kept


@pytest.fixture(autouse=True)
def nothing_kept():
    forget()
    yield
    forget()


@pytest.fixture
def learned(monkeypatch):
    """Count the networks that are trained."""
    fits = []
    fit = HiddenLayerEncoder.fit

    def counted(self, *args, **kwargs):
        fits.append(self.random_state)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(HiddenLayerEncoder, "fit", counted)
    return fits


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = (X @ [1.0, -1.0, 2.0, 0.0] > 0).astype(int)
    return X, y, SourcePool([Source("s", X[30:], y[30:])])


def make(**options):
    given = {"preprocess": None, "encoder_seed": 7, "n_iterations": 5, **options}
    return FrozenFeaturesClassifier(hidden_layer_sizes=(3,), **given)


def test_fits_on_other_rows_of_the_target_share_one_network_and_its_features(task, learned):
    X, y, pool = task
    few = make(random_state=1).fit(X[:10], y[:10], sources=pool)
    many = make(random_state=2).fit(X[:20], y[:20], sources=pool)
    assert len(learned) == 1
    forget()
    alone = make(random_state=2).fit(X[:20], y[:20], sources=pool)
    assert len(learned) == 2
    np.testing.assert_array_equal(many.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(few.encoders_[0].transform(X), alone.encoders_[0].transform(X))


@pytest.mark.parametrize(
    "change",
    [
        {"encoder_seed": 8},
        {"n_iterations": 6},
        {"preprocess": "auto"},
        {"encoder_seed": None, "random_state": 3},
    ],
)
def test_what_a_network_depends_on_makes_another_one(task, learned, change):
    X, y, pool = task
    make(random_state=1).fit(X[:10], y[:10], sources=pool)
    make(**{"random_state": 1, **change}).fit(X[:10], y[:10], sources=pool)
    assert len(learned) == 2


def test_other_rows_of_the_source_make_another_network(task, learned):
    X, y, pool = task
    make().fit(X[:10], y[:10], sources=pool)
    flipped = SourcePool([Source("s", X[30:], 1 - y[30:])])
    make().fit(X[:10], y[:10], sources=flipped)
    assert len(learned) == 2


def test_without_sources_the_random_network_follows_the_seed_of_the_fit(task):
    X, y, _ = task
    one, two = (make(random_state=seed).fit(X[:10], y[:10]) for seed in (1, 2))
    assert not np.array_equal(one.encoders_[0].transform(X), two.encoders_[0].transform(X))


def test_the_least_recently_used_goes_first():
    for number in range(MOST_KEPT):
        kept(number, lambda number=number: number)
    kept(0, lambda: pytest.fail("it was kept"))
    kept("new", lambda: "new")
    assert kept(1, lambda: "again") == "again"
    assert len(source_models._KEPT) == MOST_KEPT
