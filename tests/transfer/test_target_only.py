import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from priorlift.pool import Source, SourcePool
from priorlift.testing.problems import make_problem
from priorlift.transfer import TargetOnlyClassifier, TargetOnlyRegressor


def test_sources_are_not_looked_at_whatever_they_are():
    p = make_problem("classification")
    unusable = SourcePool([Source("other columns", np.ones((9, 2)), np.arange(9) % 2)])
    alone = TargetOnlyClassifier(random_state=0).fit(p.X, p.y)
    model = TargetOnlyClassifier(random_state=0).fit(p.X, p.y, sources=unusable)
    assert model.sources_ == {}
    np.testing.assert_array_equal(model.predict_proba(p.X_new), alone.predict_proba(p.X_new))


def test_the_candidate_of_least_validated_loss_is_chosen():
    p = make_problem("regression")
    candidates = {"tree": DecisionTreeRegressor(max_depth=1), "ridge": Ridge()}
    model = TargetOnlyRegressor(candidates, random_state=0).fit(p.X, p.y)
    assert model.chosen_ == "ridge"
    assert model.losses_["ridge"] < model.losses_["tree"]
    assert isinstance(model.model_, Ridge)


def test_a_step_function_goes_to_the_tree():
    draws = np.random.default_rng(0)
    X = draws.uniform(-1, 1, size=(80, 2))
    y = (np.abs(X[:, 0]) > 0.5).astype(int)
    tree = DecisionTreeClassifier(min_samples_leaf=3)
    model = TargetOnlyClassifier({"linear": LogisticRegression(), "tree": tree}, random_state=0)
    assert model.fit(X, y).chosen_ == "tree"


def test_without_a_split_the_first_candidate_is_fitted():
    candidates = {"first": Ridge(5.0), "second": Ridge(1.0)}
    model = TargetOnlyRegressor(candidates).fit([[0.0], [1.0]], [0.0, 1.0], groups=["a", "a"])
    assert (model.chosen_, model.losses_) == ("first", {})


def test_one_candidate_is_not_validated():
    p = make_problem("classification")
    model = TargetOnlyClassifier({"only": LogisticRegression()}).fit(p.X, p.y)
    assert (model.chosen_, model.losses_) == ("only", {})


def test_losses_of_one_kind_are_compared():
    p = make_problem("classification")
    guess = DummyClassifier(strategy="uniform", random_state=0)
    candidates = {"guess": guess, "svm": LinearSVC()}
    model = TargetOnlyClassifier(candidates, random_state=0).fit(p.X, p.y)
    assert model.chosen_ == "svm"
    assert all(0 <= loss <= 1 for loss in model.losses_.values())
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize(("given", "chosen"), [(False, "neighbour"), (True, "linear")])
def test_groups_reach_inner_validation(given, chosen):
    # Copies within a group let the nearest neighbour look perfect, unless they stay together.
    draws = np.random.default_rng(0)
    X = np.repeat(draws.normal(size=(20, 3)), 6, axis=0) + 1e-6 * draws.normal(size=(120, 3))
    y = np.repeat(draws.permutation(np.arange(20) % 2), 6)
    groups = np.repeat(np.arange(20), 6) if given else None
    candidates = {"linear": LogisticRegression(C=0.01), "neighbour": KNeighborsClassifier(1)}
    model = TargetOnlyClassifier(candidates, random_state=0).fit(X, y, groups=groups)
    assert model.chosen_ == chosen


def test_weights_count_in_the_choice():
    X = np.array([[0.0], [1.0], [2.0], [3.0]] * 6)
    y = np.where(X[:, 0] == 3.0, 9.0, X[:, 0])
    candidates = {"line": Ridge(1e-6), "tree": DecisionTreeRegressor()}
    plain = TargetOnlyRegressor(candidates, random_state=0).fit(X, y)
    assert plain.chosen_ == "tree"
    weight = np.where(X[:, 0] == 3.0, 0.0, 1.0)
    assert TargetOnlyRegressor(candidates, random_state=0).fit(X, y, sample_weight=weight).losses_[
        "line"
    ] == pytest.approx(0.0, abs=1e-6)
