"""TF-IDF and SVD are scikit-learn's; texts and counts, few texts and unknown terms."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from priorlift.core.errors import InputError, InputTypeError
from priorlift.encoders import TfidfSvdEncoder
from priorlift.testing import EncoderConformance

TEXTS = [
    "water in the streets",
    "the streets are under water again",
    "the earth shook",
    "it shook all night and again in the morning",
    "fire in the hills",
    "hills on fire",
    "help needed",
]
COUNTS = np.random.default_rng(0).poisson(0.6, size=(12, 9))


class TestTexts(EncoderConformance):
    def make_encoder(self):
        return TfidfSvdEncoder(4, random_state=0)

    def make_inputs(self):
        return list(TEXTS)

    def make_missing(self):
        return ["fire", None]


class TestCounts(EncoderConformance):
    def make_encoder(self):
        return TfidfSvdEncoder(4, random_state=0)

    def make_inputs(self):
        return sp.csr_matrix(COUNTS)

    def make_missing(self):
        return np.full((2, 9), np.nan)


def test_with_all_directions_similarities_are_those_of_tfidf():
    encoder = TfidfSvdEncoder(7, random_state=0).fit(TEXTS)
    features = encoder.transform(TEXTS)
    weights = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(TEXTS)
    np.testing.assert_allclose(features @ features.T, (weights @ weights.T).toarray(), atol=1e-5)


def test_what_cannot_be_filled_is_zero():
    encoder = TfidfSvdEncoder(30, random_state=0).fit(TEXTS)
    features = encoder.transform([*TEXTS, "nothing known"])
    assert features.shape == (8, 30)
    assert not features[:, 7:].any()
    assert not features[7].any()
    assert TfidfSvdEncoder(3).fit_transform(["alone here"]).shape == (1, 3)


def test_containers_of_texts_are_alike():
    encoder = TfidfSvdEncoder(3, random_state=0).fit(TEXTS)
    expected = encoder.transform(TEXTS)
    for X in (np.array(TEXTS), np.array(TEXTS, dtype=object), pd.DataFrame({"t": TEXTS})):
        np.testing.assert_array_equal(encoder.transform(X), expected)


def test_the_fingerprint_is_that_of_what_was_learned():
    def of(texts, **changed):
        return TfidfSvdEncoder(3, **{"random_state": 0, **changed}).fit(texts).fingerprint

    assert of(TEXTS) == of(np.array(TEXTS))
    assert len({of(TEXTS), of(TEXTS[:6]), of(TEXTS, sublinear_tf=False, min_df=1)}) == 3


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (["fire", None], InputError, "row 1: the text is missing"),
        (["fire", 3], InputTypeError, "row 1: expected a text, not int"),
        ("fire", InputTypeError, "one text was passed"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), InputTypeError, "2 columns"),
        (["!", "?"], InputError, "no term to count"),
        (-np.ones((2, 2)), InputError, "count is negative"),
        ([], InputError, "no rows"),
    ],
)
def test_what_it_refuses_to_learn_from(wrong, error, said):
    with pytest.raises(error, match=said):
        TfidfSvdEncoder(2).fit(wrong)


def test_texts_and_counts_are_not_mixed_up():
    with pytest.raises(InputError, match="fitted on texts"):
        TfidfSvdEncoder(2).fit(TEXTS).transform(COUNTS)
    with pytest.raises(NotFittedError):
        TfidfSvdEncoder(2).transform(TEXTS)
    with pytest.raises(InputError, match="n_components is 0"):
        TfidfSvdEncoder(0).fit(TEXTS)
