"""Pipelines as graphs, and every defect of CodeFlare Pipelines that has a counterpart."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import ParameterGrid
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from priorlift.core.errors import InputError, UnknownNameError
from priorlift.search import Alternatives, Join, Option, SharedSearchCV

STEPS = [
    ("scale", [StandardScaler(), MinMaxScaler(), None]),
    ("features", [Join(("pca", [PCA(1), PCA(2)]), ("best", [SelectKBest(k=2), None])), None]),
    ("head", [Option(RidgeClassifier(), {"alpha": [0.1, 1.0]}), GaussianNB()]),
]


def test_every_combination_is_there_once():
    graph = Alternatives(STEPS)
    assert len(graph) == 3 * (2 * 2 + 1) * (2 + 1)
    candidates = list(ParameterGrid(graph.param_grid))
    assert len({repr(sorted(c.items(), key=lambda kv: kv[0])) for c in candidates}) == len(graph)
    joined = [c for c in candidates if isinstance(c["features"], FeatureUnion)]
    assert {c["features__best"] for c in joined if isinstance(c["features__best"], str)} == {"drop"}


def test_the_chosen_pipeline_is_a_plain_one(small):
    search = SharedSearchCV.from_steps(STEPS, cv=3).fit(*small)
    assert type(search.best_estimator_) is Pipeline
    assert search.best_estimator_.predict(small[0]).shape == (90,)
    assert len(search.cv_results_["params"]) == 45
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_branches_are_joined_by_the_cross_product(small):
    steps = [
        ("both", Join(("a", [PCA(1), PCA(2)]), ("b", [PCA(3), PCA(4)]))),
        ("head", GaussianNB()),
    ]
    search = SharedSearchCV.from_steps(steps, cv=3).fit(*small)
    widths = [
        search.estimator.set_params(**params)[:-1].fit_transform(small[0]).shape[1]
        for params in search.cv_results_["params"]
    ]
    assert sorted(widths) == [4, 5, 5, 6]


def test_two_steps_of_one_name_are_refused():
    with pytest.raises(InputError, match="two steps have the name 'a'"):
        Alternatives([("a", PCA()), ("a", GaussianNB())])
    with pytest.raises(InputError, match="has no options"):
        Alternatives([("a", []), ("b", GaussianNB())])


# --- what goes wrong in CodeFlare Pipelines ------------------------------------------------------


def test_a_classifier_in_the_middle_can_be_scored_and_predict(small):
    from sklearn.ensemble import StackingClassifier

    middle = StackingClassifier([("nb", GaussianNB())], final_estimator=LogisticRegression(), cv=3)
    steps = [
        ("votes", Join(("nb", middle), ("raw", "passthrough"))),
        ("head", LogisticRegression()),
    ]
    search = SharedSearchCV.from_steps(steps, cv=3).fit(*small)
    assert search.score(*small) > 0.3
    assert search.predict(small[0]).shape == (90,)


def test_a_pipeline_of_one_step_is_searched_kept_and_restored(small, tmp_path):
    import priorlift

    search = SharedSearchCV.from_steps([("head", [GaussianNB(), RidgeClassifier()])], cv=3)
    search.fit(*small)
    assert len(search.best_estimator_.steps) == 1
    priorlift.save(search.best_estimator_, tmp_path / "model")
    restored = priorlift.load(tmp_path / "model")
    np.testing.assert_array_equal(restored.predict(small[0]), search.predict(small[0]))


class Fails(BaseEstimator):
    def fit(self, X, y):
        raise ValueError("bad candidate")


def test_one_bad_candidate_of_three_keeps_the_other_two(small):
    steps = [("scale", StandardScaler()), ("head", [GaussianNB(), Fails(), RidgeClassifier()])]
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 9"):
        search = SharedSearchCV.from_steps(steps, cv=3, scoring="accuracy").fit(*small)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True, False]


def test_transforming_does_not_fit_again(small):
    X, y = small
    steps = [("scale", [StandardScaler()]), ("reduce", PCA(2))]
    search = SharedSearchCV.from_steps(steps, cv=3, scoring=lambda e, X, y=None: 0.0).fit(X, y)
    shifted = search.transform(X + 5.0)
    assert abs(shifted.mean()) > 0.1
    np.testing.assert_allclose(search.transform(X[:1] + 5.0), shifted[:1])


def test_the_k_best_can_be_taken_from_the_table(small):
    results = SharedSearchCV.from_steps(STEPS, cv=3).fit(*small).cv_results_
    best = np.argsort(results["rank_test_score"], kind="stable")[:3]
    scores = results["mean_test_score"][best]
    assert (scores[:-1] >= scores[1:]).all()


# --- the same from TOML --------------------------------------------------------------------------

TOML = """
[search]
cv = 3
scoring = "accuracy"

[[steps]]
name = "scale"
any = [{ use = "StandardScaler" }, { use = "MinMaxScaler" }, { use = "none" }]

[[steps]]
name = "features"
any = [
    { all = [
        { name = "pca", any = [{ use = "PCA", with = { n_components = 1 } },
                               { use = "PCA", with = { n_components = 2 } }] },
        { name = "best", any = [{ use = "SelectKBest", with = { k = 2, score_func = "f_classif" } },
                                { use = "none" }] },
    ] },
    { use = "none" },
]

[[steps]]
name = "head"
any = [{ use = "RidgeClassifier", grid = { alpha = [0.1, 1.0] } }, { use = "GaussianNB" }]
"""


def test_toml_says_the_same(tmp_path):
    path = tmp_path / "search.toml"
    path.write_text(TOML)
    search = SharedSearchCV.from_toml(path, n_jobs=1)
    graph = Alternatives(STEPS)
    assert repr(search.param_grid) == repr(graph.param_grid)
    assert repr(search.estimator) == repr(graph.pipeline)
    assert (search.cv, search.scoring, search.n_jobs) == (3, "accuracy", 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("MinMaxScaler", "MinMaxScalar"), "unknown estimator 'MinMaxScalar'.*'MinMaxScaler'"),
        (("MinMaxScaler", "os.system"), "unknown estimator 'os.system'"),
        (("alpha =", "alfa ="), "unknown parameter of RidgeClassifier 'alfa'.*'alpha'"),
        (("n_components = 1", "n_component = 1"), "PCA: .*n_component"),
        (('name = "scale"', 'nmae = "scale"'), "'nmae'.*did you mean 'name'"),
        (("cv = 3", "cvs = 3"), "'cvs'.*did you mean 'cv'"),
        (("[search]", "[search"), "cannot be read as TOML"),
    ],
)
def test_bad_toml_is_explained(tmp_path, change, message):
    path = tmp_path / "search.toml"
    path.write_text(TOML.replace(*change, 1))
    with pytest.raises(InputError, match=message):
        SharedSearchCV.from_toml(path)


def test_a_missing_file_is_explained(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        SharedSearchCV.from_toml(tmp_path / "none.toml")
    assert issubclass(UnknownNameError, InputError)
