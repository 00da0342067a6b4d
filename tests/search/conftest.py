import numpy as np
import pytest
from sklearn.datasets import make_classification


def assert_same_results(ours, theirs, tolerance=0.0):
    """Compare two `cv_results_` in everything but the times."""
    assert list(ours) == list(theirs)
    for key, expected in theirs.items():
        found = ours[key]
        if key == "params":
            assert [repr(params) for params in found] == [repr(params) for params in expected]
            continue
        assert found.dtype == expected.dtype, key
        assert type(found) is type(expected), key
        if isinstance(expected, np.ma.MaskedArray):
            np.testing.assert_array_equal(found.mask, expected.mask)
            assert [repr(v) for v in found] == [repr(v) for v in expected], key
        elif "time" not in key:
            np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=key)


@pytest.fixture(scope="session")
def same_results():
    return assert_same_results


@pytest.fixture(scope="session")
def small():
    X, y = make_classification(
        n_samples=90, n_features=6, n_informative=4, n_classes=3, random_state=0
    )
    return X, y
