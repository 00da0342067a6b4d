"""Heads: taken from an encoder unchanged, and refused where layers do not fit."""

import numpy as np
import pytest

from priorlift.core.errors import InputError
from priorlift.encoders import HiddenLayerEncoder
from priorlift.ranking.attribution import HiddenHead, LinearHead
from priorlift.ranking.attribution.heads import contrast


@pytest.mark.parametrize("n_classes", [2, 3])
def test_head_of_an_encoder_predicts_what_the_encoder_predicts(n_classes):
    draws = np.random.default_rng(0)
    X = draws.normal(size=(90, 5))
    y = np.digitize(X[:, 0], [0.0, 0.7][: n_classes - 1])
    encoder = HiddenLayerEncoder(hidden_layer_sizes=(6, 4), random_state=0).fit(X, y)
    outputs = HiddenHead.of(encoder).outputs(X)
    codes = (outputs[:, 0] > 0).astype(int) if n_classes == 2 else outputs.argmax(axis=1)
    np.testing.assert_array_equal(encoder.classes_[codes], encoder.predict_source(X))


def test_what_is_no_head_is_refused():
    encoder = HiddenLayerEncoder(hidden_layer_sizes=(3,), random_state=0)
    with pytest.raises(InputError, match="no head"):
        HiddenHead.of(encoder.random(4))
    with pytest.raises(InputError, match="hidden layer"):
        HiddenHead((np.ones((3, 1)),), (np.zeros(1),))
    with pytest.raises(InputError, match="does not fit"):
        HiddenHead((np.ones((3, 2)), np.ones((3, 1))), (np.zeros(2), np.zeros(1)))
    with pytest.raises(InputError, match="NaN"):
        LinearHead(np.full((3, 1), np.nan), np.zeros(1))


def test_the_margin_of_two_classes_is_that_of_the_second():
    np.testing.assert_array_equal(contrast(np.array([[5.0, 1.0], [0.0, 1.0]])), [[-1, 1], [-1, 1]])
    np.testing.assert_array_equal(contrast(np.array([[5.0], [-1.0]])), [[1.0], [1.0]])
