from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import KFold

from priorlift.search import SharedSearchCV
from priorlift.search.halving import shares


class Graded(ClassifierMixin, BaseEstimator):
    """Scores its grade, whatever the rows, and records how many it was fitted on."""

    seen: ClassVar[list] = []

    def __init__(self, grade=0.0):
        self.grade = grade

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        Graded.seen.append((self.grade, X[:, 0].tolist()))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y):
        return self.grade


X, y = np.arange(720.0).reshape(-1, 1), np.arange(720) % 2
GRADES = [0.1, 0.9, 0.3, 0.9, 0.5, 0.6, 0.7, 0.8, 0.2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(Graded, "seen", [])


def search(kind, **options):
    options = {"cv": KFold(4), "refit": False, "random_state": 0, **options}
    return SharedSearchCV(Graded(), {"grade": GRADES}, prune=kind, **options).fit(X, y)


def test_rows_grow_and_are_contained_in_the_next(small):
    found = search("rows")
    results = found.cv_results_
    assert results["n_training_rows"].tolist() == [60, 540, 60, 180, 60, 60, 60, 180, 60]
    assert results["last_round"].tolist() == [0, 2, 0, 1, 0, 0, 0, 1, 0]
    of_best = [set(rows) for grade, rows in Graded.seen if grade == 0.9]
    fold = [rows for rows in of_best if rows <= of_best[-1]]
    assert sorted({len(rows) for rows in fold}) == [60, 180, 540]
    ordered = sorted(fold, key=len)
    assert all(one <= two for one, two in pairwise(ordered))
    assert len(Graded.seen) == 4 * (9 + 3 + 1)
    assert found.shared_work_.scores == 52


def test_folds_that_were_not_given_are_nan():
    results = search("folds").cv_results_
    assert results["n_folds"].tolist() == [1, 4, 1, 4, 1, 1, 1, 4, 1]
    skipped = np.isnan(results["split1_test_score"])
    assert skipped.tolist() == [True, False, True, False, True, True, True, False, True]
    np.testing.assert_allclose(results["mean_test_score"], GRADES)
    np.testing.assert_allclose(results["std_test_score"], 0.0, atol=1e-15)
    # Nobody is fitted again on a fold that has been scored.
    assert len(Graded.seen) == 9 * 1 + 3 * 3


@pytest.mark.parametrize("kind", ["rows", "folds"])
def test_the_best_went_all_the_way_and_ties_go_to_the_first(kind):
    found = search(kind)
    assert found.best_index_ == 1
    ranks = found.cv_results_["rank_test_score"]
    last = found.cv_results_["last_round"]
    assert ranks.min() == 1
    # Nobody who stopped earlier ranks before one who went on.
    order = np.argsort(ranks, kind="stable")
    assert (np.diff(last[order]) <= 0).all()


def test_the_same_seed_gives_the_same_search():
    one, two = search("rows").cv_results_, search("rows").cv_results_
    np.testing.assert_array_equal(one["last_round"], two["last_round"])


def test_pruning_goes_on_from_a_journal(tmp_path):
    first = search("rows", run_dir=tmp_path, resume=False)
    n_fits = len(Graded.seen)
    again = search("rows", run_dir=tmp_path)
    assert len(Graded.seen) == n_fits
    np.testing.assert_array_equal(
        first.cv_results_["rank_test_score"], again.cv_results_["rank_test_score"]
    )


def test_shares_end_with_everything():
    for n, smallest, factor in ((1, 0.01, 3), (100, 0.5, 2), (1000, 0.01, 4), (2, 1.0, 3)):
        found = shares(n, smallest, factor)
        assert found[-1] == 1.0
        assert found[0] >= smallest * (1 - 1e-9)
        assert len(found) <= 1 + np.log(n) / np.log(factor) + 1e-9
