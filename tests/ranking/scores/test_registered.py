"""The registry gives scores by name, and each hands the right parts of a view to its function."""

from types import SimpleNamespace

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.core.registry import ScoreLike, get, names
from priorlift.ranking import scores
from priorlift.ranking.statistics import TaskStatistics


@pytest.mark.parametrize("name", names("scores"))
def test_scores_are_found_by_name(name):
    found = get("scores", name)
    assert isinstance(found, ScoreLike)
    assert found.name == name


class View(SimpleNamespace):
    """A stand-in for a `SourceView`: what is asked for beyond its attributes raises."""

    @property
    def source_classes(self):
        if self.source_kind == "regression":
            raise InputError("the source is a regression")
        return np.unique(self.source_y)

    @property
    def source_proba(self):
        self.source_classes  # noqa: B018
        return self.proba

    @property
    def source_labels(self):
        return self.source_classes[self.source_proba.argmax(axis=1)]


def view(task="classification", source_kind="classification"):
    generator = np.random.default_rng(0)
    rows, source_rows = generator.normal(size=(40, 3)), generator.normal(size=(50, 3)) + 0.2
    features = np.tanh(rows @ generator.normal(size=(3, 4)))
    proba = generator.dirichlet(np.ones(3), 40)
    y, source_y = rows[:, 0], source_rows[:, 1]
    if task == "classification":
        y = (y > 0).astype(int)
    if source_kind == "classification":
        source_y = np.digitize(source_y, [-0.5, 0.5])
    return View(
        task=task,
        source_kind=source_kind,
        y=y,
        rows=rows,
        features=features,
        proba=proba,
        source_rows=source_rows,
        source_y=source_y,
        statistics=TaskStatistics.of(features, y, task),
    )


def task2vec_of_both(v):
    embeddings = scores.task2vec(v.source_rows, v.source_y), scores.task2vec(v.rows, v.y)
    return scores.task2vec_similarity(*embeddings)


EXPECTED = {
    "nce": lambda v: scores.adjusted_nce(v.proba.argmax(axis=1), v.y),
    "leep": lambda v: scores.normalized_leep(v.proba, v.y),
    "n_leep": lambda v: scores.n_leep(v.features, v.y),
    "parc": lambda v: scores.parc(v.features, v.y),
    "label_cka": lambda v: scores.label_cka(v.features, v.y, task=v.task, unbiased=True),
    "knn": lambda v: scores.knn(v.features, v.y, task=v.task, balanced=v.task == "classification"),
    "neg_proxy_a_distance": lambda v: scores.neg_proxy_a_distance(v.source_rows, v.rows),
    "neg_mmd": lambda v: scores.neg_mmd(v.source_rows, v.rows),
    "neg_ot_distance": lambda v: scores.neg_ot_distance(v.source_rows, v.source_y, v.rows, v.y),
    "task2vec": task2vec_of_both,
}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_view_is_taken_apart_as_the_function_wants_it(name, task):
    if name == "neg_ot_distance":
        pytest.importorskip("ot")
    found = get("scores", name)
    if task not in found.tasks:
        assert name not in ("label_cka", "knn", "neg_mmd", "neg_proxy_a_distance")
        return
    seen = view(task)
    assert found(seen) == pytest.approx(EXPECTED[name](seen), abs=1e-9)


@pytest.mark.parametrize("name", ["nce", "leep", "neg_ot_distance", "task2vec"])
def test_a_regression_source_has_no_classes_to_compare(name):
    with pytest.raises(InputError, match="is a regression"):
        get("scores", name)(view(source_kind="regression"))
