import inspect
import re
from pathlib import Path

import pytest
from sklearn.base import _fit_context
from sklearn.metrics import check_scoring, get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.model_selection._validation import _fit_and_score, _score
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

import priorlift.search
from priorlift.search import SharedSearchCV, scikit_learn


def test_private_parts_are_what_we_think_they_are():
    assert set(inspect.signature(_fit_and_score).parameters) >= {
        *("estimator", "X", "y", "scorer", "train", "test", "verbose", "parameters"),
        *("fit_params", "score_params", "return_train_score", "return_times"),
        *("split_progress", "candidate_progress", "error_score"),
    }
    assert list(inspect.signature(_score).parameters)[:6] == [
        *("estimator", "X_test", "y_test", "scorer", "score_params", "error_score")
    ]
    assert list(inspect.signature(_fit_context).parameters) == ["prefer_skip_nested_validation"]
    for name in (
        "_get_scorers",
        "_get_routed_params_for_fit",
        "_check_refit_for_multimetric",
        "_select_best_index",
    ):
        assert callable(getattr(GridSearchCV, name)), name


def test_scorers_are_told_apart():
    tree = DecisionTreeClassifier()
    assert scikit_learn.is_scorer(get_scorer("roc_auc"))
    assert scikit_learn.is_own_score(check_scoring(tree))
    assert not scikit_learn.is_scorer(len)
    several = GridSearchCV(tree, {}, scoring=["accuracy", "f1"], refit="f1")._get_scorers()[0]
    assert list(scikit_learn.named_scorers(several)) == ["accuracy", "f1"]
    assert scikit_learn.named_scorers(get_scorer("f1")) is None


def test_no_other_file_imports_private_parts():
    folder = Path(priorlift.search.__file__).parent
    private = re.compile(r"from sklearn[\w.]*\._|from sklearn[\w.]* import .*\b_[a-z]")
    guilty = [
        path.name
        for path in folder.rglob("*.py")
        if path.name != "scikit_learn.py" and private.search(path.read_text(encoding="utf-8"))
    ]
    assert guilty == []


def instances():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge, RidgeClassifier
    from sklearn.pipeline import make_pipeline

    for model, grid in (
        (Ridge(), {"alpha": [0.1, 1.0]}),
        (make_pipeline(PCA(), RidgeClassifier()), {"ridgeclassifier__alpha": [0.1, 1.0]}),
    ):
        yield SharedSearchCV(model, grid, cv=2, error_score="raise")


# The same two that scikit-learn expects of its own GridSearchCV, for its reasons.
EXPECTED = {
    "check_supervised_y_2d": "DataConversionWarning not caught",
    "check_requires_y_none": "Doesn't fail gracefully",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("search", instances(), ids=lambda s: type(s.estimator).__name__)
def test_check_estimator(search):
    check_estimator(search, expected_failed_checks=EXPECTED)
