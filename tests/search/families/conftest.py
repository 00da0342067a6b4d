"""The twin of every family: one plain fit a setting."""

import numpy as np
import pytest
from sklearn.base import clone


def assert_as_plain(family, estimator, settings, block, atol=1e-9):
    """Compare all that a family answers with one fit a setting; return how many were answered."""
    assert family.declines(estimator, settings, block) is None
    seen = 0
    for found in family.answers(estimator, settings, block):
        assert found.first == seen
        sides = [(found.test, block.X_test)]
        assert (found.train is not None) == block.want_train
        if block.want_train:
            sides.append((found.train, block.X_train))
        for predictions, X in sides:
            for i in range(predictions.n_settings):
                fitted = clone(estimator).set_params(**settings[seen + i])
                fitted.fit(block.X_train, block.y_train, **block.fit_params)
                _same(predictions, i, fitted, X, atol)
        seen += found.test.n_settings
    return seen


def _same(predictions, i, fitted, X, atol):
    plain = fitted.predict(X)
    mine = predictions.predict(i)
    if predictions.classes is None:
        assert mine.shape == plain.shape
        np.testing.assert_allclose(mine, plain, rtol=atol, atol=atol)
        return
    np.testing.assert_array_equal(mine, plain)
    if predictions.values is None:
        np.testing.assert_array_equal(predictions.classes, fitted.classes_)
    for name, method in {"decision": "decision_function", "proba": "predict_proba"}.items():
        values = getattr(predictions, name)
        assert (values is not None) == hasattr(fitted, method)
        if values is not None:
            np.testing.assert_allclose(values[i], getattr(fitted, method)(X), rtol=atol, atol=atol)


@pytest.fixture(scope="session")
def as_plain():
    return assert_as_plain
