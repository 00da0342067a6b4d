import numpy as np
import pytest
from sklearn import config_context
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from priorlift.core.errors import InputError
from priorlift.ranking.weights import fit_weighted

X = np.array([[0.0], [1.0], [2.0]])
Y = np.array([0.0, 1.0, 5.0])
WEIGHT = np.array([1.0, 1.0, 0.0])


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "estimator", [LinearRegression(), make_pipeline(StandardScaler(), LinearRegression())]
)
def test_weights_arrive_bare_and_in_a_pipeline(estimator, routing):
    with config_context(enable_metadata_routing=routing):
        model = fit_weighted(estimator, X, Y, WEIGHT)
    np.testing.assert_allclose(model.predict([[2.0]]), [2.0])


def test_equal_weights_are_not_passed_on():
    model = fit_weighted(KNeighborsRegressor(1), X, Y, np.ones(3))
    assert model.predict([[2.1]]) == [5.0]


@pytest.mark.parametrize(
    "estimator", [KNeighborsRegressor(1), make_pipeline(StandardScaler(), KNeighborsRegressor(1))]
)
def test_weights_are_never_dropped(estimator):
    with pytest.raises(InputError, match="sample weights"):
        fit_weighted(estimator, X, Y, WEIGHT)
