"""How families are asked, with one that is slow and right: it fits every setting."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from priorlift.search import SharedSearchCV, heads
from priorlift.search.answers import Answers, Predictions

PIPELINE = Pipeline([("scale", StandardScaler()), ("head", LogisticRegression())])
GRID = {
    "scale": [StandardScaler(), MinMaxScaler()],
    "head__C": [0.01, 0.1, 1.0],
    "head__fit_intercept": [True, False],
}


class Slow:
    """Solves the C of logistic regression, and breaks where a test tells it to."""

    name = "slow"
    estimators = (LogisticRegression,)
    axis = frozenset({"C"})

    def __init__(self, how="right"):
        self.how = how
        self.asked = []

    def declines(self, estimator, settings, block):
        self.asked.append([setting["C"] for setting in settings])
        return "it will not" if self.how == "declines" else None

    def answers(self, estimator, settings, block):
        for first in range(0, len(settings), 2):
            if self.how == "raises" and first:
                raise RuntimeError("lost the thread")
            if self.how == "stops" and first:
                return
            models = [
                clone(estimator)
                .set_params(**s)
                .fit(block.X_train, block.y_train, **block.fit_params)
                for s in settings[first : first + 2]
            ]
            train = said(models, block.X_train) if block.want_train else None
            yield Answers(first, said(models, block.X_test), train)


def said(models, X):
    classes = models[0].classes_
    return Predictions(
        classes,
        labels=np.array([np.searchsorted(classes, model.predict(X)) for model in models]),
        decision=np.array([model.decision_function(X) for model in models]),
        proba=np.array([model.predict_proba(X) for model in models]),
    )


@pytest.fixture
def family(monkeypatch):
    def make(how="right"):
        found = Slow(how)

        def families_for(kind):
            return (found,) if kind in found.estimators else ()

        for module in ("heads", "fold", "units"):
            if hasattr(__import__(f"priorlift.search.{module}", fromlist="x"), "families_for"):
                monkeypatch.setattr(f"priorlift.search.{module}.families_for", families_for)
        heads.axis_of.cache_clear()
        return found

    yield make
    monkeypatch.undo()
    heads.axis_of.cache_clear()


@pytest.mark.parametrize(
    ("scoring", "train", "n_classes"),
    [
        (None, True, 3),
        ("f1_macro", False, 2),
        ("roc_auc", True, 2),
        ("roc_auc_ovr", False, 3),
        (["accuracy", "neg_brier_score", "neg_log_loss"], True, 3),
    ],
)
def test_answers_score_as_fitted_models_do(small, same_results, family, scoring, train, n_classes):
    X, y = small[0], small[1] % n_classes
    family()
    refit = "accuracy" if isinstance(scoring, list) else True
    options = {"scoring": scoring, "return_train_score": train, "cv": 3, "refit": refit}
    ours = SharedSearchCV(PIPELINE, GRID, **options).fit(X, y)
    theirs = GridSearchCV(PIPELINE, GRID, **options).fit(X, y)
    same_results(ours.cv_results_, theirs.cv_results_, 1e-12)
    assert {group.solved_by for group in ours.shared_work_.groups} == {"slow"}
    assert ours.shared_work_.head_fits == 0


def test_settings_off_the_axis_make_groups_of_their_own(small, family):
    asked = family().asked
    grid = [GRID, {"scale": [StandardScaler()], "head__fit_intercept": [False]}]
    SharedSearchCV(PIPELINE, grid, cv=2, refit=False).fit(*small)
    # The second grid's candidate has the estimator's own C and joins the run of its group.
    three, four = [0.01, 0.1, 1.0], [0.01, 0.1, 1.0, 1.0]
    assert asked == [three, four] * 2 + [three, three] * 2


def test_weights_reach_families_and_scorers(small, same_results, family):
    X, y = small
    family()
    weight = np.where(y == 0, 9.0, 1.0)
    grid = {"C": [0.01, 1.0]}
    searches = [
        kind(LogisticRegression(), grid, cv=3, scoring="accuracy").fit(X, y, sample_weight=weight)
        for kind in (SharedSearchCV, GridSearchCV)
    ]
    same_results(searches[0].cv_results_, searches[1].cv_results_, 1e-12)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("declines", "slow: it will not"),
        ("raises", "slow raised RuntimeError: lost the thread"),
        ("stops", "slow withdrew"),
    ],
)
def test_where_a_family_does_not_answer_plain_fits_run(small, same_results, family, how, reason):
    family(how)
    ours = SharedSearchCV(PIPELINE, GRID, cv=3).fit(*small)
    same_results(ours.cv_results_, GridSearchCV(PIPELINE, GRID, cv=3).fit(*small).cv_results_)
    assert {(g.solved_by, g.reason) for g in ours.shared_work_.groups} == {("plain fit", reason)}


def test_scorers_that_look_at_the_model_get_one(small, family):
    family()
    seen = []

    def score(estimator, X, y):
        seen.append(estimator[-1].coef_.shape)
        return 1.0

    search = SharedSearchCV(PIPELINE, GRID, cv=2, scoring=score).fit(*small)
    assert len(seen) == 24
    (reason,) = {group.reason for group in search.shared_work_.groups}
    assert "a function that may look" in reason
    made = SharedSearchCV(
        PIPELINE, GRID, cv=2, scoring=make_scorer(lambda y, p: float((y == p).mean()))
    ).fit(*small)
    assert {group.solved_by for group in made.shared_work_.groups} == {"slow"}


def test_missing_methods_fail_as_in_scikit_learn(small):
    for kind in (SharedSearchCV, GridSearchCV):
        with pytest.raises(AttributeError, match="predict_proba"):
            kind(Ridge(), {"alpha": [1.0, 2.0]}, scoring="neg_log_loss", error_score="raise").fit(
                *small
            )
