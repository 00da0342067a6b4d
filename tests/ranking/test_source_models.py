"""What is learned on a source once, and how a target is then seen."""

import numpy as np
import pytest
from scipy import sparse

from priorlift.core.errors import InputError
from priorlift.pool import Source
from priorlift.ranking.linear_source import PrincipalSpace
from priorlift.ranking.plan import ScoringPlan
from priorlift.ranking.source_models import (
    SAMPLE_ROWS,
    learn_source,
    own_space,
    random_view,
    view_of,
)

LINEAR = {
    "task": "classification",
    "scores": ("logme",),
    "hidden_layer_sizes": (),
    "alpha": 1e-3,
    "max_iter": 5,
    "preprocess": "None",
    "encoder": "",
    "transfer": "any",
    "max_target_rows": 100,
    "max_source_rows": 5_000,
    "n_bootstrap": 0,
    "resampled": "rows",
    "level": 0.95,
    "seed": 0,
    "target_fingerprint": "t",
}


def plan(**changes):
    return ScoringPlan(**{**LINEAR, **changes})


def task(n=60, d=5, name="s", **options):
    X = np.random.default_rng(0).normal(size=(n, d))
    return Source(name, X, np.where(X[:, 0] > 0, "yes", "no"), **options)


def test_a_linear_source_is_seen_in_its_space():
    source = task()
    learned = learn_source(source, source.X, plan())
    assert learned.network is None
    assert (learned.name, learned.n_rows) == ("s", 60)
    assert learned.fingerprint == source.fingerprint
    target = random_view(source.X[:20] + 0.1, np.arange(20) % 2, plan())
    assert target.random_features is None
    view = view_of(learned, target)
    assert view.in_space == pytest.approx(learned.linear.space.map(target.rows))
    assert view.features == pytest.approx(view.in_space @ learned.linear.directions)
    assert view.source_classes.tolist() == ["no", "yes"]
    assert (view.source_labels == np.where(target.rows[:, 0] > 0, "yes", "no")).mean() > 0.8
    known = view_of(learned, target, view.in_space)
    assert known.in_space is view.in_space


def test_a_source_with_a_network_is_seen_through_its_hidden_layer():
    source, settings = task(), plan(hidden_layer_sizes=(7,))
    learned = learn_source(source, source.X, settings)
    target = random_view(source.X[:20], np.arange(20) % 2, settings)
    assert target.random_features.shape == (20, 7)
    view = view_of(learned, target)
    assert view.features.shape == (20, 7)
    assert view.proba.shape == (20, 2)
    assert view.proba == pytest.approx(learned.network.predict_source_proba(source.X[:20]))


def test_the_name_and_the_place_of_a_source_do_not_matter():
    settings = plan(hidden_layer_sizes=(7,))
    one, other = (
        learn_source(source, source.X, settings) for source in (task(), task(name="other"))
    )
    target = random_view(one.rows[:10], np.arange(10) % 2, settings)
    assert (view_of(one, target).features == view_of(other, target).features).all()
    reseeded = learn_source(task(), task().X, plan(hidden_layer_sizes=(7,), seed=1))
    assert (view_of(reseeded, target).features != view_of(one, target).features).any()


def test_many_rows_are_sampled_by_content():
    source = task(n=5_000)
    learned = learn_source(source, source.X, plan(max_source_rows=3_000))
    assert len(learned.linear.rows) == 3_000
    assert learned.rows.shape == (SAMPLE_ROWS, 5)
    assert len(learned.y) == SAMPLE_ROWS
    assert learned.n_rows == 5_000
    assert (learned.y == np.where(learned.rows[:, 0] > 0, "yes", "no")).all()
    again = learn_source(task(n=5_000, name="b"), source.X, plan(max_source_rows=3_000))
    assert (again.rows == learned.rows).all()


def test_sparse_rows_are_learned_from():
    source = task()
    dense = learn_source(source, source.X, plan())
    thin = learn_source(source, sparse.csr_array(source.X), plan())
    assert thin.linear.score == pytest.approx(dense.linear.score)
    assert sparse.issparse(thin.rows)


def test_unlabelled_rows_are_not_learned_from():
    source = Source("s", task().X, [None, None, *task().y[2:]])
    learned = learn_source(source, source.X[source.labelled], plan())
    assert learned.n_rows == 58
    assert learned.linear.labels.classes.tolist() == ["no", "yes"]


@pytest.mark.parametrize(
    ("y", "kind", "words"),
    [
        (["a"] * 60, "classification", "constant"),
        ([1.5] * 60, "regression", "constant"),
        ([*["a"], *[None] * 59], "classification", "fewer than two labelled rows"),
        (np.tile([0, 1], (60, 1)), "classification", "2-D labels"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(y, kind, words):
    source = Source("s", task().X, y, task=kind)
    with pytest.raises(InputError, match=words):
        learn_source(source, task().X[source.labelled], plan(task=kind))


def test_words_are_no_numbers():
    # A source of unclear task is read as the target's.
    source = Source("s", np.eye(4), [3, 1, 2, 7])
    assert source.task is None
    assert learn_source(source, source.X, plan(task="regression")).linear.labels.classes is None
    named = learn_source(source, source.X, plan(task="classification"))
    assert named.linear.labels.classes.tolist() == [1, 2, 3, 7]
    words = Source("s", np.eye(4), ["a", "b", "a", "b"], task="regression")
    with pytest.raises(InputError, match="not numbers"):
        learn_source(words, words.X, plan(task="regression"))


def test_labels_that_are_no_columns_are_refused_at_once():
    X = np.random.default_rng(0).normal(size=(300, 2))
    with pytest.raises(InputError, match="fewer than two rows a class"):
        random_view(X, np.arange(300), plan())
    with pytest.raises(InputError, match="constant"):
        random_view(X, np.column_stack([X[:, 0], np.ones(300)]), plan(task="regression"))


def test_rows_in_their_own_space():
    X = np.random.default_rng(0).normal(size=(30, 50))
    assert own_space(X) == pytest.approx(PrincipalSpace.of(X).map(X))
    assert own_space(np.ones((30, 5))).shape == (30, 0)
    assert own_space(np.empty((30, 0))).shape == (30, 0)
