import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.search import SharedSearchCV
from priorlift.search.plan import candidates_of, expand


def test_a_billion_candidates_are_refused_with_the_number(monkeypatch):
    monkeypatch.setattr("priorlift.search.plan.available_memory", lambda: 8 * 10**9)
    grid = {f"p{i}": list(range(1000)) for i in range(3)}
    with pytest.raises(InputError, match=r"1,000,000,000 candidates.*set n_iter"):
        expand(grid, None, None)
    with pytest.raises(InputError, match=r"10\^|000,000,000,000"):
        expand({f"p{i}": list(range(1000)) for i in range(9)}, None, None)
    drawn = expand(grid, 5, 0)
    assert len(drawn) == 5
    assert drawn == expand(grid, 5, 0)


PIPELINE = Pipeline([("scale", StandardScaler()), ("reduce", "passthrough"), ("head", Ridge())])


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("head__alfa", "head__alpha"),
        ("haed__alpha", "head__alpha"),
        ("sacle", "scale"),
        ("scale__with_means", "scale__with_mean"),
    ],
)
def test_unknown_names_get_the_closest(small, name, closest):
    with pytest.raises(UnknownNameError, match=f"unknown parameter {name!r}.*mean {closest!r}"):
        SharedSearchCV(PIPELINE, {name: [1]}).fit(*small)


def test_equal_steps_become_one_object():
    params = [
        {"scale": StandardScaler(), "head__alpha": 1.0},
        {"scale": StandardScaler(with_mean=True), "head__alpha": 2.0},
        {"scale": None, "reduce": MinMaxScaler()},
        {"head": RidgeClassifier(), "head__alpha": 3.0},
    ]
    one, two, three, four = candidates_of(PIPELINE, params)
    assert one.chain[0] is two.chain[0] is four.chain[0]
    assert [step.name for step in three.chain] == ["reduce"]
    assert (one.settings, four.settings) == ({"alpha": 1.0}, {"alpha": 3.0})
    assert one.head is two.head is not four.head


def test_what_cannot_be_taken_apart_says_why():
    class Mine(Pipeline):
        pass

    for estimator, params, why in (
        (Mine(PIPELINE.steps), {}, "Mine may fit its steps in another way"),
        (PIPELINE, {"memory": "x"}, "concerns the pipeline as a whole"),
        (PIPELINE, {"head": "passthrough"}, "passes everything through"),
        (Pipeline(PIPELINE.steps, verbose=True), {}, "reports its steps"),
    ):
        (candidate,) = candidates_of(estimator, [params])
        assert candidate.chain is None
        assert why in candidate.reason


def test_groups_of_work_are_told(small):
    grid = {"head": [GaussianNB()], "head__var_smoothing": [1e-9, 1e-2], "scale": [None]}
    search = SharedSearchCV(PIPELINE, grid, cv=3).fit(*small)
    (group,) = search.shared_work_.groups
    assert (group.steps, group.head, group.n_scores) == ("", "GaussianNB", 6)
    assert (group.solved_by, group.reason) == ("scikit-learn", "no family solves GaussianNB")
    assert "6 by scikit-learn" in str(search.shared_work_)


def test_a_step_without_a_needed_method_is_named(small):
    bad = Pipeline([("scale", GaussianNB()), ("head", Ridge())])
    with pytest.raises((TypeError, ValueError), match="implement fit and transform"):
        SharedSearchCV(bad, {"head__alpha": [1.0, 2.0]}, scoring="r2").fit(*small)
    assert np.isfinite(small[0]).all()
