import pytest
from sklearn import config_context
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift import fit_params
from priorlift.core.errors import InputError
from priorlift.testing.problems import make_problem
from priorlift.transfer import PooledClassifier

P = make_problem("classification")
BARE = PooledClassifier()
PIPELINE = make_pipeline(StandardScaler(), BARE)
NESTED = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), BARE))
PATHS = [
    (BARE, ""),
    (PIPELINE, "pooledclassifier__"),
    (NESTED, "pipeline__pooledclassifier__"),
    (GridSearchCV(BARE, {}), ""),
    (GridSearchCV(PIPELINE, {}), "pooledclassifier__"),
    (make_pipeline(StandardScaler(), GridSearchCV(BARE, {})), "gridsearchcv__"),
]


@pytest.mark.parametrize(("model", "path"), PATHS)
def test_without_routing_the_steps_on_the_way_are_named(model, path):
    found = fit_params(model, sources=P.pool, groups=P.groups)
    assert found.keys() == {f"{path}sources", f"{path}groups"}
    assert found[f"{path}sources"] is P.pool
    model.fit(P.X, P.y, **fit_params(model, sources=P.pool))


@pytest.mark.parametrize(("model", "path"), PATHS)
def test_with_routing_names_are_plain(model, path):
    with config_context(enable_metadata_routing=True):
        assert fit_params(model, sources=P.pool, groups=P.groups).keys() == {"sources", "groups"}
        model.fit(P.X, P.y, **fit_params(model, sources=P.pool))


def test_what_is_not_given_is_left_out():
    assert fit_params(BARE) == {}
    assert fit_params(BARE, groups=P.groups).keys() == {"groups"}


@pytest.mark.parametrize("routing", [False, True])
def test_cross_validation_scores_are_those_with_sources(routing):
    with config_context(enable_metadata_routing=routing):
        for model in (BARE, PIPELINE):
            given = fit_params(model, sources=P.pool)
            found = cross_val_score(model, P.X, P.y, cv=3, params=given, scoring="neg_log_loss")
            alone = cross_val_score(model, P.X, P.y, cv=3, scoring="neg_log_loss")
            assert (found != alone).any()


@pytest.mark.parametrize(
    "model",
    [StackingClassifier([("a", BARE)]), LogisticRegression(), make_pipeline(StandardScaler())],
)
def test_what_cannot_work_is_refused(model):
    with pytest.raises(InputError, match="no transfer estimator can be reached"):
        fit_params(model, sources=P.pool)
